"""A part of a model as a model: the same bits as the layers of the whole, and the same weights, whoever trains them."""

import copy
import gc
import pickle
import threading

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError, ArgumentTypeError, BusyError, NotBuiltError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(2, 3, size=(90, 6))
Y = (X[:, 0] > 2).astype(int)
CODES = RANDOM.normal(size=(90, 8))


def stack():
    return [
        fm.Normalization(),
        fm.Dense(8, activation="gelu"),
        fm.BatchNormalization(),
        fm.Activation("relu"),
        fm.Residual([fm.LayerNormalization(), fm.Dense(8, activation="tanh")]),
        fm.Dropout(0.3),
        fm.Dense(5, use_bias=False),
        fm.Scale(),
        fm.GaussianNoise(0.1),
        fm.Dense(2, activation="softmax"),
    ]


COUNT = len(stack())


def made(layers=None, **settings):
    model = fm.Sequential(stack() if layers is None else layers, seed=0, **settings)
    model.compile(fm.Adam(0.02))
    return model


def bits(model):
    return b"".join(tensor.tobytes() for tensor in model.get_weights())


def autoencoder():
    model = fm.Sequential(
        [fm.Dense(8, activation="tanh"), fm.Dense(3), fm.Dense(8, activation="tanh"), fm.Dense(6)], seed=0
    )
    model.compile(fm.Adam(0.02), loss="mse")
    return model


# ---------------------------------------------------------------- the same numbers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 90])
def test_two_parts_one_after_the_other_are_the_whole(dtype, rows):
    model = made(dtype=dtype)
    early = [(model[:at], model[at:]) for at in range(1, COUNT)]  # before there are weights
    model.fit(X, Y, verbose=0)
    expected, outputs = model.predict(X[:rows]), {}
    for at, (first, second) in enumerate(early, start=1):
        outputs[at] = first.predict(X[:rows])
        assert (second.predict(outputs[at]) == expected).all(), at
        assert (model[:at].predict(X[:rows]) == outputs[at]).all(), at
        assert (model[at:].predict(outputs[at]) == expected).all(), at
        assert first.count_params() + second.count_params() == model.count_params()
    for start in range(1, COUNT):  # each element alone
        for stop in range(start + 1, COUNT):
            assert (model[start:stop].predict(outputs[start]) == outputs[stop]).all(), (start, stop)


def test_parts_are_told_by_elements_of_the_tree():
    model = made()
    assert len(model) == COUNT == len(list(model)) < len(model.layers)
    assert isinstance(model[4], fm.model.BoundResidual)
    assert [node.declaration for node in model] == model.declarations
    assert model[-1].declaration == model[COUNT - 1].declaration == fm.Dense(2, activation="softmax")
    assert model[:-1].declarations == model.declarations[:-1]
    assert model[-2:].declarations == model.declarations[-2:]
    assert model[:].declarations == model[0:99].declarations == model.declarations
    assert len(model[4:5]) == 1
    assert len(model[4:5].layers) == 2


def test_a_model_without_layers_is_true_too():
    assert fm.Sequential()
    assert len(fm.Sequential()) == 0


def test_parts_of_parts_are_parts_of_the_whole():
    model = made()
    part = model[1:8][1:4][1:]
    assert part.declarations == model.declarations[3:5]
    model.build(n_features=6)
    part.layers[2].bias = np.arange(8)
    assert (model[4].layers[1].bias == np.arange(8)).all()


