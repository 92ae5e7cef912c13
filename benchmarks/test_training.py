"""One training epoch of 784-128-64-10 at batch 128, against NumPy and against the naive network.

    python -m pytest benchmarks/test_training.py --benchmark-enable

Times of fastmlp and NumPy are of one epoch of 60,000 rows. The naive network is timed per sample, over the true
path through its queues; at some hundredths of a second a sample, its epoch would take the better part of an hour.
`benchmarks.compare` prints the ratios.
"""

import pytest

from . import compare


@pytest.mark.parametrize("n_threads", [1, 2])
def test_fastmlp_epoch(benchmark, n_threads):
    benchmark.pedantic(compare.fastmlp_epoch(n_threads), rounds=7, warmup_rounds=1)


def test_numpy_epoch(benchmark):
    benchmark.pedantic(compare.numpy_epoch(), rounds=7, warmup_rounds=1)


def test_naive_sample(benchmark):
    seconds = benchmark.pedantic(compare.naive_seconds_per_sample, rounds=1)
    benchmark.extra_info["seconds_per_sample"] = seconds
