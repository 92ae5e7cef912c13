"""Lets contestants take turns, one at a time, each in its own process.

So no library is affected by the threads, the allocator or the environment of another, and other load on the machine
affects all of them alike. A ratio compares times of the same round; the result is the median of the ratios.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

from . import workloads
from .contestants import OURS, REFERENCE, Contestant
from .workloads import Task, Workload

TOLERANCE = 1e-3  # of the first epoch's loss; a larger deviation means other arithmetic
_SETTLE = 0.05  # seconds between turns, because OpenMP threads spin for some milliseconds after their work

# Read by the libraries when they are imported.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip
_OTHER_VARIABLES = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "tensorflow"}


@dataclass(frozen=True)
class Job:
    """A measurement: training of a workload or, with ``rows``, predictions of this many rows."""

    workload: Workload
    rows: int | None = None
    seed: int = 0

    def __str__(self) -> str:
        if self.rows is None:
            return f"{self.workload.name}: {self.workload}"
        return f"predict {self.rows:,} row{'s' * (self.rows > 1)}, {self.workload.shape}"


@dataclass
class Result:
    """The result of one contestant in a job."""

    name: str
    seconds: list[float] = field(default_factory=list)  # of one epoch or one prediction, in each round
    ratios: list[float] = field(default_factory=list)  # the time divided by fastmlp's in the same round
    first_call: float | None = None  # seconds of the first turn, which compiles
    deviation: float | None = None  # the relative deviation of its loss from the reference
    note: str = ""  # why there is no result, or why it does not count
    counts: bool = True  # whether it may be the best peer

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def is_compared(self) -> bool:
        """Whether it did the same arithmetic; otherwise a ratio of times means nothing."""
        return self.counts or self.name.startswith(OURS)

    @property
    def ratio(self) -> float | None:
        """The time divided by fastmlp's: the median of the rounds."""
        return statistics.median(self.ratios) if self.ratios else None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Arena:
    """The processes of some contestants; each uses this many ``threads``, on as many CPUs.

    A contestant that is not installed, or does not answer within ``timeout`` seconds, is left out with a note.
    ``report`` receives lines about the progress.

    ``with Arena(list(CONTESTANTS.values()), threads=1) as arena: results = arena.run(Job(WORKLOADS["W4"]), rounds=7)``
    """

    def __init__(
        self,
        contestants: Sequence[Contestant],
        threads: int,
        *,
        timeout: float = 120.0,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.contestants = list(contestants)
        self.threads = threads
        self.timeout = timeout
        self.report = report
        self.import_seconds: dict[str, float] = {}
        self._processes: dict[str, Process] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="fastmlp-benchmark-")

    def __enter__(self) -> Arena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.end()
        self._folder.cleanup()

    def run(self, job: Job, rounds: int) -> list[Result]:
        """Measure a job; the results are in the order of the contestants."""
        task = self._task(job)
        reference = self._begin(REFERENCE, job, task)
        results = {c.name: self._first(c, job, task, reference) for c in self.contestants if _does(c, job)}
        ready = [c for c in self.contestants if c.name in results and results[c.name].first_call is not None]
        for number in range(rounds):
            first = number % max(1, len(ready))
            self._round(ready[first:] + ready[:first], results)
        return list(results.values())

    def reach(self, job: Job, accuracy: float, most_epochs: int) -> dict[str, dict[str, Any]]:
        """How long each contestant trains until it reaches the test accuracy; see `Worker.reach`."""
        task = self._task(job)
        answers = {}
        for contestant in self.contestants:
            answer = self._begin(contestant, job, task)
            if "note" not in answer:
                answer |= self._ask(contestant, "reach", task, accuracy, most_epochs)
            answers[contestant.name] = answer
        return answers

    def _task(self, job: Job) -> Task:
        folder = Path(self._folder.name)
        workloads.write(job.workload, job.seed, folder)
        return Task(job.workload, job.seed, self.threads, folder)

    def _first(self, contestant: Contestant, job: Job, task: Task, reference: dict[str, Any]) -> Result:
        answer = self._begin(contestant, job, task)
        result = Result(contestant.name, note=answer.get("note", ""), counts=contestant.is_like_for_like)
        if result.note:
            result.counts = False
        else:
            result.first_call = answer["first_call"]
            _compare_loss(result, answer["loss"], reference)
        return result

    def _begin(self, contestant: Contestant, job: Job, task: Task) -> dict[str, Any]:
        if not contestant.is_installed:
            return {"note": f"{contestant.library} is not installed"}
        self.report(f"{job}, {self.threads} thread{'s' * (self.threads > 1)}: {contestant.name}")
        if contestant.name not in self._processes:
            answer = self._start(contestant)
            if "note" in answer:
                return answer
        return self._ask(contestant, *(("train", task) if job.rows is None else ("predict", task, job.rows)))

    def _start(self, contestant: Contestant) -> dict[str, Any]:
        self._processes[contestant.name] = Process(contestant, self.threads)
        answer = self._ask(contestant, "load")
        if "note" in answer:
            self._end(contestant)
        else:
            self.import_seconds[contestant.name] = answer["import_seconds"]
        return answer

    def _round(self, contestants: Sequence[Contestant], results: dict[str, Result]) -> None:
        times = {}
        for contestant in contestants:
            result = results[contestant.name]
            answer = self._ask(contestant, "measure")
            if "note" in answer:
                result.note, result.counts = result.note or answer["note"], False
                continue
            times[contestant.name] = answer["seconds"]
            result.seconds.append(answer["seconds"])
            time.sleep(_SETTLE)
        for name, seconds in times.items():
            if OURS in times:
                results[name].ratios.append(seconds / times[OURS])

    def _ask(self, contestant: Contestant, command: str, *args: Any) -> dict[str, Any]:
        process = self._processes.get(contestant.name)
        if process is None:
            return {"note": "its process has ended"}
        answer = process.ask(command, args, self.timeout)
        if process.is_gone:
            self._end(contestant)
        return answer

    def _end(self, contestant: Contestant) -> None:
        process = self._processes.pop(contestant.name, None)
        if process is not None:
            process.end()


