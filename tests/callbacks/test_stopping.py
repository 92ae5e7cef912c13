"""Early stopping."""

import math

import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, callbacks

from ..shared.models import bits
from ..shared.short_fits import VALIDATION, fed, fit, network

CASES = [
    ({}, [3, 2, 1, 1, 0], 3, 2),  # an equal value is no improvement
    ({"patience": 1}, [3, 2, 1, 1, 0], 3, 2),
    ({"patience": 2}, [3, 4, 2, 3, 4, 0], 4, 2),
    ({"patience": 3}, [3, 4, 2, 3, 4], None, 2),
    ({"min_delta": 0.5}, [3, 2.6, 2], 1, 0),
    ({"mode": "max"}, [3, 2], 1, 0),
    ({"mode": "max"}, [1, 2, 3], None, 2),
    ({"patience": 2, "baseline": 2}, [4, 3, 3.5, 1], 2, 1),
    ({"patience": 2, "baseline": 2}, [4, 3, 1, 5], None, 2),
    ({"patience": 2, "baseline": 2}, [4, 1, 0], None, 2),
    ({"start_from_epoch": 2}, [1, 2, 3, 2, 1, 1], 5, 4),
    ({"patience": 2}, [math.nan, 2, math.nan, math.nan], 3, 1),
    ({"patience": 2}, [math.nan, math.nan], 1, None),
]


@pytest.mark.parametrize(("settings", "values", "stopped", "best_epoch"), CASES)
def test_early_stopping(settings, values, stopped, best_epoch):
    stopping = callbacks.EarlyStopping(**settings)
    fed(stopping, values)
    assert stopping.model.stop_training == (stopped is not None)
    assert (stopping.stopped_epoch, stopping.best_epoch) == (stopped, best_epoch)
    assert stopping.best == (None if best_epoch is None else values[best_epoch])


@pytest.mark.parametrize(("settings", "values", "stopped", "best_epoch"), CASES)
def test_the_way_up_is_the_way_down_turned_around(settings, values, stopped, best_epoch):
    turned = {"mode": "min" if settings.get("mode") == "max" else "max"}
    if "baseline" in settings:
        turned["baseline"] = -settings["baseline"]
    stopping = callbacks.EarlyStopping(**{**settings, **turned})
    fed(stopping, [-value for value in values])
    assert (stopping.stopped_epoch, stopping.best_epoch) == (stopped, best_epoch)


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("loss", 0),
        ("val_loss", 0),
        ("mse", 0),
        ("seconds", 0),
        ("accuracy", 1),
        ("val_accuracy", 1),
        ("roc_auc", 1),
        ("val_f1", 1),
        ("f1_macro", 1),
        ("precision", 1),
        ("val_recall", 1),
        ("r2", 1),
        ("top_5_accuracy", 1),
    ],
)
def test_the_way_up_is_told_by_the_name(name, better):
    stopping = callbacks.EarlyStopping(name)
    fed(stopping, [0.5, better], name=name)
    assert stopping.best == better


def test_early_stopping_ends_training_and_restores_the_best_weights():
    weights = []
    keep = callbacks.Lambda(on_epoch_end=lambda epoch, logs: weights.append(bits(model)))
    for restore in (True, False):
        weights.clear()
        stopping = callbacks.EarlyStopping("loss", min_delta=9.0, patience=2, restore_best_weights=restore)
        model = network()
        history = fit(model, epochs=9, callbacks=[keep, stopping])
        assert (history.stopped, history.epoch) == ("callback", [0, 1, 2])
        assert bits(model) == weights[0 if restore else 2]
        assert weights[0] != weights[2]


@pytest.mark.parametrize("end", ["finished", "failed"])
def test_the_best_weights_are_restored_whatever_ends_training(end):
    model, weights = network(), []
    keep = callbacks.Lambda(on_epoch_end=lambda epoch, logs: weights.append(bits(model)))

    def fail(epoch):
        if epoch == 2:
            raise RuntimeError

    stopping = callbacks.EarlyStopping("loss", min_delta=9.0, patience=8, restore_best_weights=True)
    listeners = [keep, stopping]
    if end == "failed":
        with pytest.raises(RuntimeError):
            fit(model, callbacks=[*listeners, callbacks.Lambda(on_epoch_begin=fail)])
    else:
        fit(model, callbacks=listeners)
    assert model.history.stopped == end
    assert stopping.stopped_epoch is None
    assert bits(model) == weights[0] != weights[-1]


def test_a_value_that_is_never_there_is_refused_before_training():
    model = network()
    expected = r"monitor is 'val_loss', but the logs .* are 'loss', 'accuracy', .*validation_data"
    with pytest.raises(ArgumentError, match=expected):
        fit(model, callbacks=[callbacks.EarlyStopping()])
    assert model.history is None
    with pytest.raises(ArgumentError, match="'val_loss', 'val_accuracy': monitor one of these"):
        fit(callbacks=[callbacks.EarlyStopping("auc")], validation_data=VALIDATION)


def test_a_value_of_another_callback_can_be_watched():
    class Adds(callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            logs["val_f1"] = -epoch

    stopping = callbacks.EarlyStopping("val_f1", patience=2)
    assert fit(epochs=9, callbacks=[Adds(), stopping]).epoch == [0, 1, 2]


def test_epochs_without_validation_do_not_count():
    stopping = callbacks.EarlyStopping(min_delta=9.0)
    history = fit(epochs=9, validation_data=VALIDATION, validation_freq=2, callbacks=[stopping])
    assert history.epoch == [0, 1, 2, 3]
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("monitor", None),
        ("min_delta", -1),
        ("patience", 1.5),
        ("mode", "up"),
        ("baseline", "x"),
        ("restore_best_weights", 1),
        ("start_from_epoch", -1),
    ],
)
def test_wrong_settings_of_early_stopping_are_refused(name, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        callbacks.EarlyStopping(**{name: value})


@pytest.mark.parametrize(("higher", "kept"), [(True, 2), (False, 0)])
def test_a_metric_of_ones_own_says_which_way_is_better(higher, kept):
    values = iter([1.0, 2.0, 3.0])
    metric = fm.metrics.Custom(lambda targets, outputs: next(values), name="wrong_accuracy", higher_is_better=higher)
    model, weights = network(), []
    model.compile(metrics=[metric])
    note = callbacks.Lambda(on_epoch_end=lambda epoch, logs: weights.append(bits(model)))
    best = callbacks.EarlyStopping("wrong_accuracy", patience=5, restore_best_weights=True)
    fit(model, callbacks=[note, best])
    assert bits(model) == weights[kept]


def test_which_way_is_better_must_be_known():
    note = callbacks.Lambda(on_epoch_end=lambda epoch, logs: logs.update(height=float(epoch)))
    with pytest.raises(ArgumentError, match="'height' is better when larger is not known: say mode='min'"):
        fit(callbacks=[note, callbacks.EarlyStopping("height")])
    fit(callbacks=[note, callbacks.EarlyStopping("height", mode="max")])
