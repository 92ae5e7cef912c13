"""The mean of a first Normalization is known in full wherever it goes, and data reach it before they are rounded."""

import copy
import pickle

import numpy as np
import pytest

import fastmlp as fm

START = 1_700_000_000  # in float32 one of 128 seconds
SECONDS = np.arange(START, START + 400)[:, None] + 0.25
LATE = (SECONDS[:, 0] >= START + 200).astype(np.int64)


def layers():
    return [fm.Normalization(), fm.Dense(8, "tanh"), fm.Dense(2, "softmax")]


def new(**settings):
    model = fm.Sequential(layers(), seed=0, **settings)
    model.compile(fm.Adam(0.05))
    return model


def learned(**settings):
    model = new(**settings)
    model.fit(SECONDS, LATE, epochs=15, verbose=0)
    assert model.evaluate(SECONDS, LATE)["accuracy"] > 0.98
    return model


def built(**settings):
    model = new(**settings)
    model.build(1)
    return model


def through_files(model, tmp_path, whole):
    (model.save if whole else model.save_weights)(tmp_path / "weights.npz")
    other = built()
    other.load_weights(tmp_path / "weights.npz")
    return other


COPIES = {
    "load": lambda model, tmp_path: model.save(tmp_path / "model.npz") or fm.load(tmp_path / "model.npz"),
    "load_weights": lambda model, tmp_path: through_files(model, tmp_path, whole=False),
    "load_weights of a model": lambda model, tmp_path: through_files(model, tmp_path, whole=True),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, _: copy.deepcopy(model),
}


@pytest.mark.parametrize("way", COPIES.values(), ids=COPIES.keys())
def test_copies_predict_the_same(way, tmp_path):
    model = learned()
    other = way(model, tmp_path)
    np.testing.assert_array_equal(other.predict(SECONDS), model.predict(SECONDS))
    again = way(other, tmp_path)
    np.testing.assert_array_equal(again.predict(SECONDS), model.predict(SECONDS))


def test_weights_of_a_wider_model_and_of_none():
    """Between dtypes a file is read too; one without the mean in full, as earlier versions wrote it, as it is."""
    model = learned(dtype="float64")
    other = built()
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(other.predict(SECONDS), model.predict(SECONDS), atol=1e-5)
    rounded = built()
    rounded.set_weights(learned().get_weights())
    assert rounded.layers[0].mean == np.float32(SECONDS.mean())


def test_a_file_of_weights_with_two_means_is_damaged(tmp_path):
    model = learned()
    model.save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as file:
        arrays = dict(file)
    for wrong in (arrays["input/mean"] + 1000, np.zeros(2)):
        np.savez(tmp_path / "wrong.npz", **{**arrays, "input/mean": wrong})
        with pytest.raises(fm.ModelFileError, match="contradicts the mean"):
            built().load_weights(tmp_path / "wrong.npz")


def test_statistics_are_known_as_they_are_given():
    mean, variance = SECONDS.mean(axis=0), SECONDS.var(axis=0)
    expected = learned()
    weights = expected.get_weights()
    ways = [built() for _ in range(4)]
    for model in ways:
        model.set_weights(weights)
    ways[0].set_first_statistics(mean, variance)
    ways[1].layers[0].mean = mean
    ways[2].layers[0].mean = mean.tolist()
    ways[3].set_weights([mean, *weights[1:]])
    for model in ways:
        np.testing.assert_array_equal(model.predict(SECONDS), expected.predict(SECONDS))
        model.set_weights(model.get_weights())  # which are those that it has
        np.testing.assert_array_equal(model.predict(SECONDS), expected.predict(SECONDS))
    ways[0].layers[0].variance = variance * 4
    ways[0].layers[0].variance = variance
    np.testing.assert_array_equal(ways[0].predict(SECONDS), expected.predict(SECONDS))


