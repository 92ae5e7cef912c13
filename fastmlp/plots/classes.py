"""Shows confused classes: the confusion matrix, and the errors of each class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from . import _data, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMALLEST = 5.0  # points, of readable letters
_LETTER = 0.62  # width of a letter, in its size


def confusion_matrix(matrix: Any, names: Any = None, *, normalize: bool = False, ax: Axes | None = None) -> Axes:
    """How many samples of each class (rows) were predicted as each class (columns).

    Correct predictions are blue, errors orange. Each has its own scale, so that few errors are visible beside many
    correct ones.

    Parameters
    ----------
    matrix : array_like, shape (classes, classes), or tuple (targets, predictions)
        Counts, with a row for each true class; or a pair of class numbers or labels, (rows,), or of rows with one
        score for each class, (rows, classes). A tuple is always such a pair.
    names : list of str, optional
        Names of the classes; for labels, all labels in their order. Default: their numbers, or the labels that occur,
        sorted.
    normalize : bool, default False
        Show percentages of each true class instead of counts.
    ax : Axes, optional
        Default: a new figure.

    Returns
    -------
    Axes
        The axes, with two images: the diagonal, and all other cells.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the matrix is not square or has negative numbers, labels are not class numbers, or names are missing.

    Examples
    --------
    >>> import fastmlp as fm
    >>> ax = fm.plots.confusion_matrix(([0, 0, 1, 1], [0, 1, 1, 1]), names=["cat", "dog"])
    >>> print(ax.get_title())
    Confusion matrix
    3 of 4 correct (75.00 %)
    """
    check.yes_or_no(normalize, "normalize")
    names = None if names is None else check.items(names, "names", "texts")
    counts, names = _counts(matrix, names)
    labels = _data.class_names(names, len(counts))[: len(counts)]
    side = float(np.clip(0.6 * len(counts) + 2, 4, 14))
    ax = _style.subplot(ax, (side, side))
    shown = _percentages(counts) if normalize else counts
    unit = " (in % of the true class)" if normalize else ""
    _style.dress(ax, _title(counts), f"predicted class{unit}", "true class", grid="")
    ax.spines[:].set_visible(False)
    images = _color_cells(ax, shown)
    cell = 72 * min(_style.inches(ax)) / len(counts)  # points
    _label_classes(ax, labels, cell)
    texts = [_percent_text(value) if normalize else _count_text(value) for value in shown.flat]
    size = min(10.0, cell / (_LETTER * max(map(len, texts)) + 0.6))
    if size >= _SMALLEST:
        _write_numbers(ax, images, texts, size)
    else:
        _color_bar(ax, images[1], f"errors{unit}")
    return ax


def _counts(matrix: Any, names: Any) -> tuple[Array, Any]:
    """Counts, and names for the classes."""
    if isinstance(matrix, tuple) and len(matrix) == 2:
        true, predicted, names = _data.target_pairs(*matrix, names)
        classes = max(int(true.max()), int(predicted.max())) + 1
        return _count_pairs(true, predicted, max(classes, len(names or ()))), names
    given = check.array_of(matrix, "matrix")
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise ArgumentError(
            f"matrix must have the shape (classes, classes), not {given.shape}; "
            "labels are given as a tuple: confusion_matrix((targets, predictions))"
        )
    counts = _data.numbers(given, "matrix")
    if not (counts >= 0).all():
        raise ArgumentError("matrix must hold counts of at least 0, but has negative numbers or NaN")
    return counts, names


def _count_pairs(true: Integers, predicted: Integers, classes: int) -> Array:
    counts: Array = np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return counts


def _percentages(counts: Array) -> Array:
    """The percentages of each row; NaN for a class without samples."""
    totals = counts.sum(axis=1, keepdims=True, dtype=np.float64)
    return np.where(totals > 0, 100 * counts / np.where(totals > 0, totals, 1), np.nan)


def _title(counts: Array) -> str:
    correct, total = np.trace(counts), counts.sum()
    share = f" ({_style.percent(correct / total)})" if total else ""
    return f"Confusion matrix\n{correct:,.10g} of {total:,.10g} correct{share}"


def _percent_text(value: float) -> str:
    """A percentage with one decimal; never 0.0 for a number above 0, nor 100.0 for one below 100."""
    if value in (0, 100) or np.isnan(value):
        return "" if np.isnan(value) else f"{value:.0f}"
    return "<0.1" if value < 0.05 else ">99.9" if value >= 99.95 else f"{value:.1f}"


def _count_text(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"


def _color_cells(ax: Axes, shown: Array) -> list[Any]:
    """Draw an image of the diagonal and one of the errors; cells with 0 stay white."""
    diagonal = np.eye(len(shown), dtype=bool)
    empty = ~(shown > 0)
    correct, errors = (np.ma.masked_where(hidden | empty, shown) for hidden in (~diagonal, diagonal))
    # Their own scale makes few errors visible, but one in a thousand must not look like a disaster.
    most_errors = max(errors.max() if errors.count() else 0, 0.02 * float(np.nan_to_num(shown).sum(axis=1).max())) or 1
    most_correct = correct.max() if correct.count() else 1
    ax.set_facecolor("white")
    return [
        ax.imshow(correct, cmap="Blues", vmin=0, vmax=1.25 * most_correct),
        ax.imshow(errors, cmap="Oranges", vmin=0, vmax=1.25 * most_errors),
    ]


def _label_classes(ax: Axes, labels: list[str], cell: float) -> None:
    """Write names along both sides, upright or slanted if they would overlap; as many as are readable."""
    size = max(_SMALLEST, min(10.0, 0.9 * cell))
    places = range(0, len(labels), math.ceil(1.3 * size / cell))
    names = [labels[place] for place in places]
    fits = _LETTER * size * max(map(len, names)) < cell
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(places, names, fontsize=size, **({} if fits else slanted))
    ax.set_yticks(places, names, fontsize=size)
    ax.tick_params(length=0)


def _color_bar(ax: Axes, image: Any, label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.get_figure().colorbar(image, ax=ax, label=label, shrink=0.6, ticks=MaxNLocator(integer=True))


def _write_numbers(ax: Axes, images: list[Any], texts: list[str], size: float) -> None:
    classes = images[0].get_array().shape[0]
    for place, text in enumerate(texts):
        row, column = divmod(place, classes)
        image = images[row != column]
        value = image.get_array()[row, column]
        is_empty = np.ma.is_masked(value)
        color = _style.GREY if is_empty else _style.ink_on(image.cmap(image.norm(value)))
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=color)


def class_errors(targets: Any, predictions: Any, names: Any = None, ax: Axes | None = None) -> Axes:
    """The error rate of each class, with counts and the class it is most often mistaken for.

    The dashed line is the error rate of all samples. The title names the most frequent confusion.

    Parameters
    ----------
    targets, predictions : array_like, shape (rows,) or (rows, classes)
        Class numbers, labels as `Sequential.predict_classes` returns them, or rows with one score for each class.
    names : list of str, optional
        Names of the classes; for labels, all labels in their order. Default: their numbers, or the labels that occur,
        sorted.
    ax : Axes, optional
        Default: a new figure.

    Returns
    -------
    Axes
        The axes, with a bar for each class, the first on top.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If labels are not class numbers or differ in length, or names are missing.

    Examples
    --------
    >>> import fastmlp as fm
    >>> ax = fm.plots.class_errors([0, 0, 1, 1], [0, 1, 1, 1], names=["cat", "dog"])
    >>> print(ax.get_title())
    1 of 4 wrong (25.00 %)
    most frequent confusion: cat taken for dog (1 time)
    """
    names = None if names is None else check.items(names, "names", "texts")
    true, predicted, names = _data.target_pairs(targets, predictions, names)
    classes = max(int(true.max()), int(predicted.max())) + 1
    labels = _data.class_names(names, classes)
    counts = _count_pairs(true, predicted, len(labels))
    errors = counts * ~np.eye(len(counts), dtype=bool)
    totals, wrong = counts.sum(axis=1), errors.sum(axis=1)
    rates = np.where(totals > 0, wrong / np.maximum(totals, 1), np.nan)
    ax = _style.subplot(ax, (8, float(np.clip(0.3 * len(counts) + 1.6, 3, 18))))
    title = _errors_title(errors, len(true), labels)
    _style.dress(ax, title, "error rate of the class (dashed: of all samples)", "true class", grid="x")
    ax.barh(range(len(rates)), np.nan_to_num(rates), color=_style.ORANGE, height=0.75)
    ax.axvline(wrong.sum() / len(true), color=_style.GREY, linestyle="--", linewidth=1.2)
    width, height = (72 * side for side in _style.inches(ax))  # points
    row = height / len(rates)
    size = max(_SMALLEST, min(9.0, 0.8 * row))
    texts = [_errors_of_class(*pair, labels) for pair in zip(errors, totals, strict=True)]
    _rate_axis(ax, rates, min(0.6, (_LETTER * size * max(map(len, texts)) + 10) / width))
    places = range(0, len(labels), math.ceil(size / row))
    ax.set_yticks(places, [labels[place] for place in places], fontsize=size)
    ax.set_ylim(len(rates) - 0.4, -0.6)
    for place in places:
        ends = (float(np.nan_to_num(rates[place])), place)
        box = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.8}  # hides the dashed line
        ax.annotate(texts[place], ends, (4, 0), textcoords="offset points", va="center", fontsize=size, bbox=box)
    return ax


def _rate_axis(ax: Axes, rates: Array, room: float) -> None:
    """Draw the axis from 0 in percent; ``room`` is the share of the axes for the text beside the longest bar."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    highest = float(np.nanmax(rates)) or 0.1
    ticks = MaxNLocator(6).tick_values(0, min(1.0, 1.2 * highest))
    ax.set_xlim(0, highest / (1 - room))
    ax.set_xticks([tick for tick in ticks if tick <= 1])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def _errors_title(errors: Array, rows: int, labels: list[str]) -> str:
    wrong = int(errors.sum())
    if wrong == 0:
        return f"none of {rows:,} wrong"
    true, predicted = divmod(int(errors.argmax()), len(errors))
    times = int(errors.max())
    said = f"{labels[true]} taken for {labels[predicted]} ({times:,} time{'s' if times > 1 else ''})"
    return f"{wrong:,} of {rows:,} wrong ({_style.percent(wrong / rows)})\nmost frequent confusion: {said}"


def _errors_of_class(errors: Array, total: int, labels: list[str]) -> str:
    wrong = int(errors.sum())
    if total == 0:
        return "no samples"
    mostly = f", mostly as {labels[int(errors.argmax())]}" if wrong > 1 else f", as {labels[int(errors.argmax())]}"
    return f"{wrong:,} of {total:,}" + (mostly if wrong else "")
