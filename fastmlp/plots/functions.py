"""Shows a model as a function of its input: class regions in two dimensions, a curve in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._base import check, naming
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from . import _data, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 400  # of a curve
_MOST_SAMPLES = 5000  # as points


def decision_boundary(
    model: Any, x: Any, y: Any, ax: Axes | None = None, *, resolution: int = 200, margin: float = 0.1
) -> Axes:
    """The class that a model predicts at each point of a plane, with the samples on top.

    The colour shows the confidence: from nearly white, if all classes are equally probable, to full, if one is
    certain. At the lines, two classes are equally probable. Wrongly predicted samples have a black cross.

    Parameters
    ----------
    model : Sequential
        Or any object whose ``predict(x)`` returns (rows, classes), or (rows, 1) for two classes. Outputs that are not
        probabilities count as logits.
    x : array_like, shape (rows, 2)
    y : array_like, shape (rows,) or (rows, classes)
        Class numbers, labels of the model's classes, or one-hot rows.
    ax : Axes, optional
        Default: a new figure.
    resolution : int, default 200
        How many points to predict in each direction.
    margin : float, default 0.1
        The space around the samples, as a share of their range.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If ``x`` does not have two features, ``y`` does not hold classes, or an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(50, 2))
    >>> model = fm.mlp([8], classes=2, seed=0)
    >>> model.build(2)
    >>> ax = fm.plots.decision_boundary(model, x, x[:, 0] > 0, resolution=20)
    >>> ax.images[0].get_array().shape
    (20, 20, 3)
    """
    points = check.features(x, "x", np.dtype(np.float64))
    if points.shape[1] != 2:
        raise ArgumentError(f"x must have the shape (rows, 2), because a plane is drawn, not {points.shape}")
    labels = _data.class_numbers(_numbers_of(model, y), "y")
    _data.same_rows(x=points, y=labels)
    resolution = check.whole_number(resolution, "resolution", minimum=2)
    margin = check.real_number(margin, "margin", minimum=0)
    sides = [_widened(points[:, feature], margin, resolution) for feature in (0, 1)]
    places = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    field = _probabilities(model, _as_input(model, places, points)).reshape(resolution, resolution, -1)
    classes = field.shape[-1]
    if labels.max() >= classes:
        raise ArgumentError(f"y must hold classes below {classes}, as the model has them, not {labels.max()}")
    right = _probabilities(model, points).argmax(axis=1) == labels
    ax = _style.subplot(ax, (7.5, 5.5))
    title = f"Decision regions: {right.sum():,} of {len(right):,} samples correct" + _shown(len(right))
    _style.dress(ax, title, "feature 0", "feature 1", grid="")
    colors = _style.colors(classes)
    _fill(ax, sides, field, colors)
    rows = _data.some_rows(len(points), _MOST_SAMPLES)
    _scatter(ax, points[rows], labels[rows], right[rows], colors)
    _style.legend_beside(ax, markerscale=(30 / _style.point_size(len(rows))) ** 0.5)
    return ax


def _numbers_of(model: Any, y: Any) -> Any:
    """Replace labels that the model knows by class numbers."""
    known = getattr(model, "classes", None)
    are_labels = known is not None and (known.dtype.kind != "U" or naming.texts(y, "y") is not None)
    return naming.class_numbers(y, known, "y") if are_labels else y


def _shown(samples: int) -> str:
    return f" ({_MOST_SAMPLES:,} are shown)" if samples > _MOST_SAMPLES else ""


def _widened(values: Array, margin: float, count: int) -> Array:
    """Points over the range of the values, with a margin on both sides."""
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) if high > low else 0.5
    return np.linspace(low - room, high + room, count)


def _as_input(model: Any, places: Array, samples: Array) -> Array:
    """Points in the form of the model's samples: it scales pixels, but points are not whole numbers."""
    are_pixels = samples.dtype == np.uint8 and getattr(model, "input_kind", None) in (None, "pixels")
    return places * getattr(model, "uint8_scale", 1.0) if are_pixels else places


