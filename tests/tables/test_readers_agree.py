"""Whichever library reads a file, its columns are the same."""

import csv
import io

import numpy as np
import pytest

from fastmlp.tables import Columns, columns_of, pieces, read_table, reading
from fastmlp.tables.readers import PARSERS, best_parser
from fastmlp.tables.spelling import Spelled

NASTY = [
    "",
    "NA",
    "?",
    " ",
    "1",
    "-2.5",
    "1e5",
    "+7",
    "007",
    "0.1234567890123456789",
    "9007199254740993",
    "1_000",
    "nan",
    "None",
    "True",
    "false",
    "2024-02-29",
    "2024-02-30",
    "2024-01-01T10:00Z",
    "x",
    " padded ",
    "Ärger",
    "日本",
    "a b",
    "1,5",
    "it's",
    'say "no"',
    "two\nlines",
    "tab\there",
    ";",
    "e5",
    ".",
    "-",
    "0x10",
    "1e400",
    "\u2028",
    "\x0b",
]


@pytest.fixture(autouse=True)
def in_own_folder(own_folder):
    """Files are written to the working directory."""


@pytest.fixture(params=[name for name in PARSERS if name])
def library(request, monkeypatch):
    """A library that takes the pieces of all files; it fails where it would be given up in silence."""
    pytest.importorskip(request.param)
    parse, taken = PARSERS[request.param], []

    def counting(text, form, places):
        columns = parse(text, form, places)
        assert {len(column) for column in columns} == {pieces.rows_in(text)}, text
        taken.append(columns)
        return columns

    monkeypatch.setattr(reading, "best_parser", lambda n_bytes: counting)
    return taken


def same(found, expected):
    assert list(found) == list(expected)
    for name in expected:
        assert found[name].dtype == expected[name].dtype, name
        assert list(map(repr, found[name].tolist())) == list(map(repr, expected[name].tolist())), name


def by_hand(text, separator):
    """The same table with nothing but Python's csv."""
    names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    columns = {}
    for place, name in enumerate(names):
        columns[name] = Spelled()
        columns[name].add([row[place] for row in rows])
    return Columns({name: column.values() for name, column in columns.items()})


def written(random, choices, separator, end, quoting):
    rows = [random.choice(choices, 4).tolist() for _ in range(random.integers(1, 12))]
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([["first", "second", "third", "fourth"], *rows])
    return file.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_nasty_files(write, library, separator, end, quoting):
    random = np.random.default_rng(0)
    for choices in (
        [NASTY] * 20
        + [NASTY[:10]] * 10
        + [
            ["1", "2.5", "-3e2"],
            ["1", ""],
            ["10", "0"],
            ["10", "0.5", "-0"],
            ["10", "007"],
            ["1", "-01"],
            ["5", "0"],
            ["true", "False", "NA"],
        ]
    ):
        text = written(random, [c for c in choices if c != "1e400"], separator, end, quoting)
        found = read_table(write(text.encode()), separator=separator, decimal=".")
        same(found, by_hand(text, separator))
    assert library


@pytest.mark.parametrize("size", [40, 300, 1 << 20])
def test_pieces(write, library, monkeypatch, size):
    monkeypatch.setattr(pieces, "SIZE", size)
    random = np.random.default_rng(1)
    values, kinds = random.normal(size=300).tolist(), random.choice(["", "red", "blue"], 300)
    rows = [f'{value!r},{kind},"{value:.2f}"' for value, kind in zip(values, kinds, strict=True)]
    text = "a,b,c\n" + "\n".join(rows) + "\n"
    same(read_table(write(text)), by_hand(text, ","))
    assert len(library) >= (len(text) // 2) // max(size, 80)


def test_numbers_have_the_same_bits(write, library):
    """Spelled as pandas, Python and others do."""
    random = np.random.default_rng(2)
    bits = random.integers(0, 2**63, 3000, dtype=np.uint64).view(np.float64)
    values = np.concatenate([bits[np.isfinite(bits)], random.normal(size=1000), [5e-324, 2.2250738585072014e-308]])
    for form in ("{!r}", "{:.17g}", "{:.3e}", "{:.25e}"):
        spelled = [form.format(value) for value in values.tolist()]
        spelled = [text for text in spelled if set(text) - set("0123456789-")]  # others may be identities
        table = read_table(write("a,b\n" + "".join(f"{text},x\n" for text in spelled)))
        np.testing.assert_array_equal(table["a"].view(np.int64), np.array(list(map(float, spelled))).view(np.int64))


def test_small_files_need_no_other_library():
    assert best_parser(1000) is PARSERS[""]


# ---------------------------------------------------------------- files of columns


@pytest.fixture
def frame():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    return pandas.DataFrame(
        {
            "age": [31, 40, 7],
            "score": [1.5, None, 3],
            "city": ["Rome", None, "Oslo"],
            "joined": np.array(["2024-01-02", "NaT", "2023-12-31T08:30"], "M8[us]"),
            "member": [True, False, True],
            "kind": pandas.Categorical(["a", "b", "a"]),
        }
    )


@pytest.mark.parametrize("kind", ["parquet", "feather"])
@pytest.mark.parametrize("with_arrow", [True, False])
def test_files_of_columns(frame, kind, with_arrow, monkeypatch):
    getattr(frame, f"to_{kind}")(f"data.{kind}")
    frame.to_csv("data.csv", index=False)
    if not with_arrow:
        pytest.importorskip("polars")
        monkeypatch.setattr("fastmlp.tables.column_files._has_arrow", lambda: False)
    table = read_table(f"data.{kind}")
    same(table, columns_of(frame))
    same(table, read_table("data.csv"))
    same(read_table(f"data.{kind}", columns=["city", "age"]), columns_of(frame[["city", "age"]]))
    file = reading.opened(f"data.{kind}")
    assert file.names == tuple(frame.columns)
    _, kinds = reading.read(file)
    assert kinds == {
        "age": "number",
        "score": "number",
        "city": "text",
        "joined": "date",
        "member": "truth",
        "kind": "text",
    }
    monkeypatch.setattr("fastmlp.tables.column_files._ROWS", 2)
    parts = list(reading.blocks(file, ["city", "age"], kinds))
    assert [len(part["city"]) for part in parts] == [2, 1]
    assert [city for part in parts for city in part["city"]] == ["Rome", None, "Oslo"]
