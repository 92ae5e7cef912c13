"""Which columns a model relies on: how much worse it becomes when a column is shuffled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check, notebook, text_table
from .._base.errors import ArgumentError
from .._base.public import as_public
from .._base.types import Array
from ..metrics.catalog import larger_is_better
from ..model import Sequential
from ..tables.columns import Columns, columns_of, is_table

__all__ = ["Importance", "permutation_importance"]

_MOST_LINES = 20  # of the table that a prompt shows
_LEFT = (0,)  # columns of the table that are texts


@dataclass(frozen=True, eq=False, repr=False)
class Importance:
    """The result of `permutation_importance`: columns, the most important first.

    Attributes
    ----------
    names : tuple of str
        The columns.
    mean, std : ndarray, shape (columns,)
        By how much the metric became worse, over the repeats; near 0 for a column that does not matter.
    metric : str
    score : float
        The metric before anything was shuffled.
    repeats : int

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.search.importance import Importance
    >>> result = Importance(("age", "city"), np.array([0.25, 0.0]), np.array([0.01, 0.002]), "loss", 0.5, 5)
    >>> print(result)
    column  loss worse by
    age            0.2500  ± 0.0100
    city           0.0000  ± 0.0020
    """

    names: tuple[str, ...]
    mean: Array
    std: Array
    metric: str
    score: float
    repeats: int

    def __str__(self) -> str:
        return text_table.aligned(self.rows(), _LEFT)

    def __repr__(self) -> str:
        return text_table.aligned(text_table.shortened(self.rows(), _MOST_LINES), _LEFT)

    def _repr_html_(self) -> str:
        return notebook.table(self.rows(), _LEFT)

    def rows(self) -> list[tuple[str, ...]]:
        """The table: its head, and a row for each column."""
        rows: list[tuple[str, ...]] = [("column", f"{self.metric} worse by", "")]
        for name, mean, std in zip(self.names, self.mean, self.std, strict=True):
            rows.append((f"{name:.60}", _number(mean), f"± {_number(std)}"))
        return rows


def _number(value: float) -> str:
    return text_table.number(value) or "0"


def permutation_importance(
    model: Sequential,
    x: Any,
    y: Any,
    *,
    metric: str = "loss",
    repeats: int = 5,
    seed: int = 0,
    sample_weight: Any = None,
    n_threads: int | None = None,
) -> Importance:
    """Measure how much a model relies on each column: how much worse it is when that column is shuffled.

    Use rows that the model was not trained on. If two columns say the same, shuffling either may harm little.

    Parameters
    ----------
    model : Sequential
        A trained model.
    x : raw table or array_like
        The columns of a raw table are shuffled before they are encoded; see `fastmlp.TableEncoder`. Columns of an
        array without names are called by their numbers.
    y : array_like
        Targets.
    metric : str, default "loss"
        The loss, or one of the model's metrics.
    repeats : int, default 5
        How often each column is shuffled.
    seed : int, default 0
    sample_weight, n_threads
        As in `Sequential.evaluate`.

    Returns
    -------
    Importance
        Printed as a table, the most important column first.

    Raises
    ------
    ArgumentError
        If the model has no such metric, or none that is better in one direction.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(300, 3))
    >>> y = (x[:, 1] > 0).astype(int)
    >>> model = fm.mlp([8], classes=2, seed=0)
    >>> history = model.fit(x, y, epochs=40, batch_size=16, verbose=0)
    >>> fm.permutation_importance(model, x, y).names[0]
    '1'
    """
    repeats = check.whole_number(repeats, "repeats", minimum=1)
    seed = check.whole_number(seed, "seed", minimum=0)
    sign = _sign(model, metric)
    table = _Shuffled(x)

    def judged(rows: Any) -> float:
        return model.evaluate(rows, y, sample_weight=sample_weight, n_threads=n_threads)[metric]

    score = judged(table.whole)
    worse = np.empty((len(table.names), repeats))
    for place in range(len(table.names)):
        for repeat in range(repeats):
            random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, place, repeat])))
            worse[place, repeat] = sign * (judged(table.shuffled(place, random.permutation(table.rows))) - score)
    order = np.argsort(-worse.mean(axis=1), kind="stable")
    names = tuple(table.names[place] for place in order)
    return Importance(names, worse.mean(axis=1)[order], worse.std(axis=1)[order], metric, score, repeats)


def _sign(model: Sequential, metric: str) -> int:
    """1 if larger values of the metric are worse, and −1 if they are better."""
    if not isinstance(model, Sequential):
        raise ArgumentError(f"model must be a fastmlp.Sequential, not {model!r:.60}")
    if metric == "loss":
        return 1
    known = {own.name: own.higher_is_better for own in model.metrics}
    if metric not in known:
        raise ArgumentError(
            f"metric must be one of {check.some(['loss', *known])}, which the model has, not {metric!r}"
        )
    is_better = known[metric] if known[metric] is not None else larger_is_better(metric)
    return -1 if is_better else 1


class _Shuffled:
    """A table or an array, of which single columns are shuffled."""

    names: tuple[str, ...]
    rows: int

    def __init__(self, x: Any) -> None:
        self._replaced: Callable[[int, Array], Any]
        if is_table(x):
            table = columns_of(x)
            self.names, self.rows, self._replaced = tuple(table), table.rows, self._in_table
            self.whole: Any = table
            return
        array = check.array_of(x, "x")
        if array.ndim != 2:
            raise ArgumentError(f"x must be a table or an array of shape (rows, columns), not {array.shape}")
        self.names, self.rows, self._replaced = tuple(map(str, range(array.shape[1]))), len(array), self._in_array
        self.whole = array

    def shuffled(self, place: int, order: Array) -> Any:
        """All columns, with one of them in another order."""
        return self._replaced(place, order)

    def _in_table(self, place: int, order: Array) -> Columns:
        name = self.names[place]
        return Columns({**self.whole, name: self.whole[name][order]}, self.whole.categorical)

    def _in_array(self, place: int, order: Array) -> Array:
        array: Array = self.whole.copy()
        array[:, place] = self.whole[order, place]
        return array


as_public(globals(), "fastmlp")
