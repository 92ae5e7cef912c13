"""What a model takes its features for: pixels or numbers, told by what it learned from."""

import copy
import pickle

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError
from fastmlp.jitted import predict

from ..shared.files import edited

FEATURES = 6
PIXELS = np.random.default_rng(0).integers(0, 256, (60, FEATURES), np.uint8)
SMALL = (PIXELS % 4).astype(np.int64)  # whole numbers that could be pixels
LABELS = (PIXELS[:, 0] > 127).astype(np.int64)


def trained(x, y=LABELS, **settings):
    model = fm.Sequential([fm.Dense(8, "tanh"), fm.Dense(2, "softmax")], seed=0, **settings)
    model.compile(fm.Adam(0.01))
    model.fit(x, y, verbose=0, epochs=2, seed=0)
    return model


def summing(width=2):
    """A model that was never trained: the sum of its features."""
    model = fm.Sequential([fm.Dense(1, kernel_initializer="ones")])
    model.build(width)
    return model


class Frame:
    """As much of a data frame as matters, in the types that it is given."""

    def __init__(self, **columns):
        self._data, self.columns = columns, list(columns)

    def __getitem__(self, name):
        return self._data[name]

    def __array__(self, dtype=None, copy=None):
        array = np.column_stack([self._data[name] for name in self.columns])
        return array if dtype is None else array.astype(dtype)


# ---------------------------------------------------------------- what is a pixel


def test_columns_of_bytes_are_numbers():
    frame = Frame(a=np.array([True, False]), b=np.array([1, 0], np.uint8))
    np.testing.assert_array_equal(summing().predict(frame), [[2], [0]])
    bytes_alone = Frame(a=np.array([3, 2], np.uint8), b=np.array([1, 0], np.uint8))
    np.testing.assert_array_equal(summing().predict(bytes_alone), [[4], [2]])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_bytes_in_real_data_frames(library):
    frames = pytest.importorskip(library)
    data = {"a": np.array([True, False]), "b": np.array([1, 0], np.uint8)}
    np.testing.assert_array_equal(summing().predict(frames.DataFrame(data)), [[2], [0]])
    data["a"] = data["b"]
    np.testing.assert_array_equal(summing().predict(frames.DataFrame(data)), [[2], [0]])


def test_another_column_does_not_change_the_scale():
    ages = np.array([[30], [60]], np.uint8)
    alone, beside = Frame(age=ages[:, 0]), Frame(age=ages[:, 0], zero=np.zeros(2))
    np.testing.assert_array_equal(summing(1).predict(alone), summing(2).predict(beside))


