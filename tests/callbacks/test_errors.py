"""Errors in callbacks come out, and training can go on; callbacks may use the model that they watch."""

import copy

import numpy as np
import pytest

import fastmlp as fm

from ..shared.models import bits, data, network, state_bits
from ..shared.processes import needs_jit
from ..shared.runs import EPOCHS

HOOKS = ["on_train_begin", "on_epoch_begin", "on_batches_end", "on_epoch_end", "on_train_end"]


class Raises(fm.callbacks.Callback):
    def __init__(self, hook, error):
        setattr(self, hook, self.fail)
        self.error = error

    def fail(self, *arguments):
        raise self.error


@needs_jit
@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_a_callback_comes_out_and_training_can_go_on(hook, error):
    x, y = data(200)
    model, whole = network(), network()
    whole.fit(x, y, **EPOCHS)
    with pytest.raises(type(error)):
        model.fit(x, y, callbacks=[Raises(hook, error)], **EPOCHS)
    has_begun = hook not in ("on_train_begin", "on_epoch_begin")
    assert model.is_built == has_begun
    if has_begun:
        assert np.isfinite(model.evaluate(x, y)["loss"])
    model.fit(x, y, resume=has_begun, **EPOCHS)
    assert state_bits(model) == state_bits(whole)


@pytest.mark.parametrize("hook", HOOKS[:-1])
def test_training_that_a_callback_broke_off_is_not_called_finished(hook):
    x, y = data(200)
    model = network()
    with pytest.raises(RuntimeError):
        model.fit(x, y, callbacks=[Raises(hook, RuntimeError("boom"))], **EPOCHS)
    assert model.history is None or model.history.stopped != "finished"


@needs_jit
def test_callbacks_may_use_the_model_they_watch(tmp_path):
    x, y = data(200)
    model, plain = network(), network()
    plain.fit(x, y, **EPOCHS)

    def use(*arguments):
        model.predict(x)
        model.evaluate(x, y)
        model.set_weights(model.get_weights())
        model.save(tmp_path / "model.npz")
        copy.deepcopy(model)

    callback = fm.callbacks.Callback()
    for hook in HOOKS:
        setattr(callback, hook, use)
    model.fit(x, y, callbacks=callback, **EPOCHS)
    assert bits(model) == bits(plain)
