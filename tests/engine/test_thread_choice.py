"""All threads or one: what is slow is tried otherwise, and what is faster is kept."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels
from fastmlp._engine import engine
from fastmlp._engine.thread_choice import ThreadChoice

WORK = 10**9
FAST, SLOW, SLOWER = 0.01, 1.0, 2.0  # seconds: 100, 1 and 0.5 GFLOP/s


def observed(choice, seconds, calls=1, work=WORK):
    """Threads of some calls, each of which takes ``seconds[threads]``."""
    threads = []
    for _ in range(calls):
        threads.append(choice.next)
        choice.observe(threads[-1], work, seconds[threads[-1]])
    return threads


def test_several_threads_are_kept_while_they_are_fast():
    assert observed(ThreadChoice(2), {1: FAST, 2: FAST}, 50) == [2] * 50


def test_one_thread_is_tried_when_several_are_slow_and_kept_while_it_is_faster():
    choice = ThreadChoice(2)
    seconds = {1: SLOW, 2: SLOWER}
    assert observed(choice, seconds, 7) == [2, 2] + [1] * 5  # a trial, and four more
    assert observed(choice, seconds, 10) == [2, 2] + [1] * 8  # still slow: the others rest for longer
    assert observed(choice, seconds, 18) == [2, 2] + [1] * 16
    seconds[2] = FAST
    assert observed(choice, seconds, 30) == [2] * 30


def test_the_rest_of_several_threads_has_an_end():
    threads = observed(ThreadChoice(2), {1: SLOW, 2: SLOWER}, 5000)
    assert threads[-400:].count(2) >= 1


def test_several_threads_are_kept_where_one_is_slower_still():
    threads = observed(ThreadChoice(2), {1: SLOWER, 2: SLOW}, 63)
    assert threads.count(1) == 3
    assert threads[:3] == [2, 2, 1]


def test_a_single_slow_call_changes_nothing():
    choice = ThreadChoice(2)
    observed(choice, {2: FAST}, 5)
    for _ in range(20):
        assert observed(choice, {2: SLOW}) == [2]
        assert observed(choice, {2: FAST}, 2) == [2, 2]


def test_threads_that_were_faster_before_are_slow():
    choice = ThreadChoice(2)
    observed(choice, {2: FAST}, 10)
    assert observed(choice, {1: 1.5 * FAST, 2: 3 * FAST}, 4) == [2, 2, 1, 1]


SHORT = 10**7


def test_short_calls_of_several_threads_are_soon_compared_with_one():
    choice = ThreadChoice(2)
    assert observed(choice, {1: 0.15e-3, 2: 0.6e-3}, 7, SHORT) == [2, 2] + [1] * 5  # 0.6 ms: 17 GFLOP/s
    assert observed(ThreadChoice(2), {1: 0.15e-3, 2: 0.6e-3}, 7, 100 * SHORT) == [2] * 7  # that is fast enough


def test_several_threads_are_slow_from_what_one_took_on():
    choice = ThreadChoice(2)
    times = {1: 0.3e-3, 2: 0.2e-3}
    assert observed(choice, times, 50, SHORT) == [2, 2, 1] + [2] * 47  # one is tried once
    times[2] = 0.29e-3
    assert observed(choice, times, 20, SHORT) == [2] * 20
    times[2] = 0.31e-3
    assert observed(choice, times, 7, SHORT) == [2, 2] + [1] * 5


def test_nothing_is_compiled_for_a_short_delay():
    choice = ThreadChoice(2, serial_is_ready=lambda: False)
    assert observed(choice, {1: SLOW, 2: SLOWER}, 6) == [2, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("most", [1, 2])
def test_the_next_call_is_expected_to_take_what_the_last_of_its_kind_took(most):
    choice = ThreadChoice(most)
    assert choice.seconds(WORK) is None
    observed(choice, {most: FAST})
    assert choice.seconds(2 * WORK) == pytest.approx(2 * FAST)


def test_one_thread_is_expected_to_take_all_the_work_of_several():
    choice = ThreadChoice(2)
    observed(choice, {2: SLOW}, 2)
    assert choice.next == 1
    assert choice.seconds(WORK) == pytest.approx(2 * SLOW)


def test_one_thread_stays_one():
    assert observed(ThreadChoice(1), {1: SLOWER}, 50) == [1] * 50


def test_what_is_known_of_one_size_of_work_says_nothing_of_another():
    model = fm.mlp([4], classes=2, seed=0)
    model.build(3)
    small, large = (model.engine.thread_choice(kernels.predict_batches, 2, work) for work in (10**5, 10**9))
    assert small is not large
    assert small is model.engine.thread_choice(kernels.predict_batches, 2, 10**5 + 1)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 1000, 100_000])
def test_long_forward_passes_have_even_parts(rows, monkeypatch):
    model = fm.mlp([4], classes=2, seed=0)
    model.build(3)
    monkeypatch.setattr(engine, "_CALL_WORK", 2 * model.engine.program.count * 100)
    spans = model.engine._calls(rows)
    sizes = [stop - start for start, stop in spans]
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans[:-1])]
    assert sum(sizes) == rows
    assert max(sizes) <= 100
    assert max(sizes) - min(sizes) <= 1


def test_results_of_many_calls_are_those_of_one(monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(300, 3)), np.arange(300) % 2
    model = fm.mlp([4], classes=2, seed=0)
    model.build(3)
    scores, expected = model.evaluate(x, y), model.predict(x)
    monkeypatch.setattr(engine, "_CALL_WORK", 1)
    assert len(model.engine._calls(300)) == 5
    assert model.evaluate(x, y) == pytest.approx(dict(scores), rel=1e-6)
    assert np.array_equal(model.predict(x), expected)


def test_a_model_whose_arrays_came_read_only_trains_and_predicts():
    model = fm.mlp([4], classes=2, seed=0)
    x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    model.fit(x, y, verbose=0)
    expected = model.predict(x)
    held = model.__getstate__()
    for matrices in (held["_engine"]["parameters"], *held["_engine"]["state"]):
        for number, matrix in enumerate(matrices):
            matrices[number] = matrix.copy()
            matrices[number].flags.writeable = False
    model.__setstate__(held)
    assert np.array_equal(model.predict(x), expected)
    model.fit(x, y, verbose=0)
