"""How many threads there are: quotas of containers, settings, limits."""

import pytest

from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._compiling import threads


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_container_quota(files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.cgroup_quota(str(tmp_path)) == expected


def test_number_of_threads(monkeypatch):
    monkeypatch.setattr(threads, "_own_quota", lambda: 3)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "asked_of_openmp", lambda: None)
    assert threads.available_threads() == 3
    assert threads.resolve_threads(None) == 3
    assert threads.resolve_threads(100) == 3
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert threads.resolve_threads(None) == 2
    monkeypatch.setattr(threads, "_chosen", None)
    threads.set_num_threads(1)
    assert threads.get_num_threads() == 1
    assert threads.resolve_threads(2) == 2
    threads.set_num_threads(None)
    assert threads.get_num_threads() == 2
    monkeypatch.setattr(threads, "_forked", True)
    assert threads.resolve_threads(2) == 1


@pytest.mark.parametrize(("n", "error"), [(0, ArgumentError), (-1, ArgumentError), (1.5, ArgumentTypeError)])
def test_wrong_numbers_of_threads(n, error):
    with pytest.raises(error, match="n must be"):
        threads.set_num_threads(n)
