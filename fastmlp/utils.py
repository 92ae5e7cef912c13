"""Small functions around training, as Keras spells them."""

import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._base import check, keras, seeds
from ._base.errors import ArgumentError
from ._base.types import Array

__path__: list[str] = []  # so that Python asks for modules of Keras in it, such as fastmlp.utils.np_utils

__all__ = ["PyDataset", "Sequence", "clear_session", "set_random_seed", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """One-hot rows of class numbers. Losses and metrics take class numbers too, so it is seldom needed.

    Parameters
    ----------
    x : array_like of int
        Class numbers from 0, of any shape. A last dimension of 1 is dropped.
    num_classes : int, optional
        Default: the largest class number plus 1.

    Returns
    -------
    float64 array, of the shape of ``x`` with one more dimension

    Examples
    --------
    >>> from fastmlp.utils import to_categorical
    >>> to_categorical([0, 2], num_classes=3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    numbers = check.numbers(x, "x")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    with np.errstate(invalid="ignore"):
        places = numbers.astype(np.int64)
    if numbers.size == 0 or not (numbers == places).all() or places.min() < 0:
        raise ArgumentError(
            "x must hold class numbers: whole numbers from 0. Labels of another kind are numbered by "
            "np.unique(x, return_inverse=True)[1]; a model also takes them as they are"
        )
    most = int(places.max()) + 1
    count = most if num_classes is None else check.whole_number(num_classes, "num_classes", minimum=1)
    if count < most:
        raise ArgumentError(f"num_classes must be at least {most}, because x holds the class {most - 1}, not {count}")
    rows = np.zeros((*places.shape, count))
    np.put_along_axis(rows, places[..., None], 1.0, axis=-1)
    return rows


def set_random_seed(seed: int) -> None:
    """Seed Python's and NumPy's random numbers, and all models made from now on that are given no seed.

    The first such model gets a seed that follows from ``seed``, the next one another. `fastmlp.Sequential` also takes
    ``seed=`` itself. Other processes are not affected.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 − 1.

    Examples
    --------
    >>> import fastmlp as fm
    >>> seeds = []
    >>> for _ in range(2):
    ...     fm.utils.set_random_seed(7)
    ...     seeds.append([fm.Sequential().seed, fm.Sequential().seed])
    >>> seeds[0] == seeds[1], seeds[0][0] == seeds[0][1]
    (True, False)
    """
    number = check.whole_number(seed, "seed", minimum=0, maximum=2**32 - 1)
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002  # what Keras's function promises
    seeds.start(number)


class PyDataset:
    """A data set in batches, for `fastmlp.Sequential.fit`: derive a class with ``__len__`` and ``__getitem__``.

    ``self[i]`` is batch ``i``, ``(x, y)`` or ``(x, y, sample_weight)``.

    Parameters
    ----------
    workers, use_multiprocessing, max_queue_size
        1, False and any number: batches are read in the training process.

    Examples
    --------
    >>> from fastmlp.utils import PyDataset
    >>> class Halves(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return np.full((4, 3), index), np.full(4, index)
    >>> [x.shape for x, y in Halves()]
    [(4, 3), (4, 3)]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if use_multiprocessing or workers > 1:
            raise ArgumentError("data are read without further processes: leave out workers and use_multiprocessing")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs a method __len__, the number of batches")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__, which gives a batch")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return len(self)

    def on_epoch_end(self) -> None:
        """Override it to change the order of rows between epochs."""


Sequence = PyDataset  # as Keras 2 spells it


def clear_session() -> None:
    """Do nothing: see `fastmlp.backend.clear_session`."""


def __getattr__(name: str) -> Any:
    if keras.is_part_of(__name__, name):
        return sys.modules[__name__]
    raise keras.lack(__name__, name)
