"""Allows one training at a time, and undoes a training that fails before its first batch."""

import contextlib
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
            network.root.busy_in, network.root.busy_part, has_begun = os.getpid(), network, True
        before, first = network.before_training(), FirstLayer(network)
        try:
            yield
        except BaseException:
            if not network.is_trained_since(before):
                network.undo_preparation(before)
                first.bring_back()
            raise
        finally:
            if network.is_trained_since(before):
                network.note_new_weights()
    finally:
        if has_begun:
            network.root.busy_in = network.root.busy_part = None


class FirstLayer:
    """A first layer and, if it is a Normalization without statistics, the values of its tensors."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._layer = network.declarations[0] if network.declarations else None
        is_normalization = isinstance(self._layer, Normalization)
        self._statistics = adapting.first_statistics(network) if is_normalization else None

    def bring_back(self) -> None:
        """Forget the statistics that preparing a training has measured."""
        if isinstance(self._layer, Normalization) and self._layer.mean is None:
            if self._statistics is not None:
                adapting.write_first_statistics(self._network, *self._statistics)
            self._network.declare([self._layer, *self._network.declarations[1:]])
