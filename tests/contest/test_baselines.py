"""The two baselines of the benchmark suite must be right, or what is measured against them means nothing."""

import math
import multiprocessing

import numpy as np
import pytest

from benchmarks import naive
from fastmlp._contest.contestants.numpy_mlp import NumpyMLP

WIDTHS = (5, 7, 6, 3)
ACTIVATIONS = ("relu", "relu", "softmax")


def new_network(loss="cross_entropy", **options):
    network = naive.NaiveNetwork(WIDTHS, ACTIVATIONS, loss, **options)
    network.model.biases[:] = network.rng.normal(size=network.model.biases.shape)
    return network


def separable(samples, seed=0):
    """Three Gaussian clouds in five dimensions, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 3
    centres = 3.0 * np.eye(3, 5)
    return centres[labels] + 0.3 * rng.normal(size=(samples, 5)), labels


def layer_weights(network, layer):
    """The weights of a naive layer as (fan_in, units)."""
    model = network.model
    fan_in, units = model.widths[layer - 1 : layer + 1]
    start = model.weight_start[layer]
    return model.weights[start : start + fan_in * units].reshape(units, fan_in).T


def numpy_twin(network):
    mlp = NumpyMLP(WIDTHS, dtype=np.float64)
    layers = range(1, len(WIDTHS))
    mlp.weights = [layer_weights(network, layer) for layer in layers]
    mlp.biases = np.split(network.model.biases, network.model.bias_start[2:])
    return mlp


def naive_batch_gradient(network, x, y):
    """The serial mean of the sample gradients."""
    samples = [network.sample_gradient(*pair) for pair in zip(x, y, strict=True)]
    dweights = np.mean([sample.dweights for sample in samples], axis=0)
    return dweights, np.mean([sample.dbiases for sample in samples], axis=0)


def finite_difference(loss, parameters, step=1e-6):
    result = np.full(parameters.shape, np.nan)
    for index, value in np.ndenumerate(parameters):
        parameters[index] = value + step
        above = loss()
        parameters[index] = value - step
        result[index] = (above - loss()) / (2 * step)
        parameters[index] = value
    return result


# ------------------------------------------------------------------------------------------- naive


def test_weights_stand_where_the_layout_says():
    network = new_network()
    network.model.weights[:] = np.arange(network.model.weights.size)
    node = network.model.layers[2][4]
    node.compute_z(network.model.weights, np.zeros(16), np.eye(7)[3])
    assert node.z == 5 * 7 + 4 * 7 + 3


@pytest.mark.parametrize("loss", ["cross_entropy", "rss"])
def test_naive_gradient_agrees_with_finite_differences(loss):
    network = new_network(loss, seed=3)
    x, y = np.random.default_rng(1).normal(size=5), np.eye(3)[2]
    comp = network.sample_gradient(x, y)
    for parameters, gradient in (
        (network.model.weights, comp.dweights),
        (network.model.biases, comp.dbiases),
    ):
        ref = finite_difference(lambda: network.model.sample_score(x, y).loss, parameters)
        np.testing.assert_allclose(gradient, ref, rtol=1e-5, atol=1e-8)


def test_naive_and_numpy_gradients_agree():
    network = new_network(seed=5)
    x, labels = separable(8, seed=5)
    dweights, dbiases = naive_batch_gradient(network, x, np.eye(3)[labels])
    _, ref_dweights, ref_dbiases = numpy_twin(network).gradients(x, labels)
    ln10 = math.log(10.0)  # the naive loss takes logarithms to base 10
    comp = dweights * ln10, dbiases * ln10
    ref = np.concatenate([dw.T.ravel() for dw in ref_dweights]), np.concatenate(ref_dbiases)
    np.testing.assert_allclose(comp[0], ref[0], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(comp[1], ref[1], rtol=1e-10, atol=1e-14)


def test_naive_softmax_survives_huge_inputs():
    network = new_network()
    sample = network.sample_gradient(np.full(5, 1e6), np.eye(3)[0])
    assert np.isfinite(sample.loss)
    assert np.isfinite(sample.dweights).all()


def test_adam_takes_the_same_steps_in_both_baselines():
    network = new_network(optimizer="adam", learning_rate=0.01)
    mlp = numpy_twin(network)
    mlp.learning_rate = 0.01
    x, labels = separable(9)
    for _ in range(4):
        dweights, dbiases = naive_batch_gradient(network, x, np.eye(3)[labels])
        network.apply_gradient(dweights * math.log(10.0), dbiases * math.log(10.0))
        mlp.train_epoch(x, labels, batch_size=9, order=np.arange(9))
    np.testing.assert_allclose(network.model.biases, np.concatenate(mlp.biases), rtol=1e-7)
    np.testing.assert_allclose(layer_weights(network, 1), mlp.weights[0], rtol=1e-7)


# ----------------------------------------------------------------------------------------- workers


def test_two_workers_take_the_steps_of_the_serial_sum():
    parallel, serial = (new_network(optimizer="sgd", learning_rate=0.5) for _ in range(2))
    x, labels = separable(12)
    y = np.eye(3)[labels]
    history = naive.train(parallel, x, y, batch_size=12, epochs=3, workers=2, validation=(x[:5], y[:5]))
    for _ in range(3):
        serial.apply_gradient(*naive_batch_gradient(serial, x, y))
    np.testing.assert_allclose(parallel.model.weights, serial.model.weights, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(parallel.model.biases, serial.model.biases, rtol=1e-10, atol=1e-14)
    losses = [serial.model.sample_score(*pair).loss for pair in zip(x[:5], y[:5], strict=True)]
    assert len(history.validation) == 3
    assert history.validation[-1].loss == pytest.approx(np.mean(losses))


def test_two_workers_lower_the_loss():
    network = new_network(learning_rate=0.03)
    x, labels = separable(30)
    history = naive.train(network, x, np.eye(3)[labels], batch_size=10, epochs=10, workers=2)
    assert len(history.training) == 30
    assert history.training[-1].loss < 0.2 * history.training[0].loss
    assert (network.predict(x) == labels).mean() > 0.9


def test_a_failing_sample_ends_training_and_all_workers():
    x, _ = separable(200)
    targets_of_wrong_width = np.eye(4)[np.zeros(200, dtype=int)]
    with pytest.raises(RuntimeError, match=r"one target has shape \(4,\), the network needs \(3,\)"):
        naive.train(new_network(), x, targets_of_wrong_width, workers=2)
    assert multiprocessing.active_children() == []


def test_a_dead_worker_is_noticed(monkeypatch):
    monkeypatch.setattr(naive, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(naive, "SHUTDOWN_SECONDS", 0.5)
    x, labels = separable(3)
    with naive.WorkerPool(1) as pool:
        pool.send_model(new_network().model)
        pool.processes[0].kill()
        with pytest.raises(RuntimeError, match="has ended"):
            list(pool.map("sample_gradient", x, np.eye(3)[labels]))
    assert multiprocessing.active_children() == []


def test_measurement_returns_seconds():
    assert naive.measure_per_sample(WIDTHS, samples=4, workers=1, batch_size=2) > 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((5,), ()), "widths is"),
        (((5, 3), ("relu", "softmax")), "2 activations for 2 widths"),
        (((5, 3), ("tanh",)), "activation is 'tanh'; choose one of 'relu', 'softmax'"),
        (((5, 3), ("softmax",), "mse"), "loss is 'mse'"),
        (((5, 3), ("softmax",), "rss", "adagrad"), "optimizer is 'adagrad'"),
    ],
)
def test_naive_network_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        naive.NaiveNetwork(*arguments)


# ------------------------------------------------------------------------------------------- numpy


def test_numpy_mlp_learns_a_separable_problem():
    x, labels = separable(90)
    rng = np.random.default_rng(0)
    mlp = NumpyMLP((5, 16, 3), learning_rate=0.02)
    losses = [mlp.train_epoch(x, labels, batch_size=16, order=rng.permutation(90)) for _ in range(20)]
    assert losses[-1] < 0.1 * losses[0]
    assert (mlp.predict_proba(x).argmax(axis=1) == labels).all()


def test_numpy_mlp_scales_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, size=(6, 5), dtype=np.uint8)
    mlp = NumpyMLP(WIDTHS)
    comp = mlp.predict_proba(pixels)
    assert comp.dtype == np.float32
    np.testing.assert_allclose(comp, mlp.predict_proba(pixels / 255.0), rtol=1e-5)
    np.testing.assert_allclose(comp.sum(axis=1), 1.0, rtol=1e-6)


def test_numpy_mlp_loss_stays_finite_for_hopeless_samples():
    mlp = NumpyMLP((2, 3))
    mlp.weights = [np.array([[1e4, 0.0, 0.0], [0.0, 0.0, 0.0]])]
    loss, _, _ = mlp.gradients(np.ones((1, 2)), np.array([2]))
    assert loss == pytest.approx(1e4)


def test_numpy_mlp_copies_the_weights_it_is_given():
    mlp = NumpyMLP((2, 3))
    given = [np.ones((2, 3), dtype=np.float32)]
    mlp.weights = given
    mlp.train_epoch(np.ones((4, 2)), np.array([0, 1, 2, 0]), batch_size=2, order=np.arange(4))
    assert (given[0] == 1.0).all()
    assert not (mlp.weights[0] == 1.0).all()
    with pytest.raises(ValueError, match=r"weights have shapes \[\(3, 2\)\]; this network needs \[\(2, 3\)\]"):
        mlp.weights = [np.ones((3, 2))]
