"""Raw tables of every kind become the same plain columns."""

import datetime
import decimal

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp.tables.columns import Columns, columns_of, is_table

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

WHEN = [datetime.datetime(2024, 2, 29, 6, 30), None, datetime.datetime(1969, 7, 20)]
ROWS = [
    {"age": 31, "pay": 2.5, "city": "Rome", "member": True, "since": WHEN[0]},
    {"age": 40, "pay": None, "city": None, "member": False, "since": WHEN[1]},
    {"age": 17, "pay": -1.0, "city": "Oslo", "member": True, "since": WHEN[2]},
]
LISTS = {key: [row[key] for row in ROWS] for key in ROWS[0]}


def structured():
    kinds = [("age", "u1"), ("pay", "f4"), ("city", "O"), ("member", "?"), ("since", "M8[s]")]
    rows = [tuple(np.nan if key == "pay" and item is None else item for key, item in row.items()) for row in ROWS]
    return np.array(rows, kinds)


def arrow():
    return pytest.importorskip("pyarrow").table(LISTS)


TABLES = {
    "list of dicts": lambda: ROWS,
    "dict of lists": lambda: LISTS,
    "dict of arrays": lambda: {key: np.array(column, object) for key, column in LISTS.items()},
    "structured array": structured,
    "pandas": lambda: pd.DataFrame(LISTS),
    "pandas objects": lambda: pd.DataFrame(LISTS, dtype=object),
    "pandas nullable": lambda: pd.DataFrame(LISTS).convert_dtypes(),
    "polars": lambda: pl.DataFrame(LISTS),
    "arrow": arrow,
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_every_kind_become_the_same_columns(kind):
    table = TABLES[kind]()
    assert is_table(table)
    found = columns_of(table)
    assert list(found) == list(LISTS)
    assert found.rows == 3
    assert [str(column.dtype) for column in found.values()] == [
        "float64",
        "float64",
        "object",
        "bool",
        "datetime64[us]",
    ]
    np.testing.assert_array_equal(found["age"], [31, 40, 17])
    np.testing.assert_array_equal(found["pay"], [2.5, np.nan, -1])
    assert found["city"].tolist() == ["Rome", None, "Oslo"]
    assert found["member"].tolist() == [True, False, True]
    assert found["since"].tolist() == WHEN
    assert not found.categorical


def column(values):
    return columns_of({"it": values})["it"]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([True, None, False], [1, np.nan, 0]),
        (pd.Series([True, None, False], dtype="boolean"), [1, np.nan, 0]),
        (pl.Series([True, None, False]), [1, np.nan, 0]),
        ([decimal.Decimal("1.5"), None, 2], [1.5, np.nan, 2]),
        (pl.Series([1, None, 3]), [1, np.nan, 3]),
        (pd.Series([1, None, 3], dtype="Int8"), [1, np.nan, 3]),
        (pd.Series([1, pd.NA, 3], dtype=object), [1, np.nan, 3]),
        (pd.arrays.SparseArray([0, 0, 2]), [0, 0, 2]),
        (np.array([1, 2, 3], np.uint8), [1, 2, 3]),
        (np.array([[1], [2], [3]]), [1, 2, 3]),
        (np.ma.array([1, 2, 3], mask=[0, 1, 0]), [1, np.nan, 3]),
        ([None, None], [np.nan, np.nan]),
        (pl.Series([None, None]), [np.nan, np.nan]),
        ([], []),
        ([datetime.timedelta(hours=12), None], [0.5, np.nan]),
        (pd.Series(pd.to_timedelta(["1D", None])), [1, np.nan]),
        ([datetime.time(6, 30), None, np.nan], [6.5, np.nan, np.nan]),
        (pl.Series([datetime.time(6, 30), None]), [6.5, np.nan]),
    ],
)
def test_numbers(values, wanted):
    found = column(values)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["a", None, np.nan], ["a", None, None]),
        (["a", pd.NA, pd.NaT], ["a", None, None]),
        (["a", 3, 3.0, 0.25, True], ["a", "3", "3", "0.25", "True"]),
        (np.array([b"caf\xc3\xa9", b""]), ["café", ""]),
        (np.array(["a", "b"]), ["a", "b"]),
        (pd.Series(["a", None]), ["a", None]),
        (pd.Series(["a", None], dtype="string"), ["a", None]),
        (pd.Categorical(["b", None, "a"]), ["b", None, "a"]),
        (pl.Series(["b", None], dtype=pl.Categorical), ["b", None]),
        (pl.Series(["b", None], dtype=pl.Enum(["a", "b"])), ["b", None]),
        (np.ma.array(["a", "b"], mask=[0, 1]), ["a", None]),
        ([2**53 + 1, 2**53 + 2], ["9007199254740993", "9007199254740994"]),
        (np.array([2**53 + 1, 5]), ["9007199254740993", "5"]),
        (pd.Series([2**63, None], dtype="UInt64"), ["9223372036854775808", None]),
        (pl.Series([2**53 + 1, None]), ["9007199254740993", None]),
    ],
)
def test_texts(values, wanted):
    found = column(values)
    assert found.dtype == object
    assert found.tolist() == wanted


