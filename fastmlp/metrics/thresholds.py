"""Finds the threshold above which a probability should count as yes, for a metric of decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from . import inputs

USUAL = 0.5


class Outcomes(NamedTuple):
    """The weights of rows by truth and choice, for each threshold that is tried."""

    true_positives: Array
    false_positives: Array
    false_negatives: Array
    true_negatives: Array


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0)


def _accuracy(o: Outcomes) -> Array:
    return _ratio(o.true_positives + o.true_negatives, sum(o, np.zeros(1)))


def _precision(o: Outcomes) -> Array:
    return _ratio(o.true_positives, o.true_positives + o.false_positives)


def _recall(o: Outcomes) -> Array:
    return _ratio(o.true_positives, o.true_positives + o.false_negatives)


def _specificity(o: Outcomes) -> Array:
    return _ratio(o.true_negatives, o.true_negatives + o.false_positives)


def _balanced_accuracy(o: Outcomes) -> Array:
    return (_recall(o) + _specificity(o)) / 2


def _f1(o: Outcomes) -> Array:
    return _ratio(2 * o.true_positives, 2 * o.true_positives + o.false_positives + o.false_negatives)


def _f1_macro(o: Outcomes) -> Array:
    return (_f1(o) + _f1(Outcomes(*o[::-1]))) / 2  # of each of the two answers as if it were yes


DECISIONS: dict[str, Callable[[Outcomes], Array]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "f1_macro": _f1_macro,
    "precision": _precision,
    "recall": _recall,
    "specificity": _specificity,
}
_ONE_SIDED = {"precision": "recall", "recall": "precision", "specificity": "recall"}
COST = "cost"
_COSTS = "[[no as no, no as yes], [yes as no, yes as yes]]"


@dataclass(frozen=True)
class Goal:
    """What a threshold should be best for: a metric, or a cost matrix; and what it must reach besides."""

    metric: str
    costs: Array | None
    at_least: dict[str, float]

    def values(self, outcomes: Outcomes) -> Array:
        """The metric for each threshold; costs are means over the rows."""
        if self.costs is None:
            return DECISIONS[self.metric](outcomes)
        (no_no, no_yes), (yes_no, yes_yes) = self.costs
        prices = yes_yes, no_yes, yes_no, no_no
        each = [part * price for part, price in zip(outcomes, prices, strict=True)]
        return np.asarray(sum(each) / sum(outcomes))

    @property
    def sign(self) -> int:
        """1 if larger values are better, −1 for costs."""
        return 1 if self.costs is None else -1

    def is_reached(self, outcomes: Outcomes) -> Array:
        """Whether each threshold reaches what it must."""
        found = np.ones(len(outcomes[0]), bool)
        for name, least in self.at_least.items():
            found &= DECISIONS[name](outcomes) >= least
        return found


def goal(metric: Any, costs: Any = None, at_least: Any = None) -> Goal:
    """The checked arguments of `best_threshold`."""
    if (metric == COST) != (costs is not None):
        raise ArgumentError(
            "metric='cost' needs costs=[[no as no, no as yes], [yes as no, yes as yes]], and no other does"
        )
    name = check.choice(metric, "metric", [*DECISIONS, COST])
    given = {} if at_least is None else at_least
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(f"at_least must be a dict such as {{'recall': 0.9}}, not {given!r:.60}")
    limits = {}
    for other, value in given.items():
        limit = check.real_number(value, f"at_least[{other!r}]", minimum=0)
        if limit > 1:
            raise ArgumentError(f"at_least[{other!r}] must be at most 1, not {value!r:.60}")
        limits[check.choice(other, "at_least", DECISIONS)] = limit
    if name in _ONE_SIDED and not limits.keys() - {name}:
        raise ArgumentError(
            f"{name} alone is best where one answer is always given: say what else it must reach, such as "
            f"at_least={{{_ONE_SIDED[name]!r}: 0.9}}, or choose 'f1' or 'balanced_accuracy'"
        )
    return Goal(name, None if costs is None else _checked_costs(costs), limits)


def _checked_costs(costs: Any) -> Array:
    matrix = np.asarray(check.numbers(costs, "costs"), np.float64)
    if matrix.shape != (2, 2) or not np.isfinite(matrix).all():
        raise ArgumentError(f"costs must be two rows of two finite numbers, {_COSTS}, not {matrix.tolist()!r:.80}")
    return matrix


@dataclass(frozen=True)
class Threshold:
    """A threshold for a probability, and what it is worth on the rows that chose it.

    Attributes
    ----------
    threshold : float
        Probabilities above it count as yes.
    metric : str
        What it is best for.
    value, usual : float
        The metric with this threshold, and with 0.5.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> print(metrics.best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6]))
    threshold 0.25  f1 1.0000 (0.6667 at 0.5)
    """

    threshold: float
    metric: str
    value: float
    usual: float

    def __str__(self) -> str:
        return f"threshold {self.threshold:.4g}  {self.metric} {self.value:.4f} ({self.usual:.4f} at {USUAL})"


def best_threshold(
    targets: Any,
    outputs: Any,
    metric: str = "f1",
    *,
    sample_weight: Any = None,
    costs: Any = None,
    at_least: Mapping[str, float] | None = None,
) -> Threshold:
    """Find the threshold for the probability of class 1 that is best for a metric on these rows.

    All thresholds that tell these rows apart are tried. It lies in the middle between two probabilities; rows of equal
    ones are never divided. If several are best, it is the one nearest to 0.5, and 0.5 itself if that is one of them.

    Parameters
    ----------
    targets : array_like, shape (rows,) or (rows, 2)
        0 and 1, soft targets for class 1, or one-hot rows.
    outputs : array_like, shape (rows,), (rows, 1) or (rows, 2)
        The probability of class 1, or of both classes.
    metric : str, default "f1"
        ``"f1"`` (of class 1), ``"f1_macro"`` (the mean of both classes), ``"balanced_accuracy"``, ``"accuracy"``,
        ``"cost"``; with ``at_least`` also ``"precision"``, ``"recall"`` and ``"specificity"`` (the recall of class 0).
    sample_weight : array_like, shape (rows,), optional
        The weight of each row.
    costs : array_like, shape (2, 2), optional
        For ``metric="cost"``: what a row costs, with a row for each true class and a column for each chosen one, as in
        `confusion_matrix`. Negative costs are gains.
    at_least : dict, optional
        What must be reached besides: ``metric="precision", at_least={"recall": 0.9}``.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If an argument cannot be used, one of the classes has no row, or no threshold reaches ``at_least``.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> found = metrics.best_threshold([0, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.6], "cost", costs=[[0, 1], [10, 0]])
    >>> found.threshold, found.value
    (0.25, 0.2)
    """
    wanted = goal(metric, costs, at_least)
    truth, scores = inputs.two_classes(targets, outputs)
    weights = inputs.weights(sample_weight, len(truth))
    return best(wanted, truth, scores, weights)


def best(wanted: Goal, truth: Array, scores: Array, weights: Array) -> Threshold:
    """`best_threshold` of checked arguments: booleans, probabilities and weights of rows."""
    for is_yes, what in ((truth, "1"), (~truth, "0")):
        if not weights[is_yes].any():
            raise ArgumentError(f"no row of weight has the class {what}, so no choice can be judged: give more rows")
    distinct, outcomes = _outcomes(truth, scores, weights)
    usual = int(np.searchsorted(distinct, USUAL, side="right"))
    values = wanted.values(outcomes)
    can_be = wanted.is_reached(outcomes)
    if distinct[0] == 0:
        can_be[0] = False  # a probability of 0 is above no threshold
    if not can_be.any():
        _refuse_unreachable(wanted, outcomes)
    gains = np.where(can_be, wanted.sign * values, -np.inf)
    cuts = np.flatnonzero(gains == gains.max())
    if usual in cuts:
        return Threshold(USUAL, wanted.metric, float(values[usual]), float(values[usual]))
    thresholds = np.array([_between(distinct, cut) for cut in cuts])
    chosen = int(abs(thresholds - USUAL).argmin())
    return Threshold(float(thresholds[chosen]), wanted.metric, float(values[cuts[chosen]]), float(values[usual]))


def _outcomes(truth: Array, scores: Array, weights: Array) -> tuple[Array, Outcomes]:
    """The distinct scores s, rising, and the outcomes if all rows above none, s[0], s[1], … of them are chosen."""
    distinct, places = np.unique(scores, return_inverse=True)
    yes, no = (np.bincount(places.ravel(), weights * of, minlength=len(distinct)) for of in (truth, ~truth))

    def above(each: Array) -> Array:
        return np.append(each[::-1].cumsum()[::-1], 0.0)

    def below(each: Array) -> Array:
        return np.append(0.0, each.cumsum())

    return distinct, Outcomes(above(yes), above(no), below(yes), below(no))


def _between(distinct: Array, cut: Any) -> float:
    """A threshold with ``cut`` of the distinct scores at or below it, in their dtype, which exports have."""
    low = distinct[cut - 1] if cut else distinct.dtype.type(0)
    high = distinct[cut] if cut < len(distinct) else distinct.dtype.type(1)
    middle = low + (high - low) / 2
    return float(middle if low <= middle < high else low)


def _refuse_unreachable(wanted: Goal, outcomes: Outcomes) -> None:
    reached = ", ".join(f"{name} {float(DECISIONS[name](outcomes).max()):.4f}" for name in wanted.at_least)
    asked = ", ".join(f"{name} {least:g}" for name, least in wanted.at_least.items())
    raise ArgumentError(f"no threshold reaches at_least {asked} on these rows; each alone reaches {reached} at most")
