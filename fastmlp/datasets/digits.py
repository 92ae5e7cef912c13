"""Generates images that look like handwritten digits, from pen strokes. It imports NumPy alone.

Each image is made in these steps: pick a way of writing the digit, jitter the controls of its strokes, bend and slant
the path of the pen, lay ink along it, spread the ink to the width of the pen, and turn the ink into a shade of grey.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._base.errors import ArgumentError
from .strokes import Style, styles

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Split = tuple[tuple[Pixels, Labels], tuple[Pixels, Labels]]

SIDE = 28
# Images are drawn on a canvas with a margin, so that no pen point needs clipping and widening never wraps around.
_MARGIN = 4
_CANVAS = SIDE + 2 * _MARGIN
_HEIGHT = 18.0  # pixels, of an average digit
_FULL, _TRACE = 300, 30  # shades of grey: of ink at full pressure, and of ink that the paper swallows
_SPACING = 0.8  # pixels between pen points; bilinear ink then shows no gaps
_JITTERS = 14  # at least the number of controls of every style
_BLOCK = 128  # images drawn at once: their canvases (0.7 MB) stay in cache


def digits(n_train: int = 60_000, n_test: int = 10_000, seed: int = 0) -> Split:
    """Generate 28 x 28 grey images of handwritten-looking digits.

    Classes are balanced (counts differ by at most one) and shuffled. Training and test images come from separate
    random streams of the seed, so the number of one does not change the other.

    Parameters
    ----------
    n_train, n_test : int
        Number of images, 0 or more.
    seed : int
        0 or more. The same seed gives the same images.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x: uint8, shape (n, 784), C-contiguous, 0 is paper and 255 is ink; y: int64, shape (n,), 0 to 9.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = digits(n_train=100, n_test=20)
    >>> x.shape, x.dtype, y_test.shape
    ((100, 784), dtype('uint8'), (20,))
    """
    for name, value in (("n_train", n_train), ("n_test", n_test), ("seed", seed)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise ArgumentError(f"digits: {name} must be an integer of 0 or more, got {value!r}")
    return _part(int(n_train), int(seed), stream=0), _part(int(n_test), int(seed), stream=1)


def _part(n: int, seed: int, stream: int) -> tuple[Pixels, Labels]:
    bits = np.random.SFC64(np.random.SeedSequence([seed, stream]))
    rng = np.random.Generator(bits)
    y = rng.permutation(np.arange(n, dtype=np.int64) % 10)
    hands = _draw_hands(rng, n)
    # One random byte for each pixel, eight at a time.
    grain = bits.random_raw(n * SIDE * SIDE // 8).view(np.uint8).reshape(n, SIDE, SIDE)
    x = np.empty((n, SIDE, SIDE), dtype=np.uint8)
    for style, rows in _rows_by_style(y, hands.style):
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            x[block] = _images(style, hands.rows(block), grain[block])
    return x.reshape(n, SIDE * SIDE), y


class _Hands(NamedTuple):
    """The random numbers of each image; the first axis is the image."""

    style: Floats  # uniform in [0, 1): which way of writing the digit
    jitter: Floats  # (n, _JITTERS, 2): the move of each control
    matrix: Floats  # (n, 2, 2): scale, aspect, slant and rotation
    shift: Floats  # (n, 2): pixels
    bend: Floats  # (n, 2, 3): of x along y and of y along x: amplitude, frequency, phase
    spread: Floats  # share of its ink that a pixel gives to each neighbour
    pressure: Floats  # how dark the ink is

    def rows(self, rows: NDArray[np.intp]) -> "_Hands":
        return _Hands(*(field[rows] for field in self))


def _draw_hands(rng: "np.random.Generator", n: int) -> _Hands:
    """Draw all random numbers except the grain, so that blocks and their order do not matter."""

    def bell(*shape: int) -> Floats:
        """Nearly normal numbers with standard deviation 1, never beyond 3.5, so that no image is absurd."""
        centred: Floats = rng.random((n, *shape, 4), dtype=np.float32).sum(axis=-1) - np.float32(2)
        centred *= np.float32(3**0.5)
        return centred

    def uniform(low: float, high: float) -> Floats:
        share: Floats = rng.random(n, dtype=np.float32)
        share *= np.float32(high - low)
        share += np.float32(low)
        return share

    angle, slant = 0.13 * bell(), 0.12 + 0.21 * bell()
    height, width = _HEIGHT * (1 + 0.08 * bell()), _HEIGHT * (1 + 0.15 * bell())
    cos, sin = np.cos(angle), np.sin(angle)
    # Slant moves x by -slant * y (y points down: a positive slant leans to the right), then everything turns.
    matrix = np.stack(
        [
            np.stack([cos * width, (-cos * slant - sin) * height], axis=-1),
            np.stack([sin * width, (-sin * slant + cos) * height], axis=-1),
        ],
        axis=1,
    )
    bend = np.stack([0.8 * bell(2), 0.25 + 0.06 * bell(2), 3.0 * bell(2)], axis=-1)
    return _Hands(
        style=uniform(0, 1),
        jitter=0.047 * bell(_JITTERS, 2),
        matrix=matrix,
        shift=1.0 * bell(2),
        bend=bend,
        spread=uniform(0.03, 0.60),
        pressure=uniform(1.0, 2.0),
    )


def _rows_by_style(y: Labels, choice: Floats) -> list[tuple[Style, NDArray[np.intp]]]:
    """The rows of each style; the styles of a digit are equally likely."""
    every = styles(_SPACING / _HEIGHT)
    of_digit = [[style for style in every if style.digit == digit] for digit in range(10)]
    pairs = []
    for digit, ways in enumerate(of_digit):
        rows = np.flatnonzero(y == digit)
        chosen = (choice[rows] * len(ways)).astype(np.intp)
        pairs += [(way, rows[chosen == number]) for number, way in enumerate(ways)]
    return pairs


def _images(style: Style, hands: _Hands, grain: Pixels) -> Pixels:
    """Draw one block of images, (n, 28, 28)."""
    ink = _lay_ink(_pen_points(style, hands))
    _spread(ink, hands.spread)
    _spread(ink, hands.spread)
    # A wide pen lays its ink thinner: scale strokes of every width to about full black.
    ink *= (hands.pressure * (1 + 2 * hands.spread))[:, None]
    page = ink.reshape(-1, _CANVAS, _CANVAS)[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    # Ink below full black has grain, and a trace of ink is invisible on the paper.
    shade = page * (np.float32(_FULL) - np.float32(0.35) * grain.astype(np.float32))
    shade -= np.float32(_TRACE)
    pixels: Pixels = shade.clip(0, 255).astype(np.uint8)
    return pixels


def _pen_points(style: Style, hands: _Hands) -> Floats:
    """The path of the pen in canvas pixels: (2, n, n_points), x then y."""
    n_controls = len(style.controls)
    centre = np.array([0.5, 0.5], dtype=np.float32)
    controls = style.controls - centre + hands.jitter[:, :n_controls]
    moved = np.einsum("nij,ncj->inc", hands.matrix, controls)
    points = np.einsum("inc,pc->inp", moved, style.basis)
    x, y = points
    bend = hands.bend[:, :, :, None]
    bent_x = x + bend[:, 0, 0] * np.sin(bend[:, 0, 1] * y + bend[:, 0, 2])
    bent_y = y + bend[:, 1, 0] * np.sin(bend[:, 1, 1] * x + bend[:, 1, 2])
    middle = hands.shift.T[:, :, None] + np.float32(_CANVAS / 2 - 0.5)
    bent: Floats = np.stack([bent_x, bent_y]) + middle
    # Points outside of the page lie far enough in the margin not to spread back onto it.
    return bent.clip(0.5, _CANVAS - 2)


def _lay_ink(points: Floats) -> Floats:
    """Share each pen point's ink among the four pixels around it: (n, canvas * canvas)."""
    n = points.shape[1]
    corner = points.astype(np.int32)
    x, y = points - corner
    place = corner[1] * _CANVAS + corner[0] + np.arange(n, dtype=np.int32)[:, None] * (_CANVAS * _CANVAS)
    right, below = x * (1 - y), (1 - x) * y
    both = x * y
    shares = (1 - x - y + both, right, below, both)
    offsets = (0, 1, _CANVAS, _CANVAS + 1)
    places = np.concatenate([(place + offset).ravel() for offset in offsets])
    ink = np.bincount(places, np.concatenate([s.ravel() for s in shares]), minlength=n * _CANVAS * _CANVAS)
    return ink.astype(np.float32).reshape(n, _CANVAS * _CANVAS)


def _spread(ink: Floats, share: Floats) -> None:
    """Widen strokes in place: every pixel gives ``share`` of its ink to each neighbour, across and down."""
    keep = (1 / (1 + 2 * share))[:, None]
    give = share[:, None] * keep
    # A canvas is one flat row here, which is several times faster than rows of 36. Its left and right edges touch, but
    # they lie in the margin, which has no ink and is cut off.
    for step in (1, _CANVAS):
        neighbours = ink[:, : -2 * step] + ink[:, 2 * step :]
        neighbours *= give
        here = ink[:, step:-step]
        here *= keep
        here += neighbours