@pytest.mark.parametrize(
    "values",
    [
        WHEN,
        [*WHEN[:1], np.nan, WHEN[2]],
        np.array(WHEN, "M8[ms]"),
        pd.Series(WHEN),
        pd.Series(WHEN).dt.tz_localize("Asia/Kathmandu"),
        pl.Series(WHEN).dt.replace_time_zone("Asia/Kathmandu"),
        [None if item is None else pd.Timestamp(item, tz="Asia/Kathmandu") for item in WHEN],
        np.ma.array(np.array(WHEN, "M8[s]"), mask=[0, 1, 0]),
        pd.Categorical(pd.Series(WHEN)),
    ],
)
def test_dates_are_what_clocks_showed_there(values):
    found = column(values)
    assert found.dtype == np.dtype("M8[us]")
    assert found.tolist() == WHEN


@pytest.mark.parametrize(
    "values",
    [[datetime.date(2024, 2, 29)], pl.Series([datetime.date(2024, 2, 29)]), pd.period_range("2024-02-29", periods=1)],
)
def test_days(values):
    assert column(values).tolist() == [datetime.datetime(2024, 2, 29)]


def test_categories_of_numbers_stay_numbers_and_are_known_as_categories():
    frame = pd.DataFrame({"zone": pd.Categorical([3, None, 1]), "age": [1, 2, 3]})
    found = columns_of(frame)
    np.testing.assert_array_equal(found["zone"], [3, np.nan, 1])
    assert found.categorical == {"zone"}
    assert columns_of(pl.DataFrame({"a": ["x"]}, schema={"a": pl.Categorical})).categorical == {"a"}
    assert found.without(["zone"]).categorical == frozenset()


def test_columns_of_arrow():
    pa = pytest.importorskip("pyarrow")
    when = pa.array(WHEN, pa.timestamp("s", tz="Asia/Kathmandu"))
    shown = [datetime.datetime(2024, 2, 29, 12, 15), None, datetime.datetime(1969, 7, 20, 5, 30)]
    found = columns_of(
        pa.table({"a": pa.array(["x", None, "y"]).dictionary_encode(), "b": when, "c": [2**60, 1, None]})
    )
    assert found["a"].tolist() == ["x", None, "y"]
    assert found.categorical == {"a"}
    assert found["b"].tolist() == shown
    assert found["c"].tolist() == [str(2**60), "1", None]


def test_rows_without_a_key_have_a_missing_value():
    found = columns_of([{"a": 1}, {"b": "x"}])
    np.testing.assert_array_equal(found["a"], [1, np.nan])
    assert found["b"].tolist() == [None, "x"]


def test_columns_are_read_once():
    found = columns_of(LISTS)
    assert columns_of(found) is found
    assert found.at([2, 0])["city"].tolist() == ["Oslo", "Rome"]
    assert found.at(slice(1)).rows == 1


def test_names_become_texts():
    assert list(columns_of(pd.DataFrame([[1, 2]]))) == ["0", "1"]
    assert list(columns_of({("a", 1): [1]})) == ["('a', 1)"]
    assert isinstance(columns_of({1: [1]}), Columns)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "2 columns of the name 'a': rename"),
        (lambda: pd.DataFrame([[1, 2]], columns=[1, "1"]), r"2 columns of the name '1' as texts \(1, '1'\)"),
        (lambda: pd.DataFrame(), "has no columns"),
        (dict, "has no columns"),
        (lambda: {"a": [1], "b": [1, 2]}, "'a' has 1 rows and 'b' has 2"),
        (lambda: np.ones((2, 3)), r"named columns.*ndarray of shape \(2, 3\) without names.*pandas.DataFrame"),
        (lambda: [[1, 2]], "without names"),
        (lambda: pd.Series([1]), "named columns"),
        (lambda: "people.csv", "not 'people.csv'"),
        (lambda: None, "not None"),
        (lambda: pl.DataFrame({"a": [1]}).lazy(), r"LazyFrame.*use x.collect\(\)"),
        (lambda: {"a": 3, "b": "x"}, "column 'a' of x must be a list.*not 3.*list of one dict"),
        (lambda: {"a": np.ones((2, 2))}, "one value for each row, not an array of shape"),
        (lambda: {"a": [[1, 2], [3]]}, r"holds builtins.list objects, such as \[1, 2\]: convert"),
        (lambda: {"a": [1j]}, "complex"),
        (lambda: {"a": np.array([1j])}, "complex128"),
        (lambda: {"a": [b"\xff"]}, "not UTF-8"),
        (lambda: {"a": ["x", datetime.date(2024, 1, 1)]}, "holds dates and texts together"),
        (lambda: {"a": np.array(["300000-01-01"], "M8[D]")}, "dates out of range"),
    ],
)
def test_what_is_no_table_is_refused(table, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        columns_of(table())


@pytest.mark.parametrize("x", [np.ones(3), [[1.0]], [], "text", None, 3, pd.Series([1])])
def test_other_data_are_no_tables(x):
    assert not is_table(x)
