"""Each argument of Keras 3.15 is ours, or one table says what it means here; defaults agree, or a page says so."""

import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

import fastmlp as fm
from fastmlp._base import keras
from fastmlp._base.keras_arguments import ARGUMENTS, Ignored, Only, Renamed

KERAS = json.loads(Path(__file__).with_name("keras_arguments.json").read_text())
PAGE = Path(fm.__file__).parents[1] / "docs" / "keras.md"


def ours_of(name):
    """Our object, or None if a sentence stands for it."""
    module, _, last = name.rpartition(".")
    if module == "Sequential":
        return getattr(fm.Sequential, last)
    try:
        return getattr(importlib.import_module(f"fastmlp.{module}"), last)
    except ImportError:
        return None


def keys_of(name, ours):
    """The keys of the table for it."""
    module, _, last = name.rpartition(".")
    if last == "__init__":
        return ["Sequential"]
    if isinstance(ours, type):
        prefix = "metrics." if module == "metrics" else ""
        return [prefix + base.__name__ for base in ours.__mro__]
    makes = {"ReLU": "Activation", "LeakyReLU": "Activation", "ELU": "Activation", "Softmax": "Activation"}
    kind = {**makes, "Input": "InputLayer"}.get(last)
    return ["Layer", kind] if kind else [last, name]


THERE = {name: ours for name in KERAS if KERAS[name] and (ours := ours_of(name)) is not None}
BASES = ("layers.Layer", "metrics.Metric", "initializers.Initializer")


@pytest.mark.parametrize("name", sorted(THERE.keys() - set(BASES)))
def test_each_argument_of_keras_is_ours_or_in_the_table(name):
    known = set(inspect.signature(THERE[name]).parameters) | {"self"}
    for key in keys_of(name, THERE[name]):
        known |= set(ARGUMENTS.get(key, ()))
    if name == "layers.Input":
        known |= {"name"}
    if name.startswith("initializers."):
        known |= {"input_axes", "output_axes"}  # of tensors with more dimensions than ours
    assert not [argument for argument in KERAS[name] if argument[0] != "*" and argument not in known]


# Defaults in two forms, or of arguments without influence
SAME = [
    ("weight_decay", 0.0, None),
    ("gradient_accumulation_steps", 1, None),
    ("ema_momentum", None, 0.99),  # as use_ema is False
    ("callbacks", (), None),
    ("layers", (), None),
    ("print_fn", print, None),
]


def defaults():
    """Argument, our default and Keras's."""
    for name in sorted(THERE.keys() - set(BASES)):
        parameters = inspect.signature(THERE[name]).parameters
        for argument, default in KERAS[name].items():
            if argument not in parameters or default == "<required>" or (argument == "name" and "schedules" in name):
                continue
            value = parameters[argument].default
            if argument == "name" and name.startswith("metrics.") and isinstance(THERE[name], type):
                value = THERE[name]().name
                default = value if default is None else default  # noqa: PLW2901  # made from the type
            yield name, argument, value, default


def is_the_same(argument, value, default):
    if value is inspect.Parameter.empty or isinstance(value, type) or (argument, value, default) in SAME:
        return True
    return value == default or {value, default} <= {None, "", "auto"}


def test_defaults_of_keras_are_ours_or_stand_on_the_page():
    if not PAGE.is_file():
        pytest.skip("installed without its documentation")
    table = re.search(r"## Other defaults\n(.*?)(?=\n## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    told = {tuple(re.findall(r"`([^`]+)`", line)[:2]) for line in table.splitlines() if line.startswith("| `")}
    other = [(name, argument) for name, argument, *pair in defaults() if not is_the_same(argument, *pair)]
    assert {(name.rpartition(".")[2], argument) for name, argument in other} == told


@pytest.mark.parametrize("key", ARGUMENTS)
def test_rules_accept_their_values_and_refuse_others(key):
    for argument, rule in ARGUMENTS[key].items():
        if isinstance(rule, Only):
            for value in rule.values:
                assert keras.ours(key, [key], frozenset(), {argument: value}) == {}
            with pytest.raises(fm.ArgumentError, match=re.escape(rule.remedy[:30])):
                keras.ours(key, [key], frozenset(), {argument: object()})
        if isinstance(rule, Ignored):
            assert keras.ours(key, [key], frozenset(), {argument: object()}) == {}
        if isinstance(rule, Renamed) and rule.convert is None:
            assert keras.ours(key, [key], frozenset(), {argument: 3}) == {rule.name: 3}


def test_true_is_not_one_and_a_list_is_a_tuple():
    with pytest.raises(fm.ArgumentError, match="takes no center=1"):
        fm.BatchNormalization(center=1)
    assert fm.BatchNormalization(axis=[-1], gamma_initializer=fm.initializers.Ones()) == fm.BatchNormalization()
    with pytest.raises(fm.ArgumentError, match="gamma"):
        fm.BatchNormalization(gamma_initializer=fm.initializers.Constant(2.0))


