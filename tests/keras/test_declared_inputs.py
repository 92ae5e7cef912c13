"""Widths of inputs that layers declare, names of layers, and layers that come and go."""

import copy
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import layers
from fastmlp.layers import BatchNormalization, Dense, Dropout, Flatten, Input, InputLayer, Normalization, Residual

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 6))
Y = (X[:, 0] > X[:, 1]).astype(int)
END = Dense(2, activation="softmax")


def images(shape):
    return RNG.uniform(size=(30, *shape)), RNG.integers(0, 2, 30)


DECLARED = {
    "input_shape": lambda: [Dense(4, input_shape=(6,)), END],
    "a number": lambda: [Dense(4, input_shape=6), END],
    "input_dim": lambda: [Dense(4, input_dim=6), END],
    "batch_input_shape": lambda: [Dense(4, batch_input_shape=(None, 6)), END],
    "Input": lambda: [Input((6,)), Dense(4), END],
    "Input(shape=)": lambda: [Input(shape=(6,), name="rows", dtype="float32"), Dense(4), END],
    "Input(batch_shape=)": lambda: [Input(batch_shape=(None, 6)), Dense(4), END],
    "InputLayer": lambda: [InputLayer(input_shape=(6,)), Dense(4), END],
    "both": lambda: [Input((6,)), Dense(4, input_shape=(6,)), END],
    "two dimensions": lambda: [Flatten(input_shape=(2, 3)), Dense(4), END],
    "noise before": lambda: [Input((2, 3)), Dropout(0.1), Flatten(), Dense(4), END],
    "in a residual": lambda: [Residual([Dense(6)], input_shape=(6,)), Dense(4), END],
    "inside a residual": lambda: [Residual([Dense(6, input_shape=(6,))]), Dense(4), END],
    "normalization": lambda: [Normalization(input_shape=(6,)), Dense(4), END],
    "later layers too": lambda: [Dense(4, input_dim=6), Dense(2, activation="softmax", input_dim=4)],
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_declared_width_builds_the_model(name):
    model = fm.Sequential(DECLARED[name](), seed=3)
    assert model.is_built
    assert model.n_features == 6
    lines = []
    model.summary(lines.append)
    assert "?" not in "".join(lines)
    plain = fm.Sequential([layer for layer in DECLARED[name]() if not isinstance(layer, InputLayer)], seed=3)
    plain.build(6)
    for weight, same in zip(model.get_weights(), plain.get_weights(), strict=True):
        assert np.array_equal(weight, same)


@pytest.mark.parametrize("name", DECLARED)
def test_it_trains_to_the_same_bits_as_without(name):
    ends = []
    for strip in (False, True):
        stack = DECLARED[name]()
        if strip:
            stack = [copy.copy(layer) for layer in stack if not isinstance(layer, InputLayer)]
            for layer in layers.leaves(stack):
                layer._set(input_shape=None)
        model = fm.Sequential(stack)
        model.compile("adam")
        model.fit(X, Y, epochs=2, seed=11, verbose=0)
        ends.append(b"".join(weight.tobytes() for weight in model.get_weights()))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", DECLARED)
def test_it_survives_files_copies_and_pickles(name, tmp_path):
    model = fm.Sequential(DECLARED[name](), seed=3)
    model.compile()
    model.save(tmp_path / "model.npz")
    again = [fm.load(tmp_path / "model.npz"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    again.append(fm.Sequential.from_config(model.config()))
    for other in again:
        assert other.n_features == 6
        assert other.predict(X).tobytes() == model.predict(X).tobytes()


def test_a_model_with_declared_images_can_be_a_part():
    x, _ = images((4, 5))
    model = fm.Sequential([Flatten(input_shape=(4, 5)), Dense(3)], seed=0)
    whole = fm.Sequential([model, fm.layers.Softmax()])
    scores = model.predict(x)
    np.testing.assert_allclose(whole.predict(x), np.exp(scores) / np.exp(scores).sum(1, keepdims=True), rtol=1e-5)


def test_images_are_flattened_as_declared():
    x, y = images((4, 5))
    model = fm.Sequential([Flatten(input_shape=(4, 5)), Dense(3), END])
    model.compile()
    model.fit(x, y, verbose=0)
    assert model.layers[1].kernel.shape == (20, 3)
    assert np.array_equal(model.predict(x), model.predict(x.reshape(30, 20)))


REFUSED = {
    "is \\(28, 28\\)|come to a Dense": lambda: fm.Sequential([Dense(3, input_shape=(28, 28))]),
    "come to a BatchNormalization": lambda: fm.Sequential([Input((2, 3)), BatchNormalization(), Flatten(), Dense(3)]),
    "come to a Activation": lambda: fm.Sequential([Input((2, 3)), fm.Activation("softmax"), Flatten(), Dense(3)]),
    "must be the shape of a row": lambda: Input(()),
    "shape must be a whole number": lambda: Input((2.5,)),
    "shape must be at least 1": lambda: Input((0,)),
    "input_shape must be a list of numbers": lambda: Dense(3, input_shape="4"),
    "must begin with None": lambda: Dense(3, batch_input_shape=(32, 6)),
    "batches may have any size": lambda: Input((6,), batch_size=32),
    "has input_shape=\\(5,\\), but the Input": lambda: fm.Sequential([Input((6,)), Dense(3, input_shape=(5,))]),
    "gives 3 numbers": lambda: fm.Sequential([Dense(3, input_dim=6), Dense(2, input_dim=4)]),
    "Keras's name of input_shape": lambda: Dense(3, input_shape=(6,), input_dim=6),
    "must be the first element": lambda: fm.Sequential([Dense(3), Input((6,))]),
    "two layers have the name 'a'": lambda: fm.Sequential([Dense(3, name="a"), Residual([Dense(3, name="a")])]),
    "name must be a text": lambda: Dense(3, name=""),
    "name must be a text that": lambda: fm.Sequential(name=3),
    "declares an input of 6": lambda: fm.Sequential([Dense(3, input_dim=6)]).build(5),
    "has 5 features": lambda: fitted_on(RNG.normal(size=(40, 5))),
}


def fitted_on(x):
    model = fm.Sequential([Dense(4, input_dim=6), END])
    model.compile()
    model.fit(x, Y, verbose=0)


@pytest.mark.parametrize("message", REFUSED)
def test_contradictions_are_refused(message):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        REFUSED[message]()


def test_layers_added_one_by_one_are_refused_when_it_counts():
    model = fm.Sequential()
    model.add(Input((2, 3)))
    model.add(Dense(3))
    with pytest.raises(fm.ArgumentError, match="put fastmlp"):
        model.get_weights()


# ---------------------------------------------------------------- names


def test_layers_have_names_that_differ():
    model = fm.Sequential([Dense(3), Dense(3, name="dense_1"), BatchNormalization(), Residual([Dense(3)]), END])
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "batch_normalization", "dense_2", "dense_3"]
    assert model.get_layer("dense_2").declaration is model.declarations[3].layers[0]
    assert model.get_layer(index=-1).name == "dense_3"
    assert model.get_layer(index=2).declaration == BatchNormalization()


@pytest.mark.parametrize("given", [{}, {"name": "x", "index": 0}, {"name": "nothing"}, {"index": 9}, {"index": "0"}])
def test_a_layer_that_is_not_there_is_refused(given):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError)):
        fm.Sequential([Dense(3), END]).get_layer(**given)


