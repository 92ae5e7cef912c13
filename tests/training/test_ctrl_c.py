"""Ctrl-C ends training with a history that can be resumed."""

import signal

import numpy as np
import pytest

import fastmlp as fm

from ..shared.models import data, network
from ..shared.processes import needs_jit, needs_signals, started
from ..shared.runs import EPOCHS, same_as


class Interrupts(fm.callbacks.Callback):
    """Ctrl-C, ``times`` times, at the first call of a hook."""

    def __init__(self, hook, times=1):
        setattr(self, hook, self.interrupt)
        self.times = times

    def interrupt(self, *arguments):
        times, self.times = self.times, 0
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_ctrl_c_ends_training_with_a_history_that_can_be_resumed(hook):
    x, y = data(200)
    model, whole = network(), network()
    whole.fit(x, y, **EPOCHS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupts(hook)], **EPOCHS)
    assert model.history.stopped == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_a_second_ctrl_c_interrupts_at_once(hook):
    x, y = data(200)
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupts(hook, times=2)], **EPOCHS)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert model.is_built == (hook != "on_epoch_begin")  # nothing was trained then, and nothing stays
    if model.is_built:
        assert np.isfinite(model.predict(x)).all()
    model.fit(x, y, **EPOCHS)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("hook", ["on_train_begin", "on_train_end"])
def test_ctrl_c_outside_the_training_itself_is_not_lost(hook):
    x, y = data(200)
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupts(hook)], **EPOCHS)


@pytest.mark.usefixtures("default_interrupt")
def test_a_handler_of_the_program_is_left_in_charge():
    x, y = data(200)
    calls = []

    def handler(number, frame):
        calls.append(number)

    signal.signal(signal.SIGINT, handler)
    assert network().fit(x, y, callbacks=[Interrupts("on_batches_end")], **EPOCHS).stopped == "finished"
    assert calls == [signal.SIGINT]
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is handler


LONG_FIT = """
import sys, time
import numpy as np, fastmlp as fm

class Ready(fm.callbacks.Callback):
    def on_batches_end(self, batch, logs):
        print("training", flush=True)
        self.on_batches_end = lambda *arguments: None

x = np.random.default_rng(0).normal(size=(20000, 64)).astype("f4")
y = np.arange(20000) % 10
model = fm.mlp([256, 128], classes=10, seed=0)
try:
    model.fit(x, y, epochs=10**6, batch_size=256, verbose=0, callbacks=[Ready()])
except KeyboardInterrupt:
    assert np.isfinite(model.evaluate(x, y)["loss"])
    assert len(model.history.batches["loss"]) > 0
    print(model.history.stopped)
"""


@needs_jit
@needs_signals
def test_ctrl_c_ends_a_long_fit_soon_and_leaves_a_usable_model():
    with started("-W", "error", "-c", LONG_FIT) as process:
        try:
            assert process.stdout.readline().strip() == "training"
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert output.strip() == "interrupted"
    assert process.returncode == 0
