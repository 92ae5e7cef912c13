"""Zeros skipped and zeros multiplied: ``python -m benchmarks.zeros``.

Each data set is trained on and predicted in both ways, in turns, so that whatever else the machine does falls on both.
The results have the same bits, which is checked. Texts are also trained on by scikit-learn's estimator, on the same
sparse matrix. The table has the best and the median seconds of an epoch and of a prediction of all rows.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import fastmlp as fm
from fastmlp._base import text_table
from fastmlp._engine import engine

WORDS, TOPICS = 50_000, 20


class Task(NamedTuple):
    """A data set and a network; ``dense`` and ``skipping`` are the same rows."""

    name: str
    dense: Any  # None if it would be too large
    skipping: Any
    y: Any
    widths: tuple[int, ...]
    batch_size: int


def tasks(share: float) -> Iterator[Task]:
    """Digits, a table of one-hot columns, texts, and dense data, which must not be slower."""
    (x, y), _ = fm.datasets.digits(int(60_000 * share), 100)
    yield Task("digits, 784-128-64-10", x, x, y, (128, 64, 10), 128)
    yield Task("digits, 784-1024-1024-10", x[: len(x) // 4], x[: len(x) // 4], y[: len(x) // 4], (1024, 1024, 10), 128)
    x, y = one_hot(int(200_000 * share))
    yield Task("one-hot, 600-128-64-2", x, csr(x), y, (128, 64, 2), 256)
    x, y = texts(int(20_000 * share))
    yield Task(f"texts, {WORDS}-64-{TOPICS}", None, x, y, (64, TOPICS), 200)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(int(60_000 * share), 784)).astype(np.float32)
    yield Task("random, 784-128-64-10", x, x, rng.integers(0, 10, len(x)), (128, 64, 10), 128)


def one_hot(rows: int, columns: int = 30, values: int = 20) -> tuple[Any, Any]:
    """A table whose columns have some values each, with a column for each value."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, values, (rows, columns))
    x = np.zeros((rows, columns * values), np.float32)
    x[np.arange(rows)[:, None], np.arange(columns) * values + codes] = 1
    return x, (codes[:, :3].sum(axis=1) > 1.5 * (values - 1)).astype(int)


def csr(x: Any) -> Any:
    import scipy.sparse

    return scipy.sparse.csr_matrix(x)


def texts(count: int) -> tuple[Any, Any]:
    """TF-IDF of texts of 60 to 240 words: word r of a topic's order occurs 1/r times as often as the first (Zipf)."""
    import scipy.sparse

    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, WORDS + 1)
    share /= share.sum()
    orders = [np.arange(WORDS) for _ in range(TOPICS)]
    for order in orders:  # topics differ in the places of words beyond the most frequent
        own = rng.choice(np.arange(50, 5000), 400, replace=False)
        order[own] = rng.permutation(order[own])
    y, lengths = rng.integers(0, TOPICS, count), rng.integers(60, 240, count)
    ranks = np.searchsorted(np.cumsum(share), rng.random(lengths.sum()))
    rows = np.repeat(np.arange(count), lengths)
    words = np.array(orders)[y[rows], np.minimum(ranks, WORDS - 1)]
    counts = scipy.sparse.csr_matrix((np.ones(len(rows)), (rows, words)), (count, WORDS))
    seen = np.bincount(counts.indices, minlength=WORDS)
    counts.data *= (np.log((1 + count) / (1 + seen)) + 1)[counts.indices]
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1))).ravel()
    return scipy.sparse.csr_matrix(scipy.sparse.diags(1 / norms) @ counts).astype(np.float32), y


@contextlib.contextmanager
def zeros_multiplied() -> Iterator[None]:
    """Let dense rows keep their zeros."""
    before = engine._DENSE_FROM
    engine._DENSE_FROM = dict.fromkeys(before, 0.0)
    yield
    engine._DENSE_FROM = before


def model_of(task: Task) -> fm.Sequential:
    hidden = [fm.Dense(width, "relu") for width in task.widths[:-1]]
    model = fm.Sequential([*hidden, fm.Dense(task.widths[-1], "softmax")], seed=0)
    model.compile(fm.Adam(1e-3))
    return model


def sides(task: Task, n_threads: int | None) -> dict[str, tuple[Callable[[], float], Callable[[], Any]]]:
    """How each side makes an epoch, whose seconds it returns, and a prediction."""

    def side(x: Any, keeps: bool) -> tuple[Callable[[], float], Callable[[], Any]]:
        model = model_of(task)
        settings = {"batch_size": task.batch_size, "verbose": 0, "n_threads": n_threads}

        def epoch() -> float:
            with zeros_multiplied() if keeps else contextlib.nullcontext():
                return float(model.fit(x, task.y, **settings).history["seconds"][-1])

        def predict() -> Any:
            with zeros_multiplied() if keeps else contextlib.nullcontext():
                return model.predict(x, n_threads=n_threads)

        return epoch, predict

    found = {} if task.dense is None else {"zeros multiplied": side(task.dense, True)}
    found["zeros skipped"] = side(task.skipping, False)
    if task.dense is None:
        found["scikit-learn"] = scikit_learn(task)
    return found


def scikit_learn(task: Task) -> tuple[Callable[[], float], Callable[[], Any]]:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(task.widths[:-1], batch_size=task.batch_size, max_iter=1, warm_start=True, random_state=0)

    def epoch() -> float:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(task.skipping, task.y)
        return time.perf_counter() - start

    return epoch, lambda: model.predict_proba(task.skipping)


def measure(task: Task, rounds: int, n_threads: int | None) -> list[tuple[str, ...]]:
    """The rows of the table for a data set."""
    runs = sides(task, n_threads)
    times: dict[str, tuple[list[float], list[float]]] = {who: ([], []) for who in runs}
    outputs = {}
    for number in range(rounds + 1):
        for who, (epoch, predict) in runs.items():
            seconds, start = epoch(), time.perf_counter()
            outputs[who] = predict()
            if number:  # the first round compiles
                times[who][0].append(seconds)
                times[who][1].append(time.perf_counter() - start)
    if task.dense is not None:
        assert outputs["zeros multiplied"].tobytes() == outputs["zeros skipped"].tobytes(), "the bits differ"
    base = min(times[next(iter(times))][0]), min(times[next(iter(times))][1])
    return [
        (
            task.name,
            who,
            *(f"{min(of):.4f} and {statistics.median(of):.4f}" for of in times[who]),
            *(f"{min(of) / least:.2f}" for of, least in zip(times[who], base, strict=True)),
        )
        for who in runs
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each that count (default 7)")
    parser.add_argument("--threads", type=int, default=None, help="threads (default: all)")
    parser.add_argument("--only", default="", help="a part of the names of data sets")
    parser.add_argument("--quick", action="store_true", help="one round on few rows, which shows that it runs")
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    for task in tasks(0.02 if options.quick else 1.0):
        if options.only in task.name:
            rows += measure(task, 1 if options.quick else options.rounds, options.threads)
    header = ("data", "zeros", "epoch: best, median s", "prediction", "epoch, ratio", "prediction, ratio")
    print(text_table.aligned([header, *rows], left=(0, 1)))


if __name__ == "__main__":
    main()
