"""Layers, initialisers, optimisers, losses, and the program that they become."""

import itertools
import json

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import (
    ArgumentError,
    ArgumentTypeError,
    activations,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from fastmlp._base import tables
from fastmlp._engine import program


def drawn(name, shape, dtype="float32", seed=0, tensor=0):
    return initializers.get(name, "kernel_initializer").draw(shape, np.dtype(dtype), seed, tensor)


SPREADS = {  # standard deviations of a kernel (300, 200)
    "he_normal": np.sqrt(2 / 300),
    "he_uniform": np.sqrt(2 / 300),
    "glorot_normal": np.sqrt(2 / 500),
    "glorot_uniform": np.sqrt(2 / 500),
    "lecun_normal": np.sqrt(1 / 300),
    "lecun_uniform": np.sqrt(1 / 300),
    "random_normal": 0.05,
    "random_uniform": 0.05 / np.sqrt(3),
    "ones": 0.0,
    "zeros": 0.0,
}
CONSTANT = {"ones": 1.0, "zeros": 0.0}


def test_the_spread_of_each_initializer_is_promised():
    assert set(SPREADS) == set(initializers.RULES)


@pytest.mark.parametrize(("name", "deviation"), SPREADS.items())
def test_initializers_have_the_promised_spread(name, deviation):
    values = drawn(name, (300, 200))
    assert values.dtype == np.float32
    assert values.std() == pytest.approx(deviation, rel=0.02, abs=1e-12)
    assert abs(values.mean() - CONSTANT.get(name, 0.0)) <= 0.02 * deviation + 1e-12
    if name.endswith("uniform"):
        assert abs(values).max() <= deviation * np.sqrt(3) * (1 + 1e-6)


@pytest.mark.parametrize("name", sorted(set(initializers.RULES) - set(CONSTANT)))
def test_draws_depend_on_seed_and_tensor_alone(name):
    assert np.array_equal(drawn(name, (5, 3)), drawn(name, (5, 3)))
    assert not np.array_equal(drawn(name, (5, 3)), drawn(name, (5, 3), seed=1))
    assert not np.array_equal(drawn(name, (5, 3)), drawn(name, (5, 3), tensor=1))


def test_initializers_with_a_spread_of_their_own():
    layer = fm.Dense(200, kernel_initializer=initializers.random_normal(0.5))
    assert layer.kernel_initializer.draw((300, 200), np.dtype("float32"), 0, 0).std() == pytest.approx(0.5, rel=0.02)
    for rule in initializers.RULES:
        assert getattr(initializers, rule)().name == rule


def test_settings_of_a_dense_layer_come_back():
    settings = {"kernel_initializer": initializers.random_uniform(0.2), "kernel_regularizer": "l1_l2", "max_norm": 0.5}
    layer = fm.Dense(7, "elu(0.5)", use_bias=False, bias_regularizer=regularizers.l1_l2(0.1, 0.2), **settings)
    block = fm.Residual([fm.Dropout(0.1), layer, fm.BatchNormalization(0.9, 0.1, False)])
    for each in (layer, block):
        assert layers.from_config(json.loads(json.dumps(each.config()))) == each
    assert layer.bias_regularizer == regularizers.Regularizer(l1=0.1, l2=0.2)


def test_activations_have_their_default_parameter():
    given = {name: default for name, rule in activations.RULES.items() if (default := rule.parameter) is not None}
    assert given == {"leaky_relu": 0.2, "elu": 1.0}
    for name, parameter in given.items():
        assert activations.get(f"{name}({parameter})") == name
        assert activations.parsed(name)[2] == parameter


def test_names_stand_for_declarations():
    assert optimizers.get("ADAM") == fm.Adam()
    assert losses.get("sparse_categorical_crossentropy") == losses.get("categorical_crossentropy")
    assert metrics.get(["accuracy", "accuracy"]) == (metrics.Accuracy(),)
    assert fm.Dense(3).kernel_initializer.name == "glorot_uniform"
    assert fm.Dense(3, "relu").kernel_initializer.name == "glorot_uniform"
    assert fm.Dense(3, "selu").kernel_initializer.name == "lecun_normal"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fm.Dense(0), ArgumentError, "units must be at least 1, not 0"),
        (lambda: fm.Dense(1.5), ArgumentTypeError, "units must be a whole number, not 1.5"),
        (lambda: fm.Dense(True), ArgumentTypeError, "units must be a whole number"),
        (
            lambda: fm.Dense(3, "tanhh"),
            ArgumentError,
            "activation must be one of 'elu', 'gelu', .*, 'tanh', not 'tanhh'",
        ),
        (lambda: fm.Dense(3, kernel_initializer="he"), ArgumentError, "kernel_initializer must be one of"),
        (lambda: fm.Dense(3, kernel_initializer=7), ArgumentTypeError, "kernel_initializer must be a name"),
        (lambda: initializers.random_normal(-1), ArgumentError, "stddev must be a finite number greater than 0"),
        (
            lambda: fm.Adam(learning_rate=0),
            ArgumentError,
            "learning_rate must be a finite number greater than 0, not 0",
        ),
        (lambda: fm.SGD(float("nan")), ArgumentError, "learning_rate"),
        (lambda: fm.SGD("fast"), ArgumentTypeError, "learning_rate .* not 'fast'"),
        (lambda: fm.Adam(beta_1=1), ArgumentError, "beta_1 must be a finite number at least 0 and less than 1"),
        (lambda: fm.Adam(epsilon=0), ArgumentError, "epsilon"),
        (lambda: optimizers.get("adamm"), ArgumentError, "optimizer must be one of .*'adam', .* not 'adamm'"),
        (lambda: optimizers.get(3), ArgumentTypeError, "optimizer must be a name"),
        (lambda: losses.get("mse2"), ArgumentError, "loss must be one of"),
        (lambda: losses.get(3), ArgumentTypeError, "loss must be a name"),
        (lambda: metrics.get("accuracy"), ArgumentTypeError, r"use \['accuracy'\]"),
        (lambda: metrics.get(["accurate"]), ArgumentError, "metrics must be one of 'accuracy', .* not 'accurate'"),
        (lambda: layers.from_config({"type": "Conv"}), ArgumentError, "unknown layer type 'Conv'"),
        (lambda: fm.Dense(3, "relu(2)"), ArgumentError, "'relu' takes no parameter"),
        (lambda: fm.Dense(3, "elu(x)"), ArgumentTypeError, "the parameter of 'elu' must be a number, not 'x'"),
        (lambda: fm.Dense(3, 7), ArgumentTypeError, "activation must be the name of an activation, not 7"),
        (
            lambda: fm.Dense(3, kernel_regularizer="l3"),
            ArgumentError,
            "kernel_regularizer must be one of 'l1'",
        ),
        (lambda: fm.Dense(3, max_norm=0), ArgumentError, "max_norm must be a finite number greater than 0"),
        (lambda: fm.Dropout(1.0), ArgumentError, "rate must be a finite number at least 0 and less than 1, not 1.0"),
        (lambda: fm.SGD(momentum=1), ArgumentError, "momentum must be a finite number at least 0 and less than 1"),
        (lambda: fm.GaussianNoise(-1), ArgumentError, "stddev must be a finite number at least 0"),
        (lambda: fm.BatchNormalization(momentum=2), ArgumentError, "momentum"),
        (lambda: fm.LayerNormalization(epsilon=0), ArgumentError, "epsilon"),
        (lambda: fm.Residual([]), ArgumentError, "Residual needs at least one layer inside"),
        (lambda: fm.Residual([64]), ArgumentTypeError, "layers must be layer objects"),
        (lambda: fm.SGD(nesterov=True), ArgumentError, "nesterov=True needs a momentum above 0"),
        (
            lambda: fm.Adam(clipnorm=1, clipvalue=1),
            ArgumentError,
            "only one kind .* clipvalue and clipnorm",
        ),
        (lambda: fm.Adam(gradient_accumulation_steps=0), ArgumentError, "gradient_accumulation_steps"),
        (lambda: fm.Rprop(grow=0.9), ArgumentError, "grow must be a finite number greater than 1"),
        (lambda: losses.Huber(0), ArgumentError, "delta"),
        (lambda: losses.Quantile(1), ArgumentError, "q must be a finite number greater than 0 and less than 1"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=1), ArgumentError, "label_smoothing"),
    ],
)
def test_wrong_declarations_say_what_is_wrong(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- programs


def built(widths, dtype="float32", **options):
    stack = [fm.Dense(w, "relu") for w in widths[1:-1]] + [fm.Dense(widths[-1], "softmax")]
    dtype = np.dtype(dtype)
    return program.build(stack, widths[0], dtype, kernels.panel_width(dtype), fuse=True, **options)


def test_a_program_is_a_table():
    result = built((5, 3, 2))
    assert result.operations["code"].tolist() == [tables.DENSE, tables.RELU, tables.DENSE, tables.SOFTMAX]
    assert result.trained_ops == 3
    assert (result.fan_in, result.classes, result.count) == (5, 2, 5 * 3 + 3 + 3 * 2 + 2)
    assert result.operations[0].dx == -1  # nobody needs the gradient of the data
    assert [(t.layer, t.name, t.shape) for t in result.tensors] == [
        (0, "kernel", (5, 3)),
        (0, "bias", (3,)),
        (1, "kernel", (3, 2)),
        (1, "bias", (2,)),
    ]


def test_tensors_do_not_overlap_and_come_back(dtype):
    result = built((37, 65, 3, 11), dtype)
    flat = program.aligned_zeros(result.size, dtype)
    rng = np.random.default_rng(0)
    values = [rng.normal(size=t.shape).astype(dtype) for t in result.tensors]
    for tensor, value in zip(result.tensors, values, strict=True):
        result.pack(flat, tensor, value)
    for tensor, value in zip(result.tensors, values, strict=True):
        assert np.array_equal(result.unpack(flat, tensor), value)
    spans = [tensor.span(result.panel) for tensor in result.tensors]
    assert all(a.stop <= b.start for a, b in itertools.pairwise(spans))
    assert spans[-1].stop <= result.size
    assert flat.ctypes.data % 64 == 0


def test_strips_cover_every_weight_once():
    result = built((300, 70, 3))
    covered = np.zeros(result.size, int)
    for number, panel_number, row, rows in result.strips:
        op = result.operations[number]
        at = op.weights + (panel_number * op.fan_in + row) * result.panel
        covered[at : at + rows * result.panel] += 1
        if row == 0:
            at = op.bias + panel_number * result.panel
            covered[at : at + result.panel] += 1
    for tensor in result.tensors:
        assert (covered[tensor.span(result.panel)] == 1).all()


@pytest.mark.parametrize("batch", [1, 31, 128, 1000, 60_000])
@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_plans_hold_the_batch_and_bound_the_workspace(batch, n_threads):
    result = built((784, 1024, 1024, 10))
    plan = result.new_plan(batch, n_threads).view(tables.PLAN)[0]
    blocks, rows = plan.blocks, plan.block_rows
    assert 1 <= rows <= 64
    assert blocks >= min(n_threads, -(-batch // rows))
    assert plan.block_size >= result.columns * rows + result.scratch
    bound = max(64 << 20, n_threads * plan.block_size * 4)
    assert blocks * plan.block_size * 4 <= bound


def test_a_softmax_chooses_a_class_whatever_the_loss():
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.eye(3)[np.arange(60) % 3]
    model = fm.Sequential([fm.Dense(3, activation="softmax")], seed=0)
    model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    model.build(3)
    assert model.evaluate(x, y).accuracy == (model.predict(x).argmax(axis=1) == y.argmax(axis=1)).mean()


def test_what_other_libraries_place_elsewhere_goes_by_name():
    with pytest.raises((TypeError, ArgumentError)):
        fm.AdamW(0.001, 0.04)  # Keras's second argument is weight_decay
    with pytest.raises(TypeError):
        fm.LayerNormalization(1)  # Keras's first argument is axis