def test_names_are_saved(tmp_path):
    stack = [Dense(3, name="first"), Residual([Dense(3, name="inner")], name="skip"), END]
    model = fm.Sequential(stack, name="stack")
    model.compile()
    model.build(6)
    model.save(tmp_path / "model.npz")
    again = fm.load(tmp_path / "model.npz")
    assert again.declarations == stack
    assert again.name == "stack"
    assert [layer.name for layer in again.layers] == ["first", "inner", "dense"]
    assert fm.Sequential(name=None).name == "sequential"


def test_names_make_declarations_differ_and_shapes_do_not():
    assert Dense(3, name="a") != Dense(3)
    assert Dense(3, input_dim=4) == Dense(3)
    assert "name" not in Dense(3, input_dim=4).config()


# ---------------------------------------------------------------- layers that come and go


def test_layers_that_stay_keep_their_weights():
    model = fm.Sequential([Dense(5, activation="relu"), BatchNormalization(momentum=0.5), END], seed=0)
    model.compile("sgd")
    model.fit(X, Y, epochs=3, verbose=0)
    before = model.get_weights()
    model.pop()
    model.add(Dense(3, name="new"))
    after = model.get_weights()
    assert all(np.array_equal(old, new) for old, new in zip(before[:6], after[:6], strict=True))
    assert after[6].shape == (5, 3)
    assert model.engine.averaged == {model.find_tensor(1, "moving_mean").offset: 6}
    model.compile("sgd", "mse")
    model.fit(X, X[:, :3], verbose=0)


def test_labels_that_were_learned_are_forgotten_with_their_layer():
    model = fm.Sequential([Dense(5), END])
    model.compile()
    model.fit(X, np.where(Y, "up", "down"), verbose=0)
    model.pop()
    model.add(Dense(3, activation="softmax"))
    model.compile()
    model.fit(X, np.array(["a", "b", "c"])[np.arange(40) % 3], verbose=0)
    assert model.classes.tolist() == ["a", "b", "c"]


def test_an_empty_model_has_no_layer_to_take():
    with pytest.raises(fm.ArgumentError, match="no layer to take away"):
        fm.Sequential().pop()


def test_layers_stay_while_a_model_is_trained():
    model = fm.Sequential([Dense(5), END])
    model.compile()
    with pytest.raises(fm.BusyError):
        model.fit(X, Y, verbose=0, callbacks=[fm.callbacks.Lambda(on_epoch_end=lambda *_: model.pop())])
