"""Counter-based random numbers: each is a function of a key and a counter, not of earlier numbers.

So random numbers do not depend on the number of threads or on the batch size, and a training that stops anywhere can
continue with the same numbers. The function is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
as easy as 1, 2, 3", 2011).
"""

import numpy as np

from .._compiling.jit import inner, kernel

LOW_WORD = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

SHUFFLE = 1  # streams: the third counter word distinguishes the uses of random numbers


@inner
def philox(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words from four counter words and two key words, all held in uint64.

    If counter words are vectors of words, so are the results.
    """
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW_WORD, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW_WORD
        k0, k1 = (k0 + _W0) & LOW_WORD, (k1 + _W1) & LOW_WORD
    return c0, c1, c2, c3


@inner
def random_below(limit, seed, stream, major, minor):
    """A whole number in [0, limit), limit < 2**32, from the high half of a product."""
    k = np.uint64(seed)
    c0, c1 = np.uint64(minor) & LOW_WORD, np.uint64(minor) >> HALF
    w0, _, _, _ = philox(c0, c1, np.uint64(stream), np.uint64(major) & LOW_WORD, k & LOW_WORD, k >> HALF)
    return np.int64((w0 * np.uint64(limit)) >> HALF)


@kernel(f"words[4] int64 = counter[4] int64 < {1 << 32}, key[2] int64 < {1 << 32}")
def philox_words(words, counter, key):
    """The Philox4x32-10 block function.

    Parameters
    ----------
    words : ndarray of int64, shape (4,)
        Overwritten: four whole numbers below 2**32.
    counter : array_like of int, shape (4,)
        Each below 2**32.
    key : array_like of int, shape (2,)
        Each below 2**32.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> words = np.empty(4, np.int64)
    >>> kernels.philox_words(words, [0, 0, 0, 0], [0, 0])
    >>> [hex(w) for w in words]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c = counter.astype(np.uint64)
    k = key.astype(np.uint64)
    w0, w1, w2, w3 = philox(c[0], c[1], c[2], c[3], k[0], k[1])
    words[0], words[1], words[2], words[3] = np.int64(w0), np.int64(w1), np.int64(w2), np.int64(w3)


@kernel(f"order[n] int64 = seed int >= 0, epoch int < {1 << 32}")
def shuffle(order, seed, epoch):
    """A random permutation of 0 … n − 1, which depends only on seed and epoch.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        Overwritten.
    seed : int
        From 0 to 2**63 − 1.
    epoch : int
        From 0 to 2**32 − 1.

    Notes
    -----
    Fisher and Yates's algorithm with counter-based random numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> order = np.empty(5, np.int64)
    >>> kernels.shuffle(order, 0, 0)
    >>> sorted(order.tolist())
    [0, 1, 2, 3, 4]
    """
    for i in range(order.size):
        order[i] = i
    for i in range(order.size - 1, 0, -1):
        j = random_below(i + 1, seed, SHUFFLE, epoch, i)
        order[i], order[j] = order[j], order[i]
