"""``load_csv``, and CSV files in ``load``: which column is what, and errors that name line and column."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmlp._base.errors import ArgumentError, DataFileError
from fastmlp.datasets import csv_text, load, load_csv

X = [[0, 255, 7], [1, 2, 3], [9, 0, 0], [4, 4, 4]]
Y = [2, 0, 1, 2]


def lines(*rows, header=None):
    text = [",".join(map(str, row)) for row in rows]
    return "\n".join(([header] if header else []) + text) + "\n"


LABELLED = [[y, *x] for x, y in zip(X, Y, strict=True)]
ONE_HOT = [[*(int(y == k) for k in range(3)), *x] for x, y in zip(X, Y, strict=True)]
LAYOUTS = {
    "1x1 header": lines(*LABELLED, header="label,1x1,1x2,1x3"),
    "pixel header": lines(*LABELLED, header="label,pixel0,pixel1,pixel2"),
    "numbered header": lines(*LABELLED, header="label,0,1,2"),
    "label last": lines(*[[*row[1:], row[0]] for row in LABELLED], header="a,b,c,Class"),
    "no header": lines(*LABELLED),
    "no newline at the end": lines(*LABELLED).rstrip("\n"),
    "empty lines at the end": lines(*LABELLED) + "\n\n",
    "CRLF": lines(*LABELLED).replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + lines(*LABELLED, header="label,1x1,1x2,1x3"),
    "byte order mark, no header": "\ufeff" + lines(*LABELLED),
    "spaces": lines(*LABELLED).replace(",", " , "),
    "quotes": lines(*LABELLED, header='"label","a","b","c"').replace("255", '"255"'),
    "decimal points": lines(*[[f"{value}.0" for value in row] for row in LABELLED]),
    "one-hot, no header": lines(*ONE_HOT),
    "one-hot, decimal points": lines(*[[f"{value}.0" for value in row] for row in ONE_HOT]),
    "coordinates": lines(*LABELLED, header="label,x,y,z"),
    "y": lines(*LABELLED, header="y,a,b,c"),
    "one-hot, label_0": lines(*ONE_HOT, header="label_0,label_1,label_2,p0,p1,p2"),
    "one-hot, class1": lines(*ONE_HOT, header="class1,class2,class3,a,b,c"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_layouts(write, layout, pack):
    path = write(pack(LAYOUTS[layout].encode()))
    for dtype in (None, "uint8", "float32"):
        table = load_csv(path, dtype=dtype)
        np.testing.assert_array_equal(table.x, X)
        np.testing.assert_array_equal(table.y, Y)
        assert (table.x.dtype, table.y.dtype) == (dtype or "float64", np.int64)
        assert table.x.flags.c_contiguous
        assert table.class_names is None


def test_feature_names_and_one_hot_width_are_kept(write):
    table = load_csv(write(LAYOUTS["label last"]))
    assert table.feature_names == ("a", "b", "c")
    assert table.n_classes_one_hot == 0
    assert load_csv(write(LAYOUTS["one-hot, no header"])).n_classes_one_hot == 3
    assert load_csv(write(LAYOUTS["no header"])).feature_names is None


@pytest.mark.parametrize("header", ["pixel0,pixel1,pixel2", "1x1,1x2,1x3", "x0,x1,x2"])
def test_files_without_labels(write, header):
    table = load_csv(write(lines(*X, header=header)))
    assert table.y is None
    np.testing.assert_array_equal(table.x, X)


def test_a_header_of_bare_numbers(write):
    table = load_csv(write(lines([5] * 9, header=",".join(map(str, range(9))))))
    assert table.x.shape == (1, 9)
    assert table.y is None


def test_ten_one_hot_columns_and_784_pixels(write):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (30, 784)) * (rng.random((30, 784)) < 0.2)
    x[:, :50] = x[:, -50:] = 0
    y = np.arange(30) % 10
    path = write(lines(*np.hstack([np.eye(10, dtype=int)[y], x]).tolist()))
    table = load_csv(path, dtype="uint8")
    np.testing.assert_array_equal(table.x, x)
    np.testing.assert_array_equal(table.y, y)


def test_one_hot_in_doubt_asks(write):
    rows = [[0, 1, 0, 0, 9], [0, 0, 0, 1, 8]]
    path = write(lines(*rows))
    with pytest.raises(DataFileError, match=r"data\.csv: .*n_classes_one_hot"):
        load_csv(path)
    assert load_csv(path, n_classes_one_hot=4).y.tolist() == [1, 3]
    assert load_csv(path, n_classes_one_hot=0, label=0).y.tolist() == [0, 0]


def test_binary_labels_are_not_taken_for_one_hot(write):
    assert load_csv(write("0,0,0\n1,0,1\n1,1,0\n0,1,1\n"), label=0).y.tolist() == [0, 1, 1, 0]
    assert load_csv(write("1,0,7\n1,0,8\n"), label=0).y.tolist() == [1, 1]


def test_label_chosen_by_name_and_number(write):
    named = write(lines(*LABELLED, header="kind,a,b,c"))
    with pytest.raises(DataFileError, match=r"data\.csv: .*found the columns 'kind', 'a', 'b', 'c'; .*label='name'"):
        load_csv(named)
    assert load_csv(named, label="kind").y.tolist() == Y
    assert load_csv(named, label=0).y.tolist() == Y
    assert load_csv(named, label=-1).y.tolist() == [row[-1] for row in LABELLED]
    everything = load_csv(named, label=None)
    assert everything.y is None
    np.testing.assert_array_equal(everything.x, LABELLED)


def test_label_none_leaves_out_what_the_header_calls_labels(write):
    for layout in ("1x1 header", "label last", "one-hot, label_0"):
        table = load_csv(write(LAYOUTS[layout]), label=None)
        assert table.y is None
        np.testing.assert_array_equal(table.x, X)


@pytest.mark.parametrize("header", [None, "label,length,width"])
def test_words_as_labels(write, header):
    table = load_csv(write(lines(["rose", 1.5, 2], ["iris", 3, 4], ["rose", 5, -6], header=header)), dtype="float32")
    assert table.class_names == ("iris", "rose")
    assert table.y.tolist() == [1, 0, 1]
    assert table.x.dtype == np.float32
    np.testing.assert_array_equal(table.x, [[1.5, 2], [3, 4], [5, -6]])


def test_words_in_the_last_column(write):
    table = load_csv(write("5.1,3.5,setosa\n4.9,3.0,virginica\n"), label=-1)
    assert table.class_names == ("setosa", "virginica")


@pytest.mark.parametrize("value", [255, 256, -1, 0.5, 1e30, 1e300])
def test_no_value_changes_the_dtype(write, value):
    table = load_csv(write(lines([1, 2, 3], [0, value, 3])), label=0)
    assert table.x.dtype == np.float64
    assert table.x[1, 0] == value


FAULTS = {
    "empty": (b"", "empty file"),
    "blank": ("\n\n", "empty first line"),
    "header alone": ("label,a,b\n", "expected rows of numbers below the header"),
    "ragged": ("label,a,b\n1,2,3\n1,2\n", r"line 3: expected 3 fields, as in line 1, found 2"),
    "ragged, no header": ("1,2,3\n4,5,6\n1,2,3,4\n", r"line 3: expected 3 fields, as in line 1, found 4"),
    "header wider than the rows": ("a,b,label\n1,2\n", r"line 2: expected 3 fields, as in line 1, found 2"),
    "header wider, fractions": ("label,a,b\n1,0.5\n", "line 2: expected 3 fields, as in line 1, found 2"),
    "ragged but divisible": ("1,2,3,4\n1,2\n3,4\n", r"line 2: expected 4 fields"),
    "word": ("label,a,b\n1,2,3\n1,2,x\n", r"line 3: column 3 \('b'\): expected a number, found 'x'"),
    "missing": ("1,2,3\n4,,6\n", "line 2: column 2: expected a number, found nothing"),
    "NaN": ("1,2,3\n4,5,nan\n", "line 2: column 3: expected a finite number, found nan"),
    "infinite": ("1,2,3\n4,inf,6\n", "line 2: column 2: expected a finite number, found inf"),
    "beyond float64": ("1,2,3\n4,1e399,6\n", "line 2: column 2: expected a finite number, found 1e399"),
    "negative label": ("label,a\n-1,2\n", r"0 to 255 in column 1 \('label'\), found -1.* in row 0"),
    "label too large": ("label,a\n0,1\n256,2\n", r"0 to 255 in column 1 \('label'\), found 256.* in row 1"),
    "fractional label": ("label,a\n0.5,2\n", r"0 to 255 in column 1 \('label'\), found 0.5"),
    "missing label": ("cat,2,3\n,2,3\n", "expected a label in column 1 of every row, found '' in row 1"),
    "not one-hot": ("label_0,label_1,a\n1,0,3\n1,1,3\n", r"one-hot labels .* found \[1.*, 1.*\] in row 1"),
    "two label columns": ("label,target,a\n1,0,3\n", "found the columns 'label', 'target', 'a'"),
    "unnamed column": (",label,a\n0,1,2\n", "name for every column .* none for column 1"),
    "one-hot labels alone": ("label_0,label_1\n0,1\n1,0\n", "expected features besides the labels"),
    "far too many words": (
        "label,a\n" + "".join(f"w{i},1\n" for i in range(300)),
        "at most 256 different words, found 300",
    ),
    "coordinates": ("x,y\n1,2\n", "found the columns 'x', 'y'"),
    "Latin-1 very far down": (b"a,1.5\n" * 9000 + b"\xf6,2\n", "expected UTF-8 text"),
    "labels alone": ("label\n1\n2\n", "expected features besides the labels"),
    "binary": (b"\0\0\x08\x03", "binary data"),
    "UTF-16": ("label,a\n1,2\n".encode("utf-16"), "UTF-16"),
    "Latin-1 header": ("label,gr\u00f6\u00dfe\n1,2\n".encode("latin-1"), "expected UTF-8 text"),
    "Latin-1 further down": ("label,a\ngr\u00f6\u00dfe,2\n".encode("latin-1"), "expected UTF-8 text"),
    "truncated gzip": (gzip.compress(b"1,2,3\n" * 1000)[:-9], "truncated or damaged"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_named(write, case):
    content, message = FAULTS[case]
    with pytest.raises(DataFileError, match=rf"faulty\.csv: .*{message}"):
        load_csv(write(content, "faulty.csv"))


def test_what_python_but_not_numpy_reads_as_a_number(write):
    with pytest.raises(DataFileError, match=r"data\.csv: line 1: column 2: expected a number, found '2_000'"):
        load_csv(write("1,2_000\n1,3\n"), label=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "d"}, "has the columns 'kind', 'a', 'b', 'c'"),
        ({"label": 4}, "label must be a column"),
        ({"n_classes_one_hot": 4}, "n_classes_one_hot must be an integer of 0 to 3"),
        ({"n_classes_one_hot": -1}, "n_classes_one_hot must be"),
    ],
)
def test_wrong_arguments(write, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        load_csv(write(lines(*LABELLED, header="kind,a,b,c")), **arguments)


def test_label_by_name_needs_a_header(write):
    with pytest.raises(ArgumentError, match="has no header"):
        load_csv(write(lines(*LABELLED)), label="kind")


@pytest.mark.parametrize("block", [1, 7, 64])
def test_the_fast_way_in_blocks_of_any_size(write, monkeypatch, block):
    monkeypatch.setattr(csv_text, "_BLOCK", block)
    values = np.random.default_rng(0).integers(0, 256, (23, 5))
    text = csv_text.CsvText(write(lines(*values.tolist(), header="a,b,c,d,e")), list("abcde"), 5, 1)
    np.testing.assert_array_equal(csv_text.read_small_integers(text), values)


@given(st.lists(st.lists(st.integers(-5, 300), min_size=3, max_size=3), min_size=1, max_size=8))
def test_the_fast_way_agrees_with_python_or_declines(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_text(lines(*rows))
    fast = csv_text.read_small_integers(csv_text.CsvText(path, None, 3))
    if np.min(rows) < 0 or np.max(rows) > 255:
        assert fast is None
    else:
        np.testing.assert_array_equal(fast, rows)


@pytest.mark.parametrize("field", ["", "1234", "1.", "+1", "1e1", " 1", "x", "999"])
def test_the_fast_way_declines_what_it_does_not_know(write, field):
    text = csv_text.CsvText(write(f"1,2\n3,{field}\n"), None, 2)
    assert csv_text.read_small_integers(text) is None


# CSV files in load


def test_load_splits_a_sixth_off_a_single_file(write):
    rows = [[y, value, 0] for value in range(36) for y in (0, 1)]
    path = write(lines(*rows))
    (x, y), (x_test, y_test) = load(path)
    assert (len(x), len(x_test)) == (60, 12)
    assert np.bincount(y_test).tolist() == [6, 6]
    together = sorted(map(tuple, np.vstack([np.c_[y, x], np.c_[y_test, x_test]]).tolist()))
    assert together == sorted(map(tuple, rows))
    np.testing.assert_array_equal(load(path)[1][0], x_test)
    assert (load(path, seed=1)[1][0] != x_test).any()


@pytest.mark.parametrize("prefix", ["", "mnist_", "fashion-mnist_"])
@pytest.mark.parametrize("pack", [False, True])
def test_load_a_folder_with_train_and_test(write, tmp_path, prefix, pack):
    for part, rows in (("train", LABELLED), ("test", LABELLED[:2])):
        text = lines(*rows, header="label,1x1,1x2,1x3").encode()
        write(gzip.compress(text) if pack else text, f"{prefix}{part}.csv" + ".gz" * pack)
    (x, y), (x_test, y_test) = load(tmp_path)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(x_test, X[:2])
    np.testing.assert_array_equal(y_test, Y[:2])


def test_the_training_file_decides_the_one_hot_width(write, tmp_path):
    write(lines(*ONE_HOT), "train.csv")
    write(lines(ONE_HOT[1], ONE_HOT[1]), "test.csv")
    assert load(tmp_path)[1][1].tolist() == [0, 0]


def test_words_are_numbered_alike_in_train_and_test(write, tmp_path):
    write("a,1\nb,2\nc,3\n", "train.csv")
    write("c,1\nb,2\n", "test.csv")
    assert load(tmp_path)[1][1].tolist() == [2, 1]
    write("d,1\nb,2\n", "test.csv")
    with pytest.raises(DataFileError, match=r"test\.csv: expected the labels of .*train\.csv \(a, b, c\), found 'd'"):
        load(tmp_path)
    write("0,1\n1,2\n", "test.csv")
    with pytest.raises(DataFileError, match=r"test\.csv: expected the labels of .*found 'numbers'"):
        load(tmp_path)


def test_train_and_test_get_one_dtype(write, tmp_path):
    write("0,1,2\n1,3,4\n", "train.csv")
    write("0,1,0.5\n1,3,4\n", "test.csv")
    (x, _), (x_test, _) = load(tmp_path, label=0)
    assert x.dtype == x_test.dtype == np.float64


def test_test_files_without_labels_are_no_test_files(write, tmp_path):
    write("label,pixel0,pixel1\n1,2,3\n", "train.csv")
    write("pixel0,pixel1\n2,3\n", "test.csv")
    with pytest.raises(DataFileError, match=r"test\.csv: expected labels, found features alone; use load_features"):
        load(tmp_path)
    with pytest.raises(DataFileError, match=r"test\.csv: expected labels"):
        load(tmp_path / "test.csv")


def test_widths_must_agree(write, tmp_path):
    write("0,1,2\n1,3,4\n", "train.csv")
    write("0,1\n1,3\n", "test.csv")
    with pytest.raises(DataFileError, match=r"test\.csv: expected 2 features .*train\.csv, found 1"):
        load(tmp_path, label=0)
