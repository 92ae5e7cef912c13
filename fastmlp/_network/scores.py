"""The result of an evaluation: numbers with names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._base import text_table
from .._base.public import as_public
from .attributes import did_you_mean
from .score_numbers import Numbers

__all__ = ["Scores"]


class Scores(Numbers):
    """The loss and the metrics of a model on some rows: a dict that unpacks to its values.

    It is a dict of names and values, with the loss first and the metrics in the order of `Sequential.compile`. Access
    by name works as in any dict: ``scores["loss"]``, ``"loss" in scores``, ``keys()``, ``items()``, ``dict(scores)``,
    ``{**scores}``, ``scores | other``, ``json.dumps(scores)``, ``==`` and ``len``.

    Iteration yields the values, as for a tuple, so that ``loss, accuracy = scores`` works. Therefore ``list(scores)``,
    ``sorted(scores)`` and ``max(scores)`` use the values, and ``keys()`` gives the names. A whole number is a
    position: ``scores[0]`` is the loss.

    NumPy takes the values as an array: ``np.mean([scores, others], axis=0)``. A result with one value is also a number:
    ``total += scores``, ``f"{scores:.3f}"``, ``float(scores)``, ``scores < 0.1``.

    ``scores.accuracy`` is ``scores["accuracy"]``. Methods of dicts keep their names: the value of a metric named
    "items" is only available as ``scores["items"]``.

    ``scores.thresholds`` are those by which metrics of choices chose, if `Sequential.evaluate` was told some or the
    model has tuned ones: a number for each question of yes or no; otherwise None.

    Examples
    --------
    >>> from fastmlp.scores import Scores
    >>> scores = Scores(loss=0.0712, accuracy=0.9789)
    >>> scores
    loss 0.0712  accuracy 0.9789
    >>> loss, accuracy = scores
    >>> loss == scores.loss == scores["loss"], dict(scores)
    (True, {'loss': 0.0712, 'accuracy': 0.9789})
    """

    __slots__ = ("_thresholds",)

    _thresholds: tuple[float, ...]

    def __reduce__(self) -> Any:
        return Scores, (dict(self.items()),), self.thresholds

    def __setstate__(self, thresholds: Any) -> None:
        self._thresholds = thresholds

    @property
    def thresholds(self) -> tuple[float, ...] | None:
        """The thresholds of metrics of choices, unless they are the usual ones of a model without others."""
        return getattr(self, "_thresholds", None)

    def with_thresholds(self, thresholds: tuple[float, ...]) -> Scores:
        """A copy with the thresholds by which metrics of choices chose."""
        return _scores(self, thresholds)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())

    def __reversed__(self) -> Iterator[Any]:
        return reversed(self.values())

    def __missing__(self, key: Any) -> float:
        if isinstance(key, int) and not isinstance(key, bool) and -len(self) <= key < len(self):
            return list(self.values())[key]
        hint = " (to go through scores gives their values)" if isinstance(key, float) else ""
        raise KeyError(f"{key!r}{hint}: {self._there(key)}")

    def __getattr__(self, name: str) -> float:
        if name in self:
            return self[name]
        raise AttributeError(f"there is no score {name!r}: {self._there(name)}")

    def _there(self, wanted: Any) -> str:
        return f"there are {', '.join(map(repr, self.keys()))}{did_you_mean(str(wanted), self.keys())}"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self.keys() if name.isidentifier())]

    def copy(self) -> Scores:
        """A copy with the same names and values."""
        return _scores(self, self.thresholds)

    def __repr__(self) -> str:
        shown = [f"{name} {text_table.number(value) or value}" for name, value in self.items()]
        if self.thresholds is not None:
            numbers = ", ".join(f"{value:.4g}" for value in self.thresholds)
            shown.append(f"(threshold{'s' * (len(self.thresholds) > 1)} {numbers})")
        return "  ".join(shown)


def _scores(values: dict[str, float], thresholds: tuple[float, ...] | None) -> Scores:
    new = Scores(values)
    if thresholds is not None:
        new._thresholds = thresholds
    return new


def as_asked(scores: Scores, return_dict: bool) -> Scores:
    """The scores, or with ``return_dict`` a plain dict, which goes through its names."""
    return dict(scores) if return_dict else scores  # type: ignore[return-value]  # annotations say what is usual


as_public(globals(), "fastmlp.scores")
