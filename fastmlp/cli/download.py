"""``fastmlp download``."""

import argparse
import contextlib
import sys

from .. import datasets
from .._base.errors import DataFileError


def run(args: argparse.Namespace) -> int:
    """Download a data set, and print how to use it."""
    if args.to is None:
        with contextlib.suppress(DataFileError):
            datasets.load(args.name)
            print(f"{args.name} is here already; use it with: fastmlp train {args.name}")
            return 0
    progress = Progress()
    folder = datasets.download(args.name, args.to, progress=progress)
    print(f"{args.name} is in {folder}")
    print(f"use it with: fastmlp train {args.name if args.to is None else folder}")
    return 0


class Progress:
    """Shows a line for each file: redrawn during the download on a terminal, otherwise printed at its end."""

    def __init__(self) -> None:
        self._live = sys.stdout is not None and sys.stdout.isatty()
        self._percent = -1

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show the progress of a file."""
        percent = 100 * done // total
        finished = done >= total
        if percent == self._percent or not (self._live or finished):
            return
        self._percent = -1 if finished else percent
        line = f"{name}  {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        print(("\r" if self._live else "") + line, end="\n" if finished or not self._live else "", flush=True)
