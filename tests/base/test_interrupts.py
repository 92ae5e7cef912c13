# ruff: noqa: PT012  # signals are about what happens between statements
"""Ctrl-C always ends the program's own loop, whatever fastmlp is doing, and everything stays usable."""

import copy
import os
import signal
import threading
import time

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base import interruption as _interruption
from fastmlp._base.interruption import Interruption, uninterrupted
from fastmlp._engine import engine

from ..shared.processes import needs_signals

pytestmark = pytest.mark.needs_jit  # it trains a lot


def press():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def nothing_is_left_entered(default_interrupt):
    yield
    assert (_interruption._console.entered, _interruption._console.closed, _interruption._console.waiting) == (0, 0, 0)


# ---------------------------------------------------------------- the two contexts


def test_the_first_is_noted_and_raised_at_the_end():
    seen = []
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        press()
        seen.append(interruption.has_happened())
    assert seen == [True]


def test_the_second_raises_at_once():
    seen = []
    with pytest.raises(KeyboardInterrupt), Interruption():
        press()
        seen.append("noted")
        press()
        seen.append("not reached")
    assert seen == ["noted"]


def test_an_inner_one_shares_the_signal_with_the_outer():
    seen = []
    with pytest.raises(KeyboardInterrupt), Interruption() as outer:
        with pytest.raises(KeyboardInterrupt), Interruption() as inner:
            press()
            seen.append((outer.has_happened(), inner.has_happened()))
        seen.append(outer.has_happened())
    assert seen == [(True, True), True]


@pytest.mark.parametrize("error", [ValueError("other"), fm.DivergenceError("nan"), StopIteration()], ids=repr)
def test_an_error_that_loops_go_on_after_does_not_hide_it(error):
    with pytest.raises(KeyboardInterrupt) as caught, Interruption():
        press()
        raise error
    assert caught.value.__context__ is error


def test_it_does_not_stand_in_the_way_of_an_exit():
    with pytest.raises(SystemExit), Interruption():
        press()
        raise SystemExit(3)


def test_stopping_for_another_reason_raises_nothing():
    with Interruption() as interruption:
        interruption.stop()
    assert (interruption.is_over, interruption.has_happened()) == (True, False)


@pytest.mark.parametrize("times", [1, 3])
def test_nothing_is_interrupted_and_nothing_lost(times, capsys):
    seen = []
    with pytest.raises(KeyboardInterrupt), uninterrupted("wait a little"):
        for _ in range(times):
            press()
        with uninterrupted():
            press()
        seen.append("done")
    assert seen == ["done"]
    assert capsys.readouterr().err == "fastmlp: wait a little\n"


def test_within_an_interruption_a_deferred_signal_is_noted():
    seen = []
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        with uninterrupted():
            press()
            seen.append(interruption.has_happened())
        seen.append(interruption.has_happened())
    assert seen == [False, True]


def test_a_deferred_signal_comes_after_an_error_too():
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        press()
        raise ValueError


@pytest.mark.parametrize("context", [Interruption, uninterrupted])
def test_a_handler_of_the_program_stays_in_charge(context):
    calls = []

    def handler(number, frame):
        calls.append(number)

    signal.signal(signal.SIGINT, handler)
    with context():
        press()
    assert calls == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is handler
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("context", [Interruption, uninterrupted])
def test_a_handler_that_the_program_sets_within_stays(context):
    def handler(number, frame):
        raise AssertionError

    with context():
        signal.signal(signal.SIGINT, handler)
    assert signal.getsignal(signal.SIGINT) is handler
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_context_is_entered_again_under_another_handler():
    context = uninterrupted()
    with context:
        pass
    signal.signal(signal.SIGINT, lambda number, frame: None)
    with context:
        pass
    assert _interruption._console.closed == 0
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), context:
        press()


@pytest.mark.parametrize("context", [Interruption, uninterrupted])
def test_other_threads_change_nothing(context):
    handlers = []

    def run():
        with context():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@needs_signals
@pytest.mark.parametrize("context", [Interruption, uninterrupted])
def test_no_signal_is_lost_between_contexts(context):
    """Signals at many places of a loop of nothing but contexts: each ends it."""
    for attempt in range(40):
        timer = threading.Timer(0.002 + attempt * 1e-5, os.kill, (os.getpid(), signal.SIGINT))
        deadline = time.monotonic() + 30
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            while time.monotonic() < deadline:
                with context():
                    pass
        while timer.is_alive():
            time.sleep(0.001)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# ---------------------------------------------------------------- entry points


