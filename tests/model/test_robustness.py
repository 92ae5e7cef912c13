"""Whatever comes in, the model API answers with a result or with an error of its own that says what was wrong."""

import contextlib
import gc
import io
import json
import os
import stat
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, FastMLPError, ModelFileError, NotBuiltError

ROWS, FEATURES, CLASSES = 40, 5, 3


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


X = numbers(ROWS, FEATURES)
Y = np.arange(ROWS) % CLASSES
X.setflags(write=False)
Y.setflags(write=False)


def network(*hidden, features=None, dtype="float32", **settings):
    model = fm.mlp(list(hidden or (4,)), classes=CLASSES, seed=0, dtype=dtype, **settings)
    if features:
        model.build(features)
    return model


def built(**settings):
    return network(features=FEATURES, **settings)


def fit(model=None, x=X, y=Y, **settings):
    model = network() if model is None else model
    return model.fit(x, y, **{"verbose": 0, **settings})


def weight_bits(model):
    return b"".join(weight.tobytes() for weight in model.get_weights())


def all_finite(model):
    return all(np.isfinite(weight).all() for weight in model.get_weights())


def short(value):
    return str(value)[:24]


# ---------------------------------------------------------------- features that are refused


def with_bad(value, dtype):
    x = X.astype(dtype)
    x[17, 3] = value
    return x


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_with_their_place(value, dtype):
    x = with_bad(value, dtype)
    for use in (lambda: fit(x=x), lambda: built().predict(x), lambda: built().evaluate(x, Y)):
        with pytest.raises(ArgumentError, match=r"x\[17, 3\] is -?(nan|inf)"):
            use()


def test_features_too_large_for_the_precision_are_refused():
    with pytest.raises(ArgumentError, match="too large for float32"):
        fit(x=X.astype(np.float64) * 1e300)


