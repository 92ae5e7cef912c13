"""Tables from files, with columns of any kind; what is wrong in a file is named by line and column."""

import gzip
import tracemalloc

import numpy as np
import pytest

from fastmlp._base.errors import ArgumentError, DataFileError, MissingExtraError
from fastmlp.tables import pieces, read_table
from fastmlp.tables.reading import blocks, opened, read

PEOPLE = """id,name,age,joined,member,score
1,"Smith, John",31,2024-01-02,True,1.5
2,O'Hara,NA,,False,2.25
3,,40,2023-12-31,True,
"""


@pytest.fixture(autouse=True)
def in_own_folder(own_folder):
    """Files are written to the working directory."""


def check_people(table):
    assert list(table) == ["id", "name", "age", "joined", "member", "score"]
    assert table["name"].tolist() == ["Smith, John", "O'Hara", None]
    np.testing.assert_array_equal(table["age"], [31, np.nan, 40])
    np.testing.assert_array_equal(table["joined"], np.array(["2024-01-02", "NaT", "2023-12-31"], "M8[us]"))
    assert (table["member"].tolist(), table["member"].dtype) == ([True, False, True], np.bool_)
    np.testing.assert_array_equal(table["score"], [1.5, 2.25, np.nan])


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_ends_of_lines_marks_and_gzip(write, end, mark, pack):
    text = (mark + PEOPLE).replace("\n", end).encode()
    check_people(read_table(write(pack(text))))
    check_people(read_table(write(pack(text.removesuffix(end.encode())))))
    check_people(read_table(write(pack(text + end.encode() * 3))))


@pytest.mark.parametrize("separator", [";", "\t", "|", " "])
def test_separators(write, separator):
    text = PEOPLE.replace('"Smith, John"', "'S'").replace(",", separator).replace("'S'", '"Smith, John"')
    check_people(read_table(write(text), separator="auto" if separator in ";\t" else separator))


def test_quoted_fields(write):
    table = read_table(write('a,b\n"1","say ""no"""\n"2","two\nlines, here"\n"",""\n'))
    assert table["b"].tolist() == ['say "no"', "two\nlines, here", None]
    np.testing.assert_array_equal(table["a"], [1, 2, np.nan])
    table = read_table(write('a,b\n1, "x, y"\n2,6" pipe\n'))  # such quotes are not plain
    assert table["b"].tolist() == ["x, y", '6" pipe']


def test_decimal_commas_only_where_they_can_be_nothing_else(write):
    assert read_table(write("a;b\n1,5;x\n2;y\n"))["a"].tolist() == [1.5, 2]
    assert read_table(write("a;b\n1,500;x\n2;y\n"))["a"].tolist() == ["1,500", "2"]  # 1.5, or 1500
    assert read_table(write("a;b\n1,500;x\n2;y\n"), decimal=",")["a"].tolist() == [1.5, 2]
    assert read_table(write("a;b\n1,5;1.5\n2;2\n"))["b"].tolist() == [1.5, 2]
    assert read_table(write("a;b\n1,5;x\n2;y\n"), decimal=".")["a"].tolist() == ["1,5", "2"]
    assert read_table(write('a,b\n"1,5",x\n2,y\n'))["a"].tolist() == ["1,5", "2"]


def test_names_of_columns(write):
    assert list(read_table(write(" a , b\nx,1\n"))) == ["a", "b"]
    assert list(read_table(write("1.5,x\n2.5,y\n"))) == ["column_1", "column_2"]
    assert list(read_table(write("2019,x\n1,y\n"), columns=["x"])) == ["x"]  # who asks for it knows the header
    assert list(read_table(write(",a,b\n0,x,1\n1,y,2\n"))) == ["a", "b"]  # as pandas writes the index
    assert opened("data.csv").nameless == (0,)
    with pytest.raises(DataFileError, match=r"name of its own for each column .* found 'a' for columns 1 and 2"):
        read_table(write("a,a\nx,1\n"))


def test_columns_that_are_asked_for(write):
    path = write(PEOPLE)
    assert list(read_table(path, columns=["score", "id"])) == ["score", "id"]
    with pytest.raises(ArgumentError, match=r"data\.csv has no column 'mood'; it has 'id', 'name', .* and 1 more"):
        read_table(path, columns=["mood"])


def test_one_column(write):
    np.testing.assert_array_equal(read_table(write("age\n1\n\n3\n"))["age"], [1, 3])
    assert read_table(write("age\r\n1\r\n\r\n3"))["age"].tolist() == [1, 3]


# ---------------------------------------------------------------- pieces


@pytest.fixture(params=[1, 7, 64, 1000])
def small_pieces(request, monkeypatch):
    monkeypatch.setattr(pieces, "SIZE", request.param)


def test_pieces_of_any_size_make_the_same_table(write, small_pieces):
    check_people(read_table(write(PEOPLE)))
    check_people(read_table(write(PEOPLE.replace("\n", "\r\n"))))
    text = 'a,b\n1,"x\n\ny"\n2,"""z"""\n' * 5
    table = read_table(write("a,b\n" + text.replace("a,b\n", "")))
    assert table["b"].tolist() == ["x\n\ny", '"z"'] * 5
    assert table["a"].tolist() == [1, 2] * 5


