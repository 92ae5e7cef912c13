"""Plants faults into copies of the package and runs tests there."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .fault import DoesNotApply, Fault

ROOT = Path(__file__).parents[2]
COPIED = ("fastmlp", "tests", "benchmarks", "docs", "pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
SECONDS = 300  # for the tests of one fault: what takes longer hangs
_OF_KERNELS = ("kernels/", "_compiling/", "_base/tables")  # files of which machine code is made
PASSED, FAILED, STOPPED, NOT_FOUND = 0, 1, 2, 4  # exit codes of pytest
_FIRST_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py\S*(?: [^-]\S*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What became of a fault: caught by a test (or hung, or crashed), survived, or never planted."""

    fault: Fault
    outcome: str
    test: str | None = None  # that caught it
    seconds: float = 0.0

    @property
    def is_caught(self) -> bool:
        return self.outcome == "caught"

    def __str__(self) -> str:
        by = f" by {self.test}" if self.test else ""
        return f"{self.fault}: {self.outcome}{by} ({self.seconds:.0f} s)"


class Bench:
    """A copy of the package and its tests, in which one fault after the other is planted.

    Parameters
    ----------
    folder : Path
        Where the copy is made.
    root : Path, optional
        What is copied. Default: this repository.
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        self.folder, self.kernels = folder / "copy", folder / "kernels"
        self.folder.mkdir(parents=True)
        for name in COPIED:
            source = (root or ROOT) / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.is_file():
                shutil.copy(source, self.folder / name)

    def judge(self, fault: Fault, all_tests: bool = False) -> Verdict:
        """Plant a fault, and see which of its tests fails; with ``all_tests``, in the end, of all tests."""
        started = time.monotonic()
        try:
            tests = fault.tests_in(self.folder / "tests")
            before = fault.plant(self.folder / "fastmlp")
        except DoesNotApply as error:
            return Verdict(fault, f"DOES NOT APPLY: {error}")
        try:
            outcome, test = self._first_failure(fault, tests)
            if outcome == "SURVIVED" and all_tests:
                outcome, test = self._first_failure(fault, ["tests"])
        finally:
            (self.folder / "fastmlp" / fault.file).write_text(before, encoding="utf-8")
        return Verdict(fault, outcome, test, time.monotonic() - started)

    def _first_failure(self, fault: Fault, tests: Sequence[str]) -> tuple[str, str | None]:
        code, output = self.run(tests, fault.compiled, own_kernels=fault.file.startswith(_OF_KERNELS))
        found = _FIRST_FAILED.search(output)
        if code == PASSED:
            return "SURVIVED", None
        if code in (FAILED, STOPPED) and found:
            return "caught", found[1]
        if code is None:
            return "caught", f"a time limit: the tests hung for over {SECONDS} s"
        if code < 0:
            return "caught", f"the end of the process: {signal.Signals(-code).name}"
        return f"TESTS DID NOT RUN (exit code {code}): {output.strip().splitlines()[-1:]}", None

    def run(
        self, tests: Sequence[str], compiled: bool, own_kernels: bool = False, options: Sequence[str] = ("-x",)
    ) -> tuple[int | None, str]:
        """Exit code of pytest in the copy, None where it hung, and what it printed."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("PYTEST_ADDOPTS", None)
        environment["NUMBA_DISABLE_JIT"] = "0" if compiled else "1"
        if own_kernels:  # of which nobody else will ever have use
            environment["FASTMLP_CACHE_DIR"] = str(self.kernels)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", *options, *tests]
        with subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                output, _ = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return None, ""
        return process.returncode, output


@contextmanager
def benches(count: int) -> Iterator[list[Bench]]:
    """So many copies, for as long as this context lasts."""
    with tempfile.TemporaryDirectory(prefix="fastmlp-faults-") as folder:
        yield [Bench(Path(folder) / str(number)) for number in range(count)]


def judged(faults: Iterable[Fault], copies: Sequence[Bench], all_tests: bool = False) -> Iterator[Verdict]:
    """What becomes of each fault, in their order; as many at a time as there are copies."""
    free: queue.Queue[Bench] = queue.Queue()
    for copy in copies:
        free.put(copy)

    def judge(fault: Fault) -> Verdict:
        bench = free.get()
        try:
            return bench.judge(fault, all_tests)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(judge, faults)


def false_alarms(verdicts: Sequence[Verdict], bench: Bench) -> list[str]:
    """Tests that caught a fault, but fail without it too: they show nothing."""
    found = []
    for compiled in (False, True):
        tests = {v.test for v in verdicts if v.is_caught and v.fault.compiled == compiled and v.test and "::" in v.test}
        if tests:
            code, output = bench.run(sorted(tests), compiled, options=())
            if code == NOT_FOUND:  # cases that only a fault adds: their functions must pass without it
                functions = {test: test.partition("[")[0] for test in tests}
                tests = {of if of.rpartition("/")[2] in output else test for test, of in functions.items()}
                code, output = bench.run(sorted(tests), compiled, options=())
            found += _FIRST_FAILED.findall(output)
            if code not in (PASSED, FAILED):
                found.append(f"pytest (exit code {code}) {output.strip().splitlines()[-1:]}")
    return found