def _does(contestant: Contestant, job: Job) -> bool:
    return contestant.trains if job.rows is None else contestant.predicts


def _compare_loss(result: Result, loss: float, reference: dict[str, Any]) -> None:
    """Exclude contestants with other arithmetic, and all if there is no reference."""
    if "note" in reference:
        result.note, result.counts = f"its loss is not checked, the reference failed: {reference['note']}", False
        return
    right = reference["loss"]
    result.deviation = abs(loss / right - 1)
    if not result.deviation <= TOLERANCE:  # nor if it is NaN
        result.note, result.counts = f"its loss is {loss:.5g}, not {right:.5g}: not the same arithmetic", False


class Process:
    """A worker and the pipe to it."""

    def __init__(self, contestant: Contestant, threads: int) -> None:
        self._connection, other = Pipe()
        command = [sys.executable, "-m", "fastmlp._contest.worker", str(other.fileno())]
        self._process = subprocess.Popen(
            command,
            env=environment(threads),
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which ends its children
        )
        other.close()
        self.is_gone = False
        self._connection.send((contestant, cpus_for(threads)))

    def ask(self, command: str, args: tuple[Any, ...], timeout: float) -> dict[str, Any]:
        """The answer to a command, or a note."""
        try:
            self._connection.send((command, args))
            if self._connection.poll(timeout):
                answer: dict[str, Any] = self._connection.recv()
                return answer
        except (EOFError, OSError):
            self.is_gone = True
            return {"note": f"its process ended with code {self._exit_code()}"}
        self.is_gone = True
        return {"note": f"no answer within {timeout:g} s"}

    def _exit_code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=5)
        return None

    def end(self) -> None:
        """End the process at once."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


def cpus_for(threads: int) -> list[int]:
    """The CPUs for this many threads."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))[:threads]


def environment(threads: int) -> dict[str, str]:
    """The environment variables of a contestant's process."""
    counts = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    path = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
    return {**os.environ, **counts, **_OTHER_VARIABLES, "PYTHONPATH": path}
