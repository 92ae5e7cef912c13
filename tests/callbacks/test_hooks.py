"""Callbacks: what they are told, and that they are told of the end, whatever it is."""

import sys

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, callbacks

from ..shared.models import bits
from ..shared.short_fits import BATCHES, CLASSES, PLAN, VALIDATION, Fails, Recorder, X, Y, fit, network

# ---------------------------------------------------------------- the hooks


@pytest.mark.parametrize("every", [1, 2, 4, 6, 7])
def test_every_batches_is_kept_to_the_batch(every):
    recorder, other = Recorder(every), Recorder()
    fit(epochs=2, callbacks=[recorder, other])
    expected = [(epoch, batch) for epoch in (0, 1) for batch in range(1, BATCHES + 1) if batch % every == 0]
    assert recorder.batches == expected
    assert set(expected) <= set(other.batches)


def test_how_training_is_cut_into_calls_changes_no_bit():
    plain, cut = network(), network()
    history = fit(plain)
    assert fit(cut, callbacks=[Recorder(1), Recorder(4)]).batches == history.batches
    assert bits(cut) == bits(plain)


@pytest.mark.parametrize("every", [0, -1, 1.5, "x", True])
def test_a_wrong_every_batches_is_refused_by_name(every):
    model = network()
    with pytest.raises((ArgumentError, ArgumentTypeError), match="every_batches"):
        fit(model, callbacks=[Recorder(every)])
    assert model.history is None


def test_the_plan_names_the_logs_that_come():
    recorder = Recorder()
    fit(callbacks=[recorder], validation_data=VALIDATION, validation_freq=3)
    assert recorder.run_info.pop("callbacks")[0] is recorder
    assert recorder.run_info == {**PLAN, "epochs": 3, "validation_freq": 3}
    assert list(recorder.logs) == recorder.run_info["logs"]
    without = Recorder()
    fit(callbacks=[without])
    assert without.run_info["validation_rows"] == 0
    assert list(without.logs) == without.run_info["logs"]


def test_lambda_calls_functions():
    seen = []
    hooks = ["on_train_begin", "on_epoch_begin", "on_batches_end", "on_epoch_end", "on_train_end"]
    functions = {hook: lambda *arguments, hook=hook: seen.append((hook, arguments[0])) for hook in hooks}
    fit(epochs=1, callbacks=[callbacks.Lambda(**functions, every_batches=3)])
    assert [hook for hook, _ in seen] == [*hooks[:3], *hooks[2:]]
    assert [first for _, first in seen[1:]] == [0, 3, 6, 0, "finished"]


def test_lambda_refuses_what_is_no_function():
    with pytest.raises(ArgumentTypeError, match="on_epoch_end"):
        callbacks.Lambda(on_epoch_end=5)
    with pytest.raises(ArgumentError, match="every_batches"):
        callbacks.Lambda(every_batches=0)


# ---------------------------------------------------------------- the end, whatever it is


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_callbacks_are_told_of_a_failure(hook):
    before, after = Recorder(), Recorder()
    with pytest.raises(RuntimeError, match=hook):
        fit(callbacks=[before, Fails(hook), after])
    assert (before.reason, after.reason) == ("failed", "failed")


def test_callbacks_are_told_of_divergence():
    recorder, model = Recorder(), network()
    model.compile(fm.SGD(learning_rate=1e30))
    with pytest.raises(DivergenceError):
        fit(model, epochs=9, callbacks=[recorder])
    assert recorder.reason == model.history.stopped == "diverged"


def test_an_error_at_the_end_does_not_hide_the_one_before():
    recorder = Recorder()
    with pytest.raises(RuntimeError, match="on_epoch_end") as caught:
        fit(callbacks=[Fails("on_train_end", "on_epoch_end"), recorder])
    assert recorder.reason == "failed"
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__ == ["Then Fails.on_train_end failed too: RuntimeError('on_train_end')"]


def test_an_error_at_the_end_comes_out_when_all_have_been_told():
    recorder = Recorder()
    with pytest.raises(RuntimeError, match="on_train_end"):
        fit(callbacks=[Fails("on_train_end"), recorder])
    assert recorder.reason == "finished"


def test_what_a_callback_has_changed_stays_where_it_fails():
    class Freezes(callbacks.Callback):
        def on_epoch_begin(self, epoch):
            self.model.layers[0].trainable = False
            raise RuntimeError("the real reason")

    model = network()
    fit(model)
    with pytest.raises(RuntimeError, match="the real reason"):
        fit(model, callbacks=[Freezes()])
    assert not model.layers[0].trainable
    before = model.layers[0].kernel
    fit(model)
    np.testing.assert_array_equal(before, model.layers[0].kernel)


