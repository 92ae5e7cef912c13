"""Callbacks: what they are told, what they do, and that they are closed however training ends."""

import csv
import io
import json
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, MissingExtraError, ModelFileError, callbacks
from fastmlp._network.history import History
from fastmlp.callbacks import progress_bar

ROWS, FEATURES, CLASSES = 23, 3, 3  # 6 batches of 4, the last of 3
X = np.random.default_rng(0).normal(size=(ROWS, FEATURES)).astype(np.float32)
Y = np.arange(ROWS) % CLASSES
VALIDATION = (X[:7], Y[:7])
BATCHES = 6


def network(*hidden, rate=0.01):
    model = fm.mlp(list(hidden or (4,)), classes=CLASSES, seed=0)
    model.compile(fm.Adam(learning_rate=rate))
    return model


def fit(model=None, x=X, y=Y, **settings):
    model = network() if model is None else model
    return model.fit(x, y, **{"verbose": 0, "batch_size": 4, "epochs": 3, **settings})


def weight_bits(model):
    return b"".join(weight.tobytes() for weight in model.get_weights())


PLAN = {
    "epochs": 9,
    "first_epoch": 0,
    "batches": BATCHES,
    "rows": ROWS,
    "batch_size": 4,
    "validation_rows": 7,
    "validation_freq": 1,
    "validation_batches": None,
    "higher_is_better": {"accuracy": True},
    "logs": ["loss", "accuracy", "seconds", "samples_per_second", "learning_rate", "val_loss", "val_accuracy"],
}


def fed(callback, values, name="val_loss", first_epoch=0):
    """Tell a callback of epochs with these values, until it stops; the learning rate after each."""
    callback.model = SimpleNamespace(stop_training=False, learning_rate=1.0, has_schedule=False)
    callback.on_train_begin(PLAN)
    rates = []
    for epoch, value in enumerate(values, first_epoch):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {} if value is None else {name: value})
        rates.append(callback.model.learning_rate)
        if callback.model.stop_training:
            break
    return rates


# ---------------------------------------------------------------- the hooks


class Recorder(callbacks.Callback):
    def __init__(self, every=None):
        self.every_batches = every
        self.seen, self.batches, self.reason = [], [], None

    def on_train_begin(self, run_info):
        self.run_info = run_info

    def on_epoch_begin(self, epoch):
        self.seen.append(epoch)

    def on_batches_end(self, batch, logs):
        self.batches.append((self.seen[-1], batch))
        self.logs = logs

    def on_epoch_end(self, epoch, logs):
        self.logs = logs

    def on_train_end(self, reason):
        self.reason = reason


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
    assert weight_bits(cut) == weight_bits(plain)


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


class Fails(callbacks.Callback):
    def __init__(self, *hooks):
        for hook in hooks:
            setattr(self, hook, lambda *arguments, hook=hook: self.fail(hook))

    def fail(self, hook):
        raise RuntimeError(hook)


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
    assert weight_bits(cut) == weight_bits(whole)
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
    assert weight_bits(model) == weight_bits(whole)
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
    assert weight_bits(model) == weight_bits(alone)


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


# ---------------------------------------------------------------- validation


def test_validation_every_so_many_batches():
    recorder, model = Recorder(1), network()
    history = fit(model, epochs=2, validation_data=VALIDATION, validation_batches=4, callbacks=[recorder])
    assert history.validations["epoch"] == [0, 1]
    assert history.validations["batch"] == [4, 4]
    assert set(history.validations) == {"epoch", "batch", "val_loss", "val_accuracy"}
    assert len(history["val_loss"]) == 2


def test_a_validation_between_is_of_the_weights_of_its_batch():
    scores = {}

    def score(batch, logs):
        scores[batch] = (logs.get("val_loss"), note.model.evaluate(*VALIDATION)["loss"])

    note = callbacks.Lambda(on_batches_end=score, every_batches=1)
    history = fit(epochs=1, validation_data=VALIDATION, validation_batches=2, callbacks=[note])
    assert scores[1][0] is None
    for batch in (2, 4, 6):
        assert scores[batch][0] == scores[batch][1]
    assert scores[3][0] == scores[2][0]  # the latest that is known
    assert history.validations["val_loss"] == [scores[batch][0] for batch in (2, 4, 6)]
    assert history["val_loss"] == [scores[6][0]]  # evaluated once, not again for the epoch


