"""Arguments are checked."""

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._base import check


def test_numbers_are_checked():
    assert check.whole_number(np.int32(3), "n", minimum=1) == 3
    assert check.real_number("1" and 0.5, "r", minimum=0, below=1) == 0.5
    for value in (True, "3", None, 2.5):
        with pytest.raises(ArgumentTypeError, match="n must be a whole number"):
            check.whole_number(value, "n", minimum=1)
    for value in (float("inf"), -1, 1):
        with pytest.raises(ArgumentError, match="r must be a finite number at least 0 and less than 1"):
            check.real_number(value, "r", minimum=0, below=1)
    for value in (True, "3", None, [1, 2]):
        with pytest.raises(ArgumentTypeError, match="r must be a finite number, not"):
            check.real_number(value, "r")
