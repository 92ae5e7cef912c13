"""Allows one training at a time, and undoes a training that fails before its first batch."""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator

from .._base.errors import BusyError
from .._network import adapting
from .._network.network import Network
from ..layers import Normalization

_lock = threading.Lock()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # a thread that the child does not have may hold it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


@contextlib.contextmanager
def attempt(network: Network) -> Iterator[None]:
    """Prepare and run a training in this context; raises BusyError if the network is already being trained."""
    has_begun = False
    try:
        with _lock:
            if network.is_busy:
                raise BusyError(
                    "this model is being trained already: train a copy (copy.deepcopy), or wait for its end"
                )
            network.busy_in, has_begun = os.getpid(), True
        before = _Snapshot(network)
        try:
            yield
        except BaseException:
            if not before.is_trained_since():
                before.bring_back()
            raise
    finally:
        if has_begun:
            network.busy_in = None


class _Snapshot:
    """The state that the beginning of a training changes; changes by callbacks stay."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._before = network.before_training()
        self._stopped = None if network.history is None else network.history.stopped
        self._first = network.declarations[0] if network.declarations else None
        is_first = isinstance(self._first, Normalization)
        self._statistics = adapting.first_statistics(network) if is_first else None

    def is_trained_since(self) -> bool:
        """Whether this attempt trained a batch, even one that diverged."""
        return self._network.is_trained_since(self._before)

    def bring_back(self) -> None:
        """Restore the network."""
        network = self._network
        if network.history is not self._before.history:
            network.position = dataclasses.replace(self._before.position)
        elif network.history is not None and self._stopped is not None:
            network.history.stopped = self._stopped
        network.history = self._before.history
        network.undo_preparation(self._before)
        if isinstance(self._first, Normalization) and self._first.mean is None:
            if self._statistics is not None:
                adapting.write_first_statistics(network, *self._statistics)
            network.declarations[0] = self._first
