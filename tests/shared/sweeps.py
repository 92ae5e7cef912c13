"""Small sweeps, and what is compared of their runs."""

import fastmlp as fm
from fastmlp.search.sweeps import grid

from .models import clusters

RUNS = grid(layers=[[3], [4, 3]], learning_rate=[0.01, 0.1], epochs=2, batch_size=8)


def swept(runs=RUNS, **arguments):
    arguments = {"validation_split": 0.2, "verbose": 0, **arguments}
    return fm.sweep(runs, *clusters(), **arguments)


def content(run):
    """All of a finished run but the time it took."""
    model = run.load()
    curves = {name: values for name, values in run.history.history.items() if name != "seconds"}
    return run.name, run.metrics, curves, run.history.batches, [weights.tobytes() for weights in model.get_weights()]


def files(path):
    return sorted(item.name for item in path.iterdir())


WILD = {"name": "wild", "layers": [3], "optimizer": "sgd", "learning_rate": 1e30, "epochs": 2, "batch_size": 8}
