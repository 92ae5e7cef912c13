"""Callbacks that send the logs of training to other programs. Their code is in `fastmlp/callbacks/trackers.py`."""

from .callbacks.trackers import MLflowTracker, TensorBoardTracker, Tracker, WandbTracker

__all__ = ["MLflowTracker", "TensorBoardTracker", "Tracker", "WandbTracker"]
