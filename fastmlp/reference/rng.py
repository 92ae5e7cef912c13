"""Counter-based random numbers: Philox4x32-10, in Python's whole numbers."""

SHUFFLE = 1
_MASK = 0xFFFFFFFF


def philox(c0, c1, c2, c3, k0, k1):
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B9) & _MASK, (k1 + 0xBB67AE85) & _MASK
    return c0, c1, c2, c3


def philox_words(words, counter, key):
    words[:] = philox(*(int(c) for c in counter), *(int(k) for k in key))


def shuffle(order, seed, epoch):
    order[:] = range(len(order))
    for i in range(len(order) - 1, 0, -1):
        word = philox(i & _MASK, i >> 32, SHUFFLE, epoch & _MASK, seed & _MASK, seed >> 32)[0]
        j = word * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