@pytest.mark.parametrize(
    "x",
    [
        X[:, 0],
        X[:0],
        X[:, :0],
        np.empty((0, 0)),
        [],
        [[]],
        5,
        None,
        "abc",
        [["a"] * FEATURES] * ROWS,
        np.full(X.shape, None),
        [[1.0], [1.0, 2.0]],
        X.astype(complex),
        X.astype("datetime64[s]"),
        X.astype([("field", "f4")]),
        iter(X),
        {"x": 1},
    ],
    ids=lambda x: f"{type(x).__name__}{getattr(x, 'shape', '')}{getattr(x, 'dtype', '')}",
)
def test_features_of_a_wrong_shape_or_type_are_refused_by_name(x):
    model = built()
    for use in (lambda: fit(x=x), lambda: model.predict(x), lambda: model.evaluate(x, Y), lambda: model.fit(x, Y)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^x "):
            use()


def test_a_row_of_another_width_is_refused_with_both_widths():
    model = built()
    for use in (model.predict, lambda x: model.evaluate(x, Y), lambda x: model.fit(x, Y), model.predict_classes):
        with pytest.raises(ArgumentError, match=r"7 features.*built for 5"):
            use(numbers(ROWS, 7))


# ---------------------------------------------------------------- features that are taken


def strided(x):
    wide = np.zeros((2 * len(x), 2 * x.shape[1]), x.dtype)
    wide[::2, ::2] = x
    return wide[::2, ::2]


def unaligned(x):
    raw = bytearray(x.nbytes + 1)
    view = np.frombuffer(raw, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def memory_mapped(x, path):
    np.save(path, x)
    return np.load(path, mmap_mode="r")


FORMS = {
    "list": np.ndarray.tolist,
    "tuple": lambda x: tuple(map(tuple, x.tolist())),
    "F order": np.asfortranarray,
    "strided": strided,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "unaligned": unaligned,
    "big endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "float64": lambda x: x.astype(np.float64),
    "long double": lambda x: x.astype(np.longdouble),
    "extra axes": lambda x: x.reshape(len(x), 1, -1, 1),
    "broadcast": lambda x: np.broadcast_to(x[None], (1, *x.shape))[0],
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_features_changes_no_bit(form):
    x = FORMS[form](X.copy())
    wanted, model = network(), network()
    fit(wanted)
    fit(model, x=x)
    assert weight_bits(model) == weight_bits(wanted)
    np.testing.assert_array_equal(model.predict(x), wanted.predict(X))


def test_features_on_disk_are_read_through_a_memory_map(tmp_path):
    model = built()
    x = memory_mapped(X, tmp_path / "x.npy")
    np.testing.assert_array_equal(model.predict(x), model.predict(X))
    fit(model, x=x, y=memory_mapped(Y, tmp_path / "y.npy"))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint16", "uint64", "float16"])
def test_features_of_other_dtypes_are_taken_at_their_value(dtype):
    x = np.clip(X * 3, 0, 5).astype(dtype)
    model = built()
    np.testing.assert_array_equal(model.predict(x), model.predict(x.astype(np.float32)))
    fit(model, x=x)


def test_uint8_features_are_pixels():
    x = (np.abs(X) * 50).astype(np.uint8)
    model = built()
    np.testing.assert_allclose(model.predict(x), model.predict(x / 255), atol=1e-6)
    unscaled = fm.Sequential([fm.Dense(CLASSES, "softmax")], uint8_scale=1, seed=0)
    unscaled.build(FEATURES)
    np.testing.assert_allclose(unscaled.predict(x), unscaled.predict(x.astype(float)), atol=1e-6)


def test_inputs_are_never_written():
    x, y, soft = X.copy(), Y.copy(), np.full((ROWS, CLASSES), 1 / CLASSES, np.float32)
    fit(x=x, y=y, epochs=2)
    fit(x=x, y=soft)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert (soft == np.float32(1 / CLASSES)).all()


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize(
    "y",
    [
        Y + 5 * (np.arange(ROWS) == 0),
        -Y * (np.arange(ROWS) != 1) - 7 * (np.arange(ROWS) == 0),
        Y + 0.5,
        np.full(ROWS, np.nan),
        np.full(ROWS, np.inf),
        np.full(ROWS, 1e300),
        np.full(ROWS, 2**64 - 1, np.uint64),
        np.eye(CLASSES + 1)[Y],
        np.full((ROWS, CLASSES), -0.1),
        np.full((ROWS, CLASSES), np.nan),
        np.zeros((ROWS, CLASSES, 1)),
        Y[:5],
        [],
        3,
        None,
        "abc",
        ["a"] * ROWS,
        np.full(Y.shape, None),
        [*Y[:-1].tolist(), None],
        [[1], [1, 2]],
        Y.astype(complex),
        Y.astype("datetime64[s]"),
        iter(Y),
    ],
    ids=lambda y: f"{type(y).__name__}{getattr(y, 'shape', '')}{getattr(y, 'dtype', '')}",
)
def test_targets_that_make_no_sense_are_refused_by_name(y):
    model = built()
    for use in (lambda: model.fit(X, y), lambda: model.evaluate(X, y), lambda: model.train_on_batch(X, y)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^y "):
            use()


LABEL_FORMS = {
    "list": np.ndarray.tolist,
    "column": lambda y: y.reshape(-1, 1),
    "float": lambda y: y.astype(np.float64),
    "float16": lambda y: y.astype(np.float16),
    "uint8": lambda y: y.astype(np.uint8),
    "big endian": lambda y: y.astype(">i4"),
    "strided": lambda y: np.repeat(y, 2)[::2],
    "one-hot": lambda y: np.eye(CLASSES)[y],
    "one-hot uint8": lambda y: np.eye(CLASSES, dtype=np.uint8)[y],
    "one-hot bool": lambda y: np.eye(CLASSES, dtype=bool)[y],
    "one-hot F order": lambda y: np.asfortranarray(np.eye(CLASSES)[y]),
}


@pytest.mark.parametrize("form", LABEL_FORMS)
def test_the_form_of_the_labels_changes_no_bit(form):
    wanted, model = network(), network()
    fit(wanted)
    fit(model, y=LABEL_FORMS[form](Y))
    assert weight_bits(model) == weight_bits(wanted)


@pytest.mark.parametrize("form", ["F order", "strided", "unaligned", "big endian", "list"])
def test_the_form_of_soft_targets_changes_no_bit(form):
    soft = np.abs(numbers(ROWS, CLASSES, seed=3)) + np.float32(0.1)
    soft /= soft.sum(axis=1, keepdims=True)
    wanted, model = network(), network()
    fit(wanted, y=soft)
    fit(model, y=FORMS[form](soft))
    assert weight_bits(model) == weight_bits(wanted)


@pytest.mark.parametrize("y", [np.zeros(ROWS), np.ones(ROWS, bool), np.full(ROWS, 2)], ids=["0", "True", "2"])
def test_one_class_alone_can_be_trained_on(y):
    assert np.isfinite(fit(y=y)["loss"]).all()


def test_soft_targets_too_large_for_the_precision_are_refused():
    with pytest.raises(ArgumentError, match=r"^y .*sum 1"):
        fit(y=np.full((ROWS, CLASSES), 1e300))


# ---------------------------------------------------------------- sizes at the edge


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [[], [1], [1, 1], [16], [17, 3], [2, 33]], ids=str)
@pytest.mark.parametrize(("rows", "features", "classes"), [(1, 1, 2), (2, 17, 2), (65, 3, 17), (3, 129, 2)])
def test_any_size_trains_evaluates_and_predicts(rows, features, classes, hidden, dtype):
    x, y = numbers(rows, features), np.arange(rows) % classes
    model = fm.mlp(hidden, classes, seed=0, dtype=dtype)
    history = model.fit(x, y, batch_size=7, epochs=2, verbose=0)
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(model.evaluate(x, y)["loss"])
    probabilities = model.predict(x)
    assert probabilities.dtype == dtype
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.needs_jit
@pytest.mark.parametrize("shape", [(3, [10_000]), (10_000, [2])], ids=str)
def test_ten_thousand_wide_layers_make_a_step(shape):
    features, hidden = shape
    model = fm.mlp(hidden, CLASSES, seed=0)
    assert np.isfinite(model.train_on_batch(numbers(4, features), [0, 1, 2, 0])["loss"])
    assert all_finite(model)


def test_a_batch_larger_than_the_data_is_all_of_it():
    one, other = network(), network()
    fit(one, batch_size=ROWS)
    fit(other, batch_size=10**12)
    assert weight_bits(one) == weight_bits(other)
    assert len(other.history.batches["loss"]) == 1


def test_no_epochs_train_nothing():
    model = built()
    before = weight_bits(model)
    for settings in ({"epochs": 0}, {"epochs": 2, "initial_epoch": 2}, {"epochs": 2, "initial_epoch": 9}):
        history = fit(model, **settings)
        assert history.epoch == []
        assert history.stopped == "finished"
    assert weight_bits(model) == before


def test_layers_may_go_without_bias():
    model = fm.Sequential([fm.Dense(6, "relu", use_bias=False), fm.Dense(CLASSES, "softmax", use_bias=False)], seed=0)
    model.compile()
    fit(model)
    assert [weight.shape for weight in model.get_weights()] == [(FEATURES, 6), (6, CLASSES)]
    with pytest.raises(AttributeError, match="bias"):
        _ = model.layers[0].bias
    np.testing.assert_allclose(model.predict(np.zeros((1, FEATURES))), 1 / CLASSES, rtol=1e-6)


# ---------------------------------------------------------------- settings of fit


WRONG_SETTINGS = {
    "batch_size": [0, -1, 1.5, "x", None, True],
    "epochs": [-1, 1.5, "x", None],
    "initial_epoch": [-1, 1.5, "x", None],
    "validation_split": [1, 1.5, -0.1, np.nan, np.inf, "x", None, 0.999, 10**400],
    "validation_data": [5, (X,), (X, Y, X, Y), "ab", {1: 2}, (X[:, :3], Y), (X, Y[:3]), (None, None), (X, Y + 1)],
    "max_time": [0, -1, np.nan, np.inf, "x", 10**400],
    "n_threads": [0, -1, 1.5, "x"],
    "seed": [-1, 1.5, "x", 2**63, True],
    "callbacks": [5, "x", [5], [None], fm.callbacks.Callback, print],
    "verbose": [3, -1, "x", None, [1], np.array([0, 1])],
    "resume": [True],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG_SETTINGS.items() for v in values], ids=short)
def test_a_wrong_setting_is_refused_by_name_and_trains_nothing(name, value):
    model = built()
    before = weight_bits(model)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        fit(model, **{name: value})
    assert weight_bits(model) == before
    assert fit(model).stopped == "finished"


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "x"])
def test_a_wrong_number_of_threads_is_refused_however_little_there_is_to_do(n_threads):
    model = built()
    for use in (
        lambda: model.predict(X, n_threads=n_threads),
        lambda: model.predict_classes(X, n_threads=n_threads),
        lambda: model.evaluate(X, Y, n_threads=n_threads),
        lambda: model.train_on_batch(X, Y, n_threads=n_threads),
        lambda: fm.set_num_threads(n_threads),
    ):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^n(_threads)? must"):
            use()


