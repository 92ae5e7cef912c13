"""Declarations that cannot be used, and models that lack one, say so by name."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, NotBuiltError

from ..shared.tiny import CLASSES, FEATURES, ROWS, X, Y, built, fit, network, short


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "x", None, 1j, 10**400, [0.1]], ids=short)
@pytest.mark.parametrize("optimizer", [fm.SGD, fm.Adam])
def test_a_wrong_learning_rate_is_refused(optimizer, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="learning_rate"):
        optimizer(learning_rate=value)


@pytest.mark.parametrize(
    ("name", "declare"),
    [
        ("units", lambda: fm.Dense(0)),
        ("units", lambda: fm.Dense(-3)),
        ("units", lambda: fm.Dense(1.5)),
        ("units", lambda: fm.Dense("x")),
        ("units", lambda: fm.Dense(True)),
        ("activation", lambda: fm.Dense(3, "foo")),
        ("activation", lambda: fm.Dense(3, 5)),
        ("activation", lambda: fm.Dense(3, max)),
        ("kernel_initializer", lambda: fm.Dense(3, kernel_initializer="foo")),
        ("kernel_initializer", lambda: fm.Dense(3, kernel_initializer=5)),
        ("kernel_initializer", lambda: fm.Dense(3, kernel_initializer={"name": "zeros", "scale": -1})),
        ("bias_initializer", lambda: fm.Dense(3, bias_initializer=None)),
        ("foo", lambda: fm.initializers.Initializer("foo")),
        ("stddev", lambda: fm.initializers.random_normal(np.nan)),
        ("limit", lambda: fm.initializers.random_uniform(0)),
        ("beta_1", lambda: fm.Adam(beta_1=1)),
        ("beta_2", lambda: fm.Adam(beta_2=-0.1)),
        ("epsilon", lambda: fm.Adam(epsilon=0)),
        ("layers", lambda: fm.Sequential(5)),
        ("layers", lambda: fm.Sequential(fm.Dense(3))),
        ("layers", lambda: fm.Sequential([3])),
        ("layers", lambda: fm.Sequential([fm.Dense])),
        ("layers", lambda: fm.Sequential([fm.layers.Layer()])),
        ("dtype", lambda: fm.Sequential(dtype="float16")),
        ("dtype", lambda: fm.Sequential(dtype="foo")),
        ("dtype", lambda: fm.Sequential(dtype=5)),
        ("dtype", lambda: fm.Sequential(dtype=None)),
        ("uint8_scale", lambda: fm.Sequential(uint8_scale="x")),
        ("uint8_scale", lambda: fm.Sequential(uint8_scale=np.inf)),
        ("seed", lambda: fm.Sequential(seed=-1)),
        ("hidden", lambda: fm.mlp(5, classes=3)),
        ("hidden", lambda: fm.mlp(None, classes=3)),
        ("units", lambda: fm.mlp([3], classes=0)),
        ("optimizer", lambda: network().compile(optimizer="foo")),
        ("optimizer", lambda: network().compile(optimizer=fm.Adam)),
        ("optimizer", lambda: network().compile(optimizer=None)),
        ("optimizer", lambda: network().compile(optimizer=fm.optimizers.Optimizer(0.1))),
        ("loss", lambda: network().compile(loss="foo")),
        ("loss", lambda: network().compile(loss=None)),
        ("loss", lambda: network().compile(loss=max)),
        ("loss", lambda: network().compile(loss=fm.losses.Loss())),
        ("metrics", lambda: network().compile(metrics=["foo"])),
        ("metrics", lambda: network().compile(metrics="accuracy")),
        ("metrics", lambda: network().compile(metrics=[5])),
        ("metrics", lambda: network().compile(metrics=5)),
        ("n_features", lambda: network().build(0)),
        ("n_features", lambda: network().build("x")),
        ("n_features", lambda: built().build(FEATURES + 1)),
        ("n_features", lambda: network().build(10**30)),
        ("units", lambda: fm.Sequential([fm.Dense(10**30, "softmax")]).build(3)),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused_by_name(name, declare):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        declare()


def test_the_last_layer_must_fit_the_loss():
    with pytest.raises(ArgumentError, match=r"needs a last layer.*softmax.*relu"):
        fm.Sequential([fm.Dense(3, "relu")]).compile()
    with pytest.raises(ArgumentError, match=r"linear.*softmax"):
        network().compile(loss=fm.losses.CategoricalCrossentropy(from_logits=True))
    late = fm.Sequential()
    late.compile()
    late.add(fm.Dense(3, "relu"))
    with pytest.raises(ArgumentError, match="last layer"):
        fit(late)


@pytest.mark.parametrize("name", ["predict", "predict_classes", "get_weights", "kernel", "save", "evaluate"])
def test_what_needs_parameters_says_so_before_the_model_is_built(name, tmp_path):
    model = network()
    use = {
        "predict": lambda: model.predict(X),
        "predict_classes": lambda: model.predict_classes(X),
        "get_weights": lambda: model.get_weights(),
        "kernel": lambda: model.layers[0].kernel,
        "save": lambda: model.save(tmp_path / "model.npz"),
        "evaluate": lambda: model.evaluate(X, Y),
    }
    with pytest.raises(NotBuiltError, match="build"):
        use[name]()


def test_training_and_evaluating_before_compile_say_so():
    model = fm.Sequential([fm.Dense(CLASSES, "softmax")])
    model.build(FEATURES)
    for use in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(NotBuiltError, match="compile"):
            use(X, Y)
    assert model.predict(X).shape == (ROWS, CLASSES)


def test_a_model_without_layers_says_so():
    model = fm.Sequential()
    model.compile()
    for use in (lambda: fit(model), lambda: model.build(3), lambda: model.train_on_batch(X, Y)):
        with pytest.raises(ArgumentError, match="no Dense layer"):
            use()
    model.summary(print_fn=lambda line: None)


def test_one_unit_cannot_be_trained_with_crossentropy():
    with pytest.raises(ArgumentError, match="use 2 units for two classes"):
        fm.mlp([3], classes=1)
