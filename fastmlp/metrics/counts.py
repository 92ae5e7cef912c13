"""Counts the hits of each class, and computes precision, recall and F1 from them."""

from typing import Any, NamedTuple

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from . import inputs

AVERAGES = ("auto", "macro", "micro", "weighted", "binary")
SCORES = ("precision", "recall", "f1")


def check_average(average: str, multi_label: bool) -> None:
    """Refuse other values than `AVERAGES`, and averages that do not fit labels."""
    if check.choice(average, "average", AVERAGES) == "binary" and multi_label:
        raise ArgumentError("average='binary' is for two classes, not for labels: use 'macro', 'micro' or 'weighted'")


class Counts(NamedTuple):
    """Counts for each class or label: integers (classes,)."""

    hits: Integers  # rows of the class for which it was chosen
    chosen: Integers  # rows for which it was chosen
    support: Integers  # rows of the class
    in_mean: Array  # booleans: whether a macro average covers it

    def fraction(self, name: str) -> tuple[Integers, Integers]:
        """Numerators and denominators of one of `SCORES`."""
        if name == "precision":
            return self.hits, self.chosen
        if name == "recall":
            return self.hits, self.support
        return 2 * self.hits, self.chosen + self.support  # the harmonic mean of both


def of_classes(found: inputs.Decisions) -> Counts:
    """Counts of classes. Averages leave out those that occur neither in the targets nor among the chosen ones."""
    truth, chosen, classes = found[:3]
    hits = np.bincount(truth[truth == chosen], minlength=classes)
    given = np.bincount(chosen, minlength=classes)
    support = np.bincount(truth, minlength=classes)
    return Counts(hits, given, support, given + support > 0)


def of_labels(truth: Array, chosen: Array) -> Counts:
    """Counts of labels, from booleans (rows, labels). Averages cover all of them."""
    every = np.ones(truth.shape[1], bool)
    return Counts((truth & chosen).sum(axis=0), chosen.sum(axis=0), truth.sum(axis=0), every)


def count(targets: Any, outputs: Any, *, multi_label: bool, is_binary: bool = False) -> Counts:
    """Counts of classes or labels. With ``is_binary``, the two class numbers that occur count as 0 and 1."""
    if multi_label:
        return of_labels(*inputs.labels(targets, outputs))
    found = inputs.decisions(targets, outputs)
    return of_classes(found.of_two() if is_binary else found)


def ratio(numerator: Any, denominator: Any, zero_division: float = 0.0) -> Array:
    """The quotients, with ``zero_division`` for 0/0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    out = np.full(denominator.shape, zero_division)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def averaged(counts: Counts, name: str, average: str, zero_division: float = 0.0) -> float:
    """One of `SCORES`, as one number for all classes."""
    numerator, denominator = counts.fraction(name)
    if average == "micro":
        return float(ratio(numerator.sum(), denominator.sum(), zero_division))
    quotients = ratio(numerator, denominator, zero_division)
    if average == "binary":
        return float(quotients[1])
    if average == "weighted" and counts.support.any():
        return float(np.average(quotients, weights=counts.support))
    return float(quotients[counts.in_mean].mean())
