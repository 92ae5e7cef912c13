"""fastmlp's predictor called from a user's own compiled code: the one contestant that is user code, so it uses numba.

A call makes many predictions of one row, so that what is measured is one of them and not the way in from Python.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ..._types import Array
from ..workloads import Task
from . import CONTESTANTS, NotApplicable
from .ours import Float32

_CALLS = CONTESTANTS["fastmlp in numba code"].calls


class Predictor:
    """`Sequential.jitted`, one row at a time."""

    def __init__(self, task: Task) -> None:
        model: Any = Float32(task).model
        if not hasattr(model, "jitted"):
            raise NotApplicable("this version has no Sequential.jitted")
        self.predict_row, self.network, self.weights = model.jitted()
        self._out = np.empty(task.workload.widths[-1], np.float32)
        self._loop = numba.njit(_predict_often)

    def predict(self, x: Array) -> Array:
        if len(x) != 1:
            raise NotApplicable("it predicts one row at a time")
        self._loop(self.predict_row, self.network, self.weights, x[0], self._out, _CALLS)
        return self._out[None]


def _predict_often(predict: Any, network: Any, weights: Any, x: Any, out: Any, calls: int) -> None:
    for _ in range(calls):
        predict(network, weights, x, out)
