"""What X and y may be: frames, sparse matrices, whole numbers, memory maps, labels of any kind."""

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as peer
import sklearn.utils

import fastmlp as fm
from fastmlp.sklearn import rows

from .data import BINARY, CLASSES, LABELS, NUMBER, NUMBERS, WEIGHTS, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
COMMON = {"hidden_layer_sizes": (7,), "max_iter": 8, "random_state": 1, "batch_size": 25}
SPARSE = np.where(np.abs(X) > 0.8, X, 0.0)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "csr_array", "csc_array", "coo_array"])
@pytest.mark.parametrize("settings", [{}, {"shuffle": False}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=repr)
def test_sparse_rows_train_as_dense_ones(kind, settings):
    given = getattr(scipy.sparse, kind)(SPARSE)
    dense = fm.MLPClassifier(**COMMON, **settings).fit(SPARSE, CLASSES)
    sparse = fm.MLPClassifier(**COMMON, **settings).fit(given, CLASSES)
    np.testing.assert_allclose(sparse.predict_proba(given), dense.predict_proba(SPARSE), rtol=1e-9)
    assert sparse.loss_ == pytest.approx(dense.loss_, rel=1e-12)
    assert sparse.score(given, CLASSES) == dense.score(SPARSE, CLASSES)


def test_sparse_rows_are_never_dense(monkeypatch):
    def refused(self, *given, **settings):
        raise AssertionError("a sparse matrix was made dense")

    monkeypatch.setattr(scipy.sparse.csr_matrix, "toarray", refused)
    given = scipy.sparse.csr_matrix(SPARSE)
    fm.MLPRegressor(**COMMON, early_stopping=True).fit(given, NUMBER).predict(given)


def test_sparse_rows_may_have_weights():
    for settings in ({"alpha": 1.0}, {"solver": "lbfgs"}):
        dense, sparse = (fm.MLPRegressor(**COMMON, **settings) for _ in range(2))
        dense.fit(SPARSE, NUMBER, sample_weight=WEIGHTS)
        sparse.fit(scipy.sparse.csr_array(SPARSE), NUMBER, sample_weight=WEIGHTS)
        np.testing.assert_allclose(sparse.predict(SPARSE), dense.predict(SPARSE), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
def test_whole_numbers_are_numbers_and_no_pixels(dtype):
    numbers = (np.abs(X) * 20).astype(dtype)
    expected = peer.MLPRegressor(**COMMON).fit(numbers, NUMBER)
    found = fm.MLPRegressor(**COMMON).fit(numbers, NUMBER)
    assert found.model_.dtype == np.float64
    np.testing.assert_allclose(found.predict(numbers), expected.predict(numbers), rtol=1e-6)
    np.testing.assert_array_equal(found.predict(numbers), found.predict(numbers.astype(float)))
    np.testing.assert_array_equal(found.partial_fit(numbers, NUMBER).predict(numbers[:3]), found.predict(numbers)[:3])


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
def test_bytes_are_numbers_for_the_network_too(form):
    rows = (np.abs(X) * 50).astype(np.uint8)
    for given in (rows, rows.astype(float)):
        estimator = fm.MLPClassifier(**COMMON).fit(form(given), BINARY)
        np.testing.assert_array_equal(estimator.model_.predict(rows), estimator.model_.predict(rows.astype(float)))
        np.testing.assert_array_equal(estimator.model_.predict_classes(rows), estimator.predict(rows))


def test_the_precision_can_be_chosen():
    for dtype in ("float32", np.float32, np.dtype("float32")):
        estimator = fm.MLPClassifier(**COMMON, dtype=dtype).fit(X, BINARY)
        assert estimator.predict_proba(X).dtype == estimator.coefs_[0].dtype == np.float32
    assert fm.MLPClassifier(**COMMON, dtype="float64").fit(X.astype("f4"), BINARY).coefs_[0].dtype == np.float64
    with pytest.raises(ValueError, match="dtype"):
        fm.MLPClassifier(dtype="float16").fit(X, BINARY)


def test_columns_that_float32_cannot_tell_apart_are_named():
    settings = {**COMMON, "max_iter": 1, "dtype": "float32"}
    with pytest.warns(UserWarning, match="float32"):
        fm.MLPClassifier(**settings).fit(X + 1e9, BINARY)
    narrow = fm.MLPClassifier(**settings).fit(X.astype(np.float32), BINARY)
    wide = fm.MLPClassifier(**settings).fit(X, BINARY)
    np.testing.assert_array_equal(narrow.predict_proba(X), wide.predict_proba(X))
    assert wide.predict_proba(X).dtype == np.float32


def test_read_only_memory_maps_train(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", CLASSES)
    mapped = (np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy"))
    found = fm.MLPClassifier(**COMMON).fit(*mapped)
    assert found.loss_curve_ == fm.MLPClassifier(**COMMON).fit(X, CLASSES).loss_curve_
    assert found.loss_curve_ == fm.MLPClassifier(**COMMON).fit(np.asfortranarray(X), CLASSES).loss_curve_


LABELLED = {
    "texts": (BINARY, ["no", "yes"]),
    "truth values": (BINARY == "yes", [False, True]),
    "numbers": (CLASSES * 10 - 7, [-7, 3, 13]),
    "floats": (CLASSES + 0.0, [0.0, 1.0, 2.0]),
    "objects": (np.array(["a", "b", "c"], object)[CLASSES], ["a", "b", "c"]),
    "a list": (BINARY.tolist(), ["no", "yes"]),
}


@pytest.mark.parametrize("name", LABELLED)
def test_classes_have_labels_of_any_kind(name):
    y, classes = LABELLED[name]
    theirs, ours = (package.MLPClassifier(**COMMON).fit(X, y) for package in (peer, fm))
    assert ours.classes_.tolist() == classes
    assert ours.classes_.dtype == theirs.classes_.dtype
    found = ours.predict(X)
    assert found.dtype == theirs.predict(X).dtype
    np.testing.assert_array_equal(found, theirs.predict(X))
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6)


BY_LABEL = {
    "floats": CLASSES + 1.0,
    "two floats": (CLASSES > 0) + 1.0,
    "booleans": CLASSES > 0,
    "texts": BINARY,
}


@pytest.mark.parametrize("name", BY_LABEL)
def test_the_network_gives_the_classes_of_the_estimator(name, tmp_path):
    y = BY_LABEL[name]
    estimator = fm.MLPClassifier(**COMMON).fit(X, y)
    expected = estimator.predict(X)
    np.testing.assert_array_equal(estimator.model_.predict_classes(X), expected)
    np.testing.assert_array_equal(estimator.model_.to_sklearn().predict(X), expected)
    np.testing.assert_array_equal(fm.import_model(estimator).predict_classes(X), expected)
    fm.MLPClassifier(**COMMON, warm_start=True).fit(X, y).fit(X, y)


def test_labels_that_a_file_cannot_hold_become_texts():
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[D]")[CLASSES]
    estimator = fm.MLPClassifier(**COMMON).fit(X, days)
    np.testing.assert_array_equal(estimator.model_.predict_classes(X), estimator.predict(X).astype(str))


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("y", [CLASSES * 2 - 1, BINARY, np.where(CLASSES > 0, 1, 2)], ids=["three", "texts", "two"])
def test_what_callbacks_save_knows_names_and_classes(form, y, tmp_path):
    path = tmp_path / "best.npz"
    checkpoint = fm.callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True)
    estimator = fm.MLPClassifier(**COMMON, callbacks=[checkpoint], tol=0.0)
    estimator.fit(form(SPARSE), y, eval_set=(SPARSE[:40], y[:40]))
    np.testing.assert_array_equal(fm.load(path).classes, estimator.classes_)
    plain = fm.MLPClassifier(**COMMON, tol=0.0).fit(SPARSE, y, eval_set=(SPARSE[:40], y[:40]))
    np.testing.assert_allclose(estimator.predict_proba(SPARSE), plain.predict_proba(SPARSE), rtol=1e-12)
    theirs = peer.MLPClassifier(**COMMON, tol=0.0).fit(SPARSE, y)
    np.testing.assert_allclose(estimator.loss_curve_, theirs.loss_curve_, rtol=1e-6)


def test_a_training_that_a_callback_ends_leaves_names_and_classes():
    pandas = pytest.importorskip("pandas")

    def fail(epoch, logs):
        raise RuntimeError("enough")

    frame = pandas.DataFrame(X, columns=list("abcdef"))
    estimator = fm.MLPClassifier(**COMMON, callbacks=[fm.callbacks.Lambda(on_epoch_end=fail)])
    with pytest.raises(RuntimeError, match="enough"):
        estimator.fit(frame, BINARY)
    assert estimator.model_.classes.tolist() == ["no", "yes"]
    assert estimator.model_.feature_names == tuple("abcdef")


def test_the_network_knows_names_and_classes():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    estimator = fm.MLPClassifier(**COMMON).fit(frame, BINARY)
    assert estimator.model_.classes.tolist() == ["no", "yes"]
    assert estimator.model_.feature_names == tuple("abcdef")
    np.testing.assert_array_equal(estimator.model_.predict_classes(frame[list("fedcba")]), estimator.predict(frame))
    estimator.partial_fit(frame, BINARY)
    np.testing.assert_array_equal(estimator.model_.predict_classes(X), estimator.predict(frame))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_their_columns(library):
    frame = pytest.importorskip(library).DataFrame({name: X[:, i] for i, name in enumerate("abcdef")})
    estimator = fm.MLPRegressor(**COMMON).fit(frame, NUMBER)
    if not hasattr(estimator, "feature_names_in_"):
        pytest.skip("this scikit-learn does not read the names of such a frame")
    assert estimator.feature_names_in_.tolist() == list("abcdef")
    np.testing.assert_array_equal(estimator.predict(frame), fm.MLPRegressor(**COMMON).fit(X, NUMBER).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[list("bacdef")])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        estimator.predict(X)


def test_several_labels_and_numbers():
    estimator = fm.MLPClassifier(**COMMON).fit(X, LABELS)
    assert estimator.predict(X).shape == estimator.predict_proba(X).shape == LABELS.shape
    assert (estimator.n_outputs_, estimator.out_activation_) == (3, "logistic")
    assert fm.MLPClassifier(**COMMON).fit(X, scipy.sparse.csr_matrix(LABELS)).loss_ == estimator.loss_
    assert fm.MLPRegressor(**COMMON).fit(X, NUMBERS).predict(X).shape == NUMBERS.shape


def test_a_column_of_targets_is_flattened_with_a_warning():
    from sklearn.exceptions import DataConversionWarning

    with pytest.warns(DataConversionWarning):
        assert fm.MLPRegressor(**COMMON).fit(X, NUMBER[:, None]).predict(X).shape == NUMBER.shape


def test_the_order_of_an_epoch_stays_when_the_next_one_is_drawn():
    order = rows.Order(20, shuffle=True, random_state=np.random.RandomState(0))
    first, expected = order(0), sklearn.utils.shuffle(np.arange(20), random_state=np.random.RandomState(0))
    order(1)
    assert first.tolist() == expected.tolist()


def test_numbers_that_overflow_are_refused_in_their_words():
    for package in (peer, fm):
        estimator = package.MLPRegressor(**{**COMMON, "solver": "sgd", "learning_rate_init": 1e9})
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            estimator.fit(X * 1e6, NUMBER * 1e6)


def test_weights_replace_those_of_the_network():
    estimator = fm.MLPClassifier(**COMMON).fit(X, CLASSES)
    before = estimator.predict_proba(X)
    other = peer.MLPClassifier(**{**COMMON, "random_state": 9}).fit(X, CLASSES)
    estimator.coefs_, estimator.intercepts_ = other.coefs_, other.intercepts_
    np.testing.assert_allclose(estimator.predict_proba(X), other.predict_proba(X), rtol=1e-12)
    assert not np.allclose(before, estimator.predict_proba(X))
    weights = estimator.coefs_
    weights[0] = np.zeros_like(weights[0])
    assert not estimator.coefs_[0].any()
    assert len(np.unique(estimator.predict(X))) == 1
    with pytest.raises(ValueError, match="read-only"):
        estimator.coefs_[0][0, 0] = 1.0
    with pytest.raises(ValueError, match=r"coefs_\[1\]"):
        estimator.coefs_ = [other.coefs_[0], other.coefs_[0]]
    with pytest.raises(ValueError, match="coefs_ must be 2 arrays"):
        estimator.coefs_ = other.coefs_[:1]
    with pytest.raises(AttributeError, match="coefs_"):
        _ = fm.MLPClassifier().coefs_
