"""The parts that all plots share: loading matplotlib, axes, colours, labels.

The functions set the style of each axes. They read matplotlib's settings (``rcParams``) but never change them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.errors import ArgumentError, ArgumentTypeError, MissingExtraError
from .._base.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# After Okabe and Ito: people with colour blindness can distinguish these.
BLUE, ORANGE, GREEN, PINK, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#B5548A", "#56B4E9", "#E69F00"
RED, GREY, PALE = "#C00000", "#8C8C8C", "#B9C6D3"
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, YELLOW)
MARKERS = "os^DvP"

_MOST_MARKED = 40  # points of a line, each with a marker
_MOST_INSIDE, _MOST_IN_LEGEND = 5, 18  # lines of a legend


def pyplot() -> Any:
    """matplotlib.pyplot."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError(
            f'plots need matplotlib, which the extra "plot" brings: pip install "fastmlp[plot]" ({error})'
        ) from error
    return plt


def subplot(ax: Axes | None, size: tuple[float, float] = (7, 4.5)) -> Axes:
    """The given axes, or those of a new figure of this size in inches."""
    plt = pyplot()
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, plt.Axes):
        raise ArgumentTypeError(f"ax must be a matplotlib Axes, such as plt.subplots()[1], not {ax!r:.60}")
    return ax


def subplots(axes: Any, shape: tuple[int, int], size: tuple[float, float]) -> Array:
    """The given axes as an array, or those of a new figure, as many as ``shape`` has."""
    plt = pyplot()
    if axes is None:
        made: Array = plt.subplots(*shape, figsize=size, layout="constrained", squeeze=False)[1]
        return made
    given = given_axes(axes)
    if given.size != shape[0] * shape[1]:
        raise ArgumentError(f"axes must be {shape[0] * shape[1]} matplotlib Axes, not {given.size}")
    return given


def given_axes(axes: Any) -> Array:
    """An array of at least one Axes."""
    plt = pyplot()
    array = np.atleast_1d(np.asarray(axes, dtype=object))
    wrong = [item for item in array.flat if not isinstance(item, plt.Axes)]
    if wrong or array.size == 0:
        came = f"{wrong[0]!r:.60}" if wrong else "none"
        raise ArgumentTypeError(f"axes must be matplotlib Axes, such as plt.subplots(2, 2)[1], not {came}")
    return array


def dress(ax: Axes, title: str, x: str, y: str, *, grid: str = "both") -> None:
    """Title, labels and a quiet frame; ``grid`` names the axes with grid lines: "both", "x", "y" or ""."""
    ax.set_title(title, fontsize="medium")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(True, axis=grid, color=GREY, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def say(ax: Axes, text: str) -> None:
    """Write into empty axes why they are empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY, wrap=True)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel("")
    ax.set_ylabel("")
    ax.grid(False)


def line(ax: Axes, x: Any, y: Any, color: Any, label: str, *, marker: str = "o", **options: Any) -> None:
    """Draw a line. Few points have markers, and so does a point between two NaN, which would be invisible."""
    y = np.asarray(y, dtype=float)
    known = np.concatenate([[False], np.isfinite(y), [False]])
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    marked = np.flatnonzero(alone | (len(y) <= _MOST_MARKED)).tolist()
    style = {"linewidth": 1.6, "markersize": 4, "marker": marker if marked else "", **options}
    ax.plot(x, y, color=color, label=label, markevery=marked or None, **style)


def whole_ticks(ax: Axes, first: float, last: float) -> None:
    """Set ticks at whole numbers only; a single number is centred."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(10 if last < 10_000 else 5, integer=True, min_n_ticks=1))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if first == last:
        ax.set_xlim(first - 0.5, first + 0.5)


def legend_beside(ax: Axes, **options: Any) -> None:
    """Put a legend of few lines inside the axes; otherwise put one with some of the lines to the right."""
    handles, labels = ax.get_legend_handles_labels()
    if len(labels) <= _MOST_INSIDE:
        ax.legend(**options)
        return
    shown = np.linspace(0, len(labels) - 1, min(len(labels), _MOST_IN_LEGEND)).round().astype(int)
    ax.legend(
        [handles[place] for place in shown],
        [labels[place] for place in shown],
        title=None if len(shown) == len(labels) else f"{len(shown)} of {len(labels)}",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        fontsize="small",
        frameon=False,
        **options,
    )


def shorten(name: Any, longest: int = 24, *, end: int = 0) -> str:
    """A name that fits beside a plot: a long name keeps its beginning and ``end`` letters of its end."""
    text = " ".join(str(name).split())
    if len(text) > longest:
        text = text[: longest - 1 - end].rstrip() + "…" + text[len(text) - end :].lstrip()
    return text.replace("$", r"\$")  # a dollar sign would begin a formula


def colors(count: int) -> list[Any]:
    """A colour for each of some classes or runs."""
    from matplotlib import colormaps

    if count <= len(CYCLE):
        return list(CYCLE[:count])
    if count <= 10:
        return [colormaps["tab10"](place) for place in range(count)]
    return [colormaps["turbo"](place) for place in np.linspace(0.05, 0.95, count)]


def ink_on(color: Sequence[float]) -> str:
    """Black or white, whichever is readable on this colour (red, green, blue)."""
    return "black" if float(np.dot(color[:3], (0.299, 0.587, 0.114))) > 0.55 else "white"


def percent(share: float) -> str:
    """A share with two decimals; a share below 1 is never shown as 100 %."""
    shown = f"{100 * share:.2f} %"
    return "over 99.99 %" if share < 1 and shown == "100.00 %" else shown


def point_size(count: int) -> float:
    """The area of a point in a scatter plot with this many points."""
    return float(np.clip(15_000 / count, 9, 30))


def inches(ax: Axes) -> tuple[float, float]:
    """The approximate width and height of the axes, which the layout of the figure may change later."""
    dpi = ax.figure.dpi  # subfigures have it too
    return ax.bbox.width / dpi, ax.bbox.height / dpi


def symbols() -> list[str]:
    """Font families with ✓ and ✗: those in use, then the one of matplotlib."""
    from matplotlib import rcParams

    return [*rcParams["font.family"], "DejaVu Sans"]
