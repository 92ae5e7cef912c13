"""The learning-rate range finder: what it does to a model (nothing), and what it makes of a curve."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, NotBuiltError, find_learning_rate
from fastmlp.search.learning_rate import _curve

from ..shared.models import state_bits
from ..shared.processes import needs_jit

FEW = {"batches": 10, "batch_size": 8}


def model_of(optimizer="adam", hidden=(), seed=0):
    model = fm.mlp(list(hidden), classes=3, seed=seed)
    model.compile(optimizer)
    return model


@pytest.fixture
def bands():
    return fm.datasets.vertical()


# ---------------------------------------------------------------- the sweep


def test_the_model_stays_as_it_is(bands):
    model = model_of(fm.Adam(0.02))
    model.fit(*bands, batch_size=100, verbose=0)
    before, history = state_bits(model), model.history
    find_learning_rate(model, *bands, **FEW)
    assert state_bits(model) == before
    assert model.history is history
    assert model.optimizer == fm.Adam(0.02)
    assert model.engine.optimizer == fm.Adam(0.02)


def test_a_model_that_is_not_built_stays_unbuilt(bands):
    model = model_of()
    first = find_learning_rate(model, *bands, **FEW)
    assert not model.is_built
    model.build(2)
    np.testing.assert_array_equal(find_learning_rate(model, *bands, **FEW).losses, first.losses)


def test_the_optimiser_of_the_copy_is_fresh(bands):
    trained = model_of()
    trained.fit(*bands, batch_size=100, verbose=0)
    fresh = model_of()
    fresh.build(2)
    fresh.set_weights(trained.get_weights())
    comp, ref = (find_learning_rate(model, *bands, **FEW).losses for model in (trained, fresh))
    np.testing.assert_array_equal(comp, ref)


def test_each_batch_is_trained_with_its_rate(bands):
    """By a loop of one's own, for an optimiser without state: new batches in every epoch, of equal size."""
    x, y = bands
    curve = find_learning_rate(model_of("sgd"), x[:20], y[:20], lowest=0.01, highest=1, **FEW)
    np.testing.assert_allclose(curve.rates, 10 ** np.linspace(-2, 0, 10))
    model, losses = model_of("sgd"), []
    orders = [np.random.Generator(np.random.Philox(key=epoch << 64)).permutation(20) for epoch in range(4)]
    for rate, rows in zip(curve.rates, np.concatenate(orders)[:80].reshape(10, 8), strict=True):
        model.compile(fm.SGD(rate))
        losses.append(model.train_on_batch(x[rows], y[rows])["loss"])
    np.testing.assert_array_equal(curve.losses, losses)


def test_adam_keeps_its_moments_from_batch_to_batch(bands):
    x, y = bands[0][:30], bands[1][:30]
    curve = find_learning_rate(model_of(), x, y, lowest=0.01, highest=0.010001, batches=10, batch_size=300)
    model = model_of(fm.Adam(0.01))
    ref = [model.train_on_batch(x, y)["loss"] for _ in range(10)]
    np.testing.assert_allclose(curve.losses, ref, rtol=1e-4)


def test_a_seed_fixes_the_sweep(bands):
    losses = [find_learning_rate(model_of(), *bands, seed=seed, **FEW).losses for seed in (None, 0, 1)]
    np.testing.assert_array_equal(losses[0], losses[1])  # the model's seed is 0
    assert (losses[0] != losses[2]).any()


def test_a_sweep_ends_when_the_loss_has_grown(bands):
    x, y = bands
    settings = {"highest": 1e6, "batches": 60, "batch_size": 8, "smoothing": 0}
    curve = find_learning_rate(model_of("sgd"), x * 100, y, **settings)
    assert 2 <= len(curve.losses) < 60
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed)
    worse = curve.losses > 4 * np.minimum.accumulate(curve.losses)
    assert worse.tolist() == [False] * (len(worse) - 1) + [True]


