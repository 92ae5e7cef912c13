"""Samples and weights as images."""

import math
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from . import _data, _style


def samples(
    x: Any,
    labels: Any,
    predictions: Any,
    names: Any = None,
    *,
    count: int = 25,
    image_shape: Any = None,
    seed: int = 0,
    only_wrong: bool = False,
    axes: Any = None,
) -> Array:
    """Images with their predicted class, and their true class in brackets: green with ✓, or red with ✗.

    Parameters
    ----------
    x : array_like, shape (rows, features), (rows, height, width) or (rows, height, width, 3)
        0 is drawn white, except in images with colours.
    labels, predictions : array_like, shape (rows,) or (rows, classes)
        True and predicted class numbers or labels, or rows with one score for each class.
    names : list of str, optional
        Names of the classes; for labels, all labels in their order. Default: their numbers, or the labels that occur,
        sorted.
    count : int, default 25
        The maximum number of images; with ``axes``, one for each.
    image_shape : tuple of int, optional
        Height and width, and 3 for images with colours. Default: the shape of ``x``, or a square.
    seed : int, default 0
        Chooses the samples to show; they keep their order.
    only_wrong : bool, default False
        Show only samples that are predicted wrongly.
    axes : array of Axes, optional
        Default: a new figure.

    Returns
    -------
    ndarray of Axes, shape (lines, columns) or that of ``axes``

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the numbers of rows differ, rows do not make images, or labels are not class numbers.

    Examples
    --------
    >>> import fastmlp as fm
    >>> (x, y), _ = fm.datasets.digits(4, 0)
    >>> axes = fm.plots.samples(x, y, y)
    >>> axes.shape, axes[0, 0].get_title()
    ((2, 2), '✓ 3 (3)')
    """
    rows = _rows(x)
    names = None if names is None else check.items(names, "names", "texts")
    true, predicted, names = _data.target_pairs(labels, predictions, names, ("labels", "predictions"))
    _data.same_rows(x=rows, labels=true, predictions=predicted)
    classes = int(max(true.max(), predicted.max())) + 1
    named = _data.class_names(names, classes, longest=16)
    images = _data.as_images(rows, image_shape, "x")
    candidates = (
        np.flatnonzero(true != predicted) if check.yes_or_no(only_wrong, "only_wrong") else np.arange(len(rows))
    )
    wanted = check.whole_number(count, "count", minimum=1) if axes is None else _style.given_axes(axes).size
    chosen = _choose(candidates, wanted, check.whole_number(seed, "seed", minimum=0))
    made = _image_subplots(axes, len(chosen), images.shape[1:], 0.4)
    limits = _limits(images[chosen])
    for ax, row in zip(made.flat, chosen, strict=False):
        correct = bool(predicted[row] == true[row])  # two names may be equal
        _show_sample(ax, images[row], limits, named[predicted[row]], named[true[row]], correct)
    if len(chosen) == 0:
        _style.say(made.flat[0], f"none of {len(rows):,} predictions is wrong")
    elif axes is None:
        what = f"{len(candidates):,} wrong predictions" if only_wrong else f"{len(rows):,} samples"
        of = f", of {len(rows):,}" if only_wrong else ""
        made.flat[0].get_figure().suptitle(f"{len(chosen)} of {what}{of}: predicted (true)", fontsize="medium")
    return made


def _rows(x: Any) -> Array:
    rows = _data.numbers(x, "x")
    if rows.ndim < 2:
        raise ArgumentError(f"x must have 2 dimensions (rows, features) or more, not the shape {rows.shape}")
    return rows


def _choose(candidates: Integers, count: int, seed: int) -> Integers:
    if len(candidates) <= count:
        return candidates
    chosen: Integers = np.sort(np.random.default_rng(seed).choice(candidates, count, replace=False))
    return chosen


