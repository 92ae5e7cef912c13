"""Probabilities calibrated by a temperature, which the last weights take over."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._network.calibrating import HIGHEST, Judged, best_factor

from ..shared.models import bits, through_a_file

pytestmark = pytest.mark.needs_jit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(500, 5)).astype(np.float32)
Y = np.clip(np.round(X[:, 0] + RNG.normal(size=500) + 1), 0, 2).astype(int)
TWO = (X[:, 0] + RNG.normal(size=500) > 0.5).astype(int)
LABELS = (X[:, :3] + RNG.normal(size=(500, 3)) > [0, 0.5, 1]).astype(int)
FROM_LOGITS = {"from_logits": True}
CASES = {
    "softmax": ([fm.Dense(3, "softmax")], "categorical_crossentropy", Y),
    "logits": ([fm.Dense(3, use_bias=False)], fm.losses.CategoricalCrossentropy(**FROM_LOGITS), Y),
    "activation": ([fm.Dense(3), fm.Activation("softmax")], "categorical_crossentropy", Y),
    "normalised": ([fm.Dense(3), fm.BatchNormalization(), fm.Activation("softmax")], "categorical_crossentropy", Y),
    "layer norm": ([fm.Dense(3), fm.LayerNormalization(), fm.Activation("softmax")], "categorical_crossentropy", Y),
    "scaled": ([fm.Dense(3), fm.Scale(), fm.Activation("softmax")], "categorical_crossentropy", Y),
    "dropped": ([fm.Dense(3), fm.Dropout(0.1), fm.Activation("softmax")], "categorical_crossentropy", Y),
    "sigmoid": ([fm.Dense(1, "sigmoid")], "binary_crossentropy", TWO),
    "one logit": ([fm.Dense(1)], fm.losses.BinaryCrossentropy(**FROM_LOGITS), TWO),
    "labels": ([fm.Dense(3, "sigmoid")], "binary_crossentropy", LABELS),
    "soft rows": ([fm.Dense(3, "softmax")], "categorical_crossentropy", 0.8 * np.eye(3)[Y] + 0.2 / 3),
}


def trained(case, dtype="float32", epochs=3):
    last, loss, y = CASES[case]
    model = fm.Sequential([fm.Dense(16, "tanh"), *last], seed=0, dtype=dtype)
    model.compile(fm.Adam(0.01), loss=loss, metrics=[])
    model.fit(X[:250], y[:250], epochs=epochs, verbose=0)
    return model, y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_the_loss_of_the_rows_falls_and_no_other_temperature_is_better(case, dtype):
    model, y = trained(case, dtype, epochs=40)
    before = model.evaluate(X[250:], y[250:])["loss"]
    logits = model.predict_log_proba(X[250:])
    found = model.calibrate(X[250:], y[250:])
    after = model.evaluate(X[250:], y[250:])["loss"]
    tolerance = 1e-5 if dtype == "float32" else 1e-10
    assert (found.loss_before, found.loss_after) == pytest.approx((before, after), rel=tolerance)
    assert found.loss_after < found.loss_before
    assert found.temperature == model.temperature > 1  # the model knows its rows by heart
    if logits.shape[1] == 3 and y.ndim == 1:
        z = logits / found.temperature
        np.testing.assert_allclose(
            model.predict_log_proba(X[250:]), z - np.log(np.exp(z).sum(axis=1))[:, None], atol=100 * tolerance
        )
    for factor in (0.98, 1.02):  # of the temperature
        other = copy.deepcopy(model)
        kernel = next(t for t in other.layers[::-1] if t.tensors)
        kernel_name = next(iter(kernel.tensors))
        for name in ("kernel", "bias", "gamma", "beta"):
            if name in kernel.tensors:
                setattr(kernel, name, getattr(kernel, name) * factor)
        assert kernel_name
        assert other.evaluate(X[250:], y[250:])["loss"] > after


@pytest.mark.parametrize("case", CASES)
def test_choices_stay_and_copies_are_calibrated_too(case, tmp_path):
    model, y = trained(case)
    before = model.predict(X)
    model.calibrate(X, y)
    after = model.predict(X)
    if before.shape[1] > 1 and case != "labels":
        margin = np.diff(np.sort(before, axis=1))[:, -1] > 1e-4
        assert (before.argmax(axis=1) == after.argmax(axis=1))[margin].all()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), through_a_file(model, tmp_path)):
        assert (other.predict(X) == after).all()
        assert other.temperature == model.temperature
    np.testing.assert_allclose(model.folded().predict(X), after, atol=2e-5)
    assert model.folded().temperature == model.temperature


def test_a_second_calibration_changes_nothing():
    model, y = trained("softmax")
    model.calibrate(X, y)
    total = model.temperature
    weights = bits(model)
    again = model.calibrate(X, y)
    assert again.loss_after <= again.loss_before
    assert model.temperature == pytest.approx(total, rel=1e-5)
    if again.temperature == 1:
        assert bits(model) == weights


def test_weights_of_rows_count():
    models = [trained("softmax")[0] for _ in range(2)]
    weights = np.where(np.arange(500) % 5 == 0, 3.0, 0.0)
    one = models[0].calibrate(X, Y, sample_weight=weights)
    two = models[1].calibrate(X[::5], Y[::5])
    assert one.temperature == pytest.approx(two.temperature, rel=1e-9)


@pytest.mark.parametrize("case", ["sigmoid", "one logit", "labels"])
def test_tuned_thresholds_move_so_that_the_choices_stay(case):
    model, y = trained(case, epochs=30)

    def choices():
        return model.predict_labels(X) if case == "labels" else model.predict_classes(X)

    model.tune_threshold(X, y)
    tuned, before = model.thresholds, choices()
    model.calibrate(X, y)
    assert (model.thresholds != tuned).any()
    assert (choices() == before).all()
    model.thresholds = 0.3
    model.calibrate(X[:200], y[:200])
    assert (model.thresholds == 0.3).all()  # the user's own is a probability that they mean


def test_what_a_model_says_of_its_temperature(capsys):
    model, y = trained("softmax")
    assert model.temperature is None
    found = model.calibrate(X, y)
    assert f"calibrated with the temperature {found.temperature:.4f}" in repr(model)
    assert str(found).startswith(f"temperature {found.temperature:.4f}  log loss ")
    model.fit(X, y, verbose=0)
    model.summary()
    assert "before the weights last changed" in capsys.readouterr().out
    model.calibrate(X, y)
    assert "before the weights" not in repr(model)
    model.pop()
    assert model.temperature is None


def test_the_frozen_and_the_regularised_are_calibrated_too():
    layers = [fm.Dense(8, "tanh"), fm.Dense(3, "softmax", kernel_regularizer="l2")]
    model = fm.Sequential(layers, seed=0)
    model.compile(fm.Adam(0.01))
    model.fit(X, Y, verbose=0, epochs=3)
    model.trainable = False
    found = model.calibrate(X, Y)
    assert found.loss_after < found.loss_before


# ---------------------------------------------------------------- the arithmetic at its ends


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(-6, 6), st.booleans())
def test_the_best_factor_has_the_smallest_loss_at_any_scale(seed, scale, is_softmax):
    random = np.random.default_rng(seed)
    logits = 10.0**scale * random.normal(size=(40, 3))
    truth = random.integers(0, 3, 40) if is_softmax else random.integers(0, 2, (40, 3)).astype(float)
    rows = Judged(logits, truth, random.integers(0, 3, 40) + 0.5, is_softmax)
    try:
        best = best_factor(rows)
    except ArgumentError:
        equal, sure = (rows.of(beta / rows.size() * logits).loss() for beta in (0, HIGHEST))
        assert min(equal, sure) <= rows.of(logits).loss() * (1 + 1e-4)
        return
    loss = rows.of(best * logits).loss()
    for factor in (0.5, 0.99, 1.01, 2, 1 / best):
        assert loss <= rows.of(best * factor * logits).loss() * (1 + 1e-12)


def test_logits_that_are_all_equal_stay():
    assert best_factor(Judged(np.full((4, 3), 7.0), np.array([0, 1, 2, 0]), np.ones(4), True)) == 1
    assert best_factor(Judged(np.zeros((4, 1)), np.array([[0.0], [1], [1], [0]]), np.ones(4), False)) == 1


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e30])
def test_rows_that_are_all_right_or_all_wrong_have_no_best_temperature(size):
    logits, truth = size * np.eye(3), np.arange(3)
    with pytest.raises(ArgumentError, match="no temperature is best: a lower one"):
        best_factor(Judged(logits, truth, np.ones(3), True))
    with pytest.raises(ArgumentError, match="worse than equal ones"):
        best_factor(Judged(-logits, truth, np.ones(3), True))


def unchanged(model, words, *args, error=ArgumentError, **settings):
    weights, known = bits(model), model.data_known
    with pytest.raises(error, match=words):
        model.calibrate(*args, **settings)
    assert bits(model) == weights
    assert model.data_known is known


def test_what_cannot_be_calibrated_is_refused_and_changes_nothing():
    model, y = trained("softmax")
    right = model.predict_classes(X)
    unchanged(model, "fit the model so well", X[:3], right[:3])
    unchanged(model, "x", np.full((3, 5), np.nan), [0, 1, 2])
    unchanged(model, "rows", X, y[:-1])
    unchanged(model, "sample_weight must not be 0", X, y, sample_weight=np.zeros(500))
    unchanged(model, "sample_weight", X, y, sample_weight="balanced", error=ArgumentTypeError)
    for last, loss in (
        ([fm.Dense(3)], "mse"),
        ([fm.Dense(3, "softmax")], "binary_crossentropy"),
        ([fm.Dense(3, "relu"), fm.Activation("softmax")], "categorical_crossentropy"),
        ([fm.Dense(3), fm.Residual([fm.Dense(3)]), fm.Activation("softmax")], "categorical_crossentropy"),
    ):
        other = fm.Sequential(last, seed=0)
        other.compile(loss=loss)
        other.build(5)
        targets = np.eye(3)[Y] if loss == "binary_crossentropy" else Y
        unchanged(other, "calibrate\\(\\) (needs probabilities|divides the weights)", X, targets)
