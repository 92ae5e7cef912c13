"""Models as layers of another model: they become its parts, and keep their weights."""

import copy

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError, ArgumentTypeError, BusyError, NotBuiltError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 6))
Y = (X[:, 0] > 0).astype(int)


def encoder(*first, **settings):
    return fm.Sequential([*first, fm.Dense(3, activation="tanh")], seed=1, **settings)


def decoder(**settings):
    return fm.Sequential([fm.Dense(4, activation="relu"), fm.Dense(6)], seed=2, **settings)


def is_chain(whole, *parts):
    values = X
    for part in parts:
        values = part.predict(values)
    return (values == whole.predict(X)).all()


@pytest.mark.parametrize("built", ["none", "first", "second", "both"])
@pytest.mark.parametrize("way", ["list", "add"])
def test_models_keep_their_weights_and_share_them(built, way):
    first, second = encoder(), decoder()
    if built in ("first", "both"):
        first.build(n_features=6)
    if built in ("second", "both"):
        second.build(n_features=3)
    kept = {id(part): part.get_weights() for part in (first, second) if part.is_built}
    if way == "list":
        whole = fm.Sequential([first, second], seed=0)
    else:
        whole = fm.Sequential(seed=0)
        whole.add(first)
        whole.add(second)
    if built in ("none", "second"):
        with pytest.raises(NotBuiltError):
            whole.predict(X)
        whole.build(n_features=6)
    assert is_chain(whole, first, second)
    for part in (first, second):
        for tensor, was in zip(part.get_weights(), kept.get(id(part), part.get_weights()), strict=True):
            assert (tensor == was).all()
    whole.compile(loss="mse")
    whole.fit(X, X, verbose=0)
    assert is_chain(whole, first, second)
    first.compile(loss="mse")
    first.fit(X, np.zeros((60, 3)), verbose=0)
    assert is_chain(whole, first, second)


def test_layers_and_models_mixed():
    first, inner = encoder(fm.Normalization()), fm.Sequential([fm.BatchNormalization(), fm.Dense(4)])
    first.compile(loss="mse")
    first.fit(X, np.zeros((60, 3)), verbose=0)
    mean = first.layers[0].mean
    whole = fm.Sequential([first, fm.Activation("relu"), inner, fm.Dense(2, activation="softmax")], seed=0)
    whole.compile()
    whole.fit(X, Y, epochs=2, verbose=0)
    assert (whole.layers[0].mean == mean).all()
    assert is_chain(whole, first, whole[2:3], inner, whole[-1:])
    assert [type(layer).__name__ for layer in whole.declarations] == [
        *("Normalization", "Dense", "Activation", "BatchNormalization", "Dense", "Dense")
    ]


def test_an_optimizer_and_its_steps_stay_when_a_model_is_nested():
    first, other = encoder(), encoder()
    for one in (first, other):
        one.compile(fm.Adam(0.02), loss="mse")
        one.fit(X, np.ones((60, 3)), verbose=0)
    whole = fm.Sequential([first, decoder()], seed=0)
    whole.predict(X)
    for one in (first, other):
        one.fit(X, np.ones((60, 3)), verbose=0)
    assert all((a == b).all() for a, b in zip(first.get_weights(), other.get_weights(), strict=True))
    assert first.steps_done == other.steps_done == 4
    assert is_chain(whole, first, whole[1:])


def test_running_statistics_go_on_in_the_whole():
    first, one = encoder(fm.Dense(6), fm.BatchNormalization()), encoder(fm.Dense(6), fm.BatchNormalization())
    for model in (first, one):
        model.compile(fm.SGD(0.01), loss="mse")
        model.train_on_batch(X[:30], np.ones((30, 3)))
    whole = fm.Sequential([first, fm.Dense(6)], seed=0)
    whole.compile(fm.SGD(0.01), loss="mse")
    whole.train_on_batch(X[30:], X[30:])
    one.train_on_batch(X[30:], np.ones((30, 3)))  # its statistics are those before the step
    assert (whole.layers[1].moving_mean == one.layers[1].moving_mean).all()
    assert (whole.layers[1].moving_variance == one.layers[1].moving_variance).all()


def test_a_generator_against_a_frozen_discriminator():
    generator = fm.Sequential([fm.Dense(6, activation="tanh")], seed=1)
    judge = fm.Sequential([fm.Dense(4, activation="relu"), fm.Dense(1, activation="sigmoid")], seed=2)
    judge.compile(loss="binary_crossentropy")
    judge.build(n_features=6)
    both = fm.Sequential([generator, judge], seed=0)
    both.compile(loss="binary_crossentropy")
    noise = RANDOM.normal(size=(60, 5))
    both.build(n_features=5)
    for _ in range(2):
        judge.trainable = True
        before = generator.get_weights()
        judge.train_on_batch(np.vstack([X, generator.predict(noise)]), np.repeat([1, 0], 60))
        assert all((a == b).all() for a, b in zip(before, generator.get_weights(), strict=True))
        judge.trainable = False
        before, made = judge.get_weights(), generator.get_weights()
        both.train_on_batch(noise, np.ones(60))
        assert all((a == b).all() for a, b in zip(before, judge.get_weights(), strict=True))
        assert any((a != b).any() for a, b in zip(made, generator.get_weights(), strict=True))