def _image_subplots(axes: Any, count: int, shape: tuple[int, ...], title: float) -> Array:
    """Make rows of empty axes without ticks, for titles of this height; axes without an image are invisible."""
    columns = max(1, math.ceil(math.sqrt(count)))
    lines = max(1, math.ceil(count / columns))
    height = min(4.0, max(0.4, 1.3 * shape[0] / shape[1]))
    size = (max(3.5, 1.4 * columns), max(2.0, (height + title) * lines + 0.4))
    made = _style.given_axes(axes) if axes is not None else _style.subplots(None, (lines, columns), size)
    for place, ax in enumerate(made.flat):
        ax.set_xticks([])
        ax.set_yticks([])
        if place >= count:
            ax.set_axis_off()
    return made


def _limits(images: Array) -> tuple[float, float]:
    """The lowest and the highest number of all images to show."""
    known = images[np.isfinite(images)].astype(np.float64)
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _show_sample(ax: Any, image: Array, limits: tuple[float, float], predicted: str, true: str, correct: bool) -> None:
    low, high = limits
    if image.ndim == 3 and image.dtype != np.uint8 and (low < 0 or high > 1):
        image = (image - low) / (high - low)
    ax.imshow(image.astype(float) if image.ndim == 2 else image, cmap="Greys", vmin=low, vmax=high)
    mark, color = ("✓", _style.GREEN) if correct else ("✗", _style.RED)
    between = "\n" if len(predicted) + len(true) > 11 else " "
    text = f"{mark} {predicted}{between}({true})"
    ax.set_title(text, color=color, fontsize="small", fontfamily=_style.symbols())
    ax.spines[:].set_color(color)
    ax.spines[:].set_linewidth(1.5)


def weights(model: Any, layer: int = 0, *, count: int = 25, image_shape: Any = None, axes: Any = None) -> Array:
    """The weights that lead to each unit of a layer, as images: blue is negative, red positive, white 0.

    All images have the same scale, symmetric around 0.

    Parameters
    ----------
    model : Sequential
        A built model, or any object with ``layers`` that have a ``kernel`` of shape (fan_in, units).
    layer : int, default 0
        Number of the layer.
    count : int, default 25
        The maximum number of units, from the first on; with ``axes``, one for each.
    image_shape : tuple of int, optional
        Height and width. Default: a square.
    axes : array of Axes, optional
        Default: a new figure, with a colour bar.

    Returns
    -------
    ndarray of Axes, shape (lines, columns) or that of ``axes``

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there is no such layer, it has no weights, or its inputs do not make an image.
    NotBuiltError
        If the model has no parameters yet.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.mlp([6], classes=3, seed=0)
    >>> model.build(16)
    >>> fm.plots.weights(model).shape
    (2, 3)
    """
    kernel = _kernel(model, layer)
    images = _data.as_images(kernel.T, image_shape, f"the kernel of layer {layer}, transposed,")
    if images.ndim != 3:
        raise ArgumentError(f"image_shape must be (height, width), not {image_shape!r:.60}")
    wanted = check.whole_number(count, "count", minimum=1) if axes is None else _style.given_axes(axes).size
    images = images[:wanted]
    most = float(np.abs(images).max()) or 1.0
    made = _image_subplots(axes, len(images), images.shape[1:], 0.25)
    for unit, (ax, image) in enumerate(zip(made.flat, images, strict=False)):
        shown = ax.imshow(image, cmap="RdBu_r", vmin=-most, vmax=most)
        ax.set_title(f"unit {unit}", fontsize="small")
    if axes is None:
        figure = made.flat[0].get_figure()
        figure.colorbar(shown, ax=made, label="weight", shrink=0.8)
        figure.suptitle(f"Kernel of layer {layer}: {len(images)} of {kernel.shape[1]} units", fontsize="medium")
    return made


def _kernel(model: Any, layer: int) -> Array:
    layers = model.layers
    layer = check.whole_number(layer, "layer", minimum=0)
    if layer >= len(layers):
        raise ArgumentError(f"layer must be less than {len(layers)}, the number of layers, not {layer}")
    try:
        kernel: Array = np.asarray(layers[layer].kernel)
    except AttributeError:
        raise ArgumentError(f"layer {layer} has no kernel to show: choose another") from None
    return kernel