def data(rows=60):
    return np.random.default_rng(0).normal(size=(rows, 4)).astype("f4"), np.arange(rows) % 3


def network(optimizer="adam"):
    model = fm.mlp([4], classes=3, seed=0)
    model.compile(optimizer)
    return model


class Presses(fm.callbacks.Callback):
    def __init__(self):
        self.reasons = []

    def on_batches_end(self, batch, logs):
        if not self.reasons:
            press()

    def on_epoch_end(self, epoch, logs):
        if not self.reasons:
            press()  # L-BFGS tells of epochs alone; for the others this is a second one, or never

    def on_train_end(self, reason):
        self.reasons.append(reason)


class Once(Presses):
    def on_epoch_end(self, epoch, logs):
        pass


def check_ended(model, callback, saved=None):
    assert model.history.stopped == "interrupted"
    assert callback.reasons == ["interrupted"]
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    lengths = {len(values) for values in model.history.history.values()}
    assert lengths <= {len(model.history.epoch)}


class Pieces:
    def epoch(self, number, *, shuffle, seed):
        for _ in range(3):
            yield data(20)


@pytest.mark.parametrize("kind", ["arrays", "chunks", "validated", "lbfgs"])
def test_fit_ends_well_and_raises(kind, tmp_path):
    if kind == "lbfgs":
        pytest.importorskip("scipy")
    x, y = data()
    model = network(fm.LBFGS() if kind == "lbfgs" else "adam")
    callback = Presses() if kind == "lbfgs" else Once()
    arguments = (Pieces(),) if kind == "chunks" else (x, y)
    more = {"validation_data": (x, y)} if kind == "validated" else {}
    saved = fm.callbacks.ModelCheckpoint(tmp_path / "{epoch}.npz")
    for _ in range(3):  # the program's own loop
        with pytest.raises(KeyboardInterrupt):
            model.fit(*arguments, epochs=5, verbose=0, callbacks=[callback, saved], **more)
        check_ended(model, callback)
        callback.reasons.clear()
    model.save(tmp_path / "model.npz")
    again = fm.load(tmp_path / "model.npz")
    again.fit(*arguments, epochs=7, verbose=0, resume=kind != "chunks", **more)
    assert again.history.stopped == "finished"


def test_an_iteration_of_lbfgs_does_not_end_first(monkeypatch):
    pytest.importorskip("scipy")
    x, y = data()
    model = network(fm.LBFGS())
    train, calls = engine.Engine.train, []

    def pressing(self, *arguments, **settings):
        calls.append(1)
        if len(calls) == 4:
            press()
        return train(self, *arguments, **settings)

    monkeypatch.setattr(engine.Engine, "train", pressing)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=50, verbose=0)
    assert len(calls) == 4
    assert model.history is None or model.history.stopped == "interrupted"


