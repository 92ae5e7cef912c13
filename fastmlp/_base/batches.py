"""Batches from loaders and generators: objects that are no arrays, and give (x, y) or (x, y, sample_weight) in turn.

Nothing is imported for them. There are three kinds, which differ in what a second epoch can do:

    kind            recognised by                example                          a second epoch
    -------------   --------------------------   ------------------------------   ---------------------------------
    iterator        `__next__`                   a generator, iter(loader)        goes on where the first ended
    sequence        `__getitem__`, `__len__`     keras.utils.Sequence             begins anew, in another order
    iterable        `__iter__`                   DataLoader, tf.data.Dataset      begins anew; order is its matter
"""

import collections.abc
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import check
from .errors import ArgumentError, ArgumentTypeError
from .types import Array

_OF_ARRAYS = (
    "collect",  # first: a lazy table works, and warns, to say what columns it has
    *("__array__", "__array_interface__", "__array_struct__", "__dlpack__", "__buffer__"),
    *("shape", "dtype", "columns", "column_names"),
)
_DATA = (np.ndarray, str, bytes, collections.abc.Mapping, collections.abc.Set, collections.abc.Sequence)


class Piece(NamedTuple):
    """A batch or a chunk of rows."""

    x: Any
    y: Any
    weights: Any = None
    what: str = "a chunk"  # for messages

    @property
    def names(self) -> tuple[str, str]:
        """What messages call x and y."""
        return f"x of {self.what}", f"y of {self.what}"


def are_batches(x: Any) -> bool:
    """Whether ``x`` gives batches in turn, and is neither an array nor a table nor a list of numbers."""
    if isinstance(x, _DATA) or any(hasattr(x, name) for name in _OF_ARRAYS):
        return False
    return isinstance(x, collections.abc.Iterable) or _is_indexed(x)


def are_pairs(x: Any) -> bool:
    """Whether ``x`` is a list of batches, each of them a tuple of arrays (x, y) or (x, y, sample_weight)."""
    return isinstance(x, list) and len(x) > 0 and all(isinstance(item, tuple) and _has_rows(item) for item in x)