@pytest.mark.parametrize(
    ("chosen", "error", "message"),
    [
        (slice(2, 2), ArgumentError, "at least one of its 10 layers, not those from 2 to before 2"),
        (slice(20, None), ArgumentError, "at least one of its 10 layers"),
        (slice(None, None, 2), ArgumentError, "consecutive layers, so its step must be 1, not 2"),
        (slice(None, None, -1), ArgumentError, "step must be 1, not -1"),
        (slice("a", None), ArgumentTypeError, r"chosen by numbers, such as model\[:2\], not 'a'"),
        (10, IndexError, "the model has 10 layers, and none at place 10"),
        (-11, IndexError, "none at place -11"),
        ("dense", ArgumentTypeError, r"indexed by numbers.* get_layer\(name\)"),
        (1.0, ArgumentTypeError, "indexed by numbers"),
        ((0, 1), ArgumentTypeError, "indexed by numbers"),
    ],
)
def test_no_such_part(chosen, error, message):
    with pytest.raises(error, match=message):
        made()[chosen]


def test_a_part_that_does_nothing_is_refused():
    with pytest.raises(ArgumentError, match="this part does nothing"):
        fm.Sequential([fm.Flatten(), fm.Activation("linear"), fm.Dense(2)])[:2]


# ---------------------------------------------------------------- the same weights


def test_training_the_whole_changes_its_parts():
    model = autoencoder()
    encoder = model[:2]
    model.fit(X, X, verbose=0)
    before = encoder.predict(X)
    model.fit(X, X, verbose=0)
    assert (encoder.predict(X) != before).any()
    assert (encoder.predict(X) == model[:2].predict(X)).all()
    assert (encoder.get_weights()[0] == model.get_weights()[0]).all()


def test_training_a_part_changes_the_whole_in_its_layers_alone():
    model = autoencoder()
    model.build(n_features=6)
    before, decoder = model.get_weights(), model[2:]
    decoder.compile(fm.SGD(0.1), loss="mse")
    codes = model[:2].predict(X)
    history = decoder.fit(codes, X, epochs=2, verbose=0)
    after = model.get_weights()
    assert [(a == b).all() for a, b in zip(before, after, strict=True)] == [True] * 4 + [False] * 4
    assert model.evaluate(X, X).loss == decoder.evaluate(codes, X).loss
    assert decoder.history is history
    assert (model.history, model.steps_done, decoder.steps_done) == (None, 0, 6)


@pytest.mark.parametrize("optimizer", [fm.Adam(0.02), fm.SGD(0.1, momentum=0.9), fm.RMSprop(0.01)])
def test_a_part_with_all_layers_trains_as_the_whole(optimizer):
    whole, model = made(), made()
    part = model[:]
    for trained in (whole, part):
        trained.compile(optimizer)
        trained.fit(X, Y, epochs=2, verbose=0)
    assert bits(part) == bits(model) == bits(whole)


def test_a_part_trains_as_a_model_of_its_layers():
    model = autoencoder()
    model.build(n_features=6)
    part, copied = model[:2], copy.deepcopy(model[:2])
    for trained in (part, copied):
        trained.compile(fm.Adam(0.02), loss="mse")
        trained.fit(X, CODES[:, :3], epochs=2, verbose=0)
        trained.train_on_batch(X, CODES[:, :3])
    assert bits(part) == bits(copied)


def test_running_statistics_go_on_whoever_trains():
    one, model = made(), made()
    part = model[:]
    part.compile(fm.Adam(0.02))
    one.compile(fm.SGD(0.01))
    model.compile(fm.SGD(0.01))
    for first, second in ((one, one), (part, model)):
        for trained, x, y in ((first, X[:40], Y[:40]), (second, X[40:], Y[40:])):
            trained.compile(fm.SGD(0.01))
            trained.train_on_batch(x, y)
    assert (model.layers[2].moving_mean == one.layers[2].moving_mean).all()
    assert (model.layers[2].moving_variance == one.layers[2].moving_variance).all()


def test_tensors_are_written_from_either_side():
    model = autoencoder()
    model.build(n_features=6)
    part = model[1:3]
    part.layers[0].bias = [1, 2, 3]
    assert (model.layers[1].bias == [1, 2, 3]).all()
    model.layers[2].bias = np.arange(8)
    assert (part.layers[1].bias == np.arange(8)).all()
    part.set_weights([np.full_like(tensor, 0.5) for tensor in part.get_weights()])
    assert [float(tensor.flat[0]) == 0.5 for tensor in model.get_weights()] == [False] * 2 + [True] * 4 + [False] * 2