@pytest.mark.parametrize("split", [1e-12, 0.01, 0.5, 0.97])
def test_every_small_or_large_validation_split_leaves_rows_on_both_sides(split):
    history = fit(validation_split=split)
    assert np.isfinite(history["val_loss"]).all()


def test_a_failed_fit_leaves_seed_and_history_as_they_were():
    model = network()
    history, seed = fit(model), model.seed
    with pytest.raises(ArgumentError):
        model.fit(X, Y + 1, seed=99)
    assert model.history is history
    assert model.seed == seed


# ---------------------------------------------------------------- declarations


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
        ("layers", lambda: fm.Sequential(None)),
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


def test_a_built_model_takes_no_more_layers():
    with pytest.raises(ArgumentError, match="built"):
        built().add(fm.Dense(3))


# ---------------------------------------------------------------- predict(out=) and set_weights


def read_only(array):
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((ROWS - 1, CLASSES), np.float32),
        np.zeros((ROWS, CLASSES + 1), np.float32),
        np.zeros(ROWS * CLASSES, np.float32),
        np.zeros((ROWS, CLASSES, 1), np.float32),
        np.zeros((ROWS, CLASSES), np.float64),
        np.zeros((ROWS, CLASSES), ">f4"),
        np.zeros((ROWS, CLASSES), np.int32),
        np.zeros((ROWS, CLASSES), np.float32, order="F"),
        np.zeros((2 * ROWS, CLASSES), np.float32)[::2],
        read_only(np.zeros((ROWS, CLASSES), np.float32)),
        [[0.0] * CLASSES] * ROWS,
        5,
        "x",
    ],
    ids=lambda out: f"{type(out).__name__}{getattr(out, 'shape', '')}{getattr(out, 'dtype', '')}",
)
def test_an_output_array_that_cannot_be_written_in_place_is_refused(out):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^out "):
        built().predict(X, out=out)


