"""Random layers: dropout and Gaussian noise.

Random numbers depend only on (seed, stream, epoch, position in the epoch, unit); see `rng`. So they do not depend on
threads or on how the rows are divided, the backward pass computes them again instead of storing them, and a resumed
training has the same numbers. Each layer has its own stream.
"""

from typing import Any, NamedTuple

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .layout import panels_of, scatter_rows
from .math import log_vector
from .rng import HALF, LOW_WORD, philox
from .simd import (
    as_unit,
    fma,
    following_words,
    lane_numbers,
    lanes,
    load,
    panel,
    rint,
    splat_words,
    sqrt,
    store,
    tail,
    where,
    words_below,
)

ROWS_IN_GROUP = 4  # one call of the generator makes words for so many rows
TWO_PI = 6.283185307179586


class RandomKey(NamedTuple):
    """Random numbers depend on these, the stream and the unit; row r is at position ``first`` + r."""

    seed: Any
    epoch: Any
    first: Any


@inner
def random_words(like, unit, group, stream, random_key):
    """Four vectors of random words, one for each of four rows: the columns from ``unit`` on."""
    key = np.uint64(random_key.seed)
    c0 = following_words(like, unit)
    c1 = splat_words(like, np.uint64(group) & LOW_WORD)
    c2 = splat_words(like, np.uint64(stream))
    c3 = splat_words(like, np.uint64(random_key.epoch) & LOW_WORD)
    return philox(c0, c1, c2, c3, key & LOW_WORD, key >> HALF)


@inner
def dropout_columns(y, x, capacity, rate, stream, random_key, rows, width):
    """y = 0 with probability ``rate``, else x / (1 − rate), which preserves the mean (inverted dropout)."""
    p, first = panel(y), random_key.first
    limit = np.uint64(np.rint(rate * 4294967296.0))
    scale = 1.0 / (1.0 - rate)
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        for group in range(first // ROWS_IN_GROUP, (first + rows - 1) // ROWS_IN_GROUP + 1):
            w0, w1, w2, w3 = random_words(y, c, group, stream, random_key)
            r = group * ROWS_IN_GROUP - first
            keep_or_drop(y, x, at, w0, limit, scale, r, rows)
            keep_or_drop(y, x, at, w1, limit, scale, r + 1, rows)
            keep_or_drop(y, x, at, w2, limit, scale, r + 2, rows)
            keep_or_drop(y, x, at, w3, limit, scale, r + 3, rows)


@inner
def keep_or_drop(y, x, at, words, limit, scale, r, rows):
    if r >= 0 and r < rows:
        here = at + r * panel(y)
        store(y, here, where(words_below(words, limit), 0.0, load(x, here) * scale))


@inner
def noise_columns(y, x, capacity, deviation, stream, random_key, rows, width):
    """y = x + deviation · n with n from the standard normal distribution (Box and Muller, 1958)."""
    p, first = panel(y), random_key.first
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        for group in range(first // ROWS_IN_GROUP, (first + rows - 1) // ROWS_IN_GROUP + 1):
            w0, w1, w2, w3 = random_words(y, c, group, stream, random_key)
            r = group * ROWS_IN_GROUP - first
            n0, n1 = normal_pair(as_unit(w0, y), as_unit(w1, y))
            n2, n3 = normal_pair(as_unit(w2, y), as_unit(w3, y))
            add_noise(y, x, at, n0 * deviation, r, rows, width - c)
            add_noise(y, x, at, n1 * deviation, r + 1, rows, width - c)
            add_noise(y, x, at, n2 * deviation, r + 2, rows, width - c)
            add_noise(y, x, at, n3 * deviation, r + 3, rows, width - c)


@inner
def add_noise(y, x, at, noise, r, rows, left):
    if r >= 0 and r < rows:
        here = at + r * panel(y)
        store(y, here, load(x, here) + where(lane_numbers(y) < left, noise, 0.0))


@inner
def normal_pair(u, v):
    """Two standard normal numbers from two in (0, 1): √(−2 ln u) · (cos 2πv, sin 2πv)."""
    radius = sqrt(log_vector(u) * -2.0)
    turn = v - rint(v)  # the same angle from −π to π; the series of its half are short
    half = turn * (TWO_PI / 2)
    z = half * half
    sine, cosine = z * 0.0 + 1.0, z * 0.0 + 1.0
    for k in range(22, 1, -2):  # sin h = h (1 − h²/(2·3) (1 − h²/(4·5) (…))), and cos h in the same way
        sine = 1.0 - sine * z * (1.0 / (k * (k + 1)))
        cosine = 1.0 - cosine * z * (1.0 / (k * (k - 1)))
    sine = sine * half
    return radius * fma(sine * -2.0, sine, 1.0), radius * sine * cosine * 2.0


# ---------------------------------------------------------------- public kernels


_CHANCE = f"seed int >= 0, stream int < {1 << 32}, epoch int < {1 << 32}, first int < {1 << 62}"


@kernel(f"y[batch, units] = x[batch, units] in place, rate float < 1, {_CHANCE}")
def dropout(y, x, rate, seed, stream, epoch, first):
    """Inverted dropout: each number becomes 0 with probability ``rate``, the others x / (1 − rate).

    The same call with dy instead of x gives the gradient.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)
    rate : float
        From 0 to below 1.
    seed, stream, epoch, first : int
        The choice depends on these, the unit and the row: row r is at position ``first`` + r of the epoch. All are at
        least 0; ``stream`` and ``epoch`` are below 2**32, ``first`` below 2**62.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((100, 100))
    >>> kernels.dropout(y, np.ones((100, 100)), 0.75, 0, 16, 0, 0)
    >>> sorted(set(y.ravel().tolist())), bool(abs(y.mean() - 1) < 0.05)
    ([0.0, 4.0], True)
    """
    batch, units = x.shape
    p = panel(y.reshape(y.size))
    panels = panels_of(x.reshape(x.size), batch, units)
    for q in prange((batch + ROWS_IN_GROUP - 1) // ROWS_IN_GROUP):
        r = q * ROWS_IN_GROUP
        random_key = RandomKey(seed, epoch, first + r)
        rows = min(ROWS_IN_GROUP, batch - r)
        dropout_columns(tail(panels, r * p), tail(panels, r * p), batch, rate, stream, random_key, rows, units)
    scatter_rows(y.reshape(y.size), units, 0, panels, batch, batch)


@kernel(f"y[batch, units] = x[batch, units] in place, deviation float, {_CHANCE}")
def gaussian_noise(y, x, deviation, seed, stream, epoch, first):
    """Add independent normal noise with mean 0 to each number.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)
    deviation : float
        The standard deviation of the noise.
    seed, stream, epoch, first : int
        As for `dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((100, 100))
    >>> kernels.gaussian_noise(y, np.zeros((100, 100)), 2.0, 0, 16, 0, 0)
    >>> bool(abs(y.mean()) < 0.1 and abs(y.std() - 2) < 0.1)
    True
    """
    batch, units = x.shape
    p = panel(y.reshape(y.size))
    panels = panels_of(x.reshape(x.size), batch, units)
    for q in prange((batch + ROWS_IN_GROUP - 1) // ROWS_IN_GROUP):
        r = q * ROWS_IN_GROUP
        random_key = RandomKey(seed, epoch, first + r)
        rows = min(ROWS_IN_GROUP, batch - r)
        noise_columns(tail(panels, r * p), tail(panels, r * p), batch, deviation, stream, random_key, rows, units)
    scatter_rows(y.reshape(y.size), units, 0, panels, batch, batch)
