"""All threads or one: what is slow is tried otherwise, and what is faster is kept."""

import pytest

from fastmlp.thread_choice import ThreadChoice

WORK = 10**9
FAST, SLOW, SLOWER = 0.01, 1.0, 2.0  # seconds: 100, 1 and 0.5 GFLOP/s


def observed(choice, seconds, calls=1):
    """Threads of some calls, each of which takes ``seconds[threads]``."""
    threads = []
    for _ in range(calls):
        threads.append(choice.next())
        choice.observe(threads[-1], WORK, seconds[threads[-1]])
    return threads


def test_several_threads_are_kept_while_they_are_fast():
    assert observed(ThreadChoice(2), {1: FAST, 2: FAST}, 50) == [2] * 50


def test_one_thread_is_tried_when_several_are_slow_and_kept_while_it_is_faster():
    choice = ThreadChoice(2)
    seconds = {1: SLOW, 2: SLOWER}
    assert observed(choice, seconds, 22) == [2] + [1] * 21
    assert observed(choice, seconds, 41) == [2] + [1] * 40  # still slow: the others rest for longer
    assert observed(choice, seconds, 81) == [2] + [1] * 80
    seconds[2] = FAST
    assert observed(choice, seconds, 30) == [2] * 30


def test_the_rest_of_several_threads_has_an_end():
    threads = observed(ThreadChoice(2), {1: SLOW, 2: SLOWER}, 5000)
    assert threads[-400:].count(2) >= 1


def test_several_threads_are_kept_where_one_is_slower_still():
    threads = observed(ThreadChoice(2), {1: SLOWER, 2: SLOW}, 63)
    assert threads.count(1) == 3
    assert threads[:2] == [2, 1]


def test_threads_that_were_faster_before_are_slow():
    choice = ThreadChoice(2)
    observed(choice, {2: FAST}, 10)
    assert observed(choice, {1: 1.5 * FAST, 2: 3 * FAST}, 3) == [2, 1, 1]


def test_nothing_is_compiled_for_a_short_delay():
    choice = ThreadChoice(2, serial_is_ready=lambda: False)
    assert observed(choice, {1: SLOW, 2: SLOWER}, 5) == [2, 2, 2, 1, 1]


@pytest.mark.parametrize("most", [1, 2])
def test_the_next_call_is_expected_to_be_like_the_last_of_its_kind(most):
    choice = ThreadChoice(most)
    assert choice.seconds(WORK) is None
    observed(choice, {1: SLOW, 2: SLOW})
    assert choice.seconds(2 * WORK) == pytest.approx(2 * SLOW)


def test_one_thread_stays_one():
    assert observed(ThreadChoice(1), {1: SLOWER}, 50) == [1] * 50
