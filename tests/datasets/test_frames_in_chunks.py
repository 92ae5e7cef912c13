"""Data frames in chunks and splits are what they are in `fit`: numbers, whose columns have names."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.datasets import Chunks, standardize, train_test_split, train_validation_test_split

X = np.random.default_rng(0).integers(0, 4, (60, 3)).astype(np.uint8)
Y = np.arange(60) % 3


@pytest.fixture(params=["pandas", "polars"])
def frame(request):
    """A function that makes a data frame with the columns in an order of one's own."""
    library = pytest.importorskip(request.param)

    def make(columns="abc", rows=X):
        whole = {name: rows[:, "abc".index(name)] for name in columns}
        return library.DataFrame(whole)

    return make


def model_of(**settings):
    return fm.mlp([4], classes=3, seed=0, **settings)


def trained(chunks):
    model = model_of()
    model.fit(chunks, verbose=0, shuffle=False)
    return model


def test_frames_in_chunks_are_numbers_with_names(frame):
    whole = model_of()
    whole.fit(frame(), Y, batch_size=20, verbose=0, shuffle=False)
    for chunks in (
        Chunks.from_arrays(frame(), Y, 20),
        Chunks.from_generator(lambda: iter([(frame(), Y)])),
        Chunks.from_generator(lambda: iter([(frame(), Y)]), rows_in_chunk=20),
        Chunks.from_files(
            [0, 1], lambda half: (frame(rows=X[half * 40 : half * 20 + 40]), Y[half * 40 : half * 20 + 40])
        ),
    ):
        model = model_of()
        model.fit(chunks, batch_size=20, verbose=0, shuffle=False)
        assert (model.input_kind, model.feature_names) == ("integers", ("a", "b", "c"))
        np.testing.assert_array_equal(model.predict(frame("cab")), whole.predict(frame()))
        assert model.evaluate(chunks) == pytest.approx(dict(whole.evaluate(frame(), Y)))


def test_columns_of_later_chunks_are_taken_by_name(frame):
    def parts(second):
        return lambda: iter([(frame(), Y), (frame(second), Y)])

    one, other = (trained(Chunks.from_generator(parts(columns))) for columns in ("abc", "cba"))
    np.testing.assert_array_equal(one.predict(X.astype(int)), other.predict(X.astype(int)))
    known = model_of()
    known.fit(frame(), Y, verbose=0)
    with pytest.raises(fm.ArgumentError, match="x does not have the columns"):
        known.fit(Chunks.from_generator(lambda: iter([(renamed(frame()), Y)])))


def renamed(data):
    return data.rename(columns={"c": "d"}) if hasattr(data, "iloc") else data.rename({"c": "d"})


def test_chunks_of_a_frame_are_stretches_of_rows_whatever_its_index():
    pandas = pytest.importorskip("pandas")
    data = pandas.DataFrame(X, columns=list("abc"), index=np.linspace(5, 0, 60))
    labels = pandas.Series(Y, index=data.index)
    parts = list(Chunks.from_arrays(data, labels, 25))
    assert [len(x) for x, _ in parts] == [25, 25, 10]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in parts]), Y)


def test_chunks_of_a_frame_may_differ_in_their_type_of_numbers(frame):
    chunks = Chunks.from_generator(lambda: iter([(frame(), Y), (frame(rows=X / 2), Y)]))
    assert trained(chunks).feature_names == ("a", "b", "c")
    mixed = Chunks.from_generator(lambda: iter([(X, Y), (frame(), Y)]))
    with pytest.raises(fm.ArgumentError, match="expected x of"):
        list(mixed)


def test_pixels_of_a_frame_when_told(frame):
    chunks = Chunks.from_files([0], lambda _: (frame(), Y), dtype="uint8")
    assert trained(chunks).input_kind == "pixels"


def test_parts_of_a_frame_are_numbers(frame):
    (x, _), (x_test, _) = train_test_split(frame(), Y)
    parts = train_validation_test_split(frame(), Y)
    for part in (x, x_test, *(rows for rows, _ in parts)):
        assert part.dtype == np.int16
    np.testing.assert_array_equal(standardize(frame())[0], standardize(X.astype(float))[0])