def _probabilities(model: Any, x: Array) -> Array:
    """The probabilities of each class, (rows, classes); a single output is the probability of class 1."""
    output = np.asarray(model.predict(x), dtype=np.float64).reshape(len(x), -1)
    in_range = bool(((output >= 0) & (output <= 1)).all())
    if output.shape[1] == 1:
        one = output if in_range else 0.5 * (1 + np.tanh(0.5 * output))
        return np.hstack([1 - one, one])
    if in_range and np.allclose(output.sum(axis=1), 1, atol=1e-3):
        return output
    powers = np.exp(output - output.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _fill(ax: Axes, sides: list[Array], field: Array, colors: list[Any]) -> None:
    """Draw classes as colours, blended with white by their confidence, and the lines between them."""
    from matplotlib.colors import to_rgb

    guess = 1 / field.shape[-1]
    sure = ((field.max(axis=-1) - guess) / (1 - guess)).clip(0, 1)[..., None]
    strength = 0.05 + 0.4 * sure
    color = np.array([to_rgb(c) for c in colors])[field.argmax(axis=-1)]
    # The centres of the outermost pixels lie on the edges.
    extent = [end for s in sides for end in (s[0] - (s[1] - s[0]) / 2, s[-1] + (s[1] - s[0]) / 2)]
    image = 1 - strength * (1 - color)
    ax.imshow(image, extent=extent, origin="lower", aspect="auto", interpolation="bilinear", zorder=0)
    for number in range(field.shape[-1]):
        lead = field[..., number] - np.delete(field, number, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            ax.contour(*sides, lead, levels=[0], colors="black", linewidths=0.7, alpha=0.6)
    ax.set_xlim(sides[0][0], sides[0][-1])
    ax.set_ylim(sides[1][0], sides[1][-1])


def _scatter(ax: Axes, points: Array, labels: Integers, right: Array, colors: list[Any]) -> None:
    size = _style.point_size(len(points))
    for number, color in enumerate(colors):
        own = points[labels == number]
        marker = _style.MARKERS[number % len(_style.MARKERS)]
        style = {"marker": marker, "edgecolors": "white", "linewidths": 0.3 if size > 12 else 0, "s": size}
        if len(own):
            ax.scatter(own[:, 0], own[:, 1], color=color, label=f"class {number}", **style)
    if not right.all():
        wrong = points[~right]
        style = {"marker": "x", "color": "black", "s": size, "linewidths": size / 30}
        ax.scatter(wrong[:, 0], wrong[:, 1], label="wrong", **style)


def regression(x: Any, y: Any, model: Any, ax: Axes | None = None) -> Axes:
    """Samples with one feature, and the curve that the model predicts over their range.

    Parameters
    ----------
    x, y : array_like, shape (rows,) or (rows, 1)
    model : Sequential
        Or any object whose ``predict(x)`` takes (rows, 1) and returns (rows,) or (rows, 1).
    ax : Axes, optional
        Default: a new figure.

    Returns
    -------
    Axes
        The axes; their title has the mean squared error of all samples.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If ``x`` or ``y`` has several columns or numbers that are not finite, or the model has several outputs.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> class Twice:
    ...     def predict(self, x):
    ...         return 2 * x
    >>> fm.plots.regression([0, 1, 2], [0, 2, 4.3], Twice()).get_title()
    'Regression: mean squared error 0.03'
    """
    given = check.array_of(x, "x")
    points = check.features(given.reshape(-1, 1) if given.ndim == 1 else x, "x", np.dtype(np.float64))
    if points.shape[1] != 1:
        raise ArgumentError(f"x must have the shape (rows,) or (rows, 1), because a curve is drawn, not {given.shape}")
    targets = _data.column(y, "y")
    _data.same_rows(x=points, y=targets)
    places = _widened(points[:, 0].astype(np.float64), 0.02, _POINTS)
    curve = _curve_of(model, _as_input(model, places[:, None], points))
    error = float(np.mean((_curve_of(model, points) - targets) ** 2))
    ax = _style.subplot(ax)
    _style.dress(ax, f"Regression: mean squared error {error:.3g}" + _shown(len(points)), "x", "y")
    rows = _data.some_rows(len(points), _MOST_SAMPLES)
    style = {"s": _style.point_size(len(rows)), "color": _style.SKY, "linewidths": 0, "alpha": 0.8}
    ax.scatter(points[rows, 0], targets[rows], label="samples", **style)
    ax.plot(places, curve, color=_style.ORANGE, linewidth=2, label="predicted")
    ax.legend()
    return ax


def _curve_of(model: Any, x: Array) -> Array:
    output = np.asarray(model.predict(x), dtype=np.float64)
    if output.size != len(x):
        raise ArgumentError(f"model must have one output, but it predicts the shape {output.shape} for {len(x)} rows")
    return output.reshape(-1)
