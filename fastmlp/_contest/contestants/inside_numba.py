"""fastmlp's predictor inside compiled code of a user. It is the only contestant that imports numba.

A call makes many predictions of one row, so that the measurement excludes the call from Python.
"""

from typing import Any

import numba
import numpy as np

from ..._base.types import Array
from ...jitted import predict
from ..workloads import Task
from . import CONTESTANTS, NotApplicable
from .ours import Float32

_CALLS = CONTESTANTS["fastmlp in numba code"].calls


class Predictor:
    """`Sequential.jitted`, one row at a time."""

    def __init__(self, task: Task) -> None:
        _, self._weights, self._network = Float32(task).model.jitted()
        self._out = np.empty(task.workload.widths[-1], np.float32)

    def predict(self, x: Array) -> Array:
        if len(x) != 1:
            raise NotApplicable("it predicts one row at a time")
        _predict_often(self._out, x[0], self._weights, self._network, _CALLS)
        return self._out[None]


@numba.njit(nogil=True)
def _predict_often(out: Any, x: Any, weights: Any, network: Any, calls: int) -> None:
    for _ in range(calls):
        predict(out, x, weights, network)
