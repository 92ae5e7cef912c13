"""Running statistics of batch normalisations are those of the data, also where training was short."""

import copy
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._engine.engine import STEADY, momentum_after
from fastmlp._network import reading
from fastmlp.datasets import Chunks

pytestmark = pytest.mark.needs_jit  # it trains a lot


def problem(rows=300, features=6, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(50, 20, (rows, features))
    return x, (x[:, 0] + x[:, 1] > 100).astype(int)


def network(optimizer="adam", *, momentum=0.99, layers=(), **settings):
    hidden = [fm.Dense(12), fm.BatchNormalization(momentum=momentum), fm.Activation("relu")]
    model = fm.Sequential([*layers, *hidden, *hidden, fm.Dense(2, activation="softmax")], **{"seed": 0, **settings})
    model.compile(optimizer)
    return model


def normalized_first(momentum=0.99, optimizer="sgd", **settings):
    """A model whose running statistics are those of its input, whatever the weights are."""
    layers = [fm.BatchNormalization(momentum=momentum), fm.Dense(2, activation="softmax")]
    model = fm.Sequential(layers, **{"seed": 0, "dtype": "float64", **settings})
    model.compile(optimizer)
    return model


def loss_in_training(model, x, y):
    """Of all rows as one batch, which have their own statistics."""
    return model.gradients(x, y)[0]


def bits(model):
    return [array.tobytes() for array in model.get_weights()]


# ---------------------------------------------------------------- the evaluation agrees with the training


@pytest.mark.parametrize("optimizer", [fm.LBFGS(), fm.Rprop()], ids=["L-BFGS", "Rprop"])
@pytest.mark.parametrize("epochs", [1, 2, 7, 40])
@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.99, 0.9999])
def test_after_steps_of_all_rows_the_statistics_are_those_of_all_rows(optimizer, epochs, momentum):
    pytest.importorskip("scipy")
    x, y = problem()
    model = network(optimizer, momentum=momentum)
    model.fit(x, y, epochs=epochs, verbose=0)
    assert model.evaluate(x, y)["loss"] == pytest.approx(loss_in_training(model, x, y), rel=1e-3, abs=1e-6)


def test_lbfgs_evaluates_as_well_as_it_has_learned():
    pytest.importorskip("scipy")
    x, y = problem()
    model = network(fm.LBFGS(), dtype="float64")
    history = model.fit(x, y, epochs=60, verbose=0, validation_data=(x, y))
    assert history.history["val_loss"] == pytest.approx(history.history["loss"], rel=1e-6, abs=1e-12)
    assert model.evaluate(x, y)["loss"] == pytest.approx(history.history["loss"][-1], rel=1e-6, abs=1e-12)


def test_lbfgs_that_is_done_at_once_has_statistics_too():
    pytest.importorskip("scipy")
    x, y = problem()
    model = network(fm.LBFGS(tolerance=1e6), dtype="float64")
    model.fit(x, y, epochs=5, verbose=0)
    assert model.evaluate(x, y)["loss"] == pytest.approx(loss_in_training(model, x, y), rel=1e-9)


@pytest.mark.parametrize("rate", [1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize(("batch_size", "epochs"), [(100, 1), (100, 3), (300, 1), (300, 20), (32, 1), (32, 5)])
def test_after_a_short_training(rate, batch_size, epochs):
    x, y = problem()
    model = network(fm.Adam(rate))
    history = model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, validation_data=(x, y))
    trained = loss_in_training(model, x, y)
    assert model.evaluate(x, y)["loss"] == pytest.approx(trained, rel=0.1, abs=0.02)
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-6)


@pytest.mark.parametrize("momentum", [0.5, 0.99, 0.9999])
def test_one_epoch_of_three_batches_has_the_statistics_of_the_data(momentum):
    x, y = problem()
    for model in (normalized_first(momentum), normalized_first(momentum, dtype="float32")):
        model.fit(x, y, batch_size=100, epochs=1, verbose=0)
        assert model.layers[0].moving_mean == pytest.approx(x.mean(axis=0), rel=0.05)
        assert model.layers[0].moving_variance == pytest.approx(x.var(axis=0), rel=0.2)


@pytest.mark.parametrize("way", ["as it is", "from a file", "weights"])
def test_a_short_training_on_other_data(way, tmp_path):
    x, y = problem()
    model = network(fm.Adam(0.001))
    model.fit(x, y, epochs=60, verbose=0)
    model.save(tmp_path / "model.npz")
    if way == "from a file":
        model = fm.load(tmp_path / "model.npz")
    if way == "weights":
        model = network(fm.Adam(0.001))
        model.build(6)
        model.load_weights(tmp_path / "model.npz")
    model.fit(4 * x - 30, y, batch_size=100, verbose=0)
    trained = loss_in_training(model, 4 * x - 30, y)
    assert model.evaluate(4 * x - 30, y)["loss"] == pytest.approx(trained, rel=0.1)