def test_a_kind_that_shows_late(write, small_pieces):
    path = write("a,b\n" + "1.0,2024-01-01\n" * 9 + "x,\n" + "2.50,soon\n")
    table = read_table(path)
    assert table["a"].tolist() == ["1.0"] * 9 + ["x", "2.50"]
    assert table["b"].tolist() == ["2024-01-01"] * 9 + [None, "soon"]


def test_plain_files_are_read_in_whole_pieces(write, small_pieces, monkeypatch):
    """The other way takes several times as long."""
    monkeypatch.setattr(pieces, "_by_rows", None)
    check_people(read_table(write(PEOPLE)))
    table = read_table(write('a,b\n1,"x\n\ny"\n2,"""z"", ""\n"""\n'))
    assert table["b"].tolist() == ["x\n\ny", '"z", "\n"']


def test_blocks(write, small_pieces):
    file = opened(write(PEOPLE))
    whole, kinds = read(file)
    assert kinds == {"id": "number", "name": "text", "age": "number", "joined": "date", "member": "truth",
                     "score": "number"}  # fmt: skip
    parts = list(blocks(file, ["age", "name"], kinds))
    np.testing.assert_array_equal(np.concatenate([part["age"] for part in parts]), whole["age"])
    assert [name for part in parts for name in part["name"]] == whole["name"].tolist()


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3: expected 2 fields, as in line 1, found 1"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: expected 2 fields, as in line 1, found 3"),
        ('a,b\n1,"x\ny"\n2,x,\n', "line 4: expected 2 fields, as in line 1, found 3"),
        ('a,b\n1,2\n3,"x\n4,5\n', "line 3: expected fields with each quote closed"),
        ('a,b\n1,2\n3,"x"y\n', "line 3: expected fields with each quote closed"),
        ("a,b\n1,x\n2,\0\n", "line 3: expected text, found a null byte"),
        ("a,b\n1,x\n1e999,y\n", r"line 3: column 1 \('a'\): expected a finite number, found an infinite one"),
        ("a,b\n1,x\n\n-inf,y\n", r"line 4: column 1 \('a'\): expected a finite number"),
        ("a,b\n", "expected rows below the names of the columns, found none"),
        ("", "found an empty file"),
        (b"a,b\n1,\xff\n", "expected UTF-8 text"),
        (b"PK\x03\x04....", "found a zip file, such as a spreadsheet or an NPZ file; save the table as CSV"),
        (b"\x93NUMPY....", "found an array of NumPy"),
        (b"SQLite format 3", "found a database"),
        ("a,b\n1,2\n".encode("utf-16"), "save it as CSV in UTF-8"),
    ],
)
def test_faults_of_files(write, small_pieces, text, message):
    with pytest.raises(DataFileError, match=rf"data\.csv: (expected .*)?{message}"):
        read_table(write(text))


def test_fields_of_another_kind_than_is_known(write, small_pieces):
    path = write('a,b,c\n1,"two\nlines",True\n2,y,False\nO,z,1\n')
    with pytest.raises(
        DataFileError, match=r"line 5: column 1 \('a'\): expected a number, as in .*, found 'O'; correct"
    ):
        read_table(path, kinds={"a": "number"})
    with pytest.raises(DataFileError, match=r"line 5: column 3 \('c'\): expected True or False, .* found '1'"):
        read_table(path, kinds={"c": "truth"})
    assert read_table(path, kinds={"a": "text"})["a"].tolist() == ["1", "2", "O"]
    with pytest.raises(
        ArgumentError, match=r"kinds\['a'\] must be one of 'date', 'number', 'text', 'truth', not 'int'"
    ):
        read_table(path, kinds={"a": "int"})


def test_files_that_expand_too_far(write, monkeypatch):
    monkeypatch.setattr("fastmlp.datasets._open._ALWAYS", 1000)
    with pytest.raises(DataFileError, match="expected at most"):
        read_table(write(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)))


def test_files_of_columns_need_a_library(write, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    for start in (b"PAR1....", b"ARROW1.."):
        with pytest.raises(MissingExtraError, match=r"needs pyarrow, .* pip install 'fastmlp\[tables\]'"):
            read_table(write(start))


def test_memory_stays_near_the_size_of_the_file(write, monkeypatch):
    """Three times the file, as its numbers are kept in float64 and its words once."""
    random = np.random.default_rng(0)
    lines = [f"{x:.4f},{y:.3f},city {k},{bool(k % 2)},2024-01-{k % 28 + 1:02d}" for x, y, k in
             zip(*random.normal(size=(2, 30_000)), random.integers(0, 30, 30_000), strict=True)]  # fmt: skip
    path = write("a,b,c,d,e\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr(pieces, "SIZE", 1 << 16)
    size = len("\n".join(lines))
    del lines
    tracemalloc.start()
    read_table(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * size