def test_validation_changes_no_bit_of_training():
    plain, validated = network(), network()
    fit(plain)
    fit(validated, validation_data=VALIDATION, validation_batches=1, validation_freq=2)
    assert weight_bits(validated) == weight_bits(plain)


def test_validation_of_every_second_epoch():
    history = fit(epochs=5, validation_data=VALIDATION, validation_freq=2)
    assert [math.isnan(loss) for loss in history["val_loss"]] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("validation_freq", "validation_batches") for value in (0, -1, 1.5, "x", True)],
)
def test_a_wrong_frequency_is_refused_by_name(name, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        fit(validation_data=VALIDATION, **{name: value})


def test_validation_batches_need_validation_data():
    with pytest.raises(ArgumentError, match="validation_batches needs"):
        fit(validation_batches=2)


def test_validations_are_saved_and_go_on(tmp_path):
    settings = {"validation_data": VALIDATION, "validation_batches": 4}
    whole, model = network(), network()
    fit(whole, epochs=3, **settings)
    fit(model, epochs=2, **settings)
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert loaded.history.validations == model.history.validations
    fit(loaded, epochs=3, resume=True, **settings)
    assert loaded.history.validations == whole.history.validations


@pytest.mark.parametrize(
    "validations",
    [{"epoch": [0], "batch": []}, {"val_loss": [1.0]}, {"epoch": ["x"], "batch": [1]}, {"epoch": [-1], "batch": [1]}],
)
def test_a_file_whose_validations_contradict_themselves_is_refused(validations, tmp_path):
    model = network()
    model.build(FEATURES)
    model.history = History(validations=validations)
    model.save(tmp_path / "model.npz")
    with pytest.raises(ModelFileError):
        fm.load(tmp_path / "model.npz")


# ---------------------------------------------------------------- the learning rate


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
    assert weight_bits(changed) == weight_bits(declared)
    assert recorder.logs["learning_rate"] == 0.05
    for model in (changed, declared):
        model.train_on_batch(X, Y)
    assert weight_bits(changed) == weight_bits(declared)


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
    assert weight_bits(model) == weight_bits(whole)


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


# ---------------------------------------------------------------- early stopping


@pytest.mark.parametrize(
    ("settings", "values", "stopped", "best_epoch"),
    [
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
    ],
)
def test_early_stopping(settings, values, stopped, best_epoch):
    stopping = callbacks.EarlyStopping(**settings)
    fed(stopping, values)
    assert stopping.model.stop_training == (stopped is not None)
    assert (stopping.stopped_epoch, stopping.best_epoch) == (stopped, best_epoch)
    assert stopping.best == (None if best_epoch is None else values[best_epoch])


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
    keep = callbacks.Lambda(on_epoch_end=lambda epoch, logs: weights.append(weight_bits(model)))
    for restore in (True, False):
        weights.clear()
        stopping = callbacks.EarlyStopping("loss", min_delta=9.0, patience=2, restore_best_weights=restore)
        model = network()
        history = fit(model, epochs=9, callbacks=[keep, stopping])
        assert (history.stopped, history.epoch) == ("callback", [0, 1, 2])
        assert weight_bits(model) == weights[0 if restore else 2]
        assert weights[0] != weights[2]


@pytest.mark.parametrize("end", ["finished", "failed"])
def test_the_best_weights_are_restored_whatever_ends_training(end):
    model, weights = network(), []
    keep = callbacks.Lambda(on_epoch_end=lambda epoch, logs: weights.append(weight_bits(model)))

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
    assert weight_bits(model) == weights[0] != weights[-1]


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


# ---------------------------------------------------------------- checkpoints


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_are_named_by_epoch_and_logs(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch:03d}-{val_loss:.4f}.npz")
    history = fit(callbacks=[checkpoint], validation_data=VALIDATION)
    expected = [f"{epoch + 1:03d}-{loss:.4f}.npz" for epoch, loss in enumerate(history["val_loss"])]
    assert names_in(tmp_path) == expected == [path.name for path in checkpoint.saved]


def test_training_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path):
    whole = network()
    fit(whole, callbacks=[callbacks.ModelCheckpoint(tmp_path, save_freq=4)])
    assert names_in(tmp_path) == [f"epoch_{epoch:03d}_batch_00004.npz" for epoch in (1, 2, 3)]
    for name in names_in(tmp_path):
        model = fm.load(tmp_path / name)
        fit(model, resume=True)
        assert weight_bits(model) == weight_bits(whole)
        assert model.history["loss"] == whole.history["loss"]


