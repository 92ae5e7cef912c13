"""The arguments of `Sequential.fit`, checked once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._base import check
from .._base.batches import Batches
from .._base.errors import ArgumentError
from .._base.types import Integers
from .._compiling.threads import resolve_threads
from .._network.chunks import refuse_whole, source_of
from .._network.habits import refuse_steps
from .._network.network import checked_seed
from ..callbacks import Callback, listeners
from .sampling import BALANCED, STRATIFIED

USUAL_BATCH = 32


@dataclass
class Request:
    """The arguments of `Sequential.fit`, which `__post_init__` checks. Arguments about data are checked with the data.

    ``order`` replaces shuffling: it gives the order of rows in each epoch it is called for.
    ``listeners`` are the callbacks with one that shows progress; ``source`` is that of chunks or batches, if ``x`` is
    one, and ``validation_source`` the same for ``validation_data``.
    """

    x: Any
    y: Any
    given_batch_size: int | None = None
    epochs: int = 1
    initial_epoch: int = 0
    verbose: str | int | bool = "auto"
    callbacks: Sequence[Callback] | None = None
    validation_split: float = 0.0
    validation_data: tuple[Any, ...] | None = None
    validation_freq: int = 1
    validation_batches: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    steps_per_epoch: int | None = None
    shuffle: bool | str = True
    stratify: bool = False
    class_weight: Mapping[Any, float] | str | None = None
    sample_weight: Any = None
    max_time: float | None = None
    n_threads: int | None = None
    seed: int | None = None
    resume: bool = False
    order: Callable[[int], Integers] | None = None
    batch_size: int = field(init=False)

    def __post_init__(self) -> None:
        given = USUAL_BATCH if self.given_batch_size is None else self.given_batch_size
        self.batch_size = check.whole_number(given, "batch_size", minimum=1)
        self.epochs = check.whole_number(self.epochs, "epochs", minimum=0)
        self.initial_epoch = check.whole_number(self.initial_epoch, "initial_epoch", minimum=0)
        self.validation_split = check.real_number(self.validation_split, "validation_split", minimum=0, below=1)
        self.validation_freq = check.whole_number(self.validation_freq, "validation_freq", minimum=1)
        if self.max_time is not None:
            self.max_time = check.real_number(self.max_time, "max_time", above=0)
        if check.yes_or_no(self.resume, "resume") and self.initial_epoch:
            raise ArgumentError("initial_epoch is for a new run: resume=True continues where the latest run ended")
        if self.validation_batches is not None:
            self.validation_batches = check.whole_number(self.validation_batches, "validation_batches", minimum=1)
        if self.validation_batch_size is not None:
            check.whole_number(self.validation_batch_size, "validation_batch_size", minimum=1)
        if self.steps_per_epoch is not None:
            self.steps_per_epoch = check.whole_number(self.steps_per_epoch, "steps_per_epoch", minimum=1)
        self.shuffle = _checked_shuffle(self.shuffle)
        if self.shuffle == BALANCED and self.class_weight == BALANCED:
            raise ArgumentError(
                "shuffle='balanced' already lets all classes count equally: leave out class_weight='balanced', which "
                "would do it twice"
            )
        if check.yes_or_no(self.stratify, "stratify") and not self.validation_split:
            raise ArgumentError("stratify=True divides the classes of validation_split, which is missing")
        if self.seed is not None:
            self.seed = checked_seed(self.seed)
        if self.n_threads is not None:
            resolve_threads(self.n_threads)
        self.listeners = listeners(self.callbacks, self.verbose)
        of_epoch = {"steps": self.steps_per_epoch, "steps_name": "steps_per_epoch", "goes_on": True}
        self.source = source_of(self.x, self.y, name="x", **of_epoch)
        of_validation = {"steps": self.validation_steps, "steps_name": "validation_steps"}
        self.validation_source = source_of(self.validation_data, None, name="validation_data", **of_validation)
        self._check_passes()

    def _check_passes(self) -> None:
        """Refuse arguments that do not fit the sources."""
        epochs = self.epochs - self.initial_epoch
        if isinstance(self.source, Batches):
            self.source.refuse_second(epochs)
            if self.given_batch_size is not None:
                raise ArgumentError(
                    f"x is a {type(self.x).__name__}, which decides how many rows a batch has: leave out batch_size"
                )
        if isinstance(self.validation_source, Batches):
            self.validation_source.refuse_second(epochs // self.validation_freq)
        else:
            refuse_steps(self.validation_steps, "validation_steps", "validation_data")

    @property
    def sampling(self) -> str | None:
        """How rows are drawn by class; None if their classes do not matter."""
        return self.shuffle if isinstance(self.shuffle, str) else None

    def refuse_sampling_for(self, optimizer: Any) -> None:
        """Refuse batches by class if a step takes all rows."""
        if self.sampling is not None and optimizer.needs_all_rows:
            raise ArgumentError(
                f"shuffle={self.sampling!r} is about the rows of a batch, but {type(optimizer).__name__} takes all "
                "rows in one: choose another optimizer, or class_weight='balanced'"
            )

    def refuse_what_needs_all_rows(self, optimizer: Any) -> None:
        """Refuse arguments that need all rows in memory if data come in chunks or batches."""
        assert self.source is not None
        has_steps = self.steps_per_epoch is not None and not isinstance(self.source, Batches)
        refuse_whole(
            self.source,
            {
                "validation_split": bool(self.validation_split),
                "validation_batches": self.validation_batches is not None,
                "steps_per_epoch": has_steps,
                "sample_weight": self.sample_weight is not None,
                "class_weight='balanced'": isinstance(self.class_weight, str),
                f"shuffle={self.sampling!r}": self.sampling is not None,
                "resume": self.resume,
                f"the optimizer {type(optimizer).__name__}": optimizer.needs_all_rows,
            },
        )


def _checked_shuffle(given: Any) -> bool | str:
    if isinstance(given, str):
        if given not in (STRATIFIED, BALANCED):
            raise ArgumentError(f"shuffle must be True, False, {STRATIFIED!r} or {BALANCED!r}, not {given!r:.60}")
        return given
    is_number = isinstance(given, (int, np.integer)) and given in (0, 1)
    return check.yes_or_no(bool(given) if is_number else given, "shuffle")