class Batches:
    """A source of batches, as `fit`, `evaluate` and `predict` go through it.

    Parameters
    ----------
    source : object
        See `are_batches` and `are_pairs`.
    name : str
        What messages call it.
    steps : int, optional
        How many batches one pass takes; default: all.
    steps_name : str, default "steps"
        The argument that has this number.
    goes_on : bool, default False
        Whether a pass with ``steps`` continues where the last one ended, and starts again at the end of the source. An
        iterator always continues.
    """

    def __init__(
        self, source: Any, name: str, *, steps: int | None = None, steps_name: str = "steps", goes_on: bool = False
    ) -> None:
        self.source, self.name = source, name
        self.steps = None if steps is None else check.whole_number(steps, steps_name, minimum=1)
        self.steps_name, self.goes_on = steps_name, goes_on
        self.is_once = hasattr(type(source), "__next__")
        self._running: Iterator[Any] | None = None  # of an unfinished walk through the source
        self._walks = 0

    @property
    def batches(self) -> int | None:
        """The number of batches in a pass, if it is known."""
        if self.steps is not None or self.is_once or not hasattr(type(self.source), "__len__"):
            return self.steps
        try:
            return len(self.source)
        except TypeError:  # tf.data does not know the length of some sources
            return None

    def refuse_second(self, passes: int) -> None:
        """Refuse to go several times through all of what can be gone through once."""
        if self.is_once and self.steps is None and passes > 1:
            raise ArgumentError(
                f"{self.name} is an iterator ({type(self.source).__name__}), which can be gone through only once, but "
                f"{passes} passes are asked for: give {self.steps_name}, the batches of each pass, or a source that "
                "can be started again, such as fastmlp.datasets.Chunks.from_generator(function)"
            )

    def epoch(self, number: int, *, shuffle: bool, seed: int) -> Iterator[Piece]:
        """The batches (x, y) or (x, y, sample_weight) of a pass."""
        for place, item in enumerate(self.items(number, shuffle=shuffle, seed=seed)):
            yield _labelled(item, self.name, place)

    def features(self) -> Iterator[Array]:
        """The features alone of a pass over batches x, (x,), (x, y) or (x, y, sample_weight)."""
        for item in self.items(0, shuffle=False, seed=0):
            yield _features(item)

    def items(self, number: int, *, shuffle: bool, seed: int) -> Iterator[Any]:
        """The elements of a pass, as the source gives them; then the source is told of the end of the epoch."""
        _tell(self.source, "on_epoch_begin")
        taken = self._walk(number, shuffle, seed) if self.steps is None else self._some(self.steps, shuffle, seed)
        given = 0
        for item in taken:
            given += 1
            yield item
        if given == 0:
            raise ArgumentError(f"{self.name} gave no batch: {self._reason}")
        _tell(self.source, "on_epoch_end")

    def survey(self) -> Iterator[Piece]:
        """The batches of a pass of their own, which changes nothing for others."""
        if self.is_once:
            raise ArgumentError(
                f"the statistics of a first Normalization need a pass of their own through {self.name}, but it is an "
                "iterator, which can be gone through only once: call adapt(x) of the layer before, on some rows"
            )
        taken = enumerate(itertools.islice(self._walk(0, False, 0), self.steps))
        return (_labelled(item, self.name, place) for place, item in taken)

    def rewind(self) -> None:
        """Begin anew."""
        self._running = None

    @property
    def _reason(self) -> str:
        return "it is an iterator that is used up" if self.is_once else "it is empty"

    def _some(self, steps: int, shuffle: bool, seed: int) -> Iterator[Any]:
        """So many elements, from several walks through the source if need be."""
        if not self.goes_on and not self.is_once:
            yield from itertools.islice(self._walk(0, False, seed), steps)
            return
        left, has_begun = steps, False
        while left:
            if self._running is None:
                self._running, has_begun = self._walk(self._walks, shuffle, seed), True
                self._walks += 1
            for item in self._running:
                left, has_begun = left - 1, False
                yield item
                if not left:
                    return
            self._running = None
            if self.is_once:
                raise ArgumentError(
                    f"{self.name} ended after {steps - left} of the {steps} batches of a pass: give a smaller "
                    f"{self.steps_name}, or a source that does not end before all passes"
                )
            if has_begun:
                return  # it is empty

    def _walk(self, number: int, shuffle: bool, seed: int) -> Iterator[Any]:
        """All elements of the source; shuffled ones in an order that depends on ``number`` and ``seed``."""
        if self.is_once or not _is_indexed(self.source):
            return iter(self.source)
        count = len(self.source)
        order = np.arange(count)
        if shuffle:
            order = np.random.Generator(np.random.Philox(key=(number << 64) + seed)).permutation(count)
        return (self.source[place] for place in order.tolist())


def _is_indexed(x: Any) -> bool:
    return hasattr(type(x), "__getitem__") and hasattr(type(x), "__len__")


def _tell(source: Any, hook: str) -> None:
    told = getattr(source, hook, None)
    if callable(told):
        told()


def _labelled(item: Any, name: str, place: int) -> Piece:
    """The parts of a batch for training."""
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        size = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
        raise ArgumentTypeError(
            f"{name} must give batches as (x, y) or (x, y, sample_weight), but batch {place} is a "
            f"{type(item).__name__}{size}"
        )
    x, y, weights = (*item, None)[:3]
    _refuse_single_rows(x, name)
    return Piece(x, y, weights, f"batch {place}")


def _refuse_single_rows(x: Any, name: str) -> None:
    shape = getattr(x, "shape", None)
    if shape is not None and len(shape) < 2:
        raise ArgumentError(
            f"{name} must give batches, whose x has the shape (rows, features), but it gives x of shape "
            f"{tuple(shape)}: if these are single rows, let torch.utils.data.DataLoader(dataset, batch_size=32) or "
            "your generator put them together"
        )


def _features(item: Any) -> Any:
    """The features of a batch that may have targets too."""
    if isinstance(item, tuple) or (isinstance(item, list) and _has_rows(item)):
        if not item:
            raise ArgumentTypeError("x must give batches as x, (x,) or (x, y), not ()")
        item = item[0]
    _refuse_single_rows(item, "x")
    return item


def _has_rows(item: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list or tuple holds arrays of rows, such as [x, y], and not rows."""
    return len(item) > 0 and len(getattr(item[0], "shape", ())) > 1
