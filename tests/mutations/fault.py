"""What a fault is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class DoesNotApply(Exception):
    """The text that a fault replaces is not there once: the code has changed, and the fault must follow."""


@dataclass(frozen=True)
class Fault:
    """One replacement in one file of the package.

    Parameters
    ----------
    name : str
        What is wrong, in words.
    file : str
        Below ``fastmlp/``.
    old, new : str
        The text that is replaced, which is there exactly once, and what replaces it.
    tests : str
        What should see it, with spaces: files and folders below ``tests/``, or the names of test functions.
    compiled : bool, default False
        Whether these tests need numba's compiler. Kernels that change are then compiled anew, which takes a minute.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str
    compiled: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"

    def applied(self, text: str) -> str:
        """The text of the file with the fault.

        Raises
        ------
        DoesNotApply
            If the old text is not there exactly once, or the new text changes nothing.
        """
        found = text.count(self.old)
        if found != 1 or self.old == self.new:
            raise DoesNotApply(f"{self.file} has the old text {found} times, not once: {self.old!r}")
        return text.replace(self.old, self.new)

    def plant(self, package: Path) -> str:
        """Write the fault into a package; returns what the file held before."""
        path = package / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        path.write_text(self.applied(text), encoding="utf-8")
        return text

    def tests_in(self, folder: Path) -> list[str]:
        """What pytest is to run of a folder of tests, in its terms.

        Raises
        ------
        DoesNotApply
            If there is no such file, folder or function.
        """
        return [_place(name, folder) for name in self.tests.split()]


def _place(name: str, folder: Path) -> str:
    if (folder / name).exists():
        return str(folder / name)
    for path in sorted(folder.rglob("test_*.py")):
        if f"\ndef {name}(" in path.read_text(encoding="utf-8"):
            return f"{path}::{name}"
    raise DoesNotApply(f"{folder} has no file, folder or test {name}")