def test_predict_writes_into_the_output_array_it_is_given():
    model = built()
    out = np.full((ROWS, CLASSES), np.nan, np.float32)
    assert model.predict(X, out=out) is out
    np.testing.assert_array_equal(out, model.predict(X))


def test_an_output_array_may_be_a_memory_map_or_unaligned(tmp_path):
    model = built()
    mapped = np.memmap(tmp_path / "out", np.float32, "w+", shape=(ROWS, CLASSES))
    for out in (mapped, unaligned(np.zeros((ROWS, CLASSES), np.float32))):
        model.predict(X, out=out)
        np.testing.assert_array_equal(out, model.predict(X))


def test_an_output_array_that_overlaps_the_features_is_right_or_refused():
    model = fm.mlp([4], classes=3, seed=0)
    model.build(3)
    store = numbers(401, 3)
    wanted = model.predict(store[:-1])
    with contextlib.suppress(ArgumentError):
        model.predict(store[:-1], out=store[1:])
        np.testing.assert_array_equal(store[1:], wanted)


WRONG_WEIGHTS = {
    "None": lambda w: None,
    "number": lambda w: 5,
    "text": lambda w: "abcd",
    "empty": lambda w: [],
    "too few": lambda w: w[:-1],
    "too many": lambda w: [*w, w[0]],
    "transposed": lambda w: [w[0].T, *w[1:]],
    "flat": lambda w: [w[0].ravel(), *w[1:]],
    "NaN": lambda w: [*w[:-1], w[-1] * np.nan],
    "inf": lambda w: [*w[:-1], w[-1] + np.inf],
    "inf in float32": lambda w: [*w[:-1], w[-1].astype(np.float64) + 1e300],
    "text array": lambda w: [*w[:-1], w[-1].astype(str)],
    "objects": lambda w: [*w[:-1], np.full(w[-1].shape, None)],
    "complex": lambda w: [*w[:-1], w[-1] + 1j],
    "ragged": lambda w: [*w[:-1], [[1], [1, 2]]],
    "None inside": lambda w: [*w[:-1], None],
}


@pytest.mark.parametrize("wrong", WRONG_WEIGHTS)
def test_wrong_weights_are_refused_and_change_nothing(wrong):
    model = built()
    before = weight_bits(model)
    with pytest.raises((ArgumentError, ArgumentTypeError), match="weights"):
        model.set_weights(WRONG_WEIGHTS[wrong](model.get_weights()))
    assert weight_bits(model) == before


@pytest.mark.parametrize(
    "value", [5, None, "x", [[1], [1, 2]], np.zeros((2, 2)), np.full((FEATURES, 4), np.nan)], ids=str
)
def test_a_wrong_kernel_is_refused_and_changes_nothing(value):
    model = built()
    before = weight_bits(model)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^kernel "):
        model.layers[0].kernel = value
    assert weight_bits(model) == before


@pytest.mark.parametrize("form", ["list", "F order", "strided", "float64", "big endian", "unaligned"])
def test_weights_are_taken_in_any_form(form):
    model, other = built(), network(features=FEATURES)
    other.set_weights([weight * 2 for weight in other.get_weights()])
    kernel, *rest = model.get_weights()
    other.set_weights([FORMS[form](kernel), *rest])
    assert weight_bits(other) == weight_bits(model)


