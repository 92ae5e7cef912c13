"""What a run goes back to where its loss is no number any more."""

from __future__ import annotations

import time

import numpy as np

from .._base.types import Array

_SNAPSHOT_SHARE = 0.01  # of the time, at most, for copies of good parameters


class GoodParameters:
    """Copies of parameters that are known to give a finite loss.

    Parameters are offered before a kernel call; the first finite loss of the call confirms them. Copies are made
    only as often as `_SNAPSHOT_SHARE` of the time allows.
    """

    def __init__(self, parameters: Array, averaged: dict[int, int] | None = None) -> None:
        self._confirmed = parameters.copy(), dict(averaged or {})  # what training began with is as good as anything
        self._offered: tuple[Array, dict[int, int]] | None = None
        self._spare = np.empty_like(parameters)
        self._next = 0.0

    def offer(self, parameters: Array, averaged: dict[int, int] | None = None) -> None:
        start = time.perf_counter()
        if start < self._next:
            return
        self._spare[:] = parameters
        self._offered = self._spare, dict(averaged or {})
        now = time.perf_counter()
        self._next = now + (now - start) / _SNAPSHOT_SHARE

    def confirm(self) -> None:
        if self._offered is not None:
            self._spare = self._confirmed[0]
            self._confirmed, self._offered = self._offered, None

    def restore(self, parameters: Array) -> dict[int, int]:
        """Write the parameters; returns how many batches the running statistics among them have averaged."""
        parameters[:] = self._confirmed[0]
        return dict(self._confirmed[1])
