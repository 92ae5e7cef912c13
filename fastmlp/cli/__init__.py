"""The command line: ``fastmlp``, or ``python -m fastmlp``.

There is one module for each command, imported when that command runs, so that ``fastmlp --help`` loads neither numba
nor the data sets. A command returns its exit code, and raises an error for the user to read.
"""

import contextlib
import errno
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from .._base.errors import FastMLPError
from .parser import build_parser
from .usage import UsageError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with the arguments after the program's name; default: those of the process.

    It returns the exit code: 0 for success, 1 for a run that failed, 2 for wrong usage. Errors are one line on stderr,
    without a traceback.

    >>> from fastmlp.cli import main
    >>> main(["train", "digits", "--epochs", "many"])
    2
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            code = _run(argv)
            if sys.stdout is not None:
                sys.stdout.flush()  # errors of the output show here, not at the end of the interpreter
            return code
        except BrokenPipeError:  # the reader, such as head, has closed the pipe
            _forget_stdout()
            return 1
        except KeyboardInterrupt:
            return _failed("interrupted")
        except MemoryError as error:
            return _failed(f"not enough memory{f' ({error})' if str(error) else ''}")
        except UnicodeEncodeError as error:
            return _failed(f"the output cannot show {error.object!r:.60}; set PYTHONIOENCODING=utf-8")
        except FastMLPError as error:
            return _failed(str(error))
        except OSError as error:
            return _failed(_described(error))


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = build_parser().parse_args(argv)
        try:
            code: int = importlib.import_module(f".{args.command}", __name__).run(args)
        except UsageError as error:
            args.parser.error(str(error))
    except SystemExit as leaving:  # argparse exits like this, with 0 after --help and 2 after a wrong option
        return leaving.code if isinstance(leaving.code, int) else 2
    return code


def _failed(what: str) -> int:
    print(f"fastmlp: error: {what}", file=sys.stderr)
    return 1


def _described(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        _forget_stdout()  # stdout may be on the full disk
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def _forget_stdout() -> None:
    """Discard the buffer of stdout; otherwise the interpreter reports an error at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    # Users of the command line need no source line with a warning.
    text = " ".join(str(message).split()).removeprefix("fastmlp: ")
    print(f"fastmlp: warning: {text}", file=file or sys.stderr)