def test_a_mean_that_differs_by_less_than_rounding_is_another_one():
    model = learned()
    before = model.predict(SECONDS)
    model.layers[0].mean = SECONDS.mean(axis=0) + 30
    np.testing.assert_allclose(model.predict(SECONDS + 30), before, atol=1e-6)


def test_statistics_that_are_declared_come_in_full_too():
    normalization = fm.Normalization()
    normalization.adapt(SECONDS)
    model = fm.Sequential([normalization, fm.Dense(1, kernel_initializer="ones")])
    model.build(1)
    expected = (SECONDS - SECONDS.mean()) / SECONDS.std()
    np.testing.assert_allclose(model.predict(SECONDS), expected, atol=1e-6)


@pytest.mark.parametrize("first", [fm.Normalization(), fm.BatchNormalization()])
def test_folding_keeps_what_large_numbers_need(first):
    x = np.column_stack([np.arange(START, START + 4000, 10), np.linspace(-1, 1, 400)])
    x = x - np.array([START - 1e6, 0])  # so that float32 holds each number
    y = (x[:, 0] > x[:, 0].mean()).astype(int)
    model = fm.Sequential([first, fm.Dense(8, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile(fm.Adam(0.05))
    model.fit(x, y, epochs=10, verbose=0)
    x = x + np.array([[100.0, 0.0]])
    np.testing.assert_allclose(model.folded().predict(x), model.predict(x), atol=1e-5)


def test_folding_keeps_a_normalization_of_large_numbers_and_folds_others():
    model = learned()
    folded = model.folded()
    assert [type(layer.declaration) for layer in folded.layers] == [fm.Normalization, fm.Dense, fm.Dense]
    np.testing.assert_array_equal(folded.predict(SECONDS), model.predict(SECONDS))
    wide = learned(dtype="float64").folded()
    assert [type(layer.declaration) for layer in wide.layers] == [fm.Dense, fm.Dense]
    small = new()
    small.fit(SECONDS - START, LATE, verbose=0)
    assert len(small.folded().layers) == 2


# ---------------------------------------------------------------- sweeps


def runs(x, y=LATE, **settings):
    result = fm.sweep({"layers": [layers()], "learning_rate": [0.05], "epochs": [15]}, x, y, verbose=0, **settings)
    (run,) = result
    assert run.is_finished, run.reason
    return run


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_sweeps_do_not_round_what_is_to_be_centred(dtype):
    x = SECONDS.astype(dtype)
    run = runs(x, validation_data=(x, LATE), workers=2)
    assert run.metrics["val_accuracy"] > 0.98
    other = new()
    other.fit(x, LATE, epochs=15, verbose=0, seed=0)
    np.testing.assert_array_equal(run.load().predict(x), other.predict(x))


def test_sweeps_warn_of_what_is_lost():
    plain = {"layers": [[4]], "epochs": [1], "optimizer": [fm.SGD(1e-30)]}
    with pytest.warns(UserWarning, match="become equal: 0") as caught:
        fm.sweep(plain, SECONDS, LATE, verbose=0)
    assert {warning.filename for warning in caught} == {__file__}


def test_sweeps_record_what_they_were_trained_on():
    whole = np.random.default_rng(0).integers(0, 2, (60, 4))
    y = whole[:, 0]
    for given, kind in ((whole, "integers"), (whole.astype(np.uint8), "pixels"), (whole.astype(float), "floats")):
        (run,) = fm.sweep({"layers": [[4]], "epochs": [2]}, given, y, verbose=0)
        assert run.load().input_kind == kind


def test_sweeps_read_validation_data_as_training_does():
    """Whole numbers are pixels to a model of pixels, whatever their type."""
    pixels = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.uint8)  # the dark ones: as numbers in range
    y = pixels[:, 0].astype(int)
    expected, *others = (
        fm.sweep({"layers": [[4]], "epochs": [2]}, pixels, y, validation_data=(x, y), verbose=0)[0].metrics
        for x in (pixels, pixels.astype(np.int64), pixels.astype(np.uint16))
    )
    assert others == [expected, expected]
