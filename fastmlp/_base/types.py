"""Names of array types, for annotations only: importing `numpy.typing` would slow down the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Integers = npt.NDArray[np.int64]
else:
    Array = Integers = np.ndarray