def test_frozen_from_either_side():
    model = autoencoder()
    encoder = model[:2]
    encoder.trainable = False
    assert [layer.trainable for layer in model.layers] == [False, False, True, True]
    model.fit(X, X, verbose=0)
    before = bits(encoder)
    model.fit(X, X, verbose=0)
    assert bits(encoder) == before
    model.layers[0].trainable = True
    assert [layer.trainable for layer in encoder.layers] == [True, False]
    encoder.compile(loss="mse")
    encoder.fit(X, CODES[:, :3], verbose=0)
    assert bits(encoder) != before
    assert (encoder.get_weights()[2] == model.get_weights()[2]).all()


def test_compile_and_names_are_its_own():
    model = autoencoder()
    part = model[2:]
    with pytest.raises(NotBuiltError, match=r"call compile\(\) first"):
        part.evaluate(CODES[:, :3], X)
    part.compile("sgd", loss="mae")
    assert type(model.optimizer) is fm.Adam
    assert [layer.name for layer in part.layers] == ["dense_2", "dense_3"]


def test_running_averages_of_weights():
    model = autoencoder()
    part = model[:2]
    part.compile(fm.Adam(0.02, ema_momentum=0.9), loss="mse")
    part.fit(X, CODES[:, :3], verbose=0)
    before, last = bits(part), model.get_weights()[-1]
    part.swap_averaged_weights()
    assert bits(part) != before
    assert (model.get_weights()[0] == part.get_weights()[0]).all()
    assert (model.get_weights()[-1] == last).all()
    with pytest.raises(ArgumentError, match="running average of the weights needs all of them"):
        model.layers[0].trainable = False


# ---------------------------------------------------------------- building, and failing


def test_the_first_part_builds_the_whole():
    model, other = autoencoder(), autoencoder()
    encoder = model[:2]
    assert not encoder.is_built
    encoder.build(n_features=6)
    other.build(n_features=6)
    assert bits(model) == bits(other)
    with pytest.raises(ArgumentError, match="n_features is 5, but the model was built for 6"):
        encoder.build(n_features=5)


def test_a_later_part_needs_the_whole():
    model = autoencoder()
    decoder = model[2:]
    decoder.compile(loss="mse")
    assert (decoder.is_built, decoder.n_features, decoder.layers[0].input_shape) == (False, 3, (None, 3))
    for call in (lambda: decoder.fit(CODES[:, :3], X, verbose=0), lambda: decoder.predict(CODES[:, :3])):
        with pytest.raises(NotBuiltError):
            call()
    with pytest.raises(NotBuiltError, match=r"input width of the whole model is not known.* of the whole model first"):
        decoder.build(n_features=3)
    with pytest.raises(ArgumentError, match="n_features is 4"):
        decoder.build(n_features=4)
    model.build(n_features=6)
    decoder.fit(CODES[:, :3], X, verbose=0)


def test_a_part_of_a_model_that_declares_its_input():
    model = fm.Sequential([fm.Input((6,)), fm.Dense(3, activation="tanh"), fm.Dense(6)], seed=0)
    decoder = model[1:]
    assert decoder.is_built
    assert decoder.predict(np.ones((2, 3))).shape == (2, 6)


def test_a_training_that_cannot_begin_leaves_the_whole_unbuilt():
    model = autoencoder()
    encoder = model[:2]
    encoder.compile(loss="mse")
    with pytest.raises(ArgumentError, match="validation_batches needs"):
        encoder.fit(X, CODES[:, :3], validation_batches=2, verbose=0)
    with pytest.raises(ZeroDivisionError):
        encoder.fit(X, CODES[:, :3], verbose=0, callbacks=[fm.callbacks.Lambda(on_train_begin=lambda info: 1 / 0)])
    assert not model.is_built
    assert not encoder.is_built
    encoder.fit(X, CODES[:, :3], verbose=0)
    assert model.is_built