def test_plain_arrays_of_bytes_are_pixels():
    np.testing.assert_allclose(summing().predict(np.array([[255, 255]], np.uint8)), [[2]], rtol=1e-6)
    np.testing.assert_allclose(summing().predict(np.array([[255, 255]])), [[510]])


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (PIXELS, "pixels"),
        (SMALL, "integers"),
        (SMALL.astype(bool), "integers"),
        (SMALL.astype(np.float32), "floats"),
        (Frame(**{str(i): PIXELS[:, i] for i in range(FEATURES)}), "integers"),
        (Frame(**{str(i): PIXELS[:, i] / 2 for i in range(FEATURES)}), "floats"),
    ],
)
def test_what_a_model_learned_from_is_recorded(x, kind, tmp_path):
    model = trained(x)
    assert model.input_kind == kind
    model.save(tmp_path / "model.npz")
    for other in (fm.load(tmp_path / "model.npz"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.input_kind == kind


def test_an_untrained_model_has_learned_nothing():
    model = fm.Sequential([fm.Dense(2, "softmax")])
    model.compile()
    model.build(FEATURES)
    model.evaluate(PIXELS, LABELS)
    model.gradients(PIXELS, LABELS)
    assert model.input_kind is None
    with pytest.raises(ArgumentError):
        model.fit(PIXELS, LABELS[:5], verbose=0)
    assert model.input_kind is None


# ---------------------------------------------------------------- the same rows in another type


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint16", "uint64"])
def test_a_model_of_pixels_takes_whole_numbers_as_pixels(dtype):
    model = trained(PIXELS)
    x = np.minimum(PIXELS, 127).astype(np.uint8)
    for use in (model.predict, model.predict_proba, model.predict_classes):
        np.testing.assert_array_equal(use(x.astype(dtype)), use(x))
    assert model.evaluate(x.astype(dtype), LABELS) == model.evaluate(x, LABELS)
    columns = {str(i): x[:, i].astype(dtype) for i in range(FEATURES)}
    np.testing.assert_array_equal(model.predict(Frame(**columns)), model.predict(x))


def test_a_model_of_pixels_takes_fractions_as_pixels_that_were_scaled():
    model = trained(PIXELS)
    np.testing.assert_array_equal(model.predict(PIXELS * np.float32(1 / 255)), model.predict(PIXELS))
    np.testing.assert_allclose(model.predict(PIXELS / 255), model.predict(PIXELS), rtol=1e-5)
    model.predict(PIXELS / 255 + 0.3)  # noise is no reason to refuse


@pytest.mark.parametrize(
    "x",
    [
        PIXELS.astype(np.float32),
        PIXELS.astype(np.float64),
        PIXELS.astype(int) + 1,
        PIXELS.astype(int) - 1,
        PIXELS.astype(np.int8),
        -PIXELS / 100,
    ],
)
def test_a_model_of_pixels_refuses_what_can_be_none(x):
    model = trained(PIXELS)
    for use in (model.predict, model.predict_proba, lambda x: model.evaluate(x, LABELS)):
        with pytest.raises(ArgumentError, match=r"x must hold pixels.* from -?\d"):
            use(x)
    with pytest.raises(ArgumentError, match=r"validation_data\[0\] must hold pixels"):
        model.fit(PIXELS, LABELS, validation_data=(x, LABELS), verbose=0)


def test_a_model_of_pixels_refuses_flags():
    with pytest.raises(ArgumentError, match=r"x holds True and False, but .* such as x.astype\('uint8'\) \* 255"):
        trained(PIXELS).predict(PIXELS > 127)


def test_a_model_of_whole_numbers_takes_bytes_as_numbers():
    model = trained(SMALL)
    for x in (SMALL.astype(np.uint8), SMALL.astype(np.float32), SMALL.astype(np.int8)):
        np.testing.assert_array_equal(model.predict(x), model.predict(SMALL))
        assert model.evaluate(x, LABELS) == model.evaluate(SMALL, LABELS)
    again = trained(SMALL)
    again.fit(SMALL.astype(np.uint8), LABELS, verbose=0)
    assert again.input_kind == "integers"


def test_a_model_of_fractions_refuses_bytes():
    model = trained(SMALL.astype(np.float64))
    with pytest.raises(
        ArgumentError, match=r"x is uint8, which could be pixels.* give numbers as x.astype\('float32'\)"
    ):
        model.predict(SMALL.astype(np.uint8))
    np.testing.assert_array_equal(model.predict(SMALL), model.predict(SMALL.astype(np.float32)))
    with pytest.raises(ArgumentError, match=r"validation_data\[0\] is uint8"):
        model.fit(SMALL / 2, LABELS, validation_data=(PIXELS, LABELS), verbose=0)


def test_a_step_on_a_batch_learns_too():
    model = fm.Sequential([fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.train_on_batch(SMALL, LABELS)
    assert model.input_kind == "integers"
    model.train_on_batch(SMALL / 2, LABELS)
    assert model.input_kind == "floats"
    with pytest.raises(ArgumentError, match="uint8"):
        model.train_on_batch(PIXELS, LABELS)


def test_chunks_are_read_like_whole_data():
    chunks = fm.datasets.Chunks.from_arrays(PIXELS, LABELS, rows_in_chunk=20)
    model = fm.Sequential([fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(chunks, verbose=0)
    assert model.input_kind == "pixels"
    as_numbers = fm.datasets.Chunks.from_arrays(PIXELS.astype(np.int64), LABELS, rows_in_chunk=20)
    assert model.evaluate(as_numbers) == model.evaluate(PIXELS, LABELS)


def test_copies_with_other_layers_read_alike():
    model = trained(PIXELS)
    assert model.folded().input_kind == "pixels"
    np.testing.assert_allclose(model.folded().predict(PIXELS.astype(int)), model.predict(PIXELS), rtol=1e-5)
    assert (
        model.gradient_check(PIXELS[:9].astype(int), LABELS[:9]).loss
        == model.gradient_check(PIXELS[:9], LABELS[:9]).loss
    )


def test_files_of_version_0_1_0_keep_their_meaning(tmp_path):
    model = trained(PIXELS)
    model.save(tmp_path / "model.npz")
    old = fm.load(edited(tmp_path / "old.npz", tmp_path / "model.npz", without=["input_kind"]))
    assert old.input_kind is None
    np.testing.assert_array_equal(old.predict(PIXELS), model.predict(PIXELS))
    numbers = PIXELS.astype(np.float32)
    np.testing.assert_array_equal(old.predict(PIXELS.astype(int)), old.predict(numbers))


@pytest.mark.parametrize("kind", ["colours", 3, True, ["pixels"]])
def test_files_with_an_unknown_kind_are_refused(kind, tmp_path):
    trained(PIXELS).save(tmp_path / "model.npz")
    with pytest.raises(fm.ModelFileError):
        fm.load(edited(tmp_path / "wrong.npz", tmp_path / "model.npz", {"input_kind": kind}))


def test_plots_read_features_as_the_model_does():
    pytest.importorskip("matplotlib")
    for learned, given, most in ((PIXELS, PIXELS, 1), (SMALL, SMALL.astype(np.uint8), 3)):
        model = Reader(trained(learned[:, :2]))
        fm.plots.decision_boundary(model, given[:, :2], LABELS, resolution=5)
        assert model.read[0].max() == pytest.approx(most, rel=0.2)


class Reader:
    """A model that notes what it predicts for."""

    def __init__(self, model):
        self.model, self.read, self.uint8_scale, self.input_kind = model, [], model.uint8_scale, model.input_kind

    def predict(self, x):
        self.read.append(x)
        return self.model.predict(x)


@pytest.mark.parametrize("whole", [False, True], ids=["weights", "model"])
@pytest.mark.parametrize("learned", [PIXELS, SMALL, SMALL / 2], ids=["pixels", "integers", "floats"])
def test_weights_go_with_what_they_were_trained_on(learned, whole, tmp_path):
    model, other = trained(learned), fm.Sequential([fm.Dense(8, "tanh"), fm.Dense(2, "softmax")])
    (model.save if whole else model.save_weights)(tmp_path / "weights.npz")
    other.build(FEATURES)
    other.load_weights(tmp_path / "weights.npz")
    assert other.input_kind == model.input_kind
    np.testing.assert_array_equal(other.predict(SMALL), model.predict(SMALL))


# ---------------------------------------------------------------- inside numba


@numba.njit
def call(out, x, weights, network):
    predict(out, x, weights, network)


@pytest.mark.parametrize(
    ("learned", "given"),
    [
        (PIXELS, PIXELS),
        (PIXELS, PIXELS.astype(np.int64)),
        (PIXELS, PIXELS * np.float32(1 / 255)),
        (SMALL, SMALL.astype(np.uint8)),
        (SMALL, SMALL),
        (SMALL / 2, SMALL),
        (SMALL / 2, SMALL / 2),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numba_code_reads_features_as_predict_does(learned, given, dtype):
    model = trained(learned, dtype=dtype)
    _, weights, network = model.jitted()
    for function in (predict, call):
        out = np.empty((len(given), 2), dtype)
        function(out, given, weights, network)
        np.testing.assert_array_equal(out, model.predict(given))


def test_numba_code_refuses_what_predict_refuses():
    for learned, given, message in (
        (SMALL / 2, PIXELS, "uint8, which could be pixels"),
        (PIXELS, PIXELS.astype(np.int64) + 1, "must hold pixels"),
        (PIXELS, PIXELS.astype(np.int64) - 1, "must hold pixels"),
        (PIXELS, PIXELS > 127, "must hold pixels"),
    ):
        _, weights, network = trained(learned).jitted()
        out = np.empty((len(given), 2), np.float32)
        with pytest.raises(ValueError, match=message):
            predict(out, given, weights, network)
        with pytest.raises(ValueError, match=message):
            call(out, given, weights, network)


def test_an_untrained_network_takes_bytes_for_pixels_in_numba_code_too():
    model = summing()
    _, weights, network = model.jitted()
    out, x = np.empty((1, 1), np.float32), np.array([[255, 0]], np.uint8)
    call(out, x, weights, network)
    np.testing.assert_array_equal(out, model.predict(x))


def test_a_later_chunk_of_fractions_counts_too():
    whole, y = np.tile(np.arange(8), (4, 1)), np.array([0, 1, 0, 1])

    class Parts:
        def epoch(self, number, *, shuffle, seed):
            return iter([(whole, y), (whole / 8, y)])

    model = fm.Sequential([fm.Dense(2, activation="softmax")], seed=0)
    model.compile()
    model.fit(Parts(), verbose=0)
    assert model.input_kind == "floats"
    with pytest.raises(fm.ArgumentError, match="could be pixels"):
        model.predict(whole.astype(np.uint8))
