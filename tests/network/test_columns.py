"""Columns of data frames are found by name; large numbers keep their differences."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError

pandas = pytest.importorskip("pandas")

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
NAMES = {
    "texts": ["a", "b", "c"],
    "numbers": [0, 1, 2],
    "years": [2019, 2020, 2021],
    "numbers from one": [1, 2, 3],
    "numbers in disorder": [2, 0, 1],
    "mixed": ["a", 1, "c"],
    "tuples": [("a", 1), ("a", 2), ("b", 1)],
    "fractions": [0.5, 1.5, 2.5],
    "dates": list(pandas.date_range("2020-01-01", periods=3)),
}


def frame(names, x=X):
    columns = pandas.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    return pandas.DataFrame(x, columns=columns)


def learned(data, **settings):
    model = fm.Sequential([fm.Dense(4, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(data, Y, verbose=0, **settings)
    return model


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_columns_in_another_order_are_found(names, tmp_path):
    data = frame(names)
    swapped = data[[data.columns[i] for i in (2, 0, 1)]]
    model = learned(data)
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert loaded.feature_names == model.feature_names
    for other in (model, loaded):
        np.testing.assert_array_equal(other.predict(swapped), model.predict(X))
        np.testing.assert_array_equal(other.predict_proba(swapped), model.predict_proba(X))
        assert other.evaluate(swapped, Y) == model.evaluate(X, Y)


def test_training_and_validation_find_columns_too():
    data = frame(NAMES["texts"])
    swapped = data[["c", "a", "b"]]
    model = learned(data, validation_data=(swapped, Y))
    assert model.history.history["val_loss"] == learned(data, validation_data=(X, Y)).history.history["val_loss"]
    again, other = learned(data), learned(data)
    again.fit(swapped, Y, verbose=0)
    other.fit(data, Y, verbose=0)
    np.testing.assert_array_equal(again.predict(X), other.predict(X))
    again.train_on_batch(swapped, Y)
    other.train_on_batch(X, Y)
    np.testing.assert_array_equal(again.predict(X), other.predict(X))


def test_other_columns_are_refused():
    model = learned(frame(NAMES["years"]))
    with pytest.raises(ArgumentError, match="lacks 2021 and has 2022"):
        model.predict(frame([2019, 2020, 2022]))
    with pytest.raises(ArgumentError, match="trained on"):
        model.predict(frame(["2019", "2020", "2021"]))
    assert model.predict(pandas.DataFrame(X)).shape == (60, 2)  # without names of its own: by position, as arrays are


def test_columns_that_are_numbers_are_names_also_where_a_frame_counts_its_own_from_0():
    model = learned(frame([2, 0, 1]))
    np.testing.assert_array_equal(model.predict(frame([0, 1, 2], X[:, [1, 2, 0]])), model.predict(X))
    model = learned(frame([1, 2, 3]))  # as where column 0 was the label
    with pytest.raises(ArgumentError, match="lacks 3 and has 0"):
        model.predict(frame([0, 1, 2]))


def test_a_count_of_columns_is_no_other_numbers():
    """A frame of columns 0, 1, 2 is taken by position, but not where some of these are names that are known."""
    model = learned(frame([1, 2, 3]))
    with pytest.raises(ArgumentError, match="lacks 3 and has 0"):
        model.predict(pandas.DataFrame(X))


@pytest.mark.parametrize("names", [["a", "b", "a"], [1, 1, 2], [("a", 1), ("a", 1), ("b", 1)]])
def test_two_columns_of_one_name_are_refused(names):
    with pytest.raises(ArgumentError, match="x has several columns of the name"):
        learned(frame(names))
    with pytest.raises(ArgumentError, match="x has several columns of the name"):
        learned(frame(NAMES["texts"])).predict(frame(names))


def test_columns_that_nobody_named_may_be_exchanged():
    model = learned(pandas.DataFrame(X))
    np.testing.assert_array_equal(model.predict(pandas.DataFrame(X)[[1, 2, 0]]), model.predict(X))


@pytest.mark.parametrize("names", [NAMES["texts"], NAMES["numbers in disorder"]])
def test_sweeps_and_folds_find_columns(names):
    data = frame(names)
    swapped = data[[data.columns[i] for i in (2, 0, 1)]]
    settings = [{"layers": [4], "epochs": 2}]
    results = [fm.sweep(settings, data, Y, validation_data=(other, Y), verbose=0) for other in (data, swapped)]
    runs = [result.runs[0].history.history["val_loss"] for result in results]
    assert runs[0] == runs[1]


# ---------------------------------------------------------------- large numbers


START = 1_700_000_000


@pytest.mark.needs_jit
@pytest.mark.parametrize("dtype", ["int64", "uint32", "float64"])
def test_large_numbers_keep_their_differences(dtype, tmp_path):
    seconds = np.arange(START, START + 2000).astype(dtype)[:, None]
    late = (seconds[:, 0] >= START + 1000).astype(int)
    model = fm.Sequential([fm.Normalization(), fm.Dense(8, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile(fm.Adam(0.05))
    model.fit(seconds, late, epochs=20, verbose=0)
    assert model.evaluate(seconds, late)["accuracy"] > 0.99
    assert len(np.unique(model.predict(seconds)[:, 0])) > 500
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(fm.load(tmp_path / "model.npz").predict(seconds), model.predict(seconds))
    np.testing.assert_array_equal(model.predict(seconds[:1]), model.predict(seconds)[:1])
    mean = model.get_weights()[0]
    assert mean.astype(np.float64) != seconds.mean()  # which float32 cannot hold
    out, (predict, weights, network) = np.empty((2000, 2), np.float32), model.jitted()
    predict(out, seconds, weights, network)
    np.testing.assert_array_equal(out, model.predict(seconds))


@pytest.mark.needs_jit
def test_large_numbers_keep_their_differences_in_numba_code():
    import numba

    seconds = np.arange(START, START + 200)[:, None]
    model = fm.Sequential([fm.Normalization(), fm.Dense(8, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(seconds, seconds[:, 0] % 2, verbose=0)
    predict, weights, network = model.jitted()

    @numba.njit
    def call(out, x, weights, network):
        predict(out, x, weights, network)

    for x in (seconds, seconds.astype(np.float64), np.asfortranarray(np.hstack([seconds, seconds]))[:, :1]):
        out = np.empty((200, 2), np.float32)
        call(out, x, weights, network)
        np.testing.assert_array_equal(out, model.predict(x))


@pytest.mark.needs_jit
def test_chunks_of_large_numbers():
    seconds = np.arange(START, START + 600)[:, None]
    late = (seconds[:, 0] >= START + 300).astype(int)
    whole, parts = ([fm.Normalization(), fm.Dense(8, "tanh"), fm.Dense(2, "softmax")] for _ in range(2))
    models = [fm.Sequential(layers, seed=0) for layers in (whole, parts)]
    for model, data in zip(
        models, [(seconds, late), (fm.datasets.Chunks.from_arrays(seconds, late, rows_in_chunk=100),)], strict=True
    ):
        model.compile(fm.Adam(0.05))
        model.fit(*data, epochs=20, verbose=0)
        assert model.evaluate(seconds, late)["accuracy"] > 0.98


def test_the_mean_comes_off_nearly_alike_before_and_in_the_layer():
    x = np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32)
    model = fm.Sequential([fm.Normalization(), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(x, (x[:, 0] > 3).astype(int), verbose=0)
    np.testing.assert_allclose(model.predict(x.astype(np.float64)), model.predict(x), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_columns_that_lose_values_are_named_in_a_warning(dtype):
    x = np.column_stack([np.arange(100), np.arange(START, START + 100)]).astype(dtype)
    model = fm.Sequential([fm.Dense(2, "softmax")], seed=0)
    model.compile(fm.SGD(1e-30))
    with pytest.warns(UserWarning, match=r"become equal: 1\. Subtract their mean"):
        model.fit(x, np.arange(100) % 2, verbose=0)
    data = pandas.DataFrame(x, columns=["number", "second"])
    model = fm.Sequential([fm.Dense(2, "softmax")], seed=0)
    model.compile(fm.SGD(1e-30))
    with pytest.warns(UserWarning, match="become equal: 'second'"):
        model.train_on_batch(data, np.arange(100) % 2)
    exact = fm.Sequential([fm.Normalization(), fm.Dense(2, "softmax")], dtype="float64", seed=0)
    exact.compile()
    exact.fit(x, np.arange(100) % 2, verbose=0)  # no warning, which would be an error here


def test_runs_of_a_sweep_read_numbers_as_fit_does():
    def build(settings):
        model = fm.Sequential([fm.Normalization(), fm.Dense(4, "tanh"), fm.Dense(2, "softmax")], seed=0)
        model.compile()
        return model

    seconds, y = START + np.arange(600)[:, None], np.arange(600) // 7 % 2
    for x in (seconds, seconds.astype(np.float64)):
        alone = build(None)
        alone.fit(x, y, verbose=0)
        run = fm.sweep({"build": build, "epochs": 1, "seed": 0}, x, y, verbose=0)[0]
        assert (run.metrics["loss"], run.load().input_kind) == (alone.history["loss"][0], alone.input_kind)
        np.testing.assert_array_equal(run.load().predict(x), alone.predict(x))
    with pytest.warns(UserWarning, match="become equal: 0"):
        fm.sweep({"layers": [[2]], "epochs": 1}, seconds.astype(np.float64), y, verbose=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32, np.float64])
def test_runs_of_a_sweep_know_what_they_learned_from(dtype):
    x, y, alone = np.arange(60).reshape(30, 2).astype(dtype), np.arange(30) % 2, fm.mlp([2], classes=2, seed=0)
    alone.fit(x, y, verbose=0)
    run = fm.sweep({"layers": [[2]], "epochs": 1, "seed": 0}, x, y, verbose=0)[0]
    assert run.load().input_kind == alone.input_kind
    np.testing.assert_array_equal(run.load().predict(x), alone.predict(x))


def test_a_sweep_trains_anew_where_columns_have_other_names(tmp_path):
    settings, wanted = [{"layers": [4], "epochs": 1, "name": "one"}], []
    for names in (["a", "b", "c"], ["a", "b", "c"], ["b", "a", "c"]):
        (run,) = fm.sweep(settings, frame(names), Y, folder=tmp_path, verbose=0)
        assert run.load().feature_names == tuple(names)
        wanted.append(run.was_loaded)
    assert wanted == [False, True, False]
