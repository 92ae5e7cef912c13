"""The result of judging a model. Its code is in `fastmlp/_network/scores.py`."""

from ._network.scores import Scores

__all__ = ["Scores"]
