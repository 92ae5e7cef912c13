"""Data in chunks or batches, as the model sees them: pieces (x, y), one of which is in memory at a time."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from .._base.batches import Batches, Piece, are_batches, are_pairs
from .._base.errors import ArgumentError, ArgumentTypeError


class ChunkSource(Protocol):
    """The interface of `fastmlp.datasets.Chunks` and of `Batches` that the model uses."""

    def epoch(self, number: int, *, shuffle: bool, seed: int) -> Iterator[tuple[Any, ...]]:
        """All chunks once."""


def is_chunks(x: Any, y: Any) -> bool:
    """Whether training data are chunks: an object with a method ``epoch`` and its own targets."""
    return y is None and callable(getattr(x, "epoch", None))


def source_of(x: Any, y: Any, **how: Any) -> ChunkSource | None:
    """The source if training data, or data to evaluate, come in chunks or in batches; otherwise None.

    ``how`` are arguments of `Batches`.
    """
    if is_chunks(x, y):
        source: ChunkSource = x
        return source
    if not (are_batches(x) or (y is None and are_pairs(x))):
        return None
    if y is not None:
        raise ArgumentError(
            f"x is a {type(x).__name__}, which gives its own targets as (x, y): leave out y, or give arrays as both"
        )
    return Batches(x, **how)


def pieces(source: ChunkSource, number: int, *, shuffle: bool, seed: int) -> Iterator[Piece]:
    """All chunks or batches of an epoch, at least one."""
    piece = None
    for piece in _of_one_kind(map(_piece, _iterable(source.epoch(number, shuffle=shuffle, seed=seed)))):
        yield piece
    if piece is None:
        raise ArgumentError(f"x gave no chunk in epoch {number}: can its source be used only once?")


def survey(source: ChunkSource, number: int, seed: int) -> Iterator[Piece]:
    """The same, in a pass for statistics."""
    if isinstance(source, Batches):
        return _of_one_kind(source.survey())
    return pieces(source, number, shuffle=False, seed=seed)


def _piece(chunk: Any) -> Piece:
    if isinstance(chunk, Piece):
        return chunk
    if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
        raise ArgumentTypeError(f"x must give its chunks as pairs (x, y) of arrays, but gave {chunk!r:.60}")
    return Piece(*chunk)


def _of_one_kind(given: Iterable[Piece]) -> Iterator[Piece]:
    """Refuse a change between pixels and numbers."""
    first = None
    for piece in given:
        first = _are_bytes(piece.x) if first is None else first
        if _are_bytes(piece.x) != first:
            kinds = "chunks" if piece.what == "a chunk" else "batches"
            raise ArgumentError(f"x of {piece.what} must be uint8 in all {kinds}, as pixels are scaled, or in none")
        yield piece


def _iterable(chunks: Any) -> Iterable[Any]:
    if not isinstance(chunks, Iterable):
        raise ArgumentTypeError(f"x.epoch() must return what gives pairs (x, y) of arrays, not {chunks!r:.60}")
    return chunks


def _are_bytes(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return dtype == np.uint8 if isinstance(dtype, np.dtype) else str(dtype).endswith("uint8")  # of other libraries too


def opened(source: ChunkSource, number: int, *, shuffle: bool, seed: int) -> tuple[Piece, Iterator[Piece]]:
    """The first piece of an epoch, and all pieces including it."""
    if isinstance(source, Batches):
        source.rewind()
    stream = pieces(source, number, shuffle=shuffle, seed=seed)
    first = next(stream)
    return first, itertools.chain([first], stream)


def refuse_whole(source: ChunkSource, given: Mapping[str, bool]) -> None:
    """Refuse the given arguments, which need all rows at once."""
    what = "batches of a loader or generator" if isinstance(source, Batches) else "data in chunks"
    for name, is_given in given.items():
        if is_given:
            remedy = ": it is the third element, (x, y, sample_weight)" if name == "sample_weight" else ""
            raise ArgumentError(f"{name} cannot be used with {what}, which are in memory one at a time{remedy}")