def test_validation_within_an_epoch_is_of_the_batches_so_far():
    x, y = problem()
    model = network(fm.Adam(0.001))
    history = model.fit(x, y, batch_size=30, epochs=1, verbose=0, validation_data=(x, y), validation_batches=2)
    assert max(history.validations["val_loss"]) < 1.5


@pytest.mark.parametrize("way", ["train_on_batch", "partial_fit", "chunks", "steps_per_epoch", "max_time"])
def test_other_ways_to_train_shortly(way):
    x, y = problem()
    model = network(fm.Adam(0.001))
    if way == "train_on_batch":
        for part in range(0, 300, 100):
            model.train_on_batch(x[part : part + 100], y[part : part + 100])
    elif way == "partial_fit":
        model.partial_fit(x, y, batch_size=100)
    elif way == "chunks":
        model.fit(Chunks.from_arrays(x, y, rows_in_chunk=100), batch_size=50, verbose=0)
    elif way == "steps_per_epoch":
        model.fit(x, y, batch_size=100, steps_per_epoch=2, verbose=0)
    else:
        model.fit(x, y, batch_size=100, max_time=1e-9, epochs=50, verbose=0)
    assert model.evaluate(x, y)["loss"] == pytest.approx(loss_in_training(model, x, y), rel=0.15)


# ---------------------------------------------------------------- the average itself


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.99])
def test_the_average_has_the_weights_of_a_long_run_and_no_initial_value(momentum):
    x, _ = problem(40)
    model = normalized_first(momentum)
    for number in range(1, 41):
        model.train_on_batch(x + number, np.arange(40) % 2)
        weights = momentum ** np.arange(number - 1, -1, -1.0)
        mean = weights @ np.arange(1, number + 1) / weights.sum()
        np.testing.assert_allclose(model.layers[0].moving_mean, x.mean(axis=0) + mean, rtol=1e-12)
        np.testing.assert_allclose(model.layers[0].moving_variance, x.var(axis=0), rtol=1e-10)


def test_momenta_are_those_that_were_declared_once_initial_values_are_lost():
    for momentum in (0.5, 0.9, 0.99, 0.9999):
        rises = [momentum_after(momentum, n)[0] for n in (0, 1, 2, 10, 100, 1000)]
        assert rises[0] == 0
        assert rises == sorted(rises)
        assert momentum_after(momentum, STEADY)[0] == momentum
        last = next(n for n in range(10**6) if momentum**n < 2.0**-61) if momentum < 0.999 else 450_000
        assert momentum_after(momentum, last)[0] == momentum
    assert momentum_after(0.0, 5)[0] == 0.0


def test_few_kernel_calls_lead_to_the_declared_momentum():
    count, calls = 0, 0
    while count < 10**6:
        count, calls = count + momentum_after(0.9999, count)[1], calls + 1
    assert calls < 600


def test_shared_momenta_keep_the_old_mean_as_single_ones_do():
    for start in (64, 128, 1024):
        momentum, length = momentum_after(0.99, start)
        exact = np.prod([0.99 * (1 - 0.99**n) / (1 - 0.99 ** (n + 1)) for n in range(start, start + length)])
        assert momentum**length == pytest.approx(exact, rel=1e-9)


def test_a_long_training_is_as_it_was():
    """Where initial values would not count anyhow, the running average is the plain one."""
    x, y = problem(64)
    model = normalized_first(0.5)
    mean, variance = np.zeros(6), np.ones(6)
    for _ in range(80):
        model.train_on_batch(x, y)
    for number in range(5):
        model.train_on_batch(x * number, y)
        mean, variance = 0.5 * mean + 0.5 * (x * number).mean(axis=0), 0.5 * variance
    first = 0.5**5 * x.mean(axis=0)
    np.testing.assert_allclose(model.layers[0].moving_mean, mean + first, rtol=1e-12)
    assert not model.engine.lags_after(80)


# ---------------------------------------------------------------- promises of training


@pytest.mark.parametrize("split", [1, 2, 4])
@pytest.mark.parametrize("optimizer", ["adam", fm.Rprop()], ids=["Adam", "Rprop"])
def test_resuming_gives_the_bits_of_not_stopping(split, optimizer, tmp_path):
    x, y = problem()
    settings = {"batch_size": 40, "verbose": 0, "validation_data": (x, y)}
    whole, parts = (network(optimizer, layers=[fm.Dropout(0.2)]) for _ in range(2))
    expected = whole.fit(x, y, epochs=5, **settings)
    parts.fit(x, y, epochs=split, **settings)
    parts.save(tmp_path / "model.npz")
    parts = fm.load(tmp_path / "model.npz")
    found = parts.fit(x, y, epochs=5, resume=True, **settings)
    assert bits(parts) == bits(whole)
    assert found.history["val_loss"] == expected.history["val_loss"]


