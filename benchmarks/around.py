"""What goes on around training: validation after every batch, and several models at once."""

from __future__ import annotations

import time
from statistics import median

import numpy as np

import fastmlp as fm
from fastmlp._contest.table import seconds
from fastmlp._contest.workloads import WORKLOADS, make_data

from .report import Data, Options, plural, say

TITLE = "Validation and sweeps"

W1 = WORKLOADS["W1"]
_VALIDATED = 12_000  # rows, after every batch
_BATCHES = 20
_RUNS = 4


def measure(options: Options) -> Data:
    """Seconds of each round: of a validation and of the same arithmetic alone; of runs one by one and at once."""
    (x, y), _ = make_data(W1)
    validated, rows = (600, 500) if options.quick else (_VALIDATED, 10_000)
    say("validation after every batch")
    validations = [_validation(x, y, validated) for _ in range(options.rounds + 1)][1:]
    say("a sweep")
    sweeps = [_sweep(x[:rows], y[:rows], options.threads[-1]) for _ in range(options.rounds + 1)][1:]
    return {"validated": validated, "validations": validations, "rows": rows, "runs": _RUNS, "sweeps": sweeps}


def _model() -> fm.Sequential:
    return fm.mlp(list(W1.widths[1:-1]), classes=W1.widths[-1], seed=0)


def _validation(x: np.ndarray, y: np.ndarray, rows: int) -> tuple[float, float]:
    """Seconds that a validation adds to a batch of training, and those that its share of a large evaluation takes."""
    model, batches = _model(), slice(0, _BATCHES * W1.batch_size)

    def train(**settings: object) -> float:
        start = time.perf_counter()
        model.fit(x[batches], y[batches], batch_size=W1.batch_size, n_threads=1, verbose=0, **settings)
        return time.perf_counter() - start

    part = x[-rows:], y[-rows:]
    train()
    plain, validated = train(validation_data=part), train(validation_data=part, validation_batches=1)
    start = time.perf_counter()
    model.evaluate(x, y, n_threads=1)
    share = (time.perf_counter() - start) * rows / len(x)
    return (validated - plain) / (_BATCHES - 1), share  # the last of an epoch is there in both


def _sweep(x: np.ndarray, y: np.ndarray, workers: int) -> tuple[float, float]:
    """Seconds of runs on one thread, one after another and as many at once as there are threads."""
    settings = [
        {"layers": list(W1.widths[1:-1]), "batch_size": W1.batch_size, "epochs": 3, "seed": i} for i in range(_RUNS)
    ]
    one_by_one = 0.0
    for setting in settings:
        model = _model()
        start = time.perf_counter()
        model.fit(x, y, batch_size=W1.batch_size, epochs=3, seed=setting["seed"], n_threads=1, verbose=0)
        one_by_one += time.perf_counter() - start
    start = time.perf_counter()
    fm.sweep(settings, x, y, workers=workers, verbose=0)
    return one_by_one, time.perf_counter() - start


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    added, alone = (median(times) for times in zip(*data["validations"], strict=True))
    ratios = sorted(a / b for a, b in data["validations"])
    singly, at_once = (median(times) for times in zip(*data["sweeps"], strict=True))
    shares = sorted(b / a for a, b in data["sweeps"])
    return [
        (
            f"On 1 thread, validation on {data['validated']:,} rows after every batch of W1 adds {seconds(added)} to a "
            f"batch. This is {median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f}) times the"
        ),
        f"{seconds(alone)} that as many rows take in an evaluation of {W1.rows:,}.",
        "",
        (
            f"A sweep trains {plural(data['runs'], 'model')} of W1's architecture for 3 epochs of {data['rows']:,} "
            f"rows. With one worker for each thread it takes {seconds(at_once)}. This is"
        ),
        (
            f"{median(shares):.2f} ({shares[0]:.2f}–{shares[-1]:.2f}) times the {seconds(singly)} of the same runs one "
            "after another, on one thread each."
        ),
    ]
