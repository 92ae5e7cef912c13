"""Layers, and networks of them, beside PyTorch and scikit-learn; the same bits wherever a run is cut."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._training import trainer
from fastmlp.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    LayerNormalization,
    Normalization,
    Residual,
    Scale,
)

from ..examples import ACTIVATIONS
from ..shared.torch_twin import (
    BATCH,
    CLASSES,
    CLOSE,
    FEATURES,
    OPTIMIZERS,
    OUT,
    ROWS,
    Twin,
    bits,
    compiled,
    crossentropy,
    fit,
    gradient_of_a_step,
    problem,
    squares,
)

pytestmark = pytest.mark.needs_jit

# ---------------------------------------------------------------- layers


STACKS = {
    "batch normalisation": [Dense(7), BatchNormalization(0.9, 1e-2), Activation("tanh"), OUT],
    "batch normalisation first": [BatchNormalization(), OUT],
    "batch normalisation twice": [Dense(7), BatchNormalization(0.0), BatchNormalization(0.9), Activation("relu"), OUT],
    "frozen batch normalisation": [Dense(7, "tanh"), BatchNormalization(trainable=False), OUT],
    "layer normalisation": [Dense(7, "relu"), LayerNormalization(epsilon=1e-2), OUT],
    "layer normalisation first": [LayerNormalization(), LayerNormalization(), OUT],
    "frozen layer normalisation": [Dense(7, "tanh"), LayerNormalization(trainable=False), OUT],
    "scale": [Scale(), Dense(7, "tanh"), Scale(False), Residual([Dense(7), Scale()]), Scale(trainable=False), OUT],
    "flatten": [Flatten(), Dense(7, "tanh"), OUT],
    "residual": [Dense(7), Residual([LayerNormalization(), Dense(6, "gelu"), Dense(7)]), Activation("tanh"), OUT],
    "residual first": [Residual([Dense(FEATURES, "tanh")]), OUT],
    "residual without weights": [Residual([Activation("tanh"), Dropout(0.5)]), OUT],
    "residual in residual": [Residual([Residual([Dropout(0.3), Dense(FEATURES, "elu")]), BatchNormalization()]), OUT],
    "residual of a softmax": [Dense(4, "relu"), Residual([Activation("softmax")]), Residual([Dense(4)]), OUT],
    "dropout": [Dense(17, "relu"), Dropout(0.4), Dense(7, "tanh"), Dropout(0.2), OUT],
    "dropout at the input": [Dropout(0.3), Dropout(0.3), OUT],
    "dropout of almost all": [Dense(33, "tanh"), Dropout(0.9), OUT],
    "noise": [GaussianNoise(0.3), Dense(7, "tanh"), GaussianNoise(0.2), OUT],
    "normalisation": [Normalization(), Dense(7, "softplus"), OUT],
    "softmax in the middle": [Dense(7, "softmax"), Dense(6, "silu"), Activation("softmax"), OUT],
    "no bias": [Dense(7, "sigmoid", use_bias=False), Dense(CLASSES, "softmax", use_bias=False)],
    "frozen layers": [Dense(7, "tanh"), Dense(6, "tanh", trainable=False), BatchNormalization(trainable=False), OUT],
    "frozen below": [Dense(7, "tanh", trainable=False), LayerNormalization(trainable=False), Dense(6, "relu"), OUT],
    "one unit": [Dense(1, "tanh"), Residual([Dense(1)]), Dropout(0.1), OUT],
}


@pytest.mark.parametrize("name", STACKS)
def test_layers_train_and_predict_like_torch(name, torch):
    x, y = problem()
    layers = copy.deepcopy(STACKS[name])  # a Normalization keeps the statistics of the data that it meets
    for layer in layers:
        if isinstance(layer, Normalization):
            layer.adapt(3 * x + 1)
    model = compiled(layers, fm.SGD(0.1, momentum=0.5))
    twin = Twin(torch, model)
    before = bits(model)
    history = fit(model, x, y, 4, 6)
    optimizer = torch.optim.SGD(twin.trained, lr=0.1, momentum=0.5)
    expected = twin.train(optimizer, x, y, crossentropy, epochs=4, batch_size=6)
    assert bits(model) != before
    np.testing.assert_allclose(history.batches["loss"], expected, rtol=1e-9)
    twin.assert_same(model)
    with torch.no_grad():
        np.testing.assert_allclose(model.predict(x), twin(x).numpy(), **CLOSE)
        loss = crossentropy(twin.f, twin(x), torch.as_tensor(y)).mean()
    np.testing.assert_allclose(model.evaluate(x, y)["loss"], float(loss), rtol=1e-9)


@pytest.mark.parametrize(
    ("rows", "features", "units"), [(1, 1, 1), (2, 1, 15), (3, 2, 16), (7, 16, 17), (33, 31, 33), (65, 33, 31)]
)
def test_odd_shapes_train_like_torch(rows, features, units, torch):
    x, y = problem(rows, features)
    block = Residual([LayerNormalization(), Dense(units, "gelu")])
    layers = [Dropout(0.2), Dense(units, "relu"), block, GaussianNoise(0.1), OUT]
    model = compiled(layers, fm.SGD(0.1), features=features)
    twin = Twin(torch, model)
    fit(model, x, y, 3, 4)
    twin.train(torch.optim.SGD(twin.trained, lr=0.1), x, y, crossentropy, epochs=3, batch_size=4)
    twin.assert_same(model)


def test_running_statistics_are_torchs_but_for_the_unbiased_variance(torch):
    x, _ = problem(20)
    model = compiled([BatchNormalization(momentum=0.9), Dense(CLASSES, "softmax")])
    module = torch.nn.BatchNorm1d(FEATURES, eps=1e-3, momentum=0.1, dtype=torch.float64)
    for part in np.split(x, 4):
        model.train_on_batch(part, np.zeros(5, int))
        module(torch.as_tensor(part))
    layer, unbiased = model.layers[0], module.running_var.numpy()
    weights = 1 - 0.9**4  # of the batches; the rest is that of the initial values 0 and 1, which ours drops
    np.testing.assert_allclose(weights * layer.moving_mean, module.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(weights * layer.moving_variance, (unbiased - 0.9**4) * 4 / 5, rtol=1e-9)


def test_running_statistics_have_a_closed_form():
    x = np.array([[1.0, -2.0], [3.0, 6.0]])  # means 2 and 2, biased variances 1 and 16
    model = compiled([BatchNormalization(momentum=0.9), Dense(CLASSES, "softmax")], features=2)
    for number in range(10):
        model.train_on_batch(x + number, [0, 1])
    weights = 0.9 ** np.arange(9, -1, -1)
    shift = weights @ np.arange(10) / weights.sum()
    np.testing.assert_allclose(model.layers[0].moving_mean, shift + np.array([2, 2]), rtol=1e-12)
    np.testing.assert_allclose(model.layers[0].moving_variance, [1, 16], rtol=1e-12)


def test_batch_normalisation_of_a_single_row_is_its_shift():
    x, y = problem(1)  # torch refuses this; a row minus itself is 0, and so is its gradient
    model = compiled([Dense(7, "tanh"), BatchNormalization(), OUT], fm.SGD(0.5))
    below, beta, (kernel, bias) = bits(model)[:2], model.layers[1].beta, model.get_weights()[-2:]
    logits = beta @ kernel + bias
    expected = np.log(np.exp(logits).sum()) - logits[y[0]]
    np.testing.assert_allclose(model.train_on_batch(x, y)["loss"], expected, rtol=1e-12)
    assert bits(model)[:2] == below
    assert not np.array_equal(model.layers[1].beta, beta)


def test_normalisation_has_the_statistics_of_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = np.column_stack([problem(50)[0] * [1, 1, 10, 1e4, 1] + [0, 1e3, -5, 0, 1], np.full(50, 7.0)])
    model = fm.Sequential([Normalization(), OUT], dtype="float64", seed=1)
    model.compile(fm.SGD(1e-9))
    fit(model, x, np.arange(50) % CLASSES)
    scaler = preprocessing.StandardScaler().fit(x)
    np.testing.assert_allclose(model.layers[0].mean, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(model.layers[0].variance[:5], scaler.var_[:5], rtol=1e-12)
    kernel, bias = model.get_weights()[-2:]
    logits = scaler.transform(x) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-9)


def test_normalised_pixels_train_like_normalised_numbers():
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, FEATURES), np.uint8)
    y = problem()[1]
    models = []
    for x in (pixels, pixels / 255):
        model = fm.Sequential([Normalization(), Dense(8, "relu"), OUT], dtype="float64", seed=0)
        model.compile(fm.Adam(0.01))
        fit(model, x, y, 3)
        models.append(model)
    for ours, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-11)


EVERYTHING = [
    Normalization(),
    Dropout(0.2),
    Residual([LayerNormalization(), Dense(FEATURES, "gelu", max_norm=1.0)]),
    GaussianNoise(0.1),
    Dense(17, "softmax", kernel_regularizer="l1_l2"),
    BatchNormalization(),
    Activation("elu(0.5)"),
    Dense(6, "tanh", trainable=False),
    OUT,
]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_run_that_was_saved_or_copied_in_the_middle_goes_on_with_the_same_bits(rule, tmp_path, monkeypatch):
    x, y = problem()
    model = fm.Sequential(copy.deepcopy(EVERYTHING), dtype="float64", seed=2)
    model.compile(dataclasses.replace(OPTIMIZERS[rule][0], ema_momentum=0.9))
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    monkeypatch.setattr(trainer, "CALL_SECONDS", 0.0)  # a batch in each call
    model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, max_time=1e-9, resume=True)
    whole = model.optimizer.needs_all_rows  # its first batch is all of the epoch
    assert (model.position.epoch, model.position.batch) == ((2, 0) if whole else (1, 1))
    model.save(tmp_path / "model.npz")
    others = [fm.load(tmp_path / "model.npz"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    found = []
    for each in (model, *others):
        each.fit(x, y, batch_size=BATCH, epochs=3, verbose=0, resume=True)
        trained = bits(each)
        each.swap_averaged_weights()
        found.append((trained, bits(each)))
    assert all(each == found[0] for each in found)
    assert found[0][0] != found[0][1]
    predict, weights, program = model.jitted()
    out, given = np.empty((ROWS, CLASSES)), np.full((ROWS, CLASSES), np.nan)
    predict(out, x, weights, program)
    assert model.predict(x, out=given) is given
    assert out.tobytes() == given.tobytes()


def test_every_layer_trains_and_predicts_with_the_same_bits_on_two_threads():
    x, y = problem(600)
    x = np.tile(x, (1, 8))  # enough work in a batch for the second thread
    results = []
    for n_threads in (1, 2):
        block = Residual([LayerNormalization(), Dense(67)])
        layers = [Normalization(), Dropout(0.2), Dense(67, "relu"), block, *EVERYTHING[3:]]
        model = fm.Sequential(layers, dtype="float64", seed=2)
        model.compile(fm.RMSprop(0.01, momentum=0.5, global_clipnorm=0.5))
        fit(model, x, y, 2, 230, n_threads=n_threads)
        results.append((bits(model), model.predict(x, n_threads=n_threads).tobytes()))
    assert results[0] == results[1]


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_torchs_values_and_gradients(name, torch):
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-40, 40, 161), rng.normal(size=50), [0.0]])[:, None]
    t = rng.normal(size=(len(x), 17))
    model = compiled([Dense(17, name), Dense(17)], fm.SGD(1.0), "rss", features=1)
    model.set_weights([rng.uniform(0.5, 1.0, (1, 17)), np.zeros(17), rng.normal(size=(17, 17)), np.zeros(17)])
    twin = Twin(torch, model)
    loss = squares(twin.f, twin(x), torch.as_tensor(t)).mean()
    loss.backward()
    np.testing.assert_allclose(model.predict(x), twin(x).detach().numpy(), rtol=1e-12, atol=1e-12)
    gradients, reported = gradient_of_a_step(model, x, t)
    np.testing.assert_allclose(reported, float(loss.detach()), rtol=1e-12)
    for found, w in zip(gradients, twin.trained, strict=True):
        np.testing.assert_allclose(found, w.grad.numpy(), rtol=1e-10, atol=1e-11 * float(w.grad.abs().max()))


# ---------------------------------------------------------------- frozen layers


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_frozen_layers_keep_their_bits_and_those_below_learn(rule):
    x, y = problem()
    frozen = [
        Dense(7, "tanh", trainable=False, kernel_regularizer="l2", max_norm=0.1),
        BatchNormalization(trainable=False),
        LayerNormalization(trainable=False),
    ]
    optimizer = dataclasses.replace(OPTIMIZERS[rule][0], weight_decay=0.1, ema_momentum=0.5, global_clipnorm=0.5)
    model = compiled([Dense(6, "tanh"), *frozen, OUT], optimizer)
    before = bits(model)
    fit(model, x, y, 3)
    after = bits(model)
    assert after[2:-2] == before[2:-2]
    assert all(new != old for new, old in zip(after[:2] + after[-2:], before[:2] + before[-2:], strict=True))
    model.swap_averaged_weights()
    assert bits(model)[2:-2] == before[2:-2]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_model_that_is_frozen_throughout_reports_and_stays(rule):
    x, y = problem()
    layers = [Dense(6, "relu", trainable=False, kernel_regularizer="l2"), BatchNormalization(trainable=False)]
    model = compiled([*layers, Dense(CLASSES, "softmax", trainable=False)], OPTIMIZERS[rule][0])
    before, expected = bits(model), model.evaluate(x, y)
    history = fit(model, x, y, 2)
    assert bits(model) == before
    np.testing.assert_allclose(history.history["loss"], [expected["loss"]] * 2, rtol=1e-12)
