"""Attributes of Keras's objects: they are there and mean the same, or an AttributeError says what to use."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations, losses
from fastmlp._base import keras, keras_attributes
from fastmlp._base.errors import ArgumentError, ArgumentTypeError

KERAS = json.loads(Path(__file__).with_name("keras_attributes.json").read_text())  # of Keras 3.15
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2


def network():
    layers = [
        fm.Dense(4, activation="relu", name="first"),
        fm.BatchNormalization(),
        fm.Dropout(0.25),
        fm.Residual([fm.Dense(4)]),
        fm.Dense(2, activation="softmax"),
    ]
    model = fm.Sequential(layers, seed=0)
    model.compile("adam")
    return model


def fitted(**settings):
    model = network()
    model.fit(X, Y, verbose=0, **settings)
    return model


MODEL = fitted()
OBJECTS = {
    "Sequential": MODEL,
    "layer": MODEL.layers[0],
    "History": MODEL.history,
    "Optimizer": MODEL.optimizer,
    "Loss": MODEL.loss,
    "Metric": fm.metrics.MeanSquaredError(),
    "Callback": fm.callbacks.Callback(),
    "Initializer": fm.initializers.HeNormal(),
    "Regularizer": fm.regularizers.l2(0.5),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_each_attribute_of_keras_is_public_or_absent(kind):
    for name in KERAS[kind]:
        try:
            getattr(OBJECTS[kind], name)
        except AttributeError as error:
            assert name in str(error)  # noqa: PT017  # some are there, and some are not
        else:  # and none of ours answers by accident
            assert name in dir(OBJECTS[kind])


def test_sentences_are_about_what_is_missing():
    kinds = {**OBJECTS, "BoundLayer": OBJECTS["layer"], "Layer": fm.Dense(3)}
    for kind, sentences in keras_attributes.SENTENCES.items():
        for name in " ".join(sentences.values()).split():
            assert keras.is_named(kinds[kind], name)
            with pytest.raises(AttributeError, match=f"has no {name}"):
                getattr(kinds[kind], name)


def test_other_attributes_are_missing_as_usual():
    for thing in OBJECTS.values():
        with pytest.raises(AttributeError, match="nonsense"):
            thing.nonsense  # noqa: B018
        assert not hasattr(thing, "__nonsense__")


# ---------------------------------------------------------------- models


def test_a_model_says_its_shapes_and_states():
    model = network()
    assert (model.built, model.compiled) == (False, True)
    assert (model.input_shape, model.output_shape) == ((None, None), (None, 2))
    assert fm.Sequential([fm.BatchNormalization()]).output_shape == (None, None)
    assert not fm.Sequential([fm.Dense(2)]).compiled
    model.build(3)
    assert (model.built, model.input_shape, model.output_shape) == (True, (None, 3), (None, 2))
    for name in ("built", "compiled", "input_shape", "output_shape", "variables", "trainable_weights"):
        with pytest.raises(AttributeError, match=f"{name} of a Sequential cannot be set: use "):
            setattr(model, name, None)


def test_variables_are_the_weights():
    for owner in (MODEL, MODEL.layers[0], MODEL.layers[1]):
        for which in ("", "trainable_", "non_trainable_"):
            weights, variables = (getattr(owner, which + what) for what in ("weights", "variables"))
            assert len(weights) == len(variables)
            assert all(np.array_equal(a, b) for a, b in zip(weights, variables, strict=True))
    assert len(MODEL.layers[1].trainable_variables) == 2  # gamma and beta
    assert np.array_equal(MODEL.layers[1].non_trainable_variables[0], MODEL.layers[1].moving_mean)
    assert MODEL.reset_metrics() is None


@pytest.mark.parametrize("given", [(3,), ((None, 3),), ([40, 3],)])
def test_a_model_is_built_for_the_shape_of_a_batch(given):
    model, other = network(), network()
    model.build(*given)
    other.build(input_shape=(None, 3))
    assert model.n_features == other.n_features == 3
    model.build()  # for the width that it has
    images = fm.Sequential([fm.Flatten(), fm.Dense(2)])
    images.build(input_shape=(None, 28, 28))
    assert images.n_features == 784


@pytest.mark.parametrize("shape", [(3,), (), (None,), (None, None), ("a", 3), (None, 2, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ArgumentError, match=r"shape of a batch|fastmlp\.Flatten\(\)"):
        network().build(input_shape=shape)
    with pytest.raises(ArgumentError, match=r"build\(n_features\)"):
        network().build()


def test_a_class_with_methods_that_are_never_called_is_refused():
    bases = {
        "Sequential": fm.Sequential,
        "Layer": fm.layers.Dense,
        "Loss": losses.Loss,
        "Metric": fm.metrics.Metric,
        "Optimizer": fm.optimizers.SGD,
        "Regularizer": fm.regularizers.Regularizer,
        "Initializer": fm.initializers.Initializer,
    }
    assert set(bases) == set(keras_attributes.HOOKS)
    for name, (hooks, _) in keras_attributes.HOOKS.items():
        for hook in hooks.split():
            with pytest.raises(ArgumentTypeError, match=rf"Mine defines {hook}\(\), which is never called: "):
                type("Mine", (bases[name],), {hook: lambda self: None, "__module__": "mine"})
    type("Mine", (fm.metrics.Metric,), {"__call__": lambda self, a, b: 1.0, "result": None, "__module__": "mine"})
    with pytest.raises(ArgumentTypeError, match="layer objects"):
        fm.Sequential([type("Mine", (fm.Dense,), {"__module__": "mine"})(3)])


# ---------------------------------------------------------------- layers


def test_layers_of_a_model_are_of_the_declared_kind():
    first, norm, dropout, *_ = MODEL.layers
    assert isinstance(first, fm.Dense)
    assert not isinstance(norm, fm.Dense)
    assert isinstance(first, fm.model.BoundLayer)
    assert [layer.__class__.__name__ for layer in MODEL.layers[:3]] == ["Dense", "BatchNormalization", "Dropout"]
    assert isinstance(MODEL.tree()[3], fm.Residual)
    assert (dropout.rate, first.use_bias, norm.momentum, first.built) == (0.25, True, 0.99, True)
    assert first.kernel_initializer == fm.Dense(4).kernel_initializer
    assert first.dtype == MODEL.dtype
    for made in (copy.deepcopy(first), copy.copy(first), pickle.loads(pickle.dumps(first))):
        assert np.array_equal(made.kernel, first.kernel)
        assert made.name == "first"
    residual = copy.deepcopy(MODEL.tree()[3])
    assert np.array_equal(residual.layers[0].kernel, MODEL.layers[3].kernel)


def test_layers_are_frozen_by_their_kind():
    model = fitted()
    for layer in model.layers:
        if isinstance(layer, fm.Dense):
            layer.trainable = False
    assert [layer.trainable for layer in model.layers] == [False, True, False, False, False]


def test_statistics_of_a_layer_are_its_tensors():
    model = fm.Sequential([fm.Normalization(), fm.Dense(2)], seed=0)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0)
    assert np.allclose(model.layers[0].mean, X.mean(axis=0), atol=1e-6)


def test_a_declaration_says_where_its_tensors_are():
    layer = fm.Dense(3)
    with pytest.raises(AttributeError, match=r"Dense has no get_weights: .* model\.layers\[0\]"):
        layer.get_weights()
    with pytest.raises(AttributeError, match=r"trainable of a layer cannot be set.* Dense\(\.\.\., trainable=\.\.\.\)"):
        layer.trainable = False
    with pytest.raises(ArgumentTypeError, match=r"Dense is not called on tensors.*fastmlp\.Sequential"):
        layer(fm.Input((3,)))
    assert layer.trainable


def test_an_activation_may_be_a_layer():
    given = [fm.layers.LeakyReLU(0.1), fm.layers.ReLU(), fm.layers.Softmax(), fm.Activation("tanh")]
    assert [fm.Dense(2, activation=layer).activation for layer in given] == [layer.activation for layer in given]
    assert fm.Activation(fm.layers.ELU(0.5)).activation == "elu(0.5)"


# ---------------------------------------------------------------- what is called on arrays


@pytest.mark.parametrize("name", activations.NAMES)
def test_an_activation_of_an_array_is_that_of_a_layer(name):
    function = getattr(activations, name)
    model = fm.Sequential(
        [fm.Input((3,)), fm.Dense(3, kernel_initializer="ones"), fm.Activation(name)], dtype="float64"
    )
    sums = np.repeat(X.astype(float).sum(axis=1, keepdims=True), 3, axis=1)
    assert np.allclose(function(sums), model.predict(X.astype(float)), atol=1e-12)
    assert function(sums[0]).shape == (3,)
    assert function(X).dtype == np.float32
    assert activations.get(function) == name
    assert fm.Dense(2, activation=function).activation == name


def test_texts_that_are_called_stay_texts():
    text = activations.softmax
    assert isinstance(text, str)
    assert (text, text.__name__, f"{text}", json.dumps(text)) == ("softmax", "softmax", "softmax", '"softmax"')
    assert type(pickle.loads(pickle.dumps(text))) is str
    assert type(fm.Dense(2, activation=text).activation) is str
    with pytest.raises(ArgumentTypeError, match="x must"):
        text(["a"])


LAST = {"poisson": "softplus", "binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax"}


@pytest.mark.parametrize("name", losses.NAMES)
def test_a_loss_of_arrays_is_that_of_a_model(name):
    kind = "categorical_crossentropy" if "categorical" in name else name
    model = fm.Sequential([fm.Dense(2, activation=LAST.get(kind, "linear"))], dtype="float64", seed=0)
    model.compile(loss=name, metrics=[])
    x = X.astype(float)
    y = np.eye(2)[Y] if kind in LAST else np.abs(RANDOM.normal(size=(40, 2)))
    expected = model.build(3) or model.evaluate(x, y)["loss"]
    outputs = model.predict(x)
    assert losses.get(name)(y, outputs) == pytest.approx(expected, rel=1e-6)
    of_rows = getattr(losses, name)(y, outputs)
    assert of_rows.shape == (40,)
    assert of_rows.mean() == pytest.approx(expected, rel=1e-6)
    assert getattr(losses, name)(y[0], outputs[0]).shape == ()


def test_losses_read_what_models_read():
    logits, smooth = RANDOM.normal(size=(40, 2)), losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model = fm.Sequential([fm.Dense(2)], seed=0, dtype="float64")
    model.compile(loss=smooth, metrics=[])
    model.build(3)
    loss = model.evaluate(X, Y)["loss"]
    for targets in (Y, Y[:, None], np.eye(2)[Y]):
        assert smooth(targets, model.predict(X)) == pytest.approx(loss)
    of_rows = losses.sparse_categorical_crossentropy(Y, logits, from_logits=True)
    assert of_rows.mean() == pytest.approx(losses.CategoricalCrossentropy(from_logits=True)(np.eye(2)[Y], logits))
    assert losses.mse([[1.0], [2.0]], [[1.5], [2.5]]).tolist() == [0.25, 0.25]
    assert losses.MeanSquaredError()([1.0, 2.0], [[1.5], [2.5]]) == 0.25
    own = losses.Custom(lambda y, t: (y - t) ** 2, lambda y, t: 2 * (y - t), name="own")
    assert own([[1.0, 3.0]], [[0.0, 0.0]]) == 5.0


@pytest.mark.parametrize(
    ("loss", "targets", "outputs", "message"),
    [
        ("mse", [1.0, 2.0], [1.0], "the same shape"),
        ("mse", ["a"], [1.0], "y_true"),
        ("mse", [1.0], 1.0, "at least one dimension"),
        ("categorical_crossentropy", [0, 2], [[0.5, 0.5]] * 2, "class numbers from 0 to 1"),
        ("categorical_crossentropy", [0.5, 1], [[0.5, 0.5]] * 2, "class numbers from 0 to 1"),
        ("categorical_crossentropy", [0], [[0.5, 0.5]] * 2, "shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(loss, targets, outputs, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        losses.get(loss)(targets, outputs)
    with pytest.raises(ArgumentError, match="sample_weight"):
        losses.get("mse")([1.0], [1.0], [1.0])


def test_a_metric_collects_rows():
    metric, outputs = fm.metrics.AUC(), RANDOM.random((40, 1))
    assert np.isnan(metric.result())
    for first in range(0, 40, 15):
        metric.update_state(Y[first : first + 15], outputs[first : first + 15])
    assert metric.result() == metric(Y, outputs)
    assert metric == fm.metrics.AUC()
    metric.reset_state()
    assert np.isnan(metric.result())
    with pytest.raises(ArgumentError, match="leave out sample_weight"):
        metric.update_state(Y, outputs, np.ones(40))


def test_rows_that_change_later_are_kept_as_they_were():
    metric, outputs = fm.metrics.MeanSquaredError(), np.zeros(3)
    metric.update_state(np.zeros(3), outputs)
    outputs[:] = 5
    assert metric.result() == 0


def test_declarations_can_be_looked_at():
    assert fm.regularizers.L1L2(0.5, 0.25)([[2.0, -4.0]]) == 0.5 * 6 + 0.25 * 20
    shortened = fm.constraints.MaxNorm(1.0)([[3.0, 0.1], [4.0, 0.0]])
    assert np.allclose(shortened, [[0.6, 0.1], [0.8, 0.0]])
    drawn = fm.initializers.HeNormal(seed=3)((30, 40))
    assert drawn.dtype == np.float32
    assert np.array_equal(drawn, fm.initializers.HeNormal(seed=3)(shape=(30, 40)))
    assert not np.array_equal(fm.initializers.HeNormal()((3, 4)), fm.initializers.HeNormal()((3, 4)))
    assert fm.initializers.Constant(0.5)((2,)).tolist() == [0.5, 0.5]
    with pytest.raises(ArgumentError, match="shape must be"):
        fm.initializers.Zeros()((1, 2, 3))


# ---------------------------------------------------------------- histories and callbacks


def test_a_history_has_the_arguments_of_its_run():
    model = network()
    history = model.fit(X, Y, batch_size=10, epochs=3, verbose=0)
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 4}
    assert fm.History().params == {}
    assert fm.History.from_config(history.config()).params == {}
    batches = model.fit(((X, Y) for _ in range(2)), verbose=0)
    assert batches.params["steps"] is None


def test_hooks_with_the_arguments_of_keras_get_logs():
    class Mine(fm.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.params_seen = self.params

        def on_train_end(self, logs=None):
            self.last = logs

    mine = Mine()
    model = network()
    history = model.fit(X, Y, epochs=2, batch_size=10, verbose=0, callbacks=[mine])
    assert mine.params_seen == history.params
    assert mine.last == {name: values[-1] for name, values in history.history.items()}

    class Reason(fm.callbacks.Callback):
        def on_train_end(self, reason):
            self.reason = reason

    other = Reason()
    model.fit(X, Y, verbose=0, callbacks=[other])
    assert other.reason == "finished"