def test_a_run_that_is_resumed_and_fails_at_once_can_be_resumed_again():
    cut, whole = network(), network()
    for model in (cut, whole):
        model.compile(fm.Adam(0.01), metrics=["accuracy", "f1"])
    history = fit(cut, callbacks=[StopsAfter(4)])
    recorded = {name: list(values) for name, values in history.history.items()}
    for hook in ("on_train_begin", "on_epoch_begin"):
        with pytest.raises(RuntimeError, match=hook):
            fit(cut, resume=True, callbacks=[Fails(hook)])
        assert (cut.history, history.stopped, history.partial) == (history, "callback", True)

    class StopsAtOnce(callbacks.Callback):
        def on_epoch_begin(self, epoch):
            self.model.stop_training = True

    fit(cut, resume=True, callbacks=[StopsAtOnce()])
    assert history.history == recorded
    fit(cut, resume=True)
    fit(whole)
    assert bits(cut) == bits(whole)
    assert len(cut.history.batches["loss"]) == len(whole.history.batches["loss"])


def test_an_epoch_that_failed_counts_as_one():
    model = network()
    with pytest.raises(RuntimeError):
        fit(model, callbacks=[Fails("on_batches_end")])
    assert model.position.batch > 0
    fit(model, epochs=1)
    assert (model.position.epoch, model.position.batch) == (2, 0)


@pytest.mark.parametrize("fails_at", [1, 4, 6])
def test_a_metric_that_fails_does_not_lose_its_epoch(fails_at):
    def metric(y, outputs):
        calls.append(len(y))
        if len(calls) == fails_at:
            raise OSError("disk full")
        return 1.0

    calls = []
    model, whole = network(), network()
    for each in (model, whole):
        each.compile(fm.Adam(0.01), metrics=[metric if each is model else "accuracy"])
    with pytest.raises(OSError, match="disk full"):
        fit(model, epochs=6)
    assert model.history.epoch == list(range(fails_at))
    if fails_at > 1:  # before that the metric is not known by name
        assert np.isnan(model.history["metric"][-1])
    fit(model, epochs=6, resume=True)
    fit(whole, epochs=6)
    assert bits(model) == bits(whole)
    assert model.history["loss"] == whole.history["loss"]


def test_nobody_else_changes_a_model_that_is_trained():
    class Meddles(callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            for meddle in (lambda: self.model.partial_fit(X, Y), lambda: fit(self.model), self.model.compile):
                with pytest.raises(fm.BusyError):
                    meddle()

    model, alone = network(), network()
    fit(model, callbacks=[Meddles()])
    fit(alone)
    assert bits(model) == bits(alone)


def test_only_callbacks_that_have_begun_are_told_of_the_end():
    before, after = Recorder(), Recorder()
    with pytest.raises(RuntimeError):
        fit(callbacks=[before, Fails("on_train_begin"), after])
    assert (before.reason, after.reason) == ("failed", None)


class StopsAfter(callbacks.Callback):
    """So many batches."""

    def __init__(self, batches):
        self.every_batches = batches

    def on_batches_end(self, batch, logs):
        self.model.stop_training = True


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin"])
def test_a_new_model_that_fails_before_its_first_batch_stays_new(hook):
    model = fm.Sequential([fm.Normalization(), fm.Dense(CLASSES, activation="softmax")], seed=1)
    model.compile()
    labels = np.array(list("uvwxyz"))[:CLASSES][Y]
    with pytest.raises(RuntimeError, match=hook):
        fit(model, y=labels, seed=9, callbacks=[Fails(hook)])
    assert (model.seed, model.classes, model.is_built, model.history) == (1, None, False, None)
    assert model.declarations[0].mean is None
    model.build(X.shape[1])
    with pytest.raises(RuntimeError, match=hook):
        fit(model, callbacks=[Fails(hook)])
    assert (model.layers[0].mean == 0).all()
    assert (model.layers[0].variance == 1).all()
    model.layers[0].mean = np.full(X.shape[1], 5.0)
    with pytest.raises(RuntimeError, match=hook):
        fit(model, callbacks=[Fails(hook)])
    assert (model.layers[0].mean == 5).all()
    fit(model)
    np.testing.assert_allclose(model.layers[0].mean, X.mean(axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin"])
def test_a_run_that_fails_before_its_first_batch_leaves_no_trace(hook):
    model = network()
    history = fit(model, epochs=2, callbacks=[StopsAfter(3)])
    assert history.partial
    epoch, batch, weights = model.position.epoch, model.position.batch, model.get_weights()
    with pytest.raises(RuntimeError, match=hook):
        fit(model, callbacks=[Fails(hook)])
    assert model.history is history
    assert (model.position.epoch, model.position.batch) == (epoch, batch)
    assert all(np.array_equal(now, then) for now, then in zip(model.get_weights(), weights, strict=True))
    assert not fit(model, epochs=2, resume=True).partial
