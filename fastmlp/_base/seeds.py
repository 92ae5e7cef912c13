"""Seeds of models without one: new ones each time, or a sequence that `fastmlp.utils.set_random_seed` starts."""

import itertools
import os
from collections.abc import Iterator

import numpy as np

_started: Iterator[int] | None = None


def fresh() -> int:
    """A seed from 0 to 2**63 − 1 that has not been used."""
    if _started is None:
        return int.from_bytes(os.urandom(8), "little") >> 1
    return next(_started)


def start(seed: int) -> None:
    """Let the following seeds be those of a sequence."""
    global _started  # one process has one sequence, as it has one of NumPy's
    _started = (_nth(seed, number) for number in itertools.count())


def _nth(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)