def test_divergence_restores_good_weights_of_the_part():
    model = autoencoder()
    encoder = model[:2]
    encoder.compile(fm.SGD(1e30), loss="mse")
    with pytest.raises(fm.DivergenceError):
        encoder.fit(X, CODES[:, :3], epochs=20, verbose=0)
    assert all(np.isfinite(tensor).all() for tensor in model.get_weights())


def test_statistics_of_a_first_normalization_are_learned_through_a_part():
    model, other = made(), made()
    part = model[:2]
    part.compile(loss="mse")
    part.fit(X, CODES, verbose=0)
    other.fit(X, Y, verbose=0)
    assert (model.layers[0].mean == other.layers[0].mean).all()
    assert model.declarations[0] is part.declarations[0]
    assert model.declarations[0].mean is not None


# ---------------------------------------------------------------- what is known of the data


def test_pixels_are_read_alike():
    model, pixels = autoencoder(), (RANDOM.uniform(size=(90, 6)) * 255).astype(np.uint8)
    encoder, decoder = model[:2], model[2:]
    model.fit(pixels, X, verbose=0)
    assert (encoder.input_kind, decoder.input_kind) == ("pixels", None)
    assert (encoder.predict(pixels.astype(int)) == encoder.predict(pixels)).all()
    assert (decoder.predict(encoder.predict(pixels)) == model.predict(pixels)).all()


def test_whole_numbers_are_read_alike():
    model, ages = autoencoder(), RANDOM.integers(0, 90, size=(90, 6))
    encoder = model[:2]
    encoder.compile(loss="mse")
    encoder.fit(ages, CODES[:, :3], verbose=0)
    assert model.input_kind == encoder.input_kind == "integers"
    assert (model[:2].predict(ages.astype(np.uint8)) == encoder.predict(ages)).all()


def test_columns_are_found_by_name():
    pandas = pytest.importorskip("pandas")
    model, frame = autoencoder(), pandas.DataFrame(X, columns=list("abcdef"))
    encoder = model[:2]
    model.fit(frame, X, verbose=0)
    assert encoder.feature_names == model.feature_names == tuple("abcdef")
    assert (encoder.predict(frame[list("fedcba")]) == encoder.predict(frame)).all()


def test_labels_belong_to_parts_with_the_last_layer():
    model = made()
    first, last = model[:5], model[5:]
    model.fit(X, np.where(Y, "up", "down"), verbose=0)
    assert first.classes is None
    assert last.classes.tolist() == ["down", "up"]
    assert (last.predict_classes(first.predict(X)) == model.predict_classes(X)).all()
    last.compile()
    last.fit(first.predict(X), np.where(Y, "up", "down"), verbose=0)


def test_labels_end_where_other_layers_follow():
    inner = fm.Sequential([fm.Dense(5, activation="relu"), fm.Dense(2, activation="softmax")], seed=0)
    inner.compile()
    inner.fit(X, np.where(Y, "up", "down"), verbose=0)
    model = fm.Sequential([inner, fm.Dense(2, activation="softmax")])
    assert model.classes is None
    assert model[1:].classes is None
    for part in (inner, inner[1:], model[:2], inner[1:][-1:]):
        assert part.classes.tolist() == ["down", "up"]
    model.compile()
    model.fit(X, np.where(Y, "left", "right"), verbose=0)
    assert (model.classes.tolist(), inner.classes.tolist()) == (["left", "right"], ["down", "up"])
    model.pop()
    assert model.classes.tolist() == inner.classes.tolist() == ["down", "up"]
    model.add(fm.Activation("linear"))
    assert model.classes.tolist() == ["down", "up"]