def test_parts_of_a_nested_model_stay_parts():
    inner = decoder()
    last = inner[1:]
    whole = fm.Sequential([encoder(), inner], seed=0)
    whole.build(n_features=6)
    assert (last.predict(np.ones((2, 4))) == whole[2:].predict(np.ones((2, 4)))).all()
    last.layers[0].bias = np.arange(6)
    assert (whole.layers[2].bias == inner.layers[1].bias).all()
    assert (whole.layers[2].bias == np.arange(6)).all()


def test_parts_of_a_built_model_stay_parts_before_the_whole_is_built():
    inner = decoder()
    inner.build(n_features=3)
    last = inner[1:]
    whole = fm.Sequential([encoder(), inner], seed=0)
    last.layers[0].bias = np.arange(6)
    assert (inner.layers[1].bias == np.arange(6)).all()
    inner.layers[0].trainable = False
    whole.build(n_features=6)
    assert (whole.layers[2].bias == np.arange(6)).all()
    assert [layer.trainable for layer in whole.layers] == [True, False, True]


def test_a_training_that_cannot_begin_leaves_nested_weights():
    first = decoder()
    first.build(n_features=3)
    before = first.get_weights()
    whole = fm.Sequential([encoder(), first], seed=0)
    whole.compile(loss="mse")
    with pytest.raises(ZeroDivisionError):
        whole.fit(X, X, verbose=0, callbacks=[fm.callbacks.Lambda(on_train_begin=lambda info: 1 / 0)])
    assert not whole.is_built
    assert all((a == b).all() for a, b in zip(before, first.get_weights(), strict=True))
    first.compile(loss="mse")
    first.fit(X[:, :3], X, verbose=0)
    whole.fit(X, X, verbose=0)
    assert is_chain(whole, whole[:1], first)


def test_what_a_nested_model_knows_is_known():
    first, pixels = encoder(), (RANDOM.uniform(size=(60, 6)) * 255).astype(np.uint8)
    first.compile(loss="mse")
    first.fit(pixels, np.ones((60, 3)), verbose=0)
    head = fm.Sequential([fm.Dense(2, activation="softmax")], seed=1)
    head.compile()
    head.fit(first.predict(pixels), np.where(Y, "up", "down"), verbose=0)
    whole = fm.Sequential([first, head])
    assert whole.input_kind == "pixels"
    assert whole.classes.tolist() == ["down", "up"]
    assert (whole.predict_classes(pixels) == head.predict_classes(first.predict(pixels))).all()
    longer = fm.Sequential([copy.deepcopy(whole), fm.Dense(3, activation="softmax")])
    assert longer.classes is None


def test_copies_and_files_of_the_whole(tmp_path):
    first, second = encoder(), decoder()
    whole = fm.Sequential([first, second], seed=0)
    whole.build(n_features=6)
    whole.save(tmp_path / "whole.npz")
    for own in (copy.deepcopy(whole), fm.load(tmp_path / "whole.npz")):
        assert (own.predict(X) == whole.predict(X)).all()
        own.set_weights([tensor + 1 for tensor in own.get_weights()])
        assert is_chain(whole, first, second)


# ---------------------------------------------------------------- what is refused


def test_a_model_is_a_part_of_one_other_alone():
    first = encoder()
    whole = fm.Sequential([first, decoder()])
    for again in (lambda: fm.Sequential([first]), lambda: whole.add(first), lambda: fm.Sequential([whole[:1]])):
        with pytest.raises(ArgumentError, match=r"part of one other model only.* give a copy \(copy.deepcopy\)"):
            again()
    with pytest.raises(ArgumentError, match="part of one other model only"):
        whole.add(whole)
    fm.Sequential([copy.deepcopy(first), decoder()])
    with pytest.raises(ArgumentError, match="this is a part of a model: add layers to the whole model"):
        first.add(fm.Dense(2))


@pytest.mark.parametrize("settings", [{"dtype": "float64"}, {"uint8_scale": 1.0}])
def test_settings_must_be_the_same(settings):
    with pytest.raises(ArgumentError, match="make both with the same settings"):
        fm.Sequential([encoder(**settings), decoder()])


def test_widths_must_fit():
    second = decoder()
    second.build(n_features=5)
    with pytest.raises(ArgumentError, match="this model reads 5 features, but the layers before it give 3"):
        fm.Sequential([encoder(), second])
    second = fm.Sequential([fm.Normalization(), fm.Dense(2)])
    second.build(n_features=5)
    whole = fm.Sequential([fm.Activation("relu"), second])
    with pytest.raises(
        ArgumentError, match="a part of the model was built for 5 features, but the layers before it give 6"
    ):
        whole.build(n_features=6)
    whole.build(n_features=5)


def test_nothing_and_what_trains_is_refused():
    with pytest.raises(ArgumentError, match="this model has no layers yet"):
        fm.Sequential([fm.Sequential()])
    first = encoder()
    first.compile(loss="mse")

    def nest(info):
        with pytest.raises(BusyError, match="before it becomes a part"):
            fm.Sequential([first, decoder()])

    first.fit(X, np.ones((60, 3)), verbose=0, callbacks=[fm.callbacks.Lambda(on_train_begin=nest)])


def test_a_layer_of_another_model_is_no_layer():
    model = encoder()
    with pytest.raises(ArgumentTypeError, match=r"is a layer of another model: model\[:2\] is a part"):
        fm.Sequential([model.layers[0]])
    assert fm.Sequential([model.layers[0].declaration]).declarations == model.declarations