def test_a_sweep_ends_when_the_loss_is_not_finite(bands):
    x, y = bands
    curve = find_learning_rate(model_of("sgd", hidden=(4,)), x, y, lowest=1e-3, highest=1e30, smoothing=1, **FEW)
    assert 1 <= len(curve.losses) < 10
    assert np.isfinite(curve.losses).all()
    assert np.isfinite(curve.smoothed).all()


def test_a_model_whose_loss_is_nan_cannot_be_swept(bands):
    model = model_of()
    model.build(2)
    model.set_weights([np.full((2, 3), 3e38), np.zeros(3)])
    with pytest.raises(DivergenceError, match="the loss of the first batch is NaN"):
        find_learning_rate(model, bands[0] * 100, bands[1], **FEW)


def test_a_memory_map_is_swept(bands, tmp_path):
    for name, array in zip("xy", bands, strict=True):
        np.save(tmp_path / name, array)
    maps = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy"]
    comp, ref = (find_learning_rate(model_of(), *data, **FEW).losses for data in (maps, bands))
    np.testing.assert_array_equal(comp, ref)


@needs_jit
@pytest.mark.parametrize(("optimizer", "low", "high"), [("adam", 1e-3, 0.01), ("sgd", 0.03, 0.3)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_suggestion_trains_better_than_rates_far_from_it(optimizer, low, high, seed):
    (x, y), _ = fm.datasets.digits(1000, 0)
    model = fm.mlp([32], classes=10, seed=seed)
    model.compile(optimizer)
    curve = find_learning_rate(model, x, y, batches=200)
    assert low < curve.suggestion < high
    assert curve.suggestion < curve.lowest_loss_rate
    losses = []
    for factor in (0.03, 1, 30):
        model = fm.mlp([32], classes=10, seed=seed)
        model.compile({"adam": fm.Adam, "sgd": fm.SGD}[optimizer](curve.suggestion * factor))
        losses.append(model.fit(x, y, epochs=3, verbose=0)["loss"][-1])
    assert losses[1] < min(losses[0], losses[2])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lowest": 0}, ArgumentError, "lowest must be a finite number greater than 0, not 0"),
        ({"lowest": 2, "highest": 1}, ArgumentError, "highest must be a finite number greater than 2.0, not 1"),
        ({"batches": 9}, ArgumentError, "batches must be at least 10, not 9"),
        ({"batch_size": 0}, ArgumentError, "batch_size must be at least 1"),
        ({"smoothing": 1.5}, ArgumentError, "smoothing must be at most 1, not 1.5"),
        ({"smoothing": -1}, ArgumentError, "smoothing must be a finite number at least 0"),
        ({"seed": -1}, ArgumentError, "seed must be at least 0"),
        ({"y": [0, 1]}, ArgumentError, "x and y must have equally many rows, and some, not 300 and 2"),
        ({"x": np.empty((0, 2)), "y": []}, ArgumentError, "x must have at least one row"),
        ({"x": 3}, ArgumentError, r"x must have 2 dimensions \(rows, features\)"),
        ({"x": [[1], [1, 2]]}, ArgumentTypeError, "x cannot be made into one array"),
        ({"y": np.full(300, 7)}, ArgumentError, r"but y\[0\] is 7 .*\(of batch 0: rows \d+, "),
        ({"y": ["a"] * 300}, ArgumentError, r"y holds 1 different labels \('a'\)"),
        ({"model": 3}, ArgumentTypeError, "model must be a fastmlp.Sequential, not 3"),
        ({"model": fm.Sequential([fm.Dense(3, "softmax")])}, NotBuiltError, "call compile"),
    ],
)
def test_checks(options, error, message, bands):
    x, y = bands
    arguments = {"model": model_of(), "x": x, "y": y, **options}
    with pytest.raises(error, match=message):
        find_learning_rate(**arguments)


# ---------------------------------------------------------------- the curve

RATES = np.geomspace(1e-6, 10, 100)


def losses_that_fall(at, by=1.0, noise=0.0, seed=0):
    """A fall in the shape of a sigmoid, about half a decade wide, and a rise from rate 1 on."""
    decades = np.log10(RATES)
    fall = 2.3 - by / (1 + np.exp(-6 * (decades - np.log10(at))))
    rise = np.where(decades > 0, np.expm1(5 * np.maximum(decades, 0)), 0)
    return fall + rise + noise * np.random.default_rng(seed).standard_normal(len(RATES))