# ---------------------------------------------------------------- copies, files, threads


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda part: pickle.loads(pickle.dumps(part))])
def test_a_copy_of_a_part_is_a_model_of_its_own(duplicate):
    model = made()
    model.fit(X, Y, verbose=0)
    part = model[:5]
    own = duplicate(part)
    before = part.predict(X)
    assert (own.predict(X) == before).all()
    own.set_weights([tensor + 1 for tensor in own.get_weights()])
    assert (part.predict(X) == before).all()
    model.fit(X, Y, verbose=0)
    assert (part.predict(X) != before).any()
    own.add(fm.Dense(3))


def test_a_copy_of_the_whole_has_no_parts(tmp_path):
    model = made()
    part = model[:5]
    model.fit(X, Y, verbose=0)
    own = copy.deepcopy(model)
    own.fit(X, Y, verbose=0)
    assert (part.predict(X) == model[:5].predict(X)).all()
    assert (part.predict(X) != own[:5].predict(X)).any()


def test_the_file_of_a_part_is_that_of_a_model(tmp_path):
    model = made()
    model.fit(X, Y, verbose=0)
    part = model[:5]
    part.save(tmp_path / "part.npz")
    loaded = fm.load(tmp_path / "part.npz")
    assert loaded.declarations == part.declarations
    assert (loaded.predict(X) == part.predict(X)).all()
    assert loaded.layers[2].moving_mean.tobytes() == model.layers[2].moving_mean.tobytes()
    part.set_weights([tensor * 0.5 for tensor in part.get_weights()])
    part.load_weights(tmp_path / "part.npz")
    assert (loaded.predict(X) == model[:5].predict(X)).all()


def test_what_is_loaded_has_parts_too(tmp_path):
    model = made()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert (loaded[:5].predict(X) == model[:5].predict(X)).all()
    assert (loaded[5:].predict(CODES) == model[5:].predict(CODES)).all()


def test_only_one_of_them_trains_at_a_time():
    model = autoencoder()
    model.build(n_features=6)
    encoder, decoder = model[:2], model[2:]
    encoder.compile(loss="mse")
    decoder.compile(loss="mse")
    caught = []

    def disturb(batch, logs):
        for call in (
            lambda: encoder.fit(X, CODES[:, :3], verbose=0),
            lambda: decoder.train_on_batch(CODES[:, :3], X),
            lambda: model.fit(X, X, verbose=0),
            lambda: decoder.compile(),
        ):
            with pytest.raises(BusyError):
                call()
            caught.append(True)

    for trained, x, y in ((model, X, X), (encoder, X, CODES[:, :3])):
        trained.fit(x, y, verbose=0, callbacks=[fm.callbacks.Lambda(on_batches_end=disturb, every_batches=2)])
    assert len(caught) == 8
    decoder.fit(CODES[:, :3], X, verbose=0)


def test_the_part_predicts_while_the_whole_trains():
    model = autoencoder()
    model.build(n_features=6)
    encoder, failures, ends = model[:2], [], threading.Event()

    def predict():
        while not ends.is_set():
            if not np.isfinite(encoder.predict(X)).all():
                failures.append(True)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    model.fit(X, X, epochs=5, verbose=0)
    ends.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert (encoder.predict(X) == model[:2].predict(X)).all()


# ---------------------------------------------------------------- changes of the whole


def test_layers_are_added_to_the_whole_alone():
    model = autoencoder()
    part = model[:2]
    for call in (lambda: part.add(fm.Dense(2)), part.pop):
        with pytest.raises(ArgumentError, match="this is a part of a model"):
            call()


@pytest.mark.parametrize("is_built", [False, True])
def test_parts_follow_when_layers_are_added_and_taken_away(is_built):
    model = made()
    if is_built:
        model.build(n_features=6)
    part = model[:5]
    model.pop()
    model.add(fm.Dense(3, activation="softmax"))
    model.fit(X, Y, verbose=0)
    assert (part.predict(X) == model[:5].predict(X)).all()
    last = model[5:]
    with pytest.raises(ArgumentError, match=r"a part of this model has the layer: forget the part"):
        model.pop()
    del last
    gc.collect()
    model.pop()