def test_constraints_become_max_norm():
    for constraint in (fm.constraints.MaxNorm(3), fm.constraints.max_norm(max_value=3.0)):
        assert fm.Dense(4, kernel_constraint=constraint) == fm.Dense(4, max_norm=3)
    assert fm.Dense(4, kernel_constraint="max_norm").max_norm == 2
    assert fm.Dense(4, kernel_constraint=None) == fm.Dense(4)
    with pytest.raises(fm.ArgumentTypeError, match="limits on the length"):
        fm.Dense(4, kernel_constraint="non_neg")
    with pytest.raises(fm.ArgumentError, match="axis must be 0"):
        fm.constraints.MaxNorm(3, axis=1)


def test_old_arguments_of_optimizers_name_the_remedy():
    with pytest.raises(fm.ArgumentError, match="use learning_rate="):
        fm.Adam(lr=0.1)
    with pytest.raises(fm.ArgumentError, match=r"InverseTime.*weight_decay="):
        fm.SGD(0.1, decay=1e-6)
    assert fm.SGD(0.1, decay=0.0, name="sgd", weight_decay=None, use_ema=False, jit_compile=True) == fm.SGD(0.1)
    assert fm.Adam(epsilon=None, gradient_accumulation_steps=None, amsgrad=False) == fm.Adam()


def test_compile_takes_what_changes_nothing():
    model = fm.Sequential([fm.Dense(2, activation="softmax")])
    model.compile(
        optimizer="SGD", loss="CategoricalCrossentropy", metrics=["acc"], loss_weights=None, weighted_metrics=[],
        run_eagerly=False, jit_compile="auto", steps_per_execution=1,
    )  # fmt: skip
    for given in ({"weighted_metrics": ["acc"]}, {"loss_weights": [1.0]}, {"run_eagerly": True}):
        with pytest.raises(fm.ArgumentError, match=f"takes no {next(iter(given))}="):
            model.compile("sgd", **given)


NAMES = {
    "losses": ["mse", "MSE", "mean_squared_error", "MeanSquaredError", "log_cosh", "logcosh", "LogCosh", "huber_loss"],
    "optimizers": ["sgd", "SGD", "Adam", "RMSprop", "rmsprop", "AdamW"],
}


@pytest.mark.parametrize("name", NAMES["losses"])
def test_losses_have_the_names_of_keras(name):
    assert type(fm.losses.get(name)).__name__ in ("MeanSquaredError", "LogCosh", "Huber")


@pytest.mark.parametrize("name", NAMES["optimizers"])
def test_optimizers_have_the_names_of_keras(name):
    assert type(fm.optimizers.get(name)).__name__.lower() == name.lower()


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("normal", ("random_normal", 0.05)),
        ("uniform", ("random_uniform", 0.05)),
        ("RandomNormal", ("random_normal", 0.05)),
        ("GlorotUniform", ("glorot_uniform", 1.0)),
        ("he_normal", ("he_normal", 1.0)),
        ("zero", ("zeros", 1.0)),
        (fm.initializers.HeNormal, ("he_normal", 1.0)),
        (fm.initializers.RandomNormal(0.0, 0.01), ("random_normal", 0.01)),
        (fm.initializers.RandomUniform(-0.2, 0.2), ("random_uniform", 0.2)),
        (fm.initializers.VarianceScaling(4.0, "fan_avg", "uniform"), ("glorot_uniform", 2.0)),
        (fm.initializers.Constant(0.5), ("ones", 0.5)),
    ],
)
def test_initializers_have_the_names_of_keras(given, rule):
    found = fm.Dense(3, kernel_initializer=given).kernel_initializer
    assert (found.name, found.scale) == rule


@pytest.mark.parametrize(
    "make",
    [
        lambda: fm.initializers.RandomNormal(mean=1.0),
        lambda: fm.initializers.RandomUniform(0.0, 1.0),
        lambda: fm.initializers.random_uniform(minval=0.0, maxval=1.0),
        lambda: fm.initializers.VarianceScaling(mode="fan_out"),
        lambda: fm.initializers.HeNormal(seed=-1),
        lambda: fm.layers.ReLU(max_value=6),
        lambda: fm.layers.Softmax(axis=0),
    ],
)
def test_what_means_something_else_is_refused(make):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError)):
        make()


def test_activations_may_be_values_and_layers():
    assert fm.Dense(3, activation=fm.activations.relu) == fm.Dense(3, "relu")
    assert fm.Dense(3, activation=fm.activations.leaky_relu) == fm.Dense(3, "leaky_relu")
    assert fm.Dense(3, activation=fm.activations.swish) == fm.Dense(3, "silu")
    assert fm.layers.ReLU(negative_slope=0.1, name="r") == fm.Activation("leaky_relu(0.1)", name="r")
    assert fm.layers.LeakyReLU() == fm.Activation("leaky_relu(0.3)")
    assert fm.layers.LeakyReLU(alpha=0.1).activation == "leaky_relu(0.1)"
    assert fm.layers.ELU(0.5, input_shape=(3,)) == fm.Activation("elu(0.5)")
    assert fm.layers.Softmax() == fm.Activation("softmax")
    with pytest.raises(ImportError, match=r"use LeakyReLU"):
        fm.layers.PReLU  # noqa: B018