class StopAfter(fm.callbacks.Callback):
    every_batches = 3

    def on_batches_end(self, batch, logs):
        self.model.stop_training = True


def test_resuming_in_the_middle_of_an_epoch_does_too():
    x, y = problem()
    whole, parts = network(), network()
    whole.fit(x, y, epochs=2, verbose=0)
    parts.fit(x, y, epochs=2, verbose=0, callbacks=[StopAfter()])
    assert parts.position.batch == 3
    parts.fit(x, y, epochs=2, verbose=0, resume=True)
    assert bits(parts) == bits(whole)


@pytest.mark.parametrize("optimizer", ["adam", fm.Rprop()], ids=["Adam", "Rprop"])
def test_any_number_of_threads_gives_the_same_bits(optimizer):
    x, y = problem(4000, 40)
    models = []
    for threads in (1, 2):
        model = network(optimizer, layers=[fm.Dense(200)])
        model.fit(x, y, epochs=2, batch_size=1000, verbose=0, n_threads=threads)
        models.append(model)
    assert bits(models[0]) == bits(models[1])


def test_what_is_trained_does_not_depend_on_running_statistics():
    x, y = problem()
    models = [network(momentum=momentum) for momentum in (0.0, 0.99)]
    for model in models:
        model.fit(x, y, epochs=3, verbose=0)
    trained = [tensor.trained for tensor in models[0].engine.program.tensors]
    first, second = (
        [w.tobytes() for w, is_trained in zip(model.get_weights(), trained, strict=True) if is_trained]
        for model in models
    )
    assert first == second


def test_given_statistics_are_averaged_with_and_not_replaced():
    x, y = problem()
    source, model = normalized_first(0.9), normalized_first(0.9)
    source.fit(x, y, epochs=3, verbose=0)
    model.build(6)
    model.set_weights(source.get_weights())
    model.train_on_batch(x * 0, y)
    np.testing.assert_allclose(model.layers[0].moving_mean, 0.9 * source.layers[0].moving_mean)
    other = normalized_first(0.9)
    other.build(6)
    other.set_weights(other.get_weights())  # nothing new
    other.train_on_batch(x, y)
    np.testing.assert_allclose(other.layers[0].moving_mean, x.mean(axis=0))


def test_gradients_leave_running_statistics_alone():
    x, y = problem()
    model = network()
    model.fit(x, y, epochs=1, verbose=0)
    before = bits(model)
    model.gradients(x[:50], y[:50])
    model.gradient_check(x[:20], y[:20])
    assert bits(model) == before


def test_frozen_statistics_stay():
    x, y = problem()
    for optimizer in ("adam", fm.Rprop()):
        model = network(optimizer)
        model.fit(x, y, epochs=1, verbose=0)
        model.layers[1].trainable = False
        before = model.layers[1].moving_mean
        model.fit(x * 3, y, epochs=2, verbose=0)
        np.testing.assert_array_equal(model.layers[1].moving_mean, before)
        assert (model.layers[4].moving_mean != 0).any()


def test_a_run_that_diverges_forgets_what_it_averaged():
    x, y = problem()
    model = network()
    model.build(6)
    model.compile(fm.SGD(1e30))
    with pytest.raises(fm.DivergenceError):
        model.fit(x, y, batch_size=20, epochs=3, verbose=0)
    model.compile(fm.Adam(0.001))
    model.fit(x, y, batch_size=100, verbose=0)
    assert model.evaluate(x, y)["loss"] == pytest.approx(loss_in_training(model, x, y), rel=0.1)


def test_single_steps_of_all_rows_leave_the_statistics_of_the_rows():
    x, y = problem()
    for steps in (1, 8, 40):
        model = network(fm.Rprop())
        for _ in range(steps):
            model.train_on_batch(x, y)
        assert model.evaluate(x, y)["loss"] == pytest.approx(loss_in_training(model, x, y), rel=1e-3, abs=1e-6)


def test_statistics_that_are_not_finished_are_not_kept():
    x, y = problem()
    model = normalized_first()
    model.fit(x, y, verbose=0)
    engine, before = model.engine, bits(model)
    data = reading.data_for(model, x, y, ("x", "y"))
    looks = iter([False, True])
    engine.take_statistics(data, np.arange(len(x)), 32, 5, 1, (0, 0), lambda: next(looks))
    assert bits(model) == before
    engine.take_statistics(data, np.arange(len(x)), 32, 5, 1, (0, 0), lambda: False)
    assert bits(model) != before


def test_running_means_go_on_from_a_file_as_they_were_averaged(tmp_path):
    x, y = problem()
    model = normalized_first(momentum=0.9)
    model.partial_fit(x[:100], y[:100], batch_size=20)
    model.save(tmp_path / "model.npz")
    others = [fm.load(tmp_path / "model.npz"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for each in (model, *others):
        each.partial_fit(x[100:], y[100:], batch_size=20)
    assert all(bits(each) == bits(model) for each in others)
