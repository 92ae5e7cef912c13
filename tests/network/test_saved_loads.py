"""What is saved loads, whatever was done before, and goes on as if it had never been away."""

import json
import math
import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, ModelFileError
from fastmlp._network.history import History
from tests.fuzz import saved_loads as sequences

from ..shared.files import edited
from ..shared.models import bits, through_a_file

pytestmark = pytest.mark.needs_jit  # it trains a lot

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = np.arange(20) % 2
VALUES = X @ np.array([[1.0], [2.0], [-1.0]], np.float32)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(sequences.NETWORKS)),
    st.sampled_from(["float32", "float64"]),
    st.lists(st.tuples(st.sampled_from(sorted(sequences.STEPS)), st.integers(0, 999)), min_size=1, max_size=6),
)
def test_any_sequence_goes_on_with_the_same_bits(network, dtype, steps):
    with tempfile.TemporaryDirectory() as folder:
        sequences.play(network, dtype, steps, folder)


def compiled(optimizer="adam", metrics=None, loss="categorical_crossentropy", layers=None):
    model = fm.Sequential(layers or [fm.Dense(3, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile(optimizer, loss, metrics)
    return model


def fit(model, x=X, y=Y, **options):
    return model.fit(x, y, **{"verbose": 0, "batch_size": 5, **options})


# ---------------------------------------------------------------- histories whose metrics change


def recompiled(model, metrics):
    model.compile("sgd", metrics=metrics)
    fit(model, epochs=len(model.history.epoch) + 2, resume=True)


@pytest.mark.parametrize(
    "runs",
    [(["accuracy"], []), ([], ["accuracy"]), (["f1"], ["accuracy", "precision"], ["f1"]), ([], ["accuracy"], [])],
)
def test_a_history_whose_metrics_changed_loads(runs, tmp_path):
    model = compiled(metrics=runs[0])
    fit(model, epochs=2)
    for metrics in runs[1:]:
        recompiled(model, metrics)
    again = through_a_file(model, tmp_path)
    assert repr(again.history.config()) == repr(model.history.config())
    for lists, length in ((model.history.history, 2 * len(runs)), (model.history.batches, 8 * len(runs))):
        assert {len(values) for values in lists.values()} == {length}


def test_batches_without_a_metric_have_nan_in_its_list():
    model = compiled(metrics=[])
    fit(model)
    recompiled(model, ["accuracy"])
    accuracies = model.history.batches["accuracy"]
    assert [math.isnan(value) for value in accuracies] == [True] * 4 + [False] * 8
    recompiled(model, [])
    assert [math.isnan(value) for value in accuracies[12:]] == [True] * 8


def test_a_partial_epoch_is_completed_with_other_metrics(tmp_path):
    model = compiled(metrics=[])
    stop = fm.callbacks.Lambda(on_batches_end=lambda *_: setattr(model, "stop_training", True), every_batches=2)
    fit(model, callbacks=[stop])
    assert model.history.partial
    model = through_a_file(model, tmp_path)
    recompiled(model, ["accuracy"])
    assert not through_a_file(model, tmp_path).history.partial


def test_validations_whose_metrics_changed_load(tmp_path):
    model = compiled(metrics=["f1"])
    fit(model, validation_split=0.3, validation_batches=1)
    model.compile("sgd", metrics=["accuracy"])
    fit(model, epochs=3, resume=True, validation_split=0.3, validation_batches=2)
    assert repr(through_a_file(model, tmp_path).history.config()) == repr(model.history.config())


def test_a_history_that_version_0_1_0_left_with_gaps_loads_without_the_metric_that_has_them():
    old = {"history": {"loss": [1.0]}, "epoch": [0], "batches": {"loss": [1.0, 0.5, 0.2], "accuracy": [0.5]}}
    assert History.from_config(old).batches == {"loss": [1.0, 0.5, 0.2]}


# ---------------------------------------------------------------- numbers at the edge


HUGE = {
    "adagrad": fm.optimizers.Adagrad(0.1),
    "rmsprop": fm.optimizers.RMSprop(0.001),
    "rmsprop with momentum": fm.optimizers.RMSprop(0.001, momentum=0.9),
    "adam": fm.Adam(0.001),
    "adamax": fm.optimizers.Adamax(0.001),
    "rprop": fm.optimizers.Rprop(0.001),
    "averaged adam": fm.Adam(0.001, ema_momentum=0.5),
    "clipped": fm.Adam(0.001, clipvalue=1.0),
    "adagrad that waits": fm.optimizers.Adagrad(0.1, gradient_accumulation_steps=3),
}


@pytest.mark.parametrize("name", HUGE)
def test_training_on_huge_targets_goes_on_after_loading(name, tmp_path):
    kept = compiled(HUGE[name], [], "mae", [fm.Dense(4, "relu"), fm.Dense(1)])
    huge = VALUES * np.float32(1e18)
    kept.compile(HUGE[name], "mse", [])
    with np.errstate(over="ignore"):
        fit(kept, y=huge)
        again = through_a_file(kept, tmp_path)
        assert sequences.bits(again) == sequences.bits(kept)
        for model in (kept, again):
            fit(model, y=huge, epochs=2, resume=True)
    assert bits(again) == bits(kept)


def test_overflowed_sums_are_part_of_the_state(tmp_path):
    model = compiled(HUGE["adagrad"], [], "mse", [fm.Dense(1)])
    with np.errstate(over="ignore"):
        model.build(3)
        model.train_on_batch(X * np.float32(100), VALUES * np.float32(1e18))
    assert np.isinf(model.engine.state).any()
    again = through_a_file(model, tmp_path)
    np.testing.assert_array_equal(again.engine.state, model.engine.state)


@pytest.mark.parametrize("slot", ["parameters", "state"])
def test_what_an_update_has_ruined_is_not_saved(slot, tmp_path):
    model = compiled()
    fit(model)
    model.save(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    getattr(model.engine, slot)[0] = np.nan
    with pytest.raises(DivergenceError, match=r"cannot be saved: its array '.*/0/kernel' holds NaN.*compile\(\)"):
        model.save(tmp_path / "model.npz")
    if slot == "parameters":
        with pytest.raises(DivergenceError, match="cannot be saved"):
            model.save_weights(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == before


def test_a_step_that_overflows_is_not_saved_and_says_so(tmp_path):
    model = compiled(fm.SGD(1e38), [], "mse", [fm.Dense(1)])
    with np.errstate(all="ignore"):
        model.train_on_batch(X * np.float32(1e5), VALUES * np.float32(1e10))
    with pytest.raises(DivergenceError, match="cannot be saved"):
        model.save(tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()


# ---------------------------------------------------------------- histories in files


GOOD = {
    "history": {"loss": [0.5, 0.25], "val_loss": [math.nan, 1]},
    "batches": {"loss": [0.5, 0.25, 0.1]},
    "epoch": [0, 1],
    "stopped": "finished",
    "partial": False,
    "validations": {"epoch": [0], "batch": [2], "val_loss": [0.5]},
}
WRONG = {
    "history": [5, None, [], "x", {"loss": "ab"}, {"loss": 5}, {"loss": [1, None]}, {"loss": [True, False]},
                {"loss": ["1", "2"]}, {"loss": [1]}, {"loss": [[], []]}, {"loss": [10**400, 1]}, {"loss": {"0": 1}}],
    "batches": [5, None, {"loss": "ab"}, {"loss": [None]}, {"loss": [True]}, {"loss": {}}, {"accuracy": 5, "loss": []}],
    "epoch": [5, None, "01", [0], [0, -1], [0, 0.5], [0, True], [0, "1"], {"0": 0, "1": 1}, [0, 2**60]],
    "stopped": [5, None, True, [], ["finished"], {}],
    "partial": [5, None, 0, 1, "no", []],
    "validations": [5, None, {"epoch": [0]}, {"epoch": [0], "batch": [1, 2]}, {"epoch": [0.5], "batch": [1]},
                    {"epoch": "0", "batch": "1"}, {"epoch": [True], "batch": [1]}, {"val_loss": [1.0]}],
    "surprise": [1],
}  # fmt: skip


def test_a_history_of_right_types_is_read():
    assert repr(History.from_config(json.loads(json.dumps(GOOD))).config()) == repr(GOOD)


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in WRONG.items() for v in values], ids=repr)
def test_a_history_of_wrong_types_is_refused(field, value, tmp_path):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="history"):
        History.from_config({**GOOD, field: value})
    model = compiled()
    fit(model)
    model.save(tmp_path / "model.npz")
    with pytest.raises(ModelFileError, match="history"):
        fm.load(edited(tmp_path / "wrong.npz", tmp_path / "model.npz", {"history": {**GOOD, field: value}}))


# ---------------------------------------------------------------- declarations


def test_blocks_inside_of_blocks_load_to_the_depth_that_is_allowed(tmp_path):
    layer = fm.Dense(3)
    for _ in range(100):
        layer = fm.Residual([layer])
    model = fm.Sequential([layer, fm.Dense(1)], seed=0)
    model.build(3)
    assert bits(through_a_file(model, tmp_path)) == bits(model)
    with pytest.raises(ArgumentError, match="depth of 100"):
        fm.Residual([layer])


@pytest.mark.parametrize(
    ("optimizer", "loss"),
    [
        (fm.SGD(np.float32(0.1), np.float64(0.9), np.True_, gradient_accumulation_steps=np.int8(2)), "mse"),
        ("adam", fm.losses.BinaryCrossentropy(from_logits=np.False_, label_smoothing=np.float32(0.1))),
        (fm.SGD(fm.schedules.Piecewise(np.array([2, 3]), np.array([0.1, 0.2, 0.3]))), fm.losses.Huber(np.float32(2))),
    ],
)
def test_settings_that_are_scalars_of_numpy_are_saved(optimizer, loss, tmp_path):
    model = compiled(optimizer, [fm.metrics.BinaryAccuracy(np.float32(0.5))], loss, [fm.Dense(np.int64(1), "sigmoid")])
    model.build(np.int32(3))
    assert through_a_file(model, tmp_path).optimizer == model.optimizer


@pytest.mark.parametrize("accuracy", [math.nan, 1e300, -1e300, math.inf])
def test_a_partial_epoch_goes_on_from_whatever_history_its_file_holds(accuracy, tmp_path):
    model = compiled()
    stop = fm.callbacks.Lambda(on_batches_end=lambda *_: setattr(model, "stop_training", True), every_batches=2)
    fit(model, callbacks=[stop])
    assert model.history.partial
    del model.history.history["seconds"]
    model.history.batches["accuracy"][-1] = accuracy
    model = through_a_file(model, tmp_path)
    assert 0 <= fit(model, resume=True)["accuracy"][0] <= 1
