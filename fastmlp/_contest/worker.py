"""The process of one contestant: ``python -m fastmlp._contest.worker``, started by `contest`.

It takes commands from a pipe and answers each with a measurement. Between commands it waits in a read, which costs the
others nothing.
"""

import os
import sys
import time
import timeit
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .._base.types import Array
from .contestants import Contestant, NotApplicable
from .workloads import Task

_SHORTEST = 0.05  # seconds of a turn of predictions, with as many calls as fit


class Worker:
    """A contestant at work. Each method is a command."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant

    def load(self) -> dict[str, Any]:
        """Import the library."""
        start = time.perf_counter()
        self.network_class = self.contestant.load()
        return {"import_seconds": time.perf_counter() - start}

    def train(self, task: Task) -> dict[str, Any]:
        """Prepare for training; the answer is the first turn, including compilation."""
        epochs = task.workload.epochs
        self.turn: Callable[[], float] = lambda: self._timed_epochs(epochs)[0] / epochs
        return self._begin(task, lambda: self._timed_epochs(epochs)[1])

    def predict(self, task: Task, rows: int) -> dict[str, Any]:
        """Prepare for predictions of this many rows; the answer is the first one."""
        x, y = task.x[:rows], task.y[:rows]
        self._loops = 0
        self.turn = lambda: self._predictions(x)
        return self._begin(task, lambda: self._first_prediction(x, y))

    def _begin(self, task: Task, first: Callable[[], float]) -> dict[str, Any]:
        task.read()
        start = time.perf_counter()
        self.network = self.network_class(task)
        loss = first()
        return {"first_call": time.perf_counter() - start, "loss": loss}

    def measure(self) -> dict[str, Any]:
        """Take a turn."""
        return {"seconds": self.turn()}

    def _timed_epochs(self, epochs: int) -> tuple[float, float]:
        """The seconds of several epochs, and their mean loss."""
        seconds, loss = 0.0, 0.0
        for _ in range(epochs):
            start = time.perf_counter()
            loss += self.network.train_epoch()
            seconds += time.perf_counter() - start - getattr(self.network, "preparation", 0.0)
        return seconds, loss / epochs

    def _first_prediction(self, x: Array, y: Array) -> float:
        """The loss of predictions."""
        chosen = self.network.predict(x)[np.arange(len(y)), y].astype(np.float64)
        return float(-np.log(chosen).mean())

    def _predictions(self, x: Array) -> float:
        """The seconds of one prediction, from as many as fill a turn."""
        timer = timeit.Timer("predict(x)", globals={"predict": self.network.predict, "x": x})
        if self._loops == 0:
            self._loops = max(1, int(_SHORTEST / min(timer.repeat(3, number=1))))
        return timer.timeit(self._loops) / self._loops / self.contestant.calls

    def reach(self, task: Task, accuracy: float, most_epochs: int) -> dict[str, Any]:
        """Train from the start until the test accuracy is reached; the time excludes evaluation."""
        self.network.start()
        seconds, reached = 0.0, 0.0
        for epoch in range(1, most_epochs + 1):
            seconds += self._timed_epochs(1)[0]
            reached = float((self.network.predict(task.x_test).argmax(axis=1) == task.y_test).mean())
            if reached >= accuracy:
                return {"seconds": seconds, "epochs": epoch, "accuracy": reached}
        raise NotApplicable(f"accuracy {reached:.4f} after {most_epochs} epochs")


def serve(connection: Connection, contestant: Contestant) -> None:
    """Answer commands until the pipe is closed."""
    worker = Worker(contestant)
    while True:
        try:
            command, args = connection.recv()
        except EOFError:
            return
        connection.send(_answer(getattr(worker, command), args))


def _answer(command: Callable[..., dict[str, Any]], args: tuple[Any, ...]) -> dict[str, Any]:
    try:
        return command(*args)
    except NotApplicable as reason:
        return {"note": str(reason)}
    except Exception as error:  # an error of a library becomes a note in the table
        text = " ".join(str(error).split())
        return {"note": f"{type(error).__name__}: {text}"[:200]}


def pin(cpus: list[int]) -> None:
    """Keep this process and all its future threads on these CPUs."""
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


def main() -> None:
    """Serve the pipe whose number is the first argument."""
    connection = Connection(int(sys.argv[1]))
    contestant, cpus = connection.recv()
    pin(cpus)
    serve(connection, contestant)


if __name__ == "__main__":
    main()
