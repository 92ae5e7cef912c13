"""Sparse matrices are read as they are: with the bits of dense rows, never changed, and never made dense as a whole."""

import tracemalloc

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.sparse import SparseRows, rows_of

from ..shared.models import clusters

scipy = pytest.importorskip("scipy.sparse")
pytestmark = pytest.mark.needs_jit  # trainings take minutes without the compiler; tests of the kernels do not

FORMATS = ("csr_matrix", "csr_array", "csc_matrix", "csc_array", "coo_matrix", "coo_array", "lil_matrix", "dok_array")


def rows(count=150, width=40, density=0.1):
    """Sparse rows, and labels that follow from them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, width)) * (random.random((count, width)) < density)
    return x, (x[:, : width // 2].sum(axis=1) > 0).astype(int)


def model(*first, seed=0, **settings):
    made = fm.Sequential([*first, fm.Dense(20, "relu"), fm.Dense(2, "softmax")], seed=seed, **settings)
    made.compile(metrics=["accuracy", "auc"])
    return made


def outcome(x, y, *first, **settings):
    made = model(*first, **settings)
    history = made.fit(x, y, epochs=2, batch_size=32, validation_split=0.2, verbose=0)
    made.train_on_batch(x, y)
    made.partial_fit(x[:50] if isinstance(x, np.ndarray) else x.tocsr()[:50], y[:50], batch_size=16)
    scores = {k: v for k, v in history.history.items() if k != "seconds"}
    return scores, dict(made.evaluate(x, y)), made.predict(x).tobytes(), made.predict(x, n_threads=1).tobytes()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_bits_of_dense_rows(form, dtype):
    x, y = rows()
    assert outcome(getattr(scipy, form)(x), y, dtype=dtype) == outcome(x, y, dtype=dtype)


@pytest.mark.parametrize(
    "first",
    [fm.Normalization(), fm.Dropout(0.2), fm.GaussianNoise(0.1), fm.Scale(), fm.Residual([fm.Dense(40)])],
    ids=lambda layer: type(layer).__name__,
)
def test_a_first_layer_that_is_no_dense_one_reads_the_same_numbers(first):
    x, y = rows()
    x = x.astype(np.float32)
    assert outcome(scipy.csr_array(x), y, first) == outcome(x, y, first)


@pytest.mark.parametrize("kind", ["int64", "int8", "uint8", "bool", "float32"])
def test_numbers_of_every_type_are_read(kind):
    x, y = rows()
    x = np.abs(np.rint(x * 3)).astype(kind)
    as_numbers = x.astype(np.int16) if kind == "uint8" else x  # those of a sparse matrix are never pixels
    assert outcome(scipy.csr_matrix(x), y) == outcome(as_numbers, y)


def shuffled(x):
    """A matrix whose columns stand in no order, one of them twice."""
    made = scipy.csr_matrix(x)
    for r in range(len(x)):
        span = slice(made.indptr[r], made.indptr[r + 1])
        made.indices[span], made.data[span] = made.indices[span][::-1].copy(), made.data[span][::-1].copy()
    made.has_sorted_indices = made.has_canonical_format = False
    return made


def test_columns_in_any_order_are_sorted_in_a_copy():
    x, y = rows()
    given = shuffled(x)
    before = given.indices.copy(), given.data.copy(), given.indptr.copy()
    assert outcome(given, y) == outcome(x, y)
    assert all((a == b).all() for a, b in zip((given.indices, given.data, given.indptr), before, strict=True))


def test_numbers_at_the_same_place_are_added_in_a_copy():
    twice = scipy.csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), (2, 3))
    read = rows_of(twice, "x")
    assert read.dense().tolist() == [[0, 3, 0], [4, 0, 0]]
    assert twice.data.tolist() == [1, 2, 4]


def test_arrays_of_the_format_csr_are_shared():
    x, _ = rows()
    given = scipy.csr_matrix(x)
    read = rows_of(given, "x")
    assert np.shares_memory(read.values, given.data)
    assert np.shares_memory(read.column_numbers, given.indices)
    given.data.flags.writeable = given.indices.flags.writeable = False
    model().fit(given, np.zeros(len(x), int), verbose=0)


def test_parts_and_choices_of_rows():
    x, _ = rows()
    read = rows_of(scipy.csr_matrix(x), "x")
    mask = np.arange(len(x)) % 3 == 1
    for chosen in (slice(20, 90), slice(0, 0), slice(None, None, 7), mask, np.array([5, 3, 3])):
        assert np.array_equal(read[chosen].dense(), x[chosen])
    assert np.array_equal(np.concatenate(list(read.dense_blocks())), x)
    assert np.shares_memory(read[20:90].values, read.values)


def test_training_and_predicting_take_little_memory():
    random = np.random.default_rng(0)
    count, width, most = 20_000, 2_000, 20
    columns = np.sort(random.integers(0, width // most, (count, most)) + np.arange(most) * (width // most), axis=1)
    starts = np.arange(0, count * most + 1, most)
    x = scipy.csr_matrix((random.normal(size=count * most), columns.ravel().astype(np.int32), starts), (count, width))
    y = random.integers(0, 2, count)
    made = model()
    there = x.data.nbytes + x.indices.nbytes + x.indptr.nbytes
    for job in (lambda: made.fit(x, y, verbose=0, batch_size=100), lambda: made.predict(x)):
        job()  # compiles kernels
        tracemalloc.start()
        job()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 0.5 * there + 16 * made.count_params() + 6e6  # also moments, workspace, targets and results


def test_sweeps_cross_validations_and_chunks_read_sparse_rows(tmp_path):
    x, y = rows()
    sparse = scipy.csr_matrix(x)
    one, other = (fm.cross_validate(model, given, y, folds=3, epochs=2, batch_size=32) for given in (sparse, x))
    assert one.scores == other.scores
    swept = [
        fm.sweep({"layers": [[8], [9]], "epochs": [2]}, given, y, validation_split=0.2, verbose=0)
        for given in (sparse, x)
    ]
    assert [run.metrics for run in swept[0]] == [run.metrics for run in swept[1]]
    whole, parts = model(), model()
    parts.fit(((sparse[at : at + 50], y[at : at + 50]) for at in range(0, 150, 50)), verbose=0)
    whole.fit(((x[at : at + 50], y[at : at + 50]) for at in range(0, 150, 50)), verbose=0)
    assert parts.predict(x).tobytes() == whole.predict(sparse).tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: scipy.csr_matrix(x[:, :7]), "x has 7 features"),
        (lambda x: scipy.csr_matrix(x[:0]), "at least one of each"),
        (lambda x: scipy.csr_matrix(x + 0j), "real numbers"),
        (lambda x: scipy.csr_matrix(np.where(x == x.max(), np.nan, x)), r"x\[\d+, \d+\] is nan"),
        (lambda x: scipy.csr_matrix(np.where(x == x.max(), 1e300, x)), "too large for float32"),
    ],
)
def test_other_matrices_are_refused(change, message):
    x, y = rows()
    made = model()
    made.fit(x, y, verbose=0)
    before = made.predict(x).tobytes()
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        made.fit(change(x), y[: change(x).shape[0]], verbose=0)
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        made.predict(change(x))
    assert made.predict(x).tobytes() == before


def test_a_model_of_pixels_refuses_sparse_rows():
    x, y = clusters()
    made = model()
    made.fit(np.abs(x * 50).astype(np.uint8), y % 2, verbose=0)
    with pytest.raises(fm.ArgumentError, match="sparse, but the model was trained on pixels"):
        made.predict(scipy.csr_matrix(x))


def test_the_fullest_row_and_the_pairs_are_counted():
    read = SparseRows(np.array([0, 2, 2, 5]), np.array([0, 3, 1, 2, 3], np.int32), np.ones(5), 4)
    assert (read.pairs, read.most_in_row(), len(read), read.shape) == (5, 3, 3, (3, 4))


def test_the_batches_of_a_stream_share_plans_and_workspaces():
    random, made = np.random.default_rng(0), model()
    for number in range(60):
        x = random.normal(size=(32, 40)) * (random.random((32, 40)) < random.uniform(0.05, 0.25))
        made.train_on_batch(scipy.csr_matrix(x) if number % 2 else x, random.integers(0, 2, 32))
        made.predict(scipy.csr_matrix(np.tile(x, (40, 1))))
    assert len(made.engine._plans) < 30