@pytest.mark.parametrize("at", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("seed", range(5))
def test_the_suggestion_is_where_the_losses_fall(at, seed):
    assert _curve(RATES, losses_that_fall(at), 5.0).suggestion == pytest.approx(at, rel=0.3)
    curve = _curve(RATES, losses_that_fall(at, noise=0.1, seed=seed), 5.0)
    assert curve.suggestion == pytest.approx(at, rel=1)
    assert 2 * curve.suggestion < curve.lowest_loss_rate < 1.5


def test_the_final_rise_does_not_move_the_suggestion():
    losses = losses_that_fall(1e-3)
    suggestions = set()
    for last in (10, 1e3, 1e30):
        losses[-1] = last
        suggestions.add(_curve(RATES, losses, 5.0).suggestion)
    assert len(suggestions) == 1


def test_negative_losses_are_losses_too():
    losses = losses_that_fall(1e-3)
    for lower in (2.3, 10):  # from 0 down to −1; always below 0
        assert _curve(RATES, losses - lower, 5.0).suggestion == pytest.approx(1e-3, rel=0.3)


def test_one_outlier_does_not_move_the_suggestion():
    losses = losses_that_fall(1e-3, noise=0.02)
    ref = _curve(RATES, losses, 5.0).suggestion
    for place in (10, 30, 43, 60):
        struck = losses.copy()
        struck[place] += 1.0
        assert _curve(RATES, struck, 5.0).suggestion == pytest.approx(ref, rel=1)


@pytest.mark.parametrize("seed", range(5))
def test_noise_gives_no_suggestion(seed):
    noise = 2.3 + 0.1 * np.random.default_rng(seed).standard_normal(100)
    assert np.isnan(_curve(RATES, noise, 5.0).suggestion)


@pytest.mark.parametrize("losses", [np.full(100, 2.3), np.linspace(1, 3, 100), np.array([2.0]), np.array([2.0, 90.0])])
def test_losses_that_do_not_fall_give_no_suggestion(losses):
    curve = _curve(RATES[: len(losses)], losses, 5.0)
    assert np.isnan(curve.suggestion)
    assert "no suggestion" in str(curve)


def test_the_lowest_loss_is_that_of_the_smoothed_curve():
    losses = 2 + abs(np.arange(100) - 70) / 100
    losses[20] = 0.5  # one of its batch's own
    curve = _curve(RATES, losses, 2.0)
    assert curve.lowest_loss_rate == RATES[curve.smoothed.argmin()] == RATES[20]
    losses[20] = 2.0
    assert _curve(RATES, losses, 2.0).lowest_loss_rate == RATES[70]


def test_smoothing():
    losses = losses_that_fall(1e-3, noise=0.1)
    np.testing.assert_allclose(_curve(RATES, losses, 0.0).smoothed[:80], losses[:80])
    smoothed = _curve(RATES, losses, 5.0).smoothed
    assert np.diff(smoothed[:30]).std() < 0.2 * np.diff(losses[:30]).std()
    flat = _curve(RATES, np.full(100, 2.0), 5.0).smoothed  # also at the ends
    np.testing.assert_allclose(flat, 2.0)
    dip = np.full(100, 2.0)  # a peak would be bounded
    dip[50] = 1.0
    comp = 2 - _curve(RATES, dip, 5.0).smoothed
    weights = np.exp(-abs(np.arange(100) - 50) / 5)
    np.testing.assert_allclose(comp[30:70] / comp[50], weights[30:70], rtol=0.01)


def test_a_curve_tells_its_outcome():
    curve = _curve(RATES, losses_that_fall(1e-3), 5.0)
    assert str(curve).startswith("100 batches with learning rates from 1e-06 to 10: steepest fall at 0.00")
    assert f"{curve.lowest_loss_rate:.3g}" in str(curve)
    with pytest.raises(AttributeError):
        curve.suggestion = 1.0
