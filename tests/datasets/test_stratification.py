"""Rows are divided class by class, however the labels are written down, wherever rows are divided."""

from decimal import Decimal

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.classes import class_numbers, to_stratify_by
from fastmlp.datasets import train_test_split, train_validation_test_split
from fastmlp.search.folds import fold_numbers

NUMBERS = np.arange(60) % 3
WORDS = np.array(["a", "b", "c"])[NUMBERS]
RARE = np.r_[np.ones(20, int), np.zeros(180, int)]  # 10 % of the rows
X = np.arange(200.0)[:, None]


def pandas_of(make):
    return lambda: make(pytest.importorskip("pandas"))


def polars_of(make):
    return lambda: make(pytest.importorskip("polars"))


# The same 60 rows of three classes, written in every way that has come to mind.
SPELLINGS = {
    "list of texts": lambda: WORDS.tolist(),
    "tuple": lambda: tuple(WORDS.tolist()),
    "list of numbers": lambda: NUMBERS.tolist(),
    "texts": lambda: WORDS,
    "bytes": lambda: WORDS.astype("S"),
    "StringDType": lambda: np.array(WORDS.tolist(), dtype=np.dtypes.StringDType()),
    "numbers that look like texts": lambda: NUMBERS.astype(str),
    "uint8": lambda: NUMBERS.astype(np.uint8),
    "negative": lambda: NUMBERS - 7,
    "objects, texts": lambda: WORDS.astype(object),
    "objects, numbers": lambda: NUMBERS.astype(object),
    "objects, floats": lambda: NUMBERS.astype(float).astype(object),
    "objects with an order": lambda: [Decimal(int(number)) for number in NUMBERS],
    "floats": lambda: NUMBERS.astype(np.float32),
    "a column": lambda: NUMBERS[:, None],
    "a column of floats": lambda: NUMBERS[:, None].astype(float),
    "a column of texts": lambda: WORDS[:, None],
    "a column of objects": lambda: WORDS[:, None].astype(object),
    "one-hot rows": lambda: np.eye(3)[NUMBERS],
    "one-hot booleans": lambda: np.eye(3, dtype=bool)[NUMBERS],
    "one-hot lists": lambda: np.eye(3, dtype=int)[NUMBERS].tolist(),
    "one-hot objects": lambda: np.eye(3)[NUMBERS].astype(object),
    "pandas Series": pandas_of(lambda pd: pd.Series(WORDS)),
    "pandas Series, other index": pandas_of(lambda pd: pd.Series(NUMBERS, index=range(100, 40, -1))),
    "pandas string": pandas_of(lambda pd: pd.Series(WORDS, dtype="string")),
    "pandas object": pandas_of(lambda pd: pd.Series(WORDS, dtype=object)),
    "pandas Categorical": pandas_of(lambda pd: pd.Categorical(WORDS)),
    "pandas category": pandas_of(lambda pd: pd.Series(NUMBERS, dtype="category")),
    "pandas Int64": pandas_of(lambda pd: pd.Series(NUMBERS, dtype="Int64")),
    "pandas Float64": pandas_of(lambda pd: pd.Series(NUMBERS, dtype="Float64")),
    "pandas frame": pandas_of(lambda pd: pd.DataFrame({"y": WORDS})),
    "pandas dummies": pandas_of(lambda pd: pd.get_dummies(WORDS)),
    "pandas Index": pandas_of(lambda pd: pd.Index(WORDS)),
    "polars Series": polars_of(lambda pl: pl.Series(WORDS.tolist())),
    "polars numbers": polars_of(lambda pl: pl.Series(NUMBERS)),
    "polars Categorical": polars_of(lambda pl: pl.Series(WORDS.tolist()).cast(pl.Categorical)),
    "polars frame": polars_of(lambda pl: pl.DataFrame({"y": NUMBERS})),
}
TWO = {
    "booleans": lambda: RARE > 0,
    "objects, booleans": lambda: (RARE > 0).astype(object),
    "pandas boolean": pandas_of(lambda pd: pd.Series(RARE > 0, dtype="boolean")),
    "floats": lambda: RARE.astype(float),
    "objects without an order": lambda: [frozenset("x") if item else "well" for item in RARE],
    "texts and numbers": lambda: np.array(["rare" if item else 0 for item in RARE], object),
}
NO_CLASSES = {
    "measurements": lambda: np.linspace(0, 1, 60),
    "a column of measurements": lambda: np.linspace(0, 1, 60)[:, None],
    "soft rows": lambda: np.full((60, 3), 1 / 3),
    "several answers": lambda: np.ones((60, 2), int),
    "not a number": lambda: np.r_[np.nan, np.ones(59)],
    "dates": lambda: np.array(["2020-01-01"] * 60, "M8[D]"),
    "two texts": lambda: np.column_stack([WORDS, WORDS]),
    "pandas measurements": pandas_of(lambda pd: pd.Series(np.linspace(0, 1, 60))),
    "polars measurements": polars_of(lambda pl: pl.Series(np.linspace(0, 1, 60))),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_function_knows_the_class_of_each_row(spelling):
    y = SPELLINGS[spelling]()
    np.testing.assert_array_equal(class_numbers(y), NUMBERS)
    np.testing.assert_array_equal(to_stratify_by(y, "y", None), NUMBERS)
    assert to_stratify_by(y, "y", False) is None


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_folds_and_splits_are_those_of_the_class_numbers(spelling):
    y, x = SPELLINGS[spelling](), np.arange(60)[:, None]
    for stratify in (None, True):
        expected = fold_numbers(NUMBERS, 7, stratify=stratify, seed=2)
        np.testing.assert_array_equal(fold_numbers(y, 7, stratify=stratify, seed=2), expected)
        (rows, _), (test, labels) = train_test_split(x, y, 0.3, stratify=stratify)
        np.testing.assert_array_equal(test, train_test_split(x, NUMBERS, 0.3)[1][0])
        assert np.bincount(NUMBERS[test[:, 0]]).tolist() == [6, 6, 6]
        np.testing.assert_array_equal(labels, np.asarray(y)[test[:, 0]])
        assert len(rows) == 42
    parts = train_validation_test_split(x, y, 0.2, 0.2)
    assert [np.bincount(NUMBERS[part[:, 0]]).tolist() for part, _ in parts] == [[12] * 3, [4] * 3, [4] * 3]


@pytest.mark.parametrize("spelling", TWO)
def test_every_fold_has_its_share_of_a_rare_class(spelling):
    y = TWO[spelling]()
    assert np.bincount(fold_numbers(y, 5)[:20]).tolist() == [4] * 5
    _, (test, _) = train_test_split(X, y, 0.25)
    assert (test < 20).sum() == 5


@pytest.mark.parametrize("targets", NO_CLASSES)
def test_other_targets_are_divided_at_random_and_refused_where_classes_are_asked_for(targets):
    y, x = NO_CLASSES[targets](), np.arange(60)[:, None]
    assert class_numbers(y) is None
    np.testing.assert_array_equal(fold_numbers(y, 4), fold_numbers(y, 4, stratify=False))
    np.testing.assert_array_equal(train_test_split(x, y)[1][0], train_test_split(x, y, stratify=False)[1][0])
    for divide in (
        lambda: fold_numbers(y, 4, stratify=True),
        lambda: train_test_split(x, y, stratify=True),
        lambda: train_validation_test_split(x, y, stratify=True),
    ):
        with pytest.raises(fm.ArgumentError, match=r"stratify=True needs class labels in y: .* stratify=False"):
            divide()


def test_whole_numbers_with_a_point_may_be_measurements():
    ages = np.random.default_rng(0).permutation(60).astype(float)
    assert to_stratify_by(ages, "y", None) is None
    np.testing.assert_array_equal(to_stratify_by(ages, "y", True), ages)  # whoever asks for it knows
    np.testing.assert_array_equal(
        train_test_split(ages, ages)[1][0], train_test_split(ages, ages, stratify=False)[1][0]
    )


@pytest.mark.parametrize("missing", [None, float("nan"), "pandas"])
def test_rows_without_a_label_are_named(missing):
    missing = pytest.importorskip("pandas").NA if missing == "pandas" else missing
    y = np.array(["a", missing, "b", "b", "a", "a"], object)
    for divide in (lambda: fold_numbers(y, 2), lambda: train_test_split(np.zeros((6, 1)), y)):
        with pytest.raises(fm.ArgumentError, match=r"y\[1\] is .*: drop such rows, or give stratify=False"):
            divide()
    assert len(train_test_split(np.zeros((6, 1)), y, stratify=False)) == 2


@pytest.mark.parametrize("wrong", ["yes", 1, 0, "auto"])
def test_stratify_is_yes_or_no(wrong):
    for divide in (lambda: fold_numbers(RARE, 4, stratify=wrong), lambda: train_test_split(X, RARE, stratify=wrong)):
        with pytest.raises(fm.ArgumentTypeError, match="stratify must be True or False"):
            divide()


@pytest.mark.parametrize(
    "spelling", ["pandas Series", "pandas Categorical", "objects, texts", "a column", "one-hot rows", "polars Series"]
)
def test_cross_validation_divides_labels_of_every_kind(spelling):
    y = SPELLINGS[spelling]()
    x = np.eye(3)[NUMBERS] + 0.01 * np.arange(60)[:, None]
    result = fm.cross_validate(lambda: fm.mlp([], classes=3, seed=0), x, y, folds=4, stratify=True, epochs=1)
    assert all(np.bincount(NUMBERS[result.fold == fold]).tolist() == [5, 5, 5] for fold in range(4))


def test_cross_validation_of_a_rare_class_of_a_series():
    y = pytest.importorskip("pandas").Series(np.where(RARE > 0, "ill", "well"))
    result = fm.cross_validate(lambda: fm.mlp([], classes=2, seed=0), X, y, folds=5, epochs=1, stratify=True)
    assert np.bincount(result.fold[:20]).tolist() == [4] * 5
