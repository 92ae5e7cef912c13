"""Small data sets for first experiments: they take a moment to make, and can be drawn.

Points are shuffled, so that consecutive rows hold all classes. The same seed gives the same points.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._base import check

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def spiral(samples: int = 100, classes: int = 3, seed: int = 0, noise: float = 0.2) -> tuple[Floats, Labels]:
    """Intertwined spiral arms, one for each class, which no line separates.

    Along an arm the radius grows from 0 to 1 while the angle turns by 10 rad; the arms begin 10 rad apart.

    Parameters
    ----------
    samples : int, default 100
        Points in each class.
    classes : int, default 3
        At least 2.
    seed : int, default 0
    noise : float, default 0.2
        The spread of the points across the arm: 2.5 times this is the standard deviation of their angle, in rad.

    Returns
    -------
    x : ndarray of float32, shape (samples · classes, 2)
    y : ndarray of int64, shape (samples · classes,)

    Examples
    --------
    >>> x, y = spiral(samples=50, classes=3)
    >>> x.shape, x.dtype, np.bincount(y).tolist()
    ((150, 2), dtype('float32'), [50, 50, 50])
    """
    noise = check.real_number(noise, "noise", minimum=0)

    def arm(generator: np.random.Generator, label: int, count: int) -> NDArray[np.float64]:
        radius = np.linspace(0, 1, count)
        angle = 2.5 * (np.linspace(4 * label, 4 * (label + 1), count) + noise * generator.standard_normal(count))
        return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])

    return _classes(arm, samples, classes, seed)


def vertical(samples: int = 100, classes: int = 3, seed: int = 0, noise: float = 0.1) -> tuple[Floats, Labels]:
    """Clouds of points side by side, one for each class. Vertical lines separate them, except for their edges.

    Parameters
    ----------
    samples : int, default 100
        Points in each class.
    classes : int, default 3
        At least 2. The centre of class k is at (k / classes, 1/2).
    seed : int, default 0
    noise : float, default 0.1
        Standard deviation of both coordinates.

    Returns
    -------
    x : ndarray of float32, shape (samples · classes, 2)
    y : ndarray of int64, shape (samples · classes,)

    Examples
    --------
    >>> x, y = vertical(noise=0)
    >>> np.unique(x[y == 0], axis=0).tolist()
    [[0.0, 0.5]]
    """
    noise = check.real_number(noise, "noise", minimum=0)

    def band(generator: np.random.Generator, label: int, count: int) -> NDArray[np.float64]:
        centre = np.array([label / classes, 0.5])
        return centre + noise * generator.standard_normal((count, 2))

    return _classes(band, samples, classes, seed)


def moons(samples: int = 200, noise: float = 0.1, seed: int = 0) -> tuple[Floats, Labels]:
    """Two interlocking half circles, with the curves of ``sklearn.datasets.make_moons``.

    Parameters
    ----------
    samples : int, default 200
        The number of points, at least 2; half of them (rounded down) have class 0.
    noise : float, default 0.1
        The standard deviation of the noise in both coordinates.
    seed : int, default 0

    Returns
    -------
    x : ndarray of float32, shape (samples, 2)
    y : ndarray of int64, shape (samples,)

    Examples
    --------
    >>> x, y = moons(noise=0)
    >>> bool(np.allclose(np.hypot(x[y == 0, 0], x[y == 0, 1]), 1))
    True
    """
    samples = check.whole_number(samples, "samples", minimum=2)
    noise = check.real_number(noise, "noise", minimum=0)
    generator = _generator(seed)
    upper, lower = np.linspace(0, np.pi, samples // 2), np.linspace(0, np.pi, samples - samples // 2)
    x = np.concatenate(
        [np.column_stack([np.cos(upper), np.sin(upper)]), np.column_stack([1 - np.cos(lower), 0.5 - np.sin(lower)])]
    )
    y = np.repeat(np.arange(2), [len(upper), len(lower)])
    return _shuffled(generator, x + noise * generator.standard_normal(x.shape), y)


def sine(samples: int = 1000) -> tuple[Floats, Floats]:
    """One period of a sine for regression: y = sin(2πx) for x from 0 to 1, in the order of x.

    Parameters
    ----------
    samples : int, default 1000
        The number of rows, at equal distances from 0 to 1.

    Returns
    -------
    x, y : ndarray of float32, shape (samples, 1)

    Examples
    --------
    >>> x, y = sine(5)
    >>> x.ravel().tolist(), y[[1, 3]].ravel().tolist()
    ([0.0, 0.25, 0.5, 0.75, 1.0], [1.0, -1.0])
    """
    x = np.linspace(0, 1, check.whole_number(samples, "samples", minimum=1)).reshape(-1, 1)
    return x.astype(np.float32), np.sin(2 * np.pi * x).astype(np.float32)


def _classes(
    draw: Callable[[np.random.Generator, int, int], NDArray[np.float64]], samples: int, classes: int, seed: int
) -> tuple[Floats, Labels]:
    """``samples`` points of each class, which ``draw(generator, label, count)`` makes."""
    samples = check.whole_number(samples, "samples", minimum=1)
    classes = check.whole_number(classes, "classes", minimum=2)
    generator = _generator(seed)
    points = [draw(generator, label, samples) for label in range(classes)]
    return _shuffled(generator, np.concatenate(points), np.repeat(np.arange(classes), samples))


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(check.whole_number(seed, "seed", minimum=0)))


def _shuffled(generator: np.random.Generator, x: NDArray[np.float64], y: NDArray[np.intp]) -> tuple[Floats, Labels]:
    order = generator.permutation(len(x))
    return x[order].astype(np.float32), y[order].astype(np.int64)
