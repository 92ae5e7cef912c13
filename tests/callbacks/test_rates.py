"""The learning rate, and the callbacks that set it."""

import math

import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, callbacks

from ..shared.models import bits
from ..shared.short_fits import Recorder, X, Y, fed, fit, network


def test_the_learning_rate_is_the_optimisers_until_it_is_set():
    model = network(rate=0.25)
    assert model.learning_rate == 0.25
    model.learning_rate = 0.5
    assert model.learning_rate == 0.5
    model.compile(fm.Adam(learning_rate=0.125))
    assert model.learning_rate == 0.125
    with pytest.raises(fm.NotBuiltError):
        _ = fm.Sequential().learning_rate
    with pytest.raises(fm.NotBuiltError):
        fm.Sequential().learning_rate = 1.0


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf, "x", None, True])
def test_a_wrong_learning_rate_is_refused(rate):
    model = network()
    with pytest.raises((ArgumentError, ArgumentTypeError), match="learning_rate"):
        model.learning_rate = rate
    assert model.learning_rate == 0.01


def test_a_rate_that_is_set_is_trained_with():
    changed, declared = network(rate=0.01), network(rate=0.05)
    changed.learning_rate = 0.05
    recorder = Recorder()
    fit(changed, callbacks=[recorder])
    fit(declared)
    assert bits(changed) == bits(declared)
    assert recorder.logs["learning_rate"] == 0.05
    for model in (changed, declared):
        model.train_on_batch(X, Y)
    assert bits(changed) == bits(declared)


def test_a_rate_that_is_set_is_saved(tmp_path):
    model = network()
    fit(model)
    model.learning_rate = 0.003
    model.save(tmp_path / "model.npz")
    assert fm.load(tmp_path / "model.npz").learning_rate == 0.003


def test_a_divergence_names_the_rate_that_was_set():
    model = network()
    model.compile("sgd")
    model.learning_rate = 1e30
    with pytest.raises(DivergenceError, match=r"rate 1e\+30"):
        fit(model, epochs=9)


def test_reduce_on_plateau():
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, min_delta=0.1, min_lr=0.2)
    #                   best  best  not   not   not   not   not   not
    assert fed(reduce, [1.00, 0.80, 0.75, 0.74, 0.73, 0.72, 0.71, 0.705]) == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2]


def test_epochs_of_the_cooldown_do_not_count():
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2)
    assert fed(reduce, [1, 1, 1, 1, 1, 1]) == [1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_a_plateau_of_accuracy_is_one_that_does_not_rise():
    reduce = callbacks.ReduceLROnPlateau("val_accuracy", factor=0.5, patience=1)
    assert fed(reduce, [0.5, 0.6, 0.55], name="val_accuracy") == [1, 1, 0.5]


def test_reduced_training_that_goes_on_has_the_same_bits(tmp_path):
    def settings():
        return {"callbacks": [callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)]}

    whole, model = network(), network()
    fit(whole, epochs=2, **settings())
    whole.learning_rate = whole.learning_rate  # each run counts afresh
    fit(whole, epochs=4, resume=True, **settings())
    fit(model, epochs=2, **settings())
    model.save(tmp_path / "model.npz")
    model = fm.load(tmp_path / "model.npz")
    fit(model, epochs=4, resume=True, **settings())
    assert model.learning_rate == whole.learning_rate == 0.0025
    assert bits(model) == bits(whole)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("factor", 0),
        ("factor", 1),
        ("patience", -1),
        ("cooldown", -1),
        ("min_lr", -1),
        ("min_delta", -1),
        ("mode", "x"),
        ("monitor", 5),
    ],
)
def test_wrong_settings_of_a_plateau_are_refused(name, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        callbacks.ReduceLROnPlateau(**{name: value})


def test_a_schedule_sets_the_rate_of_each_epoch():
    model, rates = network(), []
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: rate / (epoch + 1))
    note = callbacks.Lambda(on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"]))
    fit(model, callbacks=[schedule, note])
    assert rates == pytest.approx([0.01, 0.005, 0.005 / 3])


@pytest.mark.parametrize("rate", [0, -1, None, "x", math.nan])
def test_a_schedule_that_gives_no_rate_is_named(rate):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="schedule returns for epoch 0"):
        fit(callbacks=[callbacks.LearningRateScheduler(lambda epoch, _: rate)])
    with pytest.raises(ArgumentTypeError, match="schedule"):
        callbacks.LearningRateScheduler(0.1)


@pytest.mark.parametrize(
    "callback", [callbacks.ReduceLROnPlateau("loss"), callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)]
)
def test_a_callback_does_not_end_a_schedule(callback):
    model = network(rate=fm.schedules.Cosine(0.01, steps=100))
    with pytest.raises(ArgumentError, match=f"{type(callback).__name__} sets the learning rate"):
        fit(model, callbacks=[callback])
    model.learning_rate = 0.01  # which replaces the schedule
    fit(model, callbacks=[callback])