def test_only_the_best_are_saved(tmp_path):
    saved = []
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "best.npz", save_best_only=True)
    values = [3.0, 4.0, 2.0, 2.0, math.nan, 1.0]
    checkpoint.model = SimpleNamespace(save=lambda path: saved.append(checkpoint._epoch))
    checkpoint.on_train_begin(PLAN)
    for epoch, value in enumerate(values):
        checkpoint.on_epoch_begin(epoch)
        checkpoint.on_epoch_end(epoch, {"val_loss": value})
    assert saved == [0, 2, 5]
    assert checkpoint.best == 1.0
    assert checkpoint.saved == [tmp_path / "best.npz"]


def test_every_second_epoch_is_saved_and_the_last_are_kept(tmp_path):
    folder = tmp_path / "runs" / "first"
    checkpoint = callbacks.ModelCheckpoint(folder, every_epochs=2, keep_last=2)
    fit(epochs=7, callbacks=[checkpoint])
    assert names_in(folder) == ["epoch_004.npz", "epoch_006.npz"]


def test_the_best_by_batches(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path, save_best_only=True, save_freq=2)
    fit(epochs=1, callbacks=[checkpoint], validation_data=VALIDATION, validation_batches=4)
    assert names_in(tmp_path) == ["epoch_001_batch_00004.npz"]
    with pytest.raises(ArgumentError, match="validation_batches"):
        fit(callbacks=[checkpoint], validation_data=VALIDATION)


def test_an_epoch_without_validation_has_nan_in_its_name(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.1f}.npz")
    fit(epochs=1, callbacks=[checkpoint], validation_data=VALIDATION, validation_freq=2)
    assert names_in(tmp_path) == ["1-nan.npz"]


@pytest.mark.parametrize("name", ["{epoch", "{}", "{0}", "{epoch.real}", "{epoch[0]}"])
def test_a_template_that_is_none_is_refused_at_once(name):
    with pytest.raises(ArgumentError, match="path"):
        callbacks.ModelCheckpoint(name + ".npz")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("{val_loss}.npz", "{val_loss}, but this training knows only epoch, batch, loss, accuracy"),
        ("{f1}.npz", "{f1}, but"),
        ("{loss:d}.npz", "cannot be filled in"),
        ("{epoch:{width}}.npz", "cannot be filled in"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused_before_training(name, shown, tmp_path):
    model = network()
    with pytest.raises(ArgumentError) as caught:
        fit(model, callbacks=[callbacks.ModelCheckpoint(tmp_path / name)])
    assert shown in str(caught.value)
    assert model.history is None
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", 5),
        ("path", ""),
        ("save_freq", "batch"),
        ("save_freq", 0),
        ("every_epochs", 0),
        ("keep_last", 0),
        ("save_best_only", "yes"),
        ("monitor", None),
        ("mode", None),
    ],
)
def test_wrong_settings_of_checkpoints_are_refused(name, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        callbacks.ModelCheckpoint(**{"path": "x.npz", name: value})


# ---------------------------------------------------------------- loggers


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def objects_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_csv_log_has_a_line_for_each_epoch_as_soon_as_it_is_over(tmp_path):
    path, lengths = tmp_path / "logs" / "log.csv", []
    watch = callbacks.Lambda(on_epoch_begin=lambda epoch: lengths.append(len(rows_of(path))))
    history = fit(callbacks=[callbacks.CSVLogger(path), watch], validation_data=VALIDATION, validation_freq=2)
    rows = rows_of(path)
    assert lengths == [0, 1, 2]
    assert list(rows[0]) == ["epoch", *PLAN["logs"]]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["val_loss"] for row in rows] == ["", repr(history["val_loss"][1]), ""]


def test_a_json_log_has_a_line_for_each_epoch(tmp_path):
    path = tmp_path / "log.jsonl"

    def spoil(epoch, logs):
        logs["own"] = math.inf if epoch else 1

    history = fit(callbacks=[callbacks.Lambda(on_epoch_end=spoil), callbacks.JSONLogger(path)])
    lines = objects_of(path)
    assert [line["loss"] for line in lines] == history["loss"]
    assert [line["own"] for line in lines] == [1.0, None, None]
    assert list(lines[0]) == ["epoch", "loss", "accuracy", "seconds", "samples_per_second", "learning_rate", "own"]


