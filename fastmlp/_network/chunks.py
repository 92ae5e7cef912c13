"""Data in chunks, as the model sees them: pairs (x, y), one of which is in memory at a time."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array

Pair = tuple[Any, Any]


class ChunkSource(Protocol):
    """The interface of `fastmlp.datasets.Chunks` that the model uses."""

    def epoch(self, number: int, *, shuffle: bool, seed: int) -> Iterator[tuple[Array, Array]]:
        """All chunks once."""


def is_chunks(x: Any, y: Any) -> bool:
    """Whether training data are chunks: an object with a method ``epoch`` and its own targets."""
    return y is None and callable(getattr(x, "epoch", None))


def pairs(chunks: ChunkSource, number: int, *, shuffle: bool, seed: int) -> Iterator[Pair]:
    """All chunks of an epoch, at least one."""
    chunk = first = None
    for chunk in _iterable(chunks.epoch(number, shuffle=shuffle, seed=seed)):
        if not isinstance(chunk, (tuple, list)) or len(chunk) != 2:
            raise ArgumentTypeError(f"x must give its chunks as pairs (x, y) of arrays, but gave {chunk!r:.60}")
        first = _are_bytes(chunk[0]) if first is None else first
        if _are_bytes(chunk[0]) != first:
            raise ArgumentError("x of a chunk must be uint8 in all chunks, as pixels are scaled, or in none")
        yield chunk[0], chunk[1]
    if chunk is None:
        raise ArgumentError(f"x gave no chunk in epoch {number}: can its source be used only once?")


def _iterable(chunks: Any) -> Iterable[Any]:
    if not isinstance(chunks, Iterable):
        raise ArgumentTypeError(f"x.epoch() must return what gives pairs (x, y) of arrays, not {chunks!r:.60}")
    return chunks


def _are_bytes(x: Any) -> bool:
    return bool(getattr(x, "dtype", None) == np.uint8)


def opened(chunks: ChunkSource, number: int, *, shuffle: bool, seed: int) -> tuple[Pair, Iterator[Pair]]:
    """The first chunk of an epoch, and all chunks including it."""
    stream = pairs(chunks, number, shuffle=shuffle, seed=seed)
    first = next(stream)
    return first, itertools.chain([first], stream)


def refuse_whole(given: Mapping[str, bool]) -> None:
    """Refuse the given arguments, which need all rows at once."""
    for name, is_given in given.items():
        if is_given:
            raise ArgumentError(f"{name} cannot be used with data in chunks, which are in memory one at a time")
