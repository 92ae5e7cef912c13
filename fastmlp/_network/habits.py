"""Arguments that Keras's methods have and that change nothing here: they are checked, so that mistakes are found."""

from typing import Any

from .._base import check
from .._base.errors import ArgumentError


def check_inert(
    batch_size: Any = None,
    verbose: Any = "auto",
    callbacks: Any = None,
    *,
    workers: Any = 1,
    use_multiprocessing: Any = False,
    max_queue_size: Any = 10,
) -> None:
    """Check arguments of `Sequential.predict` and `Sequential.evaluate` that influence neither results nor speed."""
    if batch_size is not None:
        check.whole_number(batch_size, "batch_size", minimum=1)
    check.verbosity(verbose)
    if callbacks is not None and check.items(callbacks, "callbacks", "callbacks"):
        raise ArgumentError("callbacks are told of training alone: give them to fit(), and none here")
    check_loading(workers, use_multiprocessing, max_queue_size)


def check_loading(workers: Any, use_multiprocessing: Any, max_queue_size: Any) -> None:
    """Check how Keras 2 reads ahead; here one batch follows the other."""
    check.whole_number(workers, "workers", minimum=0)
    check.yes_or_no(use_multiprocessing, "use_multiprocessing")
    check.whole_number(max_queue_size, "max_queue_size", minimum=0)


def refuse_steps(steps: Any, name: str, rows: str) -> None:
    """Refuse to count batches of data that are in memory."""
    if steps is not None:
        raise ArgumentError(
            f"{name} counts the batches of a generator or a loader, but the data are arrays: give fewer rows, such as "
            f"{rows}[: {name} * batch_size]"
        )


def refuse_training_mode(training: Any) -> None:
    """Refuse to predict with dropout, noise and batch statistics."""
    if training is not None and check.yes_or_no(training, "training"):
        raise ArgumentError(
            "model(x, training=True) is not available, because predictions use neither dropout, nor noise, nor the "
            "statistics of a batch: use model(x), or train_on_batch(x, y) for a step of training"
        )