@pytest.fixture(params=[(callbacks.CSVLogger, rows_of), (callbacks.JSONLogger, objects_of)], ids=["csv", "json"])
def logger(request, tmp_path):
    kind, read = request.param
    path = tmp_path / "log"

    def make(**settings):
        return kind(path, **settings)

    return SimpleNamespace(make=make, path=path, epochs=lambda: [int(row["epoch"]) for row in read(path)])


def test_a_new_run_writes_a_new_log_unless_it_is_to_be_appended(logger):
    fit(epochs=2, callbacks=[logger.make()])
    fit(epochs=1, callbacks=[logger.make()])
    assert logger.epochs() == [0]
    fit(epochs=2, callbacks=[logger.make(append=True)])
    assert logger.epochs() == [0, 0, 1]


@pytest.mark.parametrize("append", [False, True])
def test_a_log_goes_on_with_its_run(logger, append, tmp_path):
    logs = [logger.make(append=append)]
    model = network()
    fit(model, epochs=2, callbacks=logs)
    model.save(tmp_path / "model.npz")
    fit(model, epochs=4, callbacks=logs, resume=True)
    assert logger.epochs() == [0, 1, 2, 3]
    # A later process knows only the file of epoch 1, and finds a log of four epochs that breaks off in a line.
    with open(logger.path, "a") as file:
        file.write('{"epoch": 4, "lo')
    fit(fm.load(tmp_path / "model.npz"), epochs=3, callbacks=[logger.make(append=append)], resume=True)
    assert logger.epochs() == [0, 1, 2]


def test_an_epoch_that_was_cut_short_is_replaced_when_it_is_done(logger):
    model = network()
    fit(model, max_time=1e-9, callbacks=[logger.make()])
    assert model.history.partial
    assert logger.epochs() == [0]
    fit(model, resume=True, callbacks=[logger.make()])
    assert logger.epochs() == [0, 1, 2]


def test_a_log_is_whole_after_a_failure(logger):
    with pytest.raises(RuntimeError):
        fit(callbacks=[logger.make(), Fails("on_epoch_end")])
    assert logger.epochs() == [0]


def test_a_csv_log_is_not_appended_to_another_table(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ArgumentError, match="does not begin with a column 'epoch'"):
        fit(callbacks=[callbacks.CSVLogger(path, append=True)])
    assert path.read_text() == "a,b\n1,2\n"


def test_wrong_settings_of_loggers_are_refused():
    with pytest.raises(ArgumentTypeError, match="path"):
        callbacks.CSVLogger(5)
    with pytest.raises(ArgumentError, match="path"):
        callbacks.JSONLogger("")
    with pytest.raises(ArgumentTypeError, match="append"):
        callbacks.CSVLogger("x.csv", append=1)


# ---------------------------------------------------------------- progress


class Screen(io.StringIO):
    def isatty(self):
        return True


def drawn(monkeypatch, stream, verbose, installed=(), notebook=False):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(progress_bar, "_is_installed", lambda package: package in installed)
    monkeypatch.setattr(progress_bar, "_in_notebook", lambda: notebook)
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: None)
    chosen = callbacks.progress(verbose)
    monkeypatch.undo()
    return [type(callback).__name__ + (" live" if getattr(callback, "live", False) else "") for callback in chosen]


@pytest.mark.parametrize(
    ("stream", "verbose", "installed", "notebook", "expected"),
    [
        (Screen, 0, ["tqdm"], False, []),
        (Screen, 1, [], False, ["ProgressLine live"]),
        (Screen, 2, ["tqdm"], False, ["ProgressLine"]),
        (Screen, "auto", [], False, ["ProgressLine live"]),
        (Screen, "auto", ["tqdm"], False, ["ProgressBar"]),
        (Screen, True, ["tqdm"], False, ["ProgressBar"]),
        (io.StringIO, "auto", ["tqdm"], False, ["ProgressLine"]),
        (io.StringIO, 1, ["tqdm"], False, ["ProgressLine live"]),
        (io.StringIO, "auto", ["tqdm"], True, ["ProgressBar"]),
        (io.StringIO, "auto", [], True, ["ProgressLine"]),
        (lambda: None, 1, ["tqdm"], False, []),
    ],
)
def test_progress_is_what_the_output_takes(monkeypatch, stream, verbose, installed, notebook, expected):
    assert drawn(monkeypatch, stream(), verbose, installed, notebook) == expected