def test_weights_that_were_given_out_are_copies():
    model = built()
    before = weight_bits(model)
    for weight in model.get_weights():
        weight[...] = 7
    assert weight_bits(model) == before
    with pytest.raises(ValueError, match="read-only"):
        model.layers[0].kernel[...] = 7


# ---------------------------------------------------------------- numbers


def forward(weights, x, activations):
    for (kernel, bias), activation in zip(zip(weights[::2], weights[1::2], strict=True), activations, strict=True):
        x = x @ kernel + bias
        if activation == "relu":
            x = np.maximum(x, 0)
        elif activation == "softmax":
            powers = np.exp(x - x.max(axis=1, keepdims=True))
            x = powers / powers.sum(axis=1, keepdims=True)
    return x


STACKS = {
    "softmax inside": [(5, "softmax"), (CLASSES, "softmax")],
    "wide softmax inside": [(19, "softmax"), (4, "relu"), (CLASSES, "softmax")],
    "softmax after relu": [(7, "relu"), (9, "softmax"), (6, "softmax"), (CLASSES, "softmax")],
    "linear inside": [(6, "linear"), (CLASSES, "softmax")],
}


@pytest.mark.parametrize("stack", STACKS)
def test_gradients_agree_with_finite_differences(stack):
    activations = [activation for _, activation in STACKS[stack]]
    model = fm.Sequential([fm.Dense(*layer) for layer in STACKS[stack]], dtype="float64", seed=1)
    model.compile(fm.SGD(learning_rate=1e-3))
    model.build(FEATURES)
    x = X.astype(np.float64)
    before = model.get_weights()
    np.testing.assert_allclose(model.predict(x), forward(before, x, activations), rtol=1e-9)

    def loss(weights):
        return -np.log(forward(weights, x, activations)[np.arange(ROWS), Y]).mean()

    assert model.train_on_batch(x, Y)["loss"] == pytest.approx(loss(before), rel=1e-10)
    gradients = [(old - new) / 1e-3 for old, new in zip(before, model.get_weights(), strict=True)]
    generator = np.random.default_rng(0)
    for number, gradient in enumerate(gradients):
        for index in generator.permutation(gradient.size)[:6]:
            moved = []
            for step in (1e-5, -1e-5):
                weights = [weight.copy() for weight in before]
                weights[number].flat[index] += step
                moved.append(loss(weights))
            assert gradient.flat[index] == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-4, abs=1e-8)


def test_logits_far_apart_give_finite_losses_and_probabilities():
    model = fm.Sequential([fm.Dense(2, "softmax", use_bias=False)], seed=0)
    model.compile()
    model.build(1)
    model.set_weights([[[1e4, -1e4]]])
    np.testing.assert_array_equal(model.predict([[1.0], [-1.0]]), [[1, 0], [0, 1]])
    assert model.evaluate([[1.0], [-1.0]], [1, 0])["loss"] == pytest.approx(2e4)


@pytest.mark.parametrize("learning_rate", [1e10, 1e30, 1e38, 1e300])
@pytest.mark.parametrize("optimizer", [fm.SGD, fm.Adam])
@pytest.mark.parametrize("hidden", [[], [8], [8, 8]], ids=str)
@pytest.mark.parametrize("batch_size", [4, ROWS])
def test_a_huge_learning_rate_never_leaves_a_model_that_is_not_finite(learning_rate, optimizer, hidden, batch_size):
    for epochs in (1, 2, 3):
        model = fm.mlp(hidden, CLASSES, seed=0)
        model.compile(optimizer(learning_rate))
        with contextlib.suppress(DivergenceError):
            fit(model, epochs=epochs, batch_size=batch_size)
        assert all_finite(model)
        assert np.isfinite([*model.history.batches["loss"], *model.history.history.get("loss", [])]).all()


def test_after_divergence_a_smaller_learning_rate_trains_on():
    model = network()
    model.compile(fm.SGD(1e38))
    with pytest.raises(DivergenceError, match=r"epoch 0, batch \d.*learning rate"):
        fit(model, batch_size=4, epochs=3)
    assert model.history.stopped == "diverged"
    model.compile(fm.Adam(0.01))
    losses = fit(model, epochs=20)["loss"]
    assert losses[-1] < losses[0]


def test_a_batch_whose_loss_is_not_finite_makes_no_step():
    model = built()
    before = weight_bits(model)
    with pytest.raises(DivergenceError):
        model.train_on_batch(np.full((2, FEATURES), 3e38, np.float32), [0, 1])
    assert weight_bits(model) == before
    assert model.engine.step == 0


