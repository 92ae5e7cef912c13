"""Random layers: each number from its own counter."""

import math

import numpy as np

from .rng import philox


def dropout(y, x, rate, seed, stream, epoch, first):
    limit = round(rate * 2**32)
    for r, c in np.ndindex(x.shape):
        word = _words(c, first + r, stream, seed, epoch)[(first + r) % 4]
        y[r, c] = 0 if word < limit else x[r, c] / (1 - rate)


def gaussian_noise(y, x, deviation, seed, stream, epoch, first):
    bits = 23 if y.dtype == np.float32 else 32
    for r, c in np.ndindex(x.shape):
        words = _words(c, first + r, stream, seed, epoch)
        pair = 0 if (first + r) % 4 < 2 else 2
        u, v = (((word >> (32 - bits)) + 0.5) * 2.0**-bits for word in words[pair : pair + 2])
        turn = math.sin if (first + r) % 2 else math.cos
        y[r, c] = x[r, c] + deviation * math.sqrt(-2 * math.log(u)) * turn(2 * math.pi * v)


def _words(unit, position, stream, seed, epoch):
    seed, epoch = int(seed), int(epoch)
    return philox(unit, int(position) // 4, int(stream), epoch & 0xFFFFFFFF, seed & 0xFFFFFFFF, seed >> 32)
