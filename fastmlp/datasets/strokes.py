"""The pen strokes of the built-in digits: the paths of a pen that writes 0 to 9. It imports NumPy alone.

A style is one way of writing one digit: a list of strokes. A stroke is a list of control points (x, y) in
a box one unit high, x to the right and y downwards, and the pen follows a Catmull-Rom curve through them.
A point given twice in a row makes a corner. Equal points of one style are ONE control and move together, so that
strokes that touch still touch when the controls are jittered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Stroke = list[Point]


def _polyline(*points: Point) -> Stroke:
    """Straight lines: make every point a corner."""
    return [point for point in points for _ in range(2)]


# fmt: off
_STROKES: dict[int, list[list[Stroke]]] = {
    0: [
        [[(.52, 0), (.28, .12), (.16, .5), (.26, .86), (.5, 1), (.74, .87), (.84, .5), (.73, .13),
          (.52, 0)]],
        [[(.62, .03), (.4, .16), (.28, .5), (.34, .88), (.5, 1), (.66, .85), (.72, .5), (.64, .14),
          (.45, .04)]],
        [[(.66, .1), (.44, 0), (.16, .3), (.14, .7), (.42, 1), (.78, .82), (.88, .45), (.72, .08),
          (.4, .1)]],
    ],
    1: [
        [_polyline((.5, 0), (.5, 1))],
        [_polyline((.3, .24), (.53, 0), (.5, 1))],
        [_polyline((.3, .22), (.52, 0), (.52, 1)),
         _polyline((.25, 1), (.78, 1))],
    ],
    2: [
        [[(.18, .24), (.34, .03), (.62, .02), (.78, .24), (.62, .55), (.16, 1), (.16, 1), (.86, .98),
          (.86, .98)]],
        [[(.16, .2), (.42, 0), (.74, .16), (.66, .48), (.34, .88), (.17, .96), (.16, .82), (.34, .8),
          (.58, .95), (.88, .92)]],
        [[(.2, .1), (.46, 0), (.76, .12), (.76, .12), (.2, .98), (.2, .98), (.82, 1), (.82, 1)]],
    ],
    3: [
        [[(.2, .12), (.46, 0), (.74, .14), (.7, .36), (.42, .47), (.42, .47), (.76, .58), (.8, .82),
          (.48, 1), (.18, .88)]],
        [[(.2, .02), (.2, .02), (.78, .02), (.78, .02), (.44, .4), (.44, .4), (.76, .52), (.8, .8),
          (.5, 1), (.18, .9)]],
        [[(.24, .16), (.46, 0), (.7, .12), (.66, .36), (.42, .48), (.36, .43), (.5, .44), (.74, .6),
          (.7, .88), (.42, 1), (.16, .84)]],
    ],
    4: [
        [_polyline((.28, .02), (.14, .56), (.86, .54)),
         _polyline((.7, .08), (.64, 1))],
        [_polyline((.64, 1), (.66, 0), (.12, .66), (.9, .66))],
        [[(.24, 0), (.16, .3), (.24, .52), (.5, .52), (.76, .4), (.76, .4)],
         _polyline((.8, .02), (.68, 1))],
    ],
    5: [
        [[(.8, .02), (.8, .02), (.28, .03), (.28, .03), (.22, .44), (.22, .44), (.52, .36), (.82, .58),
          (.7, .92), (.4, 1), (.14, .88)]],
        [[(.82, .04), (.46, .04), (.28, .24), (.44, .44), (.7, .6), (.66, .9), (.4, 1), (.14, .92)]],
        [[(.3, .08), (.3, .08), (.24, .46), (.24, .46), (.56, .4), (.8, .64), (.62, .96), (.16, .96)],
         _polyline((.32, .04), (.86, 0))],
    ],
    6: [
        [[(.72, .04), (.42, .18), (.2, .56), (.24, .88), (.5, 1), (.78, .84), (.72, .58), (.46, .52),
          (.22, .72)]],
        [[(.54, 0), (.34, .3), (.24, .66), (.34, .96), (.6, .96), (.72, .74), (.54, .6), (.28, .78)]],
        [[(.84, .1), (.54, .02), (.22, .32), (.16, .74), (.46, 1), (.8, .8), (.6, .52), (.24, .62)]],
    ],
    7: [
        [_polyline((.16, .06), (.82, .04), (.42, 1))],
        [_polyline((.16, .06), (.82, .04), (.42, 1)),
         _polyline((.34, .5), (.76, .48))],
        [[(.18, .2), (.2, .06), (.2, .06), (.8, .02), (.8, .02), (.58, .42), (.5, 1)]],
    ],
    8: [
        [[(.74, .12), (.48, 0), (.26, .18), (.42, .42), (.7, .62), (.74, .86), (.48, 1), (.24, .86),
          (.32, .62), (.62, .4), (.76, .18), (.66, .04)]],
        [[(.5, 0), (.27, .11), (.28, .35), (.5, .46), (.72, .35), (.73, .11), (.5, 0)],
         [(.5, .46), (.22, .58), (.2, .86), (.5, 1), (.8, .86), (.78, .58), (.5, .46)]],
        [[(.78, .04), (.4, .04), (.28, .26), (.56, .5), (.74, .76), (.52, 1), (.28, .82), (.48, .52),
          (.8, .06)]],
    ],
    9: [
        [[(.76, .16), (.5, 0), (.24, .14), (.24, .4), (.5, .5), (.76, .16), (.76, .16), (.7, 1),
          (.7, 1)]],
        [[(.78, .2), (.56, .02), (.26, .1), (.24, .38), (.5, .48), (.76, .24), (.8, .6), (.62, .96),
          (.26, .96)]],
        [[(.66, .06), (.36, .06), (.26, .3), (.46, .44), (.74, .16), (.74, .16), (.66, .52), (.4, 1),
          (.4, 1)]],
    ],
}
# fmt: on


@dataclass(frozen=True)
class Style:
    """One way of writing a digit, ready to draw: ``pen = basis @ controls`` is the path of the pen.

    controls: (n_controls, 2) float32, x and y; basis: (n_points, n_controls) float32, rows sum to 1.
    The points are evenly spaced along the path, so that the ink is even.
    """

    digit: int
    controls: NDArray[np.float32]
    basis: NDArray[np.float32]


def styles(spacing: float) -> list[Style]:
    """Every style of every digit, in order of the digits, with a pen point about every ``spacing`` units."""
    return [_style(digit, strokes, spacing) for digit, ways in _STROKES.items() for strokes in ways]


def _style(digit: int, strokes: list[Stroke], spacing: float) -> Style:
    controls = list(dict.fromkeys(point for stroke in strokes for point in stroke))
    places = np.array(controls, dtype=np.float64)
    rows = [_evenly_spaced(_dense_basis(stroke, controls), places, spacing) for stroke in strokes]
    return Style(digit, places.astype(np.float32), np.concatenate(rows).astype(np.float32))


def _dense_basis(stroke: Stroke, controls: list[Point], per_segment: int = 64) -> NDArray[np.float64]:
    """Catmull-Rom weights of the controls, ``per_segment`` rows for each pair of neighbouring points."""
    t = np.linspace(0.0, 1.0, per_segment)
    # The four weights of q(t) = sum_k w_k(t) p_(i-1+k), the cubic with slope (p_(i+1) - p_(i-1)) / 2 at p_i.
    weights = (
        0.5 * (-t + 2 * t**2 - t**3),
        0.5 * (2 - 5 * t**2 + 3 * t**3),
        0.5 * (t + 4 * t**2 - 3 * t**3),
        0.5 * (t**3 - t**2),
    )
    # A closed curve takes its outer neighbours from its other end, so that it has no corner where it closes.
    closed = stroke[0] == stroke[-1]
    before, after = (stroke[-2], stroke[1]) if closed else (stroke[0], stroke[-1])
    padded = [controls.index(point) for point in (before, *stroke, after)]
    basis = np.zeros((len(stroke) - 1, per_segment, len(controls)))
    for segment in range(len(stroke) - 1):
        for weight, control in zip(weights, padded[segment : segment + 4], strict=True):
            basis[segment, :, control] += weight
    return basis.reshape(-1, len(controls))


def _evenly_spaced(basis: NDArray[np.float64], places: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """The rows of ``basis`` whose pen points lie evenly along the curve, ends included."""
    steps = np.linalg.norm(np.diff(basis @ places, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    n_points = max(2, round(travelled[-1] / spacing) + 1)
    wanted = np.linspace(0.0, travelled[-1], n_points)
    nearest: NDArray[np.intp] = np.searchsorted(travelled, wanted).clip(0, len(travelled) - 1)
    return basis[nearest]
