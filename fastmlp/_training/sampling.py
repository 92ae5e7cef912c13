"""Orders of rows by class: batches with the classes in proportion, or with each class as often as the others."""

import numpy as np

from .. import kernels
from .._base.types import Integers

STRATIFIED, BALANCED = "stratified", "balanced"


def order_of(kind: str, classes: Integers, batch_size: int, key: tuple[int, int]) -> Integers:
    """The rows of an epoch, in batches; it depends on the random key (seed, epoch) alone.

    STRATIFIED has each row once. BALANCED has as many draws as there are rows, with each class that occurs equally
    often: of a frequent class some rows are left out, and of a rare one rows are drawn several times.
    """
    rows, batches = len(classes), -(-len(classes) // batch_size)
    shuffled = np.arange(rows + batches, dtype=np.int64)
    kernels.shuffle.run(np.float64, 1, shuffled, *key)
    drawn, batch_order = shuffled[shuffled < rows], shuffled[shuffled >= rows] - rows
    by_class = drawn[np.argsort(classes[drawn], kind="stable")]
    if kind == BALANCED:
        by_class = _drawn_equally(by_class, classes)
    order = np.empty_like(by_class)
    order[_dealt(rows, batch_size, batch_order)] = by_class
    return order


def _drawn_equally(by_class: Integers, classes: Integers) -> Integers:
    """As many draws as there are rows, from rows that are sorted by class and shuffled within each."""
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    firsts = np.cumsum(counts) - counts
    ends = (np.arange(1, len(counts) + 1) * len(classes)) // len(counts)
    numbers = np.repeat(np.arange(len(counts)), np.diff(ends, prepend=0))
    rank = np.arange(len(classes)) - np.repeat(ends - np.diff(ends, prepend=0), np.diff(ends, prepend=0))
    drawn: Integers = by_class[firsts[numbers] + rank % counts[numbers]]
    return drawn


def _dealt(rows: int, batch_size: int, batch_order: Integers) -> Integers:
    """The places in an epoch in the order in which rows are dealt to them, one batch after the other.

    A place has the number (k + 1/2) / size if it is the k-th of its batch, and places are dealt by rising numbers,
    those of equal numbers in a random order of batches. Consecutive rows, such as those of a class, so go to all
    batches in proportion to their sizes: each gets its share, rounded up or down, give or take one.
    """
    places = np.arange(rows, dtype=np.int64)
    batches, within = places // batch_size, places % batch_size
    sizes = np.minimum(batch_size, rows - batches * batch_size)
    rank = np.empty_like(batch_order)
    rank[batch_order] = np.arange(len(batch_order))
    dealt: Integers = np.lexsort((rank[batches], (within + 0.5) / sizes))
    return dealt
