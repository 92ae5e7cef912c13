"""Keeps the parameters to which a run returns when its loss diverges."""

from __future__ import annotations

import time

import numpy as np

from .._base.types import Array

_SNAPSHOT_SHARE = 0.01  # the largest share of the time for copies of good parameters


class GoodParameters:
    """Copies of parameters with a finite loss.

    Parameters are offered before a kernel call, and the first finite loss of the call confirms them. Copies take at
    most `_SNAPSHOT_SHARE` of the time.
    """

    def __init__(self, parameters: Array, averaged: dict[int, int] | None = None) -> None:
        self._confirmed = parameters.copy(), dict(averaged or {})  # the initial parameters count as good
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
        """Write the parameters back; returns how many batches their running statistics average."""
        parameters[:] = self._confirmed[0]
        return dict(self._confirmed[1])