def test_a_notebook_is_known_by_its_kernel(monkeypatch):
    shell = SimpleNamespace(kernel=None)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not progress_bar._in_notebook()
    shell.kernel = object()
    assert progress_bar._in_notebook()


def test_a_bar_without_tqdm_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(MissingExtraError, match=r"fastmlp\[progress\]"):
        callbacks.ProgressBar()


class Bar:
    """In place of tqdm's."""

    def __init__(self, total, desc, file, **_):
        self.total, self.desc, self.file, self.n, self.closed = total, desc, file, 0, 0

    def update(self, count):
        self.n += count

    def set_postfix_str(self, text, refresh=True):
        self.text = text

    def close(self):
        self.closed += 1
        self.file.write(f"{self.desc} {self.n}/{self.total} {self.text}\n")


def test_a_bar_counts_the_batches_of_each_epoch(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    stream = Screen()
    fit(epochs=2, callbacks=[callbacks.ProgressBar(stream=stream)], validation_data=VALIDATION)
    lines = stream.getvalue().splitlines()
    assert [line[:17] for line in lines] == ["epoch 1/2 6/6 los", "epoch 2/2 6/6 los"]
    assert "val_accuracy" in lines[0]
    assert lines[0].endswith("samples/s")


def test_a_bar_is_closed_when_training_fails(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    stream = Screen()
    with pytest.raises(RuntimeError):
        fit(callbacks=[callbacks.ProgressBar(stream=stream), Fails("on_batches_end")])
    assert stream.getvalue().splitlines()[-1] == "stopped: an error"
    assert len(stream.getvalue().splitlines()) == 2


def test_a_bar_of_tqdm():
    pytest.importorskip("tqdm")
    stream = Screen()
    fit(epochs=2, callbacks=[callbacks.ProgressBar(stream=stream)])
    finished = [line.split("\r")[-1] for line in stream.getvalue().strip().split("\n")]
    assert len(finished) == 2
    assert finished[1].startswith("epoch 2/2: 100%")
    assert "6/6" in finished[1]
    assert "loss" in finished[1]


def test_a_bar_is_a_line_for_each_epoch_in_a_file(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    stream = io.StringIO()
    fit(epochs=2, callbacks=[callbacks.ProgressBar(stream=stream)])
    assert [line[:9] for line in stream.getvalue().splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert "\r" not in stream.getvalue()


def test_a_bar_writes_to_what_can_merely_be_written_to(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    lines = []
    stream = SimpleNamespace(write=lines.append, flush=lambda: None)
    fit(epochs=1, callbacks=[callbacks.ProgressBar(stream=stream)])
    assert "epoch 1/1" in "".join(lines)


# ---------------------------------------------------------------- diagnosis


def diagnosed(model, x=X, y=Y, *, sample=True, **settings):
    stream = io.StringIO()
    diagnosis = callbacks.Diagnosis(stream=stream, **({"x": x, "y": y} if sample else {}))
    fit(model, x, y, callbacks=[diagnosis], **settings)
    assert stream.getvalue().count("diagnosis, epoch") == len(diagnosis.findings)
    return diagnosis


def kinds(diagnosis):
    return [(finding.kind, finding.layer) for finding in diagnosis.findings]


def separable(rows=60):
    y = np.arange(rows) % CLASSES
    return (np.eye(CLASSES)[y] + np.random.default_rng(0).normal(0, 0.1, (rows, CLASSES))).astype(np.float32), y


def test_healthy_training_has_no_findings():
    diagnosis = diagnosed(network(16, 8), *separable(), epochs=6)
    assert diagnosis.findings == []
    assert [layer.layer for layer in diagnosis.layers] == [0, 1, 2]
    assert all(1e-5 < layer.update_ratio < 0.1 for layer in diagnosis.layers)
    assert math.isnan(diagnosis.layers[2].dead_units)


def test_diagnosis_changes_no_bit():
    plain, watched = network(), network()
    fit(plain)
    diagnosed(watched)
    assert weight_bits(watched) == weight_bits(plain)


def test_figures_of_layers_are_those_of_their_definition():
    model = network(2)
    model.build(FEATURES)
    model.layers[0].kernel = [[1, 1], [0, 1], [0, 1]]
    model.layers[0].bias = [0, -100]
    x = np.array([[1, 0, 0], [2, 1, 1]], np.float32)
    before = model.layers[1].kernel
    diagnosis = diagnosed(model, x, [0, 1], batch_size=2, epochs=1)
    after = model.layers[1].kernel
    first, second = diagnosis.layers
    assert first.dead_units == 0.5
    assert second.update_ratio == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before))
    assert second.weight_norm == pytest.approx(np.linalg.norm(after))
    assert second.growth == pytest.approx(np.linalg.norm(after) / np.linalg.norm(before))


def test_dead_units_are_counted_in_each_layer():
    model = network(4, 3)
    model.build(FEATURES)
    model.layers[1].bias = [-1000, -1000, 5]
    diagnosis = diagnosed(model, epochs=2)
    assert [layer.dead_units for layer in diagnosis.layers][1] == pytest.approx(2 / 3)
    assert ("dead", 1) in kinds(diagnosis)
    assert "67 % of its 3 ReLU units" in str(diagnosis.findings[0])
    assert kinds(diagnosis).count(("dead", 1)) == 1  # each thing once
    assert not [kind for kind, _ in kinds(diagnosed(model, sample=False)) if kind == "dead"]


def test_uint8_samples_are_scaled_as_in_training():
    x = np.arange(60, dtype=np.uint8).reshape(20, 3)
    model = network(2)
    model.build(3)
    model.layers[0].kernel = np.ones((3, 2))
    model.layers[0].bias = [-0.5, -1]  # sums of pixels are from 3 to 174, divided by 255
    diagnosis = diagnosed(model, x, np.arange(20) % 3, epochs=1, batch_size=20)
    assert diagnosis.layers[0].dead_units == 0.5


def test_stalling_near_chance_is_said():
    model = network(rate=1e-9)
    model.build(FEATURES)
    model.layers[1].bias = [1, 0, 0]  # always the first class
    diagnosis = diagnosed(model, epochs=3, x=X / 1000)
    assert ("chance", None) in kinds(diagnosis)
    message = next(str(finding) for finding in diagnosis.findings if finding.kind == "chance")
    assert "guessing one class reaches 34.78 %" in message
    assert "divided by 255" in message
    assert "larger learning rate" in message  # the updates are tiny


def test_stalling_with_updates_of_a_usual_size_asks_for_smaller_ones():
    (finding,) = told([2.0, 2.0], [0.33, 0.33]).findings
    assert "try a smaller learning rate" in str(finding)


def test_the_first_update_of_adam_may_be_large():
    model = fm.mlp([4], classes=3, seed=0)
    model.compile(fm.Adam(learning_rate=0.2))
    first = diagnosed(model, epochs=1)
    assert max(layer.update_ratio for layer in first.layers) > 0.1
    assert first.findings == []
    assert ("large updates", 0) in kinds(diagnosed(model, epochs=1))


def test_updates_that_are_too_small_are_said():
    diagnosis = diagnosed(network(rate=1e-9), epochs=3)
    assert ("small updates", 0) in kinds(diagnosis)
    assert "larger learning rate" in str(diagnosis.findings[0])


def test_updates_that_are_too_large_and_weights_that_explode_are_said():
    diagnosis = diagnosed(network(rate=30.0), epochs=3)
    assert {("large updates", 0), ("exploding weights", 0)} <= set(kinds(diagnosis))
    assert "smaller learning rate" in str(diagnosis.findings[0])


def told(losses, accuracies=None, reason="finished", **settings):
    """A diagnosis that is fed with numbers of a model that does not change."""
    model = network()
    model.build(FEATURES)
    diagnosis = callbacks.Diagnosis(stream=io.StringIO(), **settings)
    diagnosis.model = model
    diagnosis.on_train_begin(PLAN)
    for epoch, loss in enumerate(losses):
        diagnosis.on_epoch_begin(epoch)
        diagnosis.on_epoch_end(epoch, {"loss": loss, "accuracy": accuracies[epoch] if accuracies else 1.0})
    diagnosis.on_train_end(reason)
    return diagnosis


@pytest.mark.parametrize(
    ("losses", "explodes"),
    [
        ([2.3, 0.3, 1.3], True),
        ([2.3, 0.3, 0.8], False),  # less than half of the first
        ([2.3, 0.9, 2.3], False),  # less than 3 times the least
        ([2.3, 2.2, 6.0], False),  # there was no promising start, and less than 3 times the first
        ([2.3, 2.2, 9.0], True),
        ([2.3, 1e-6, 1e-4], False),
    ],
)
def test_a_loss_that_explodes_after_a_promising_start(losses, explodes):
    assert (("exploding loss", None) in kinds(told(losses))) == explodes


def test_divergence_is_said():
    assert "explodes after a promising start, to NaN" in str(told([2.0, 1.0], reason="diverged").findings[-1])
    assert "explodes from the start, to NaN" in str(told([], reason="diverged").findings[-1])


@pytest.mark.parametrize(
    ("labels", "accuracies", "stalls"),
    [
        (None, [0.33, 0.35], True),
        (None, [0.33, 0.36], False),
        (None, [0.33, 0.5, 0.33], False),
        ([0] * 9 + [1], [0.9, 0.905], True),
        ([0] * 9 + [1], [0.92, 0.92], False),  # a tenth of what guessing does not reach is progress
        (np.eye(3)[[0, 0, 1]], [0.1, 0.66], True),
    ],
)
def test_chance_is_the_largest_class(labels, accuracies, stalls):
    found = kinds(told([2.0] * len(accuracies), accuracies, y=labels))
    assert (("chance", None) in found) == stalls


def test_wrong_settings_of_a_diagnosis_are_refused():
    with pytest.raises(ArgumentError, match="every"):
        callbacks.Diagnosis(0)
    with pytest.raises(ArgumentTypeError, match="y cannot be made into one array"):
        callbacks.Diagnosis(y=[[1], [1, 2]])
    with pytest.raises(ArgumentError, match="y must"):
        callbacks.Diagnosis(y=5)
    model = network()
    with pytest.raises(ArgumentError, match="x has 2 features"):
        fit(model, callbacks=[callbacks.Diagnosis(x=X[:, :2])])
    assert model.history is None


# ---------------------------------------------------------------- metrics of the user's own, schedules, other layers


@pytest.mark.parametrize(("higher", "kept"), [(True, 2), (False, 0)])
def test_a_metric_of_ones_own_says_which_way_is_better(higher, kept):
    values = iter([1.0, 2.0, 3.0])
    metric = fm.metrics.Custom(lambda targets, outputs: next(values), name="wrong_accuracy", higher_is_better=higher)
    model, weights = network(), []
    model.compile(metrics=[metric])
    note = callbacks.Lambda(on_epoch_end=lambda epoch, logs: weights.append(weight_bits(model)))
    best = callbacks.EarlyStopping("wrong_accuracy", patience=5, restore_best_weights=True)
    fit(model, callbacks=[note, best])
    assert weight_bits(model) == weights[kept]


def test_which_way_is_better_must_be_known():
    note = callbacks.Lambda(on_epoch_end=lambda epoch, logs: logs.update(height=float(epoch)))
    with pytest.raises(ArgumentError, match="'height' is better when larger is not known: say mode='min'"):
        fit(callbacks=[note, callbacks.EarlyStopping("height")])
    fit(callbacks=[note, callbacks.EarlyStopping("height", mode="max")])


@pytest.mark.parametrize(
    "callback", [callbacks.ReduceLROnPlateau("loss"), callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)]
)
def test_a_callback_does_not_end_a_schedule(callback):
    model = network(rate=fm.schedules.Cosine(0.01, steps=100))
    with pytest.raises(ArgumentError, match=f"{type(callback).__name__} sets the learning rate"):
        fit(model, callbacks=[callback])
    model.learning_rate = 0.01  # which replaces the schedule
    fit(model, callbacks=[callback])


def test_dead_units_of_relus_that_are_layers_of_their_own():
    dense, relu = fm.Dense(4), fm.Activation("relu")
    layers = [dense, fm.BatchNormalization(), relu, fm.Residual([fm.Dense(6), relu, fm.Dense(4)])]
    model = fm.Sequential([*layers, fm.Dense(CLASSES, activation="softmax")], seed=0)
    model.compile()
    model.build(FEATURES)
    model.layers[1].beta = [-100, 0, -100, 0]
    model.layers[3].bias = [-1e4, -1e4, -1e4, 0, 0, 0]
    diagnosis = diagnosed(model, epochs=1)
    found = {layer.layer: layer.dead_units for layer in diagnosis.layers}
    assert (found[0], found[3]) == (0.5, 0.5)
    assert math.isnan(found[5])
    assert ("dead", 0) in kinds(diagnosis)


def test_progress_is_shown_once(capsys):
    fit(epochs=2, verbose="auto", callbacks=[callbacks.ProgressLine(live=False)])
    assert len(capsys.readouterr().out.splitlines()) == 2
