"""Finds a learning rate: trains a copy of a model with a greater rate in each batch, and compares the losses."""

import contextlib
import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check, notebook
from .._base.curves import Curve, chart
from .._base.errors import ArgumentError, ArgumentTypeError, DivergenceError
from .._base.public import as_public
from .._base.sparse import SparseRows
from .._base.types import Array, Integers
from .._network import adapting, raw_tables
from .._network.reading import learn_names
from ..model import Sequential
from ..tables.columns import Columns

_WORSE = 4.0  # the sweep ends when the loss reaches this many times its minimum
_CLEAR = 3.0  # a fall of the loss counts if it is this many times its standard error
_WIDER = (1, 2, 4)  # times the width of smoothing, if noise hides a fall

__all__ = ["LearningRateCurve", "find_learning_rate"]


@dataclass(frozen=True, eq=False, repr=False)  # arrays have no single answer to ==
class LearningRateCurve:
    """The losses of a sweep through learning rates, which `find_learning_rate` returns.

    Attributes
    ----------
    rates : ndarray of float64, shape (n,)
        The learning rates of the batches, equally spaced on a logarithmic scale.
    losses : ndarray of float64, shape (n,)
        The loss of each batch, before its update.
    smoothed : ndarray of float64, shape (n,)
        The smoothed losses: means over neighbouring batches, with the final rise cut at the sweep's limit.
    suggestion : float
        The rate at which the losses fall most steeply. It is a good constant rate, and a good highest rate for a
        schedule. NaN if the losses never fall by more than their noise.
    lowest_loss_rate : float
        The rate of the lowest smoothed loss, which is too high for training.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float
    lowest_loss_rate: float

    def __str__(self) -> str:
        swept = f"{len(self.rates)} batches with learning rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        lowest = f"lowest loss {self.smoothed.min():.4g} at {self.lowest_loss_rate:.3g}"
        if math.isnan(self.suggestion):
            return f"{swept}: the loss falls nowhere clearly, no suggestion; {lowest}"
        return f"{swept}: steepest fall at {self.suggestion:.3g}, the suggestion; {lowest}"

    def __repr__(self) -> str:
        return f"<LearningRateCurve: {self}>"

    def _repr_html_(self) -> str:
        rates = np.log10(self.rates).tolist()
        values = {"of batches": self.losses, "smoothed": self.smoothed}
        curves = [Curve(name, rates, np.minimum(losses, self._cut).tolist()) for name, losses in values.items()]
        drawn = chart("loss", curves, "log10 of the rate")
        return f"<div>{notebook.paragraphs([str(self)])}{drawn}</div>"

    @property
    def _cut(self) -> float:
        """The largest loss in pictures: the final rise would hide the fall."""
        return float(self.smoothed[0] + 2 * (self.smoothed[0] - self.smoothed.min()))


def find_learning_rate(
    model: Sequential,
    x: Any,
    y: Any,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    batches: int = 100,
    batch_size: int = 32,
    smoothing: float = 0.05,
    seed: int | None = None,
    n_threads: int | None = None,
) -> LearningRateCurve:
    """Train a copy of the model with a greater learning rate in each batch, and suggest a rate (Smith, 2017).

    The model itself does not change. The copy starts with the model's weights, including the statistics of a
    `Normalization`, or with new ones if the model has none, and with a new optimiser. The sweep ends early if the loss
    grows to 4 times its minimum, or is not finite.

    Parameters
    ----------
    model : Sequential
        A compiled model, which need not be built. The learning rate of its optimiser is not used.
    x : array_like, shape (rows, features)
    y : array_like, shape (rows,) or (rows, classes)
        As in `Sequential.fit`. Only the rows of the batches are read.
    lowest, highest : float, default 1e-6 and 10
        The first and the last learning rate, greater than 0.
    batches : int, default 100
        The number of batches, at least 10. More batches give a clearer curve.
    batch_size : int, default 32
        Use that of the later training, because the rate depends on it. Values above the number of rows mean all rows.
    smoothing : float, default 0.05
        The distance, as a share of the sweep from 0 to 1, at which the weight of a neighbour falls to 1/e.
    seed : int, optional
        Seed of the random order of rows. Default: the model's.
    n_threads : int, optional
        As in `Sequential.fit`.

    Returns
    -------
    LearningRateCurve
        Printing it shows the outcome in one line. If the suggestion is NaN, use more or larger batches, or a wider
        range.

    Raises
    ------
    DivergenceError
        If the loss of the first batch is not finite.
    NotBuiltError
        If the model was not compiled.

    Examples
    --------
    >>> import fastmlp as fm
    >>> x, y = fm.datasets.vertical()
    >>> model = fm.mlp([16], classes=3, seed=0)
    >>> curve = fm.find_learning_rate(model, x, y)
    >>> 1e-4 < curve.suggestion < 1
    True
    >>> model.compile(optimizer=fm.Adam(learning_rate=curve.suggestion))
    """
    if not isinstance(model, Sequential):
        raise ArgumentTypeError(f"model must be a fastmlp.Sequential, not {model!r:.60}")
    if model.rule.needs_all_rows:
        raise ArgumentError(f"{type(model.rule).__name__} has no learning rate to look for")
    lowest = check.real_number(lowest, "lowest", above=0)
    highest = check.real_number(highest, "highest", above=lowest)
    batches = check.whole_number(batches, "batches", minimum=10)
    batch_size = check.whole_number(batch_size, "batch_size", minimum=1)
    width = batches * _checked_share(smoothing)
    seed = model.seed if seed is None else check.whole_number(seed, "seed", minimum=0)
    x, y = raw_tables.apart(model, x, y)
    if not isinstance(x, Columns):
        x = model.reader().rows(x, "x")
    rows, y = x.rows if isinstance(x, Columns) else len(x), _rows_of(y, "y")
    if rows != len(y) or rows == 0:
        raise ArgumentError(f"x and y must have equally many rows, and some, not {rows} and {len(y)}")
    rates = np.geomspace(lowest, highest, batches)
    picked = _random_rows(rows, batches, min(batch_size, rows), seed)
    trained = _fresh_copy(model)
    if isinstance(x, Columns):
        x = _encoded(trained, x, picked)
    learn_names(trained, None, y)  # from all rows, because a batch may lack a class
    _adapt(trained, x, picked)
    losses = _sweep(trained, x, y, picked, rates, width, n_threads)
    return _curve(rates[: len(losses)], losses, width)


def _checked_share(smoothing: Any) -> float:
    share = check.real_number(smoothing, "smoothing", minimum=0)
    if share > 1:
        raise ArgumentError(f"smoothing must be at most 1, not {smoothing!r}")
    return share


def _rows_of(values: Any, name: str) -> Any:
    is_array = isinstance(values, np.ndarray)  # stays a memory map, or a masked array, which training refuses
    array = values if is_array else check.array_of(values, name)
    if array.ndim == 0:
        raise ArgumentTypeError(f"{name} must be an array of rows, not {values!r:.60}")
    return array


def _random_rows(rows: int, batches: int, batch_size: int, seed: int) -> Integers:
    """The row numbers of each batch, shape (batches, batch_size), from consecutive random permutations."""
    generators = [
        np.random.Generator(np.random.Philox(key=(epoch << 64) + seed))
        for epoch in range(-(-batches * batch_size // rows))
    ]
    order = np.concatenate([generator.permutation(rows) for generator in generators])
    return order[: batches * batch_size].reshape(batches, batch_size)


# ---------------------------------------------------------------- the sweep


def _fresh_copy(model: Sequential) -> Sequential:
    optimizer, loss = model.rule, model.loss
    model = copy.deepcopy(model)
    model.compile(optimizer, loss, model.metrics)
    return model


def _encoded(model: Sequential, table: Columns, picked: Integers) -> Array | SparseRows:
    """The features of a table, by an encoder that learns from all batches, as `_adapt` does."""
    raw_tables.learn_encoder(model, table.at(np.unique(picked)))
    features = model.reader().rows(table, "x")
    model.forget_encoder()
    return features


def _adapt(model: Sequential, x: Any, picked: Integers) -> None:
    """Give a Normalization the statistics of all batches, as training would, not those of the first batch."""
    rows = x[np.unique(picked)]
    with contextlib.suppress(ArgumentError, ArgumentTypeError):  # the batch with the fault raises the error
        adapting.adapt(model, [rows], are_pixels=rows.dtype == np.uint8)


def _sweep(
    model: Sequential, x: Any, y: Any, picked: Integers, rates: Array, width: float, n_threads: int | None
) -> Array:
    """The losses of the batches, until they are much worse."""
    losses: list[float] = []
    mean, minimum, keep = 0.0, math.inf, _kept(width)
    for rows, rate in zip(picked, rates, strict=True):
        model.learning_rate = float(rate)
        try:
            losses.append(model.train_on_batch(x[rows], y[rows], n_threads=n_threads)["loss"])
        except DivergenceError:
            break
        except (ArgumentError, ArgumentTypeError) as error:
            at = f"{error} (of batch {len(losses)}: rows {', '.join(map(str, rows[:5]))}, … of the data)"
            raise type(error)(at) from None
        mean = losses[0] if len(losses) == 1 else mean + (1 - keep) * (losses[-1] - mean)
        minimum = min(minimum, mean)
        if mean > _limit(minimum):
            break
    if not losses:
        raise DivergenceError(
            "the loss of the first batch is NaN or infinite: no learning rate can change that. Are features on very "
            "different scales (see fastmlp.datasets.standardize), or are the model's weights too large?"
        )
    return np.array(losses)


def _limit(minimum: float) -> float:
    """The mean loss at which a sweep ends: 4 times the minimum, or as far above a negative minimum."""
    return minimum + (_WORSE - 1) * abs(minimum)


def _kept(width: float) -> float:
    """The factor by which a weight falls one batch further away."""
    return math.exp(-1 / width) if width else 0.0


# ---------------------------------------------------------------- the curve


def _curve(rates: Array, losses: Array, width: float) -> LearningRateCurve:
    so_far, _ = _means(losses, width, before=True)
    # Without a bound, the final rise would affect many earlier means.
    bounded = np.minimum(losses, max(losses[0], _limit(so_far.min())))
    smoothed, _ = _means(bounded, width, before=True, after=True)
    bottom = int(smoothed.argmin())
    steepest = _steepest(bounded, bottom, max(width, 1.0))
    suggestion = math.nan if steepest is None else float(rates[steepest])
    return LearningRateCurve(rates, losses, smoothed, suggestion, float(rates[bottom]))


def _steepest(losses: Array, bottom: int, width: float) -> int | None:
    """The place before the minimum at which the next losses are furthest below the previous ones, beyond noise."""
    noise = _noise(losses[: bottom + 1])
    for wider in _WIDER:
        before, error_before = _means(losses, wider * width, before=True)
        # These include the rise, which keeps the place away from the minimum.
        after, error_after = _means(losses, wider * width, after=True)
        fall = before - after
        clear = fall > _CLEAR * noise * np.hypot(error_before, error_after)
        clear[: math.ceil(width)] = False  # too few previous losses
        clear[bottom + 1 :] = False
        if clear.any():
            return int(np.where(clear, fall, -np.inf).argmax())
    return None


def _means(losses: Array, width: float, *, before: bool = False, after: bool = False) -> tuple[Array, Array]:
    """Weighted means of the losses around each batch, and their errors for a noise of 1."""
    distance = np.arange(-len(losses), len(losses) + 1)  # of a batch that counts, looking back
    weights = _kept(width) ** abs(distance) * np.where(distance > 0, before, np.where(distance < 0, after, True))
    span = slice(len(losses), 2 * len(losses))
    ones = np.ones(len(losses))
    total = np.convolve(ones, weights)[span]
    return np.convolve(losses, weights)[span] / total, np.sqrt(np.convolve(ones, weights**2)[span]) / total


def _noise(losses: Array) -> float:
    """The standard deviation of the losses around their trend, from differences of neighbours."""
    if len(losses) < 2:
        return math.inf
    rounding = 1e-6 * float(abs(losses).max())
    return max(rounding, 1.4826 / math.sqrt(2) * float(np.median(abs(np.diff(losses)))))


as_public(globals(), "fastmlp")