# ---------------------------------------------------------------- model files


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A trained model and its file."""
    model = network()
    fit(model, epochs=2)
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    model.save(path)
    return model, path


@pytest.fixture(scope="module")
def content(saved):
    return saved[1].read_bytes()


def refused(path):
    with pytest.raises(ModelFileError) as caught:
        fm.load(path)
    assert str(path) in str(caught.value)


def edited(path, source, settings=None, **arrays):
    """A copy of a model file with other settings and entries; None removes an entry."""
    with np.load(source) as file:
        entries = {name: file[name] for name in file}
    if settings is not None:
        text = json.dumps({**json.loads(entries["config"].tobytes()), **settings})
        entries["config"] = np.frombuffer(text.encode(), np.uint8)
    entries.update(arrays)
    np.savez(path, **{name: array for name, array in entries.items() if array is not None})
    return path


def test_a_file_cut_short_anywhere_is_refused(content, tmp_path):
    path = tmp_path / "cut.npz"
    for length in [*range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path)


def test_a_file_that_is_refused_is_closed(content, tmp_path):
    path = tmp_path / "cut.npz"
    path.write_bytes(content[: len(content) // 2])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ModelFileError):
            fm.load(path)
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_a_file_with_a_wrong_bit_is_refused_or_loads(content, tmp_path):
    path = tmp_path / "bit.npz"
    generator = np.random.default_rng(0)
    directory = len(content) - content.index(b"PK\x01\x02")
    for trial in range(400):
        damaged = bytearray(content)
        place = len(content) - 1 - generator.integers(directory) if trial % 2 else generator.integers(len(content))
        damaged[place] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        with contextlib.suppress(ModelFileError):
            fm.load(path)


@pytest.mark.parametrize("field", [b"\x02\x00", b"\x01\x00"], ids=["compression method", "encryption flag"])
def test_a_zip_that_cannot_be_unpacked_is_refused(field, content, tmp_path):
    damaged = bytearray(content)
    entry = content.index(b"PK\x01\x02")
    if field == b"\x02\x00":
        damaged[entry + 10 : entry + 12] = b"\x63\x00"
    else:
        damaged[entry + 8 : entry + 10] = field
    path = tmp_path / "model.npz"
    path.write_bytes(damaged)
    refused(path)


class Planted:
    """What a hostile file would run."""

    def __reduce__(self):
        return os.mkdir, ("planted",)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def zipped(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in entries.items():
            file.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


OTHER_FILES = {
    "empty": b"",
    "text": b"hello world",
    "npy": npy(X),
    "pickled npy": npy(np.array([Planted()], object)),
    "pickle": npy(np.array([Planted()], object))[128:],
    "npy magic": b"\x93NUMPY",
    "zip magic": b"PK\x03\x04",
    "empty zip": zipped(),
    "other zip": zipped(hello="x"),
    "zip with a config": zipped(config="x"),
    "zip with a config that is no array": zipped(config_npy="x"),
    "other npz": npz(a=X),
    "npz with a pickled config": npz(config=np.array([Planted()], object)),
    "npz with a text config": npz(config=np.array("{}")),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_another_kind_of_file_is_refused_and_never_run(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.npz"
    path.write_bytes(OTHER_FILES[kind])
    refused(path)
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("place", ["missing.npz", ".", "file/model.npz", "missing/model.npz"])
def test_a_file_that_is_not_there_is_refused(place, tmp_path):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / place)


@pytest.mark.parametrize("path", [None, 5])
def test_a_path_that_is_none_is_refused(path):
    for use in (fm.load, built().save):
        with pytest.raises(ArgumentTypeError, match="path"):
            use(path)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"5", b"null", b"NaN", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"format": "other"}'],
    ids=lambda text: repr(text[:10]),
)
def test_a_config_that_is_not_ours_is_refused(text, saved, tmp_path):
    refused(edited(tmp_path / "model.npz", saved[1], config=np.frombuffer(text, np.uint8)))


@pytest.mark.parametrize("version", [0, 3, "1", None])
def test_another_format_version_is_refused_with_the_way_out(version, saved, tmp_path):
    path = edited(tmp_path / "model.npz", saved[1], {"format_version": version})
    with pytest.raises(ModelFileError, match=rf"format version {version!r}.*reads versions up to 2.*fastmlp '"):
        fm.load(path)


WRONG_CONFIG = {
    "dtype": ["float16", 5, None, "x"],
    "n_features": [0, -1, "5", 4, 1.5, None, 10**30],
    "uint8_scale": ["x", None, -1],
    "seed": ["x", -1, 1.5],
    "layers": [[], None, 5, [5], [{}], [{"type": "Foo"}], [{"type": "Dense"}], [{"type": ["x"]}]],
    "optimizer": [5, "foo", {"type": "x"}, {"type": "Adam", "surprise": 1}],
    "loss": [5, None, "x", {}],
    "metrics": [5, None, "accuracy", ["x"]],
    "step": ["x", None, -5, 2**70, float("inf")],
    "position": [5, None, [1], [1, 2, 3], ["a", "b"], [-1, 0], [0, -3], [0, 2**70], [0.5, 0]],
    "history": [
        5,
        {"surprise": 1},
        {"history": 5},
        {"epoch": "abc"},
        {"epoch": [0, 1], "history": {"loss": []}},
        {"partial": True},
        {"batches": {"loss": "x"}},
    ],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG_CONFIG.items() for v in values], ids=short)
def test_a_config_with_a_wrong_value_is_refused_when_it_is_loaded(name, value, saved, tmp_path):
    refused(edited(tmp_path / "model.npz", saved[1], {name: value}))


KERNEL = "parameters/0/kernel"


def test_weights_alone_are_read_from_both_kinds_of_files(tmp_path):
    model, others = built(), [fm.Sequential(built().declarations, seed=9) for _ in range(2)]
    model.save(tmp_path / "model.npz")
    model.save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as file:
        assert all(name.startswith("parameters/") for name in file.files)
    for other, name in zip(others, ("model.npz", "weights.npz"), strict=True):
        other.compile()
        other.build(X.shape[1])
        assert weight_bits(other) != weight_bits(model)
        other.load_weights(tmp_path / name)
        assert weight_bits(other) == weight_bits(model)


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    model, other = built(), fm.mlp([7, 7, 7], classes=CLASSES, seed=1)
    other.build(X.shape[1])
    before = weight_bits(model)
    other.save_weights(tmp_path / "other.npz")
    np.savez(tmp_path / "alien.npz", a=np.ones(3))
    (tmp_path / "text.npz").write_text("no archive")
    for name, message in (
        (
            "other.npz",
            "does not hold the weights of a model with these layers: its .parameters",
        ),
        ("alien.npz", "and the model's have the shapes none and"),
        ("text.npz", "no .npz archive"),
        ("missing.npz", "there is no such model file"),
    ):
        with pytest.raises(ModelFileError, match=message):
            model.load_weights(tmp_path / name)
        assert weight_bits(model) == before
    with pytest.raises(fm.NotBuiltError):
        fm.mlp([4], classes=2).load_weights(tmp_path / "other.npz")


def test_statistics_in_the_middle_are_loaded_too(tmp_path):
    middle = fm.Normalization()
    middle.adapt(np.random.default_rng(0).normal(2, 3, (50, 4)))
    layers = [fm.Dense(4, "tanh"), middle, fm.Dense(CLASSES, "softmax")]
    models = [fm.Sequential(layers, seed=0), fm.Sequential([layers[0], fm.Normalization(), layers[2]], seed=1)]
    for model in models:
        model.compile()
        model.build(X.shape[1])
    models[0].save_weights(tmp_path / "weights.npz")
    given = models[1].declarations[1]
    models[1].load_weights(tmp_path / "weights.npz")
    assert given.mean is None
    models[1].fit(X, Y, verbose=0)
    np.testing.assert_array_equal(models[1].layers[1].mean, models[0].layers[1].mean)


def test_loaded_statistics_are_not_taken_anew(tmp_path):
    models = [fm.Sequential([fm.Normalization(), fm.Dense(CLASSES, "softmax")], seed=seed) for seed in (0, 1)]
    for model in models:
        model.compile()
    models[0].fit(X, Y, verbose=0)
    models[0].save_weights(tmp_path / "weights.npz")
    models[1].build(X.shape[1])
    models[1].load_weights(tmp_path / "weights.npz")
    models[1].fit(X + 5, Y, verbose=0)
    np.testing.assert_array_equal(models[1].layers[0].mean, models[0].layers[0].mean)


@pytest.mark.parametrize("group", ["parameters", "optimizer/0", "optimizer/1"])
@pytest.mark.parametrize(
    "change",
    [
        lambda a: None,
        lambda a: a.T,
        lambda a: a.ravel(),
        lambda a: a.astype(int),
        lambda a: a.astype(str),
        lambda a: a.astype(object),
        lambda a: a * np.nan,
        lambda a: a.astype(np.float64) + 1e300,
    ],
    ids=["missing", "transposed", "flat", "int", "text", "objects", "NaN", "inf in float32"],
)
def test_a_tensor_that_does_not_fit_is_refused(group, change, saved, tmp_path):
    name = f"{group}/0/kernel"
    with np.load(saved[1]) as file:
        array = file[name]
    refused(edited(tmp_path / "model.npz", saved[1], **{name: change(array)}))


@pytest.mark.parametrize(
    "header",
    [
        "{",
        "((((",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-5, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 4), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (5, 4), }",
    ],
)
def test_an_array_with_a_false_header_is_refused(header, saved, tmp_path):
    path = edited(tmp_path / "model.npz", saved[1], **{KERNEL: None})
    head = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(f"{KERNEL}.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(80))
    refused(path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory through RLIMIT_AS")
def test_a_file_that_claims_a_trillion_features_is_refused_before_memory_is_taken(saved, tmp_path):
    path = edited(tmp_path / "model.npz", saved[1], {"n_features": 10**12})
    code = (
        "import resource, sys, fastmlp as fm\n"
        "fm.load(sys.argv[2])\n"  # whatever loading needs is there
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + (256 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size, size))\n"
        "try: fm.load(sys.argv[1])\n"
        "except fm.ModelFileError: print('refused')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path), str(saved[1])],
        env={**os.environ, "PYTHONPATH": str(Path(fm.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout.strip() == "refused", run.stderr[-500:]


def test_a_model_comes_back_as_it_was(saved):
    model, path = saved
    again = fm.load(path)
    assert weight_bits(again) == weight_bits(model)
    assert again.engine.state.tobytes() == model.engine.state.tobytes()
    assert again.history == model.history
    assert (again.seed, again.position, again.metrics) == (model.seed, model.position, model.metrics)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_model_that_was_never_compiled_or_trained_can_be_saved(tmp_path):
    model = fm.Sequential([fm.Dense(CLASSES, "softmax")], seed=0)
    model.build(FEATURES)
    model.save(tmp_path / "model.npz")
    again = fm.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    with pytest.raises(NotBuiltError, match="compile"):
        again.evaluate(X, Y)


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("place", ["missing/model.npz", "file/model.npz", "."])
def test_saving_where_no_file_can_be_names_the_path_that_was_asked_for(place, tmp_path):
    (tmp_path / "file").write_text("x")
    path = tmp_path / place
    with pytest.raises(OSError) as caught:  # noqa: PT011  # which one depends on the place
        built().save(path)
    assert str(path) in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is unwritable for root")
def test_saving_into_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            built().save(tmp_path / "model.npz")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("function", ["replace", "fsync"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(function, saved, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    saved[0].save(path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="space"):
        built().save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.npz"]


def test_saving_replaces_an_older_file(saved, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"old" * 10_000)
    saved[0].save(str(path))
    assert weight_bits(fm.load(path)) == weight_bits(saved[0])
    assert os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_saved_file_has_the_permissions_of_any_new_file(saved, tmp_path):
    saved[0].save(tmp_path / "model.npz")
    (tmp_path / "plain").write_text("x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("model.npz", "plain")]
    assert modes[0] == modes[1]


def test_every_error_of_ours_is_one_family_and_a_builtin_too():
    for error, parent in [
        (ArgumentError, ValueError),
        (ArgumentTypeError, TypeError),
        (ModelFileError, ValueError),
        (NotBuiltError, RuntimeError),
        (DivergenceError, FloatingPointError),
    ]:
        assert issubclass(error, FastMLPError)
        assert issubclass(error, parent)


def test_a_model_larger_than_the_memory_is_refused_before_it_is_made():
    model = fm.mlp([1_000_000, 1_000_000], classes=2)
    with pytest.raises(ArgumentError, match="choose smaller units"):
        model.build(10)


def test_a_model_is_trained_by_one_at_a_time():
    class TrainsToo(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.fit(X, Y, verbose=0)

    model = built()
    with pytest.raises(fm.BusyError, match="being trained already"):
        fit(model, callbacks=[TrainsToo()])
    fit(model)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"x": np.ma.masked_array(X, X > 1)}, "masked"),
        ({"y": np.ones((ROWS, CLASSES))}, "sum 1"),
        ({"y": np.zeros((ROWS, CLASSES))}, "sum 1"),
        ({"validation_split": 0.5, "validation_data": (X, Y)}, "not both"),
        ({"y": np.array(["a", "b"] * ROWS, dtype=object)[:ROWS]}, "2 different labels"),
    ],
    ids=["masked", "multi-hot", "no class", "two validations", "text objects"],
)
def test_what_would_be_misunderstood_is_refused(settings, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        fit(**settings)


def test_one_unit_cannot_be_trained_with_crossentropy():
    with pytest.raises(ArgumentError, match="use 2 units for two classes"):
        fm.mlp([3], classes=1)


def test_the_history_is_read_like_a_mapping():
    history = fit(validation_split=0.5)
    assert "val_loss" in history
    assert list(history) == list(history.keys()) == list(history.history)