def test_partial_fit_ends_between_calls_and_counts_what_it_trained(monkeypatch):
    monkeypatch.setattr(engine, "_CALL_WORK", 1)  # one batch in a call of the kernel
    x, y = data()
    model, whole = network(), network()
    whole.partial_fit(x, y, batch_size=10)
    train, calls = engine.Engine.train, []

    def pressing(self, *arguments, **settings):
        done = train(self, *arguments, **settings)
        calls.append(1)
        if len(calls) == 2:
            press()
        return done

    monkeypatch.setattr(engine.Engine, "train", pressing)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(x, y, batch_size=10)
    assert (len(calls), model.engine.step) == (2, 2)
    model.partial_fit(x[20:], y[20:], batch_size=10)
    for a, b in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_parts_of_partial_fit_have_the_bits_of_the_whole(monkeypatch):
    x, y = data()
    whole = fm.Sequential([fm.Dense(6, activation="relu"), fm.Dropout(0.4), fm.Dense(3, activation="softmax")], seed=1)
    whole.compile(fm.Adam(0.01, gradient_accumulation_steps=2), metrics=["accuracy", "f1"])
    parts = copy.deepcopy(whole)
    expected = [dict(whole.partial_fit(x, y, batch_size=7)) for _ in range(2)]
    monkeypatch.setattr(engine, "_CALL_WORK", 1)
    assert [dict(parts.partial_fit(x, y, batch_size=7)) for _ in range(2)] == expected
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("count", [1, 2])
def test_sweeps_and_folds_end_with_their_workers(count):
    x, y = data()
    forever = {"epochs": 10**6, "verbose": 0}
    reasons = Once(), Once(), Once()
    with pytest.raises(KeyboardInterrupt):
        fm.cross_validate(network(), x, y, folds=3, epochs=10**6, workers=count, callbacks=lambda fold: [reasons[fold]])
    assert 1 <= sum(len(callback.reasons) for callback in reasons) <= count  # the second may not have begun
    runs = [{"layers": [2], "name": "a", "epochs": 10**6}, {"layers": [3], "name": "b", "epochs": 10**6}]
    with pytest.raises(fm.sweeps.SweepInterrupted) as caught:
        fm.sweep(runs, x, y, workers=count, verbose=forever["verbose"], callbacks=lambda settings: [Once()])
    assert caught.value.result.was_interrupted
    deadline = time.monotonic() + 30  # both workers press, and after a second Ctrl-C nobody waits for them
    while any(thread.name.startswith("fastmlp") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def interrupted_at(method, number, monkeypatch):
    """Press in the so-many-th call of a method of the engine."""
    usual, calls = getattr(engine.Engine, method), []

    def pressing(self, *arguments, **settings):
        calls.append(1)
        if len(calls) == number:
            press()
        return usual(self, *arguments, **settings)

    monkeypatch.setattr(engine.Engine, method, pressing)


@pytest.mark.parametrize(
    ("method", "use"),
    [
        ("evaluate", lambda model, x, y: model.evaluate(x, y)),
        ("predict_rows", lambda model, x, y: model.predict(x)),
        ("train", lambda model, x, y: fm.find_learning_rate(model, x, y, batches=20)),
        ("gradient", lambda model, x, y: model.gradient_check(x, y)),
        ("step_gradient", lambda model, x, y: model.gradients(x, y)),
    ],
    ids=["evaluate", "predict", "find_learning_rate", "gradient_check", "gradients"],
)
def test_what_only_looks_at_a_model_leaves_it_as_it_was(method, use, monkeypatch):
    x, y = data()
    model = network()
    model.fit(x, y, verbose=0)
    before = [weights.copy() for weights in model.get_weights()], model.engine.step, model.optimizer
    interrupted_at(method, 1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        use(model, x, y)
    after = model.get_weights(), model.engine.step, model.optimizer
    assert all((a == b).all() for a, b in zip(before[0], after[0], strict=True))
    assert before[1:] == after[1:]
    use(model, x, y)
    model.fit(x, y, verbose=0)


def test_a_training_within_a_callback_ends_both():
    x, y = data()
    inner, outer, reasons = network(), network(), []

    class Nests(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            inner.fit(x, y, epochs=10**6, verbose=0, callbacks=[Once()])

        def on_train_end(self, reason):
            reasons.append(reason)

    with pytest.raises(KeyboardInterrupt):
        outer.fit(x, y, epochs=10**6, verbose=0, callbacks=[Nests()])
    assert (inner.history.stopped, outer.history.stopped, reasons) == ("interrupted", "interrupted", ["interrupted"])


def test_ctrl_c_while_a_run_is_prepared_leaves_the_model_as_it_was():
    class Begins(fm.callbacks.Callback):
        def on_train_begin(self, run_info):
            press()

    x, y = data()
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0, callbacks=[Begins()])
    assert not model.is_built
    assert model.history is None


@pytest.mark.needs_jit
def test_who_waits_for_a_compilation_is_told_how_long(monkeypatch, capsys):
    from fastmlp import kernels
    from fastmlp._compiling import jit

    kernel = jit.Kernel(kernels.relu_forward.function, kernels.relu_forward.declaration)
    monkeypatch.setattr(jit, "_compile", lambda *_: press())
    with pytest.raises(KeyboardInterrupt):
        kernel.variant("float32", parallel=False)
    assert "Ctrl-C will be heeded as soon as a kernel is compiled" in capsys.readouterr().err
