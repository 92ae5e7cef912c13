"""The history of a training, epoch by epoch. Its code is in `fastmlp/_network/history.py`."""

from ._network.history import History

__all__ = ["History"]
