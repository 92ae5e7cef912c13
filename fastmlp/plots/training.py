"""Shows trainings: losses and accuracies, a range test of learning rates, norms of gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from . import _data, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = {"loss": _style.BLUE, "accuracy": _style.GREEN, "val_loss": _style.ORANGE, "val_accuracy": _style.PINK}
_MOST_POINTS = 20_000  # of a line: more take long to draw, and Agg refuses lines with millions


def history(history: Any, axes: Any = None) -> Array:
    """Four plots of a training run: the loss, the batches, the validation, and the accuracies.

    1. The loss of each epoch, in training and validation.
    2. The loss and accuracy of each batch (pale), and their moving means.
    3. The validation accuracy and loss.
    4. The accuracy of each epoch, in training and validation.

    A plot whose values were not recorded says so. Epochs count from 1, as in the progress line. If validation was more
    frequent than epochs (``history.validations``), its curves show all values.

    Parameters
    ----------
    history : History
        The result of `fastmlp.Sequential.fit`.
    axes : array of 4 Axes, optional
        Default: a new figure.

    Returns
    -------
    ndarray of Axes, shape (2, 2) or that of ``axes``
        Plots 2 and 3 have the loss on the left, and the accuracy on twin axes on the right.

    Raises
    ------
    ArgumentTypeError
        If ``history`` is not a record of training, or ``axes`` are not Axes.
    ArgumentError
        If there are not four ``axes``.

    Examples
    --------
    >>> import fastmlp as fm
    >>> record = fm.History(history={"loss": [0.5, 0.25], "val_loss": [0.6, 0.4]}, epoch=[0, 1])
    >>> axes = fm.plots.history(record)
    >>> [line.get_label() for line in axes[0, 0].lines]
    ['training', 'validation']
    """
    record = _Record.of(history)
    made = _style.subplots(axes, (2, 2), (11, 7.5))
    by_epoch, by_batch, validation, accuracies = made.flat
    _compare(by_epoch, record, "loss")
    _pair(by_batch, record.batch_curve("loss"), record.batch_curve("accuracy"), "batch")
    _pair(validation, record.curve("val_loss"), record.curve("val_accuracy"), record.epoch_label)
    _compare(accuracies, record, "accuracy")
    return made


@dataclass(frozen=True)
class _Curve:
    """A line of a plot."""

    name: str
    x: Array
    y: Array
    window: int = 1  # points in a moving mean
    step: int = 1  # batches in one point

    @property
    def quantity(self) -> str:
        return self.name.removeprefix("val_")


@dataclass(frozen=True)
class _Record:
    """A history, with its gaps filled in."""

    values: Mapping[str, Any]
    batches: Mapping[str, Any]
    validations: Mapping[str, Any]
    epochs: Array
    partial: bool
    numbers: Array  # of the batches, if some were left out

    @classmethod
    def of(cls, history: Any) -> _Record:
        values = getattr(history, "history", None)
        if not isinstance(values, Mapping):
            raise ArgumentTypeError(f"history must be a fastmlp.History, as fit() returns, not {history!r:.60}")
        epochs = np.asarray(getattr(history, "epoch", ()), dtype=float) + 1
        batches, validations = (getattr(history, name, None) or {} for name in ("batches", "validations"))
        numbers = _floats(getattr(history, "batch_numbers", ()))
        return cls(values, batches, validations, epochs, bool(getattr(history, "partial", False)), numbers)

    @property
    def epoch_label(self) -> str:
        return "epoch (the last one is not complete)" if self.partial else "epoch"

    def curve(self, name: str) -> _Curve | None:
        """The values by epoch, or by validation if there were more of them."""
        often, at = _floats(self.validations.get(name, ())), self._validated_at()
        if len(often) and len(often) == len(at):
            return _known(_Curve(name, at, often))
        values = _floats(self.values.get(name, ()))
        x = self.epochs if len(self.epochs) == len(values) else np.arange(1.0, len(values) + 1)
        return _known(_Curve(name, x, values))

    def batch_curve(self, name: str) -> _Curve | None:
        values = _floats(self.batches.get(name, ()))
        step = -(-len(values) // _MOST_POINTS) or 1
        means = _means(values, step)
        last = np.minimum(np.arange(1, len(means) + 1) * step, len(values))
        x = self.numbers[last - 1] + 1 if len(self.numbers) == len(values) else last.astype(float)
        # The mean covers 2 % of the batches, but at least 10 if there are enough.
        window = max(1, min(10, len(means) // 10), len(means) // 50)
        return _known(_Curve(name, x, means, window, step))

    def _validated_at(self) -> Array:
        """How many epochs were trained before each validation."""
        epoch, batch = (_floats(self.validations.get(name, ())) for name in ("epoch", "batch"))
        if len(epoch) != len(batch):
            return np.empty(0)
        trained = self.numbers[-1] + 1 if len(self.numbers) else len(self.batches.get("loss", ()))
        in_epoch = max(math.ceil(trained / max(1, len(self.epochs))), float(batch.max(initial=1)))
        return epoch + batch / in_epoch


def _floats(values: Any) -> Array:
    return np.asarray(values, dtype=np.float64)


def _known(curve: _Curve) -> _Curve | None:
    return curve if np.isfinite(curve.y).any() else None


def _means(values: Array, count: int) -> Array:
    """The means of consecutive ``count`` values; the last mean may cover fewer."""
    if count == 1 or len(values) == 0:
        return values
    starts = np.arange(0, len(values), count)
    means: Array = np.add.reduceat(values, starts) / np.diff([*starts, len(values)])
    return means


def _moving_mean(values: Array, window: int) -> Array:
    """The mean of up to ``window`` values around each value, without NaN."""
    known = np.isfinite(values)
    ones = np.ones(window)
    count = np.convolve(known, ones, "same")
    total = np.convolve(np.where(known, values, 0.0), ones, "same")
    return np.where(count > 0.5, total / np.maximum(count, 1), np.nan)


def _compare(ax: Axes, record: _Record, name: str) -> None:
    """Draw one value in training and in validation."""
    _style.dress(ax, f"{name.capitalize()} by epoch", record.epoch_label, name)
    curves = [record.curve(name), record.curve(f"val_{name}")]
    drawn = [curve for curve in curves if curve is not None]
    for curve in drawn:
        is_validation = curve.name.startswith("val_")
        label, marker = ("validation", "s") if is_validation else ("training", "o")
        style = "--" if is_validation else "-"
        _style.line(ax, curve.x, curve.y, _COLORS[curve.name], label, marker=marker, linestyle=style)
    if drawn:
        _whole_epochs(ax, *drawn)
        ax.legend()
    else:
        _style.say(ax, f"no {name} of epochs was recorded")


def _pair(ax: Axes, loss: _Curve | None, accuracy: _Curve | None, x: str) -> None:
    """Draw the loss on the left and the accuracy on the right, or one of them alone."""
    drawn = [curve for curve in (loss, accuracy) if curve is not None]
    _style.dress(ax, _pair_title(drawn, x), x, drawn[0].quantity if drawn else "")
    if not drawn:
        _style.say(ax, f"no {'batches were' if x == 'batch' else 'validation was'} recorded")
        return
    all_axes = [ax, ax.twinx()] if len(drawn) == 2 else [ax]
    for curve, own in zip(drawn, all_axes, strict=True):
        _draw(own, curve)
        own.yaxis.label.set_color(_COLORS[curve.name])
    if len(drawn) == 2:
        all_axes[1].set_ylabel("accuracy")
        all_axes[1].spines[["top", "left"]].set_visible(False)
        _keep_apart(all_axes, drawn)
    # Above the axes: inside, it would hide a curve, because one falls and one rises.
    handles = [handle for own in all_axes for handle in own.get_legend_handles_labels()[0]]
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.99), "ncols": 2, "fontsize": "small", "frameon": False}
    all_axes[-1].legend(handles=handles, **place)
    ax.set_title(ax.get_title(), fontsize="medium", pad=22)
    _whole_epochs(ax, *drawn)


def _pair_title(drawn: list[_Curve], x: str) -> str:
    what = " and ".join(curve.quantity for curve in drawn) or "loss and accuracy"
    if x != "batch":
        return f"Validation: {what}"
    pale = ""
    if drawn and drawn[0].window > 1:
        pale = " (pale: each batch)" if drawn[0].step == 1 else f" (pale: means of {drawn[0].step:,} batches)"
    return f"Batches: {what}{pale}"


def _keep_apart(all_axes: list[Axes], curves: list[_Curve]) -> None:
    """Two single points would coincide in the middle: put the loss below and the accuracy above."""
    known = [curve.y[np.isfinite(curve.y)] for curve in curves]
    if any(len(values) > 1 for values in known):
        return
    for ax, values, below, above in zip(all_axes, known, (1, 2), (2, 1), strict=True):
        value, room = float(values[0]), 0.1 * abs(float(values[0])) or 0.1
        ax.set_ylim(value - below * room, value + above * room)


def _draw(ax: Axes, curve: _Curve) -> None:
    color, name = _COLORS[curve.name], curve.quantity
    if curve.window > 1:
        ax.plot(curve.x, curve.y, color=color, linewidth=0.5, alpha=0.35)
        label = f"{name}, mean of {curve.window * curve.step:,} batches"
        ax.plot(curve.x, _moving_mean(curve.y, curve.window), color=color, linewidth=1.6, label=label)
    elif name == "accuracy":
        _style.line(ax, curve.x, curve.y, color, name, marker="s", linestyle="--")
    else:
        _style.line(ax, curve.x, curve.y, color, name)


def _whole_epochs(ax: Axes, *curves: _Curve) -> None:
    _style.whole_ticks(ax, min(curve.x.min() for curve in curves), max(curve.x.max() for curve in curves))


def learning_rate(curve: Any, ax: Axes | None = None) -> Axes:
    """The loss by learning rate in a range test, with the suggested rate.

    Losses far above the first ones are cut off.

    Parameters
    ----------
    curve : object
        It has the arrays ``rates``, ``losses`` and ``smoothed``, each of shape (steps,), and the float ``suggestion``
        (None or NaN if there is none).
    ax : Axes, optional
        Default: a new figure.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If ``curve`` lacks an array, the arrays differ in length, or a rate or the suggestion is not above 0.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import fastmlp as fm
    >>> curve = SimpleNamespace(rates=[1e-3, 1e-2, 0.1], losses=[2, 1, 4], smoothed=[2, 1.5, 2.7], suggestion=0.01)
    >>> fm.plots.learning_rate(curve).get_xscale()
    'log'
    """
    names = ("rates", "losses", "smoothed")
    missing = [name for name in (*names, "suggestion") if not hasattr(curve, name)]
    if missing:
        raise ArgumentTypeError(
            f"curve must have rates, losses, smoothed and suggestion, but {curve!r:.60} lacks {missing}"
        )
    rates, losses, smoothed = (_data.column(getattr(curve, name), f"curve.{name}") for name in names)
    _data.same_rows(rates=rates, losses=losses, smoothed=smoothed)
    if not (rates > 0).all():
        raise ArgumentError(f"curve.rates must be above 0, but the lowest is {rates.min():g}")
    suggestion = _suggested(curve.suggestion)
    ax = _style.subplot(ax)
    _style.dress(ax, "Learning rate range test", "learning rate (log scale)", "loss of a batch")
    if not np.isfinite(losses).any():
        _style.say(ax, "no loss is finite")
        return ax
    ax.set_xscale("log")
    _style.line(ax, rates, losses, _style.SKY, "loss", linewidth=0.8, markersize=2.5)
    ax.plot(rates, smoothed, color=_style.BLUE, linewidth=2, label="smoothed")
    _mark_suggestion(ax, suggestion, rates, smoothed)
    _cut_off(ax, losses, smoothed)
    ax.legend()
    return ax


def _suggested(rate: Any) -> float | None:
    is_none = rate is None or (isinstance(rate, (float, np.floating)) and math.isnan(rate))
    return None if is_none else check.real_number(rate, "curve.suggestion", above=0)


def _mark_suggestion(ax: Axes, suggestion: float | None, rates: Array, smoothed: Array) -> None:
    if suggestion is None:
        ax.plot([], [], " ", label="no suggestion")
        return
    order = np.argsort(rates)
    height = np.interp(math.log(suggestion), np.log(rates[order]), smoothed[order])
    ax.axvline(suggestion, color=_style.ORANGE, linewidth=1, linestyle="--")
    ax.plot(suggestion, height, "o", color=_style.ORANGE, markersize=8, label=f"suggestion: {suggestion:.2g}")


def _cut_off(ax: Axes, losses: Array, smoothed: Array) -> None:
    """Cut off the losses of a diverging end, which would flatten the rest of the curve."""
    known, every = smoothed[np.isfinite(smoothed)], losses[np.isfinite(losses)]
    if len(known) == 0 or len(every) == 0:
        return
    low, start = min(known.min(), every.min()), known[: max(1, len(known) // 10)].max()
    top = start + 0.5 * (start - low)
    if start > low and max(known.max(), every.max()) > top:
        ax.set_ylim(low - 0.05 * (top - low), top)


def gradient_norms(norms: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """The norm of each layer's gradient by step, on a log scale.

    The colours of layers go from violet or blue (the first) to yellow (the last). A log scale cannot show norms of 0;
    the legend counts them.

    Parameters
    ----------
    norms : dict of str to list of float
        For each layer's name, its norm in each step or epoch.
    ax : Axes, optional
        Default: a new figure.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If ``norms`` is not a dict, is empty, or holds other values than numbers of at least 0 and NaN.

    Examples
    --------
    >>> import fastmlp as fm
    >>> ax = fm.plots.gradient_norms({"layer 0": [1.0, 0.1], "layer 1": [2.0, 0.5]})
    >>> len(ax.lines)
    2
    """
    curves = _checked_norms(norms)
    ax = _style.subplot(ax)
    _style.dress(ax, "Gradient norms", "step", "norm of the gradient (log scale)")
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    # Violet on black and yellow on white would be invisible.
    first, last = (0.0, 0.88) if _style.ink_on(to_rgb(ax.get_facecolor())) == "black" else (0.3, 1.0)
    shades = colormaps["viridis"](np.linspace(first, last, len(curves)))
    for (name, values), shade in zip(curves.items(), shades, strict=True):
        _style.line(
            ax, np.arange(1, len(values) + 1), np.where(values > 0, values, np.nan), shade, _norm_label(name, values)
        )
    if any((values > 0).any() for values in curves.values()):
        ax.set_yscale("log")
        _style.whole_ticks(ax, 1, max(len(values) for values in curves.values()))
        _style.legend_beside(ax)
    else:
        _style.say(ax, "no norm is above 0")
    return ax


def _checked_norms(norms: Any) -> dict[str, Array]:
    if not isinstance(norms, Mapping) or not norms:
        raise ArgumentTypeError(f"norms must be a dict of layer names and lists of norms, not {norms!r:.60}")
    curves = {str(name): _data.column(values, f"norms[{name!r}]") for name, values in norms.items()}
    for name, values in curves.items():
        if (values < 0).any():
            raise ArgumentError(f"norms[{name!r}] must be at least 0, but holds {np.nanmin(values):g}")
    return curves


def _norm_label(name: str, values: Array) -> str:
    zeros = int((values == 0).sum())
    note = "" if zeros == 0 else " (all 0)" if zeros == len(values) else f" (0 in {zeros} of {len(values)} steps)"
    return _style.shorten(name) + note
