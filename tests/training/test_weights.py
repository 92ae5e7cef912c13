"""Weights of rows and classes: only their ratios count, and a row that weighs 2 is that row twice."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError
from fastmlp._engine import row_weights
from fastmlp.datasets import Chunks

from ..shared.models import bits

ROWS = 120
WEIGHTS = np.random.default_rng(5).integers(0, 4, ROWS).astype(float)


def problem(rows=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64)


X, Y = problem()


def network(dtype="float64", rule="sgd", **settings):
    layers = [fm.Dense(6, "tanh", kernel_regularizer="l2"), fm.Dense(2, "softmax")]
    model = fm.Sequential(layers, dtype=dtype, seed=1)
    model.compile(rule, **settings)
    return model


def fit(model, x=X, y=Y, **settings):
    return model.fit(x, y, verbose=0, **{"batch_size": 50, "epochs": 3, "shuffle": False, **settings})


def assert_close(model, other, rtol=1e-9):
    for found, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


# ---------------------------------------------------------------- only ratios count

WAYS = {
    "fit": lambda model, w: fit(model, sample_weight=w),
    "partial_fit": lambda model, w: model.partial_fit(X, Y, 50, sample_weight=w),
    "train_on_batch": lambda model, w: model.train_on_batch(X, Y, sample_weight=w),
    "balanced": lambda model, w: fit(model, sample_weight=w, class_weight="balanced"),
    "classes": lambda model, w: fit(model, class_weight={0: 3 * w.max(), 1: w.max()}),
    "chunks": lambda model, w: model.fit(
        Chunks.from_arrays(X, Y, 50), verbose=0, class_weight={0: 3 * w.max(), 1: w.max()}
    ),
    "split": lambda model, w: fit(model, sample_weight=w, validation_split=0.25),
    "validation": lambda model, w: fit(model, validation_data=(X, Y, w)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
def test_multiplying_all_weights_changes_nothing(way, dtype):
    expected, close = network(dtype), 1e-10 if dtype == "float64" else 1e-5
    WAYS[way](expected, WEIGHTS)
    for factor in (7.0, 1e-300, 1e300):
        model = network(dtype)
        WAYS[way](model, WEIGHTS * factor)
        assert_close(model, expected, close)
        for name, values in (expected.history.history if expected.history else {}).items():
            if name not in ("seconds", "samples_per_second"):
                np.testing.assert_allclose(model.history[name], values, rtol=close)


def test_a_power_of_two_changes_no_bit():
    trained = [network("float32") for _ in range(3)]
    for model, factor in zip(trained, (1.0, 2.0**200, 2.0**-900), strict=True):
        fit(model, sample_weight=WEIGHTS * factor)
    assert bits(trained[0]) == bits(trained[1]) == bits(trained[2])


def test_equal_weights_and_balanced_classes_have_the_bits_of_none():
    plain, equal, balanced = network(), network(), network()
    x, y = problem(60)
    y = np.arange(60) % 2
    for model, weights in ((plain, {}), (equal, {"sample_weight": np.full(60, 0.3)})):
        fit(model, x, y, **weights)
    fit(balanced, x, y, class_weight="balanced")
    assert bits(plain) == bits(balanced)
    assert_close(equal, plain, 1e-12)


@pytest.mark.parametrize("extreme", [1e39, 1e308, 1e-310, 5e-324], ids=str)
def test_weights_beyond_the_range_of_the_dtype_train(extreme):
    plain, model = network("float32"), network("float32")
    fit(plain)
    fit(model, sample_weight=np.full(ROWS, extreme))
    assert_close(model, plain, 1e-5)
    assert model.evaluate(X, Y, sample_weight=np.full(ROWS, extreme))["loss"] == pytest.approx(
        model.evaluate(X, Y)["loss"], rel=1e-6
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"sample_weight": np.r_[np.ones(ROWS - 1), np.inf]}, "at least 0, but that of row 119 is inf"),
        ({"sample_weight": np.r_[np.ones(ROWS - 1), np.nan]}, "at least 0, but that of row 119 is nan"),
        (
            {"sample_weight": np.r_[-1e-3, np.ones(ROWS - 1)]},
            r"at least 0, but that of row 0 is -0\.001",
        ),
        ({"sample_weight": np.full(ROWS, 1e300), "class_weight": {0: 1e300}}, "sample_weight times class_weight must"),
        (
            {"sample_weight": np.full(ROWS, 1e-300), "class_weight": {0: 1e-300, 1: 1e-300}},
            "must not be 0 for all rows",
        ),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, message):
    model = network()
    with pytest.raises(ArgumentError, match=message):
        fit(model, **weights)
    assert model.history is None


# ---------------------------------------------------------------- a weight is a number of rows


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_row_that_weighs_two_is_that_row_twice_in_full_batches(rule):
    again = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    for class_weight in (None, {0: 3.0}, "balanced"):
        weighted, repeated = network(rule=rule), network(rule=rule)
        history = fit(weighted, sample_weight=WEIGHTS, class_weight=class_weight, batch_size=ROWS)
        expected = fit(repeated, X[again], Y[again], class_weight=class_weight, batch_size=len(again))
        assert_close(weighted, repeated, 1e-10)
        np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)


def test_rows_that_weigh_nothing_are_absent_from_full_batches():
    for weights in ({"class_weight": "balanced"}, {}):
        there, absent = network(), network()
        fit(there, sample_weight=(np.arange(ROWS) < 70) * 2.0, batch_size=ROWS, **weights)
        fit(absent, X[:70], Y[:70], batch_size=70, **weights)
        assert_close(there, absent, 1e-10)


def test_the_losses_are_weighted_means():
    model = network(loss="categorical_crossentropy", rule=fm.SGD(1e-12))
    plain = fm.Sequential([fm.Dense(6, "tanh"), fm.Dense(2, "softmax")], dtype="float64", seed=1)
    plain.compile(fm.SGD(1e-12))
    plain.build(4)
    of_rows = -plain.predict_log_proba(X)[np.arange(ROWS), Y]
    mean = np.average(of_rows, weights=WEIGHTS)
    assert plain.evaluate(X, Y, sample_weight=WEIGHTS)["loss"] == pytest.approx(mean, rel=1e-12)
    history = fit(plain, sample_weight=WEIGHTS, batch_size=11, epochs=1, shuffle=True, validation_data=(X, Y, WEIGHTS))
    assert history["loss"] + history["val_loss"] == pytest.approx([mean, mean], rel=1e-9)
    result = plain.partial_fit(X, Y, 11, sample_weight=WEIGHTS)
    assert result["loss"] == pytest.approx(mean, rel=1e-9)
    fit(model, sample_weight=WEIGHTS, validation_split=0.25, epochs=1)
    kept = ROWS * 3 // 4
    expected = [model.evaluate(X[r], Y[r], sample_weight=WEIGHTS[r])["loss"] for r in (slice(kept), slice(kept, None))]
    assert [model.history[name][0] for name in ("loss", "val_loss")] == pytest.approx(expected, rel=1e-9)


def test_small_batches_keep_the_weight_of_the_rare_class():
    """All batches together pull as the whole does: a batch without the rare class has less weight."""
    y, moves = (np.arange(ROWS) >= 110).astype(int), []
    for size, rate in ((10, 1e-6), (ROWS, 12e-6)):
        model = network(rule=fm.SGD(rate))
        model.build(4)
        before = model.get_weights()
        fit(model, X, y, class_weight="balanced", batch_size=size, epochs=1)
        moves.append([after - value for after, value in zip(model.get_weights(), before, strict=True)])
    for found, expected in zip(*moves, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-9)


# ---------------------------------------------------------------- chunks, and finite differences


def test_chunks_are_scaled_by_the_mean_of_the_rows_so_far():
    scale, parts = row_weights.ScaledSoFar(), (np.array([1.0, 1.0]), np.array([9.0, 1.0]), np.array([0.0]))
    found = [scale(part, np.dtype(np.float64)) for part in parts]
    np.testing.assert_allclose(np.concatenate([f.factors for f in found]), [1, 1, 3, 1 / 3, 0])
    np.testing.assert_allclose([f.unit for f in found], [1, 3, 12 / 5])
    one, whole = network(), network()
    one.fit(Chunks.from_arrays(X, Y, ROWS), batch_size=50, epochs=2, shuffle=False, verbose=0, class_weight={0: 5.0})
    whole.fit(X, Y, batch_size=50, epochs=2, shuffle=False, verbose=0, class_weight={0: 5.0})
    assert_close(one, whole, 1e-12)


def test_a_chunk_without_the_rare_class_counts_less():
    y = np.r_[np.arange(40) % 2, np.zeros(40, int)]
    mixed, halves = network(rule=fm.SGD(1e-9)), network(rule=fm.SGD(1e-9))
    chunks = Chunks.from_arrays(X[:80], y, 40)
    losses = mixed.fit(chunks, batch_size=40, verbose=0, shuffle=False, class_weight={1: 9.0})
    expected = halves.fit(X[40:80], y[40:], batch_size=40, verbose=0, shuffle=False)
    penalty = halves.engine.penalty(40.0)
    share = 80 / (20 * 9 + 60)  # of a row that weighs 1
    found = losses.batches["loss"][1] - penalty
    assert found == pytest.approx((expected.batches["loss"][0] - penalty) * share, rel=1e-6)


def test_a_first_chunk_without_any_weight_is_refused():
    chunks = Chunks.from_generator(lambda: iter([(X[Y == 0], Y[Y == 0]), (X, Y)]))
    with pytest.raises(ArgumentError, match="class_weight must not be 0 for all rows"):
        network().fit(chunks, verbose=0, class_weight={0: 0.0})


def test_gradients_of_weighted_rows_agree_with_finite_differences():
    model = network()
    plain = model.gradient_check(X[:30], Y[:30])
    check = model.gradient_check(X[:30], Y[:30], sample_weight=WEIGHTS[:30], class_weight={0: 2.0})
    assert check.passed
    assert not np.array_equal(check.tensors[0].analytic, plain.tensors[0].analytic)
    model.build(4)
    weights = WEIGHTS[:30] * np.where(Y[:30] == 0, 2.0, 1.0)
    assert check.loss == pytest.approx(model.evaluate(X[:30], Y[:30], sample_weight=weights)["loss"], rel=1e-12)


# ---------------------------------------------------------------- divided by the weights of each batch

EXACT = fm.losses.CategoricalCrossentropy(reduction="mean_with_sample_weight")
SHARED = fm.regularizers.l2(0.3, per_batch=True)


def test_each_batch_can_be_divided_by_its_own_weights():
    model, plain = network(rule=fm.SGD(1e-12), loss=EXACT), network(rule=fm.SGD(1e-12))
    history = fit(model, sample_weight=WEIGHTS, batch_size=40, epochs=1)
    plain.build(4)
    batches = [slice(first, first + 40) for first in range(0, ROWS, 40)]
    expected = [plain.evaluate(X[b], Y[b], sample_weight=WEIGHTS[b])["loss"] for b in batches]
    assert history.batches["loss"] == pytest.approx(expected, rel=1e-9)
    assert history["loss"][0] == pytest.approx(np.mean(expected), rel=1e-9)
    without = network(loss=EXACT), network()
    for trained in without:
        fit(trained)
    assert bits(without[0]) == bits(without[1])


def test_batches_without_weight_cost_nothing():
    weights = np.where(np.arange(ROWS) < 40, 0.0, 1.0)
    layers = [fm.Dense(6, "tanh"), fm.Dense(2, "softmax")]
    model, rest = (fm.Sequential(layers, dtype="float64", seed=1) for _ in range(2))
    for trained in (model, rest):
        trained.compile("sgd", EXACT)
    history = fit(model, sample_weight=weights, batch_size=40, epochs=1)
    fit(rest, X[40:], Y[40:], batch_size=40, epochs=1)
    assert history.batches["loss"][0] == 0.0
    assert_close(model, rest, 1e-12)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", EXACT], ids=["rows", "weights"])
def test_penalties_per_batch_are_divided_by_weights_as_given(loss):
    """So a row that weighs two is that row twice for them too, and gradients are right."""
    again = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    models = []
    for x, y, weights in ((X, Y, WEIGHTS), (X[again], Y[again], None)):
        layers = [fm.Dense(6, "tanh", kernel_regularizer=SHARED), fm.Dense(2, "softmax", bias_regularizer=SHARED)]
        model = fm.Sequential(layers, dtype="float64", seed=1)
        model.compile("adam", loss)
        check = model.gradient_check(x, y, sample_weight=weights)
        assert check.passed
        model.build(4)
        kernel, _, _, bias = model.get_weights()
        log = -model.predict_log_proba(X)[np.arange(ROWS), Y]
        penalty = 0.3 * ((kernel**2).sum() + (bias**2).sum())
        expected = ((WEIGHTS * log).sum() + penalty) / WEIGHTS.sum()
        assert check.loss == pytest.approx(expected, rel=1e-12)
        assert model.evaluate(x, y, sample_weight=weights)["loss"] == pytest.approx(expected, rel=1e-12)
        fit(model, x, y, batch_size=len(x), sample_weight=weights)
        models.append(model)
    assert_close(*models, 1e-9)
    assert models[0].history["loss"] == pytest.approx(models[1].history["loss"], rel=1e-10)


def test_a_sum_is_refused_and_the_rest_is_saved(tmp_path):
    for wrong in ("sum", "none", "mean", None, 3):
        with pytest.raises(ArgumentError, match="reduction must be 'sum_over_batch_size' or 'mean_with_sample_weight'"):
            fm.losses.Huber(reduction=wrong)
    assert repr(fm.losses.Huber(0.5)) == "Huber(delta=0.5)"
    assert repr(EXACT).endswith("reduction='mean_with_sample_weight')")
    assert repr(SHARED) == "Regularizer(l1=0.0, l2=0.3, per_batch=True)"
    model = fm.Sequential([fm.Dense(2, "softmax", kernel_regularizer=SHARED)], seed=1)
    model.compile("sgd", EXACT)
    model.build(4)
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert loaded.loss == EXACT
    assert loaded.declarations[0].kernel_regularizer == SHARED
    for trained in (model, loaded):
        fit(trained, sample_weight=WEIGHTS)
    assert bits(model) == bits(loaded)
