"""Targets and outputs that metrics are tried on."""

import numpy as np

from fastmlp import metrics

SCORES = [metrics.precision, metrics.recall, metrics.f1]
NAN = float("nan")


def case(seed):
    """Class numbers and probabilities with ties; classes may be missing, there may be one row."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 7))
    rows = int(rng.choice([1, 2, 3, 10, 50]))
    there = rng.choice(classes, size=rng.integers(1, classes + 1), replace=False)
    return rng.choice(there, rows), rng.multinomial(10, np.full(classes, 1 / classes), rows) / 10


def label_case(seed):
    rng = np.random.default_rng(seed)
    shape = int(rng.choice([1, 2, 20])), int(rng.integers(1, 6))
    return (rng.random(shape) < rng.random(shape[1])).astype(int), rng.integers(0, 11, shape) / 10


# Two rows of class 0, three of class 1, one of class 2; a 0 goes to 1, a 1 to 2, and the 2 to 0.
TARGETS = np.array([0, 0, 1, 1, 1, 2])

OUTPUTS = np.array(
    [[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.0, 1.0, 0.0], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6], [0.5, 0.3, 0.2]]
)
