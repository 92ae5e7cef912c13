"""Small line charts as SVG, for notebooks: written by hand, so that they need no library.

Text and axes have the colour of the page's text, and lines are of middle tones: both suit light and dark pages.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from . import text_table
from .notebook import escaped

_WIDTH, _HEIGHT = 300, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 10, 24, 22  # around the axes
_COLORS = ("#3b82c4", "#d9822b", "#2f9e6e", "#b0559f")
_MOST_POINTS = 200


class Curve(NamedTuple):
    """A line with a name; values that are not finite are gaps."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def chart(title: str, curves: Sequence[Curve], x_name: str) -> str:
    """One chart; ``""`` if no curve has a finite value."""
    thinner = [_thinned(curve) for curve in curves]
    points = [point for curve in thinner for point in zip(curve.x, curve.y, strict=True) if math.isfinite(point[1])]
    if not points:
        return ""
    x_range, y_range = _range(x for x, _ in points), _range(y for _, y in points)
    parts = [_text(_LEFT, 15, title, weight="bold"), *_axes(x_range, y_range, x_name)]
    at = _LEFT + 8 * len(title) + 12
    for curve, color in zip(thinner, _COLORS * len(thinner), strict=False):
        parts += [_line(curve, x_range, y_range, color), _text(at, 15, curve.name, color=color)]
        at += 7 * len(curve.name) + 14
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escaped(title)}" '
        f'font-family="sans-serif" font-size="11" style="display: inline-block; color: inherit">{"".join(parts)}</svg>'
    )


def _thinned(curve: Curve) -> Curve:
    """At most `_MOST_POINTS` points, the last one among them."""
    step = -(-len(curve.y) // _MOST_POINTS) or 1
    places = range((len(curve.y) - 1) % step, len(curve.y), step)
    return Curve(curve.name, [curve.x[place] for place in places], [curve.y[place] for place in places])


def _range(values: Iterable[float]) -> tuple[float, float]:
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    if low == high:
        margin = abs(low) / 2 or 0.5
        return low - margin, high + margin
    return low, high


def _place(value: float, ends: tuple[float, float], first: float, last: float) -> float:
    low, high = (end / 2 for end in ends)  # halves: the difference of the largest numbers is not finite
    return first + (value / 2 - low) / (high - low) * (last - first)


def _line(curve: Curve, x_range: tuple[float, float], y_range: tuple[float, float], color: str) -> str:
    """One path; a single point between gaps is a dot, as the line has round ends."""
    path, pen = [], "M"
    for x, y in zip(curve.x, curve.y, strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        across = _place(x, x_range, _LEFT, _WIDTH - _RIGHT)
        up = _place(y, y_range, _HEIGHT - _BOTTOM, _TOP)
        path.append(f"{pen}{across:.1f} {up:.1f}" + ("h0" if pen == "M" else ""))
        pen = "L"
    return f'<path d="{"".join(path)}" fill="none" stroke="{color}" stroke-width="2" stroke-linecap="round"/>'


def _axes(x_range: tuple[float, float], y_range: tuple[float, float], x_name: str) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    frame = f"M{_LEFT} {_TOP}V{bottom}H{right}"
    return [
        f'<path d="{frame}" fill="none" stroke="currentColor" stroke-opacity="0.4"/>',
        _text(_LEFT - 6, _TOP + 8, _number(y_range[1]), anchor="end"),
        _text(_LEFT - 6, bottom, _number(y_range[0]), anchor="end"),
        _text(_LEFT, _HEIGHT - 7, _end(x_range[0])),
        _text((_LEFT + right) / 2, _HEIGHT - 7, x_name, anchor="middle"),
        _text(right, _HEIGHT - 7, _end(x_range[1]), anchor="end"),
    ]


def _end(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}"


def _number(value: float) -> str:
    return text_table.number(value) if abs(value) < 1e4 else f"{value:.3g}"


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", color: str = "") -> str:
    fill = color or "currentColor"
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">{escaped(text)}</text>'
    )
