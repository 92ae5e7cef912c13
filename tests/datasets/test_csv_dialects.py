"""CSV files as people have them: separators, decimal marks, ends of lines, quotes, byte order marks."""

import gzip

import numpy as np
import pytest

from fastmlp._base.errors import ArgumentError, ArgumentTypeError, DataFileError
from fastmlp.cli import main, trained
from fastmlp.datasets import load, load_csv, load_features

X, Y = [[1.5, -2.0], [3.25, 40.0], [0.5, 7.0]], [0, 1, 1]
WORDS = ["no", "yes", "yes"]


def lines(separator=",", decimal=".", header="a,b,label", labels=Y, quote="", end="\n"):
    rows = [[*(str(value).replace(".", decimal) for value in x), str(y)] for x, y in zip(X, labels, strict=True)]
    rows = [header.split(","), *rows] if header else rows
    return "".join(separator.join(f"{quote}{field}{quote}" for field in row) + end for row in rows)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_every_dialect(write, separator, decimal, end, quote):
    if separator == decimal and not quote:
        return
    options = {"separator": "auto" if separator in ",;\t" else separator, "decimal": decimal}
    if separator == decimal:
        with pytest.raises(ArgumentError, match="separator and decimal must be different characters, not both ','"):
            load_csv(write(lines()), separator=",", decimal=",")
        return
    for labels in (Y, WORDS):
        table = load_csv(write(lines(separator, decimal, labels=labels, quote=quote, end=end)), **options)
        assert table.x.tolist() == X
        assert table.y.tolist() == Y
        assert table.feature_names == ("a", "b")
    bare = write(lines(separator, decimal, header=None, quote=quote, end=end), "bare.csv")
    assert load_csv(bare, label=-1, **options).x.tolist() == X
    np.testing.assert_array_equal(load_features(bare, **options)[:, :2], X)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_pixels_in_every_dialect(write, mark, pack):
    text = pack(b"label,p0,p1\n1,0,255\n0,7,8\n".replace(b",", mark.encode()))
    assert load_csv(write(text), dtype="uint8").x.tolist() == [[0, 255], [7, 8]]
    bare = write(pack(b"1,0,255\r0,7,8\r".replace(b",", mark.encode()) * 6))
    assert load(bare, dtype="uint8", label=0)[0][0].shape == (10, 2)


def test_separators_are_told_by_what_they_make_of_the_lines(write):
    # Commas divide these lines alike as well, but not into numbers.
    assert load_csv(write("1,5;2,5;0\n1,7;2,0;1\n"), decimal=",", label=-1).x.tolist() == [[1.5, 2.5], [1.7, 2.0]]
    # Semicolons within words separate nothing.
    table = load_csv(write("kind;of,a,b\nrose;red,1,2\niris;blue,3,4\n"), label=0)
    assert table.class_names == ("iris;blue", "rose;red")
    assert load_csv(write('label;"a,b";c\n1;2;3\n0;4;5\n')).feature_names == ("a,b", "c")


def test_decimal_commas_are_never_guessed(write):
    path = write("a;label\n1,5;0\n2,5;1\n")
    with pytest.raises(
        DataFileError, match=r"line 2: column 1 \('a'\): .* if this is a decimal comma, say decimal=','"
    ):
        load_csv(path)
    assert load_csv(path, decimal=",").x.ravel().tolist() == [1.5, 2.5]
    with pytest.raises(DataFileError, match=r"'1,5'; if this is a decimal comma"):
        load_features(write("1,5;2,5\n"))


@pytest.mark.parametrize("field", ["1.5", "1.234,5", "1,2,3", "1.000"])
def test_points_beside_decimal_commas_are_refused(write, field):
    """In 1.000 the point may be a decimal point, or stand between thousands."""
    with pytest.raises(DataFileError, match=rf"line 3: column 1 \('a'\): expected a number, found '{field}'"):
        load_csv(write(f"a;label\n1,5;0\n{field};1\n"), decimal=",")


def test_quotes(write):
    table = load_csv(write('"length, cm","the ""width""",class\n"1.5","2","Smith, John"\n3, "4",plain\n'))
    assert table.feature_names == ("length, cm", 'the "width"')
    assert table.class_names == ("Smith, John", "plain")
    assert table.x.tolist() == [[1.5, 2], [3, 4]]
    assert load_csv(write('label, "a" , "b"\n1,2,3\n')).feature_names == ("a", "b")


def test_a_name_over_two_lines(write):
    table = load_csv(write('label,"length\nin cm"\n1,2\n0,300\n'))
    assert table.feature_names == ("length\nin cm",)
    assert table.x.tolist() == [[2], [300]]
    assert load_csv(write('label,"length\nin cm"\n1,2\n0,3\n')).x.tolist() == [[2], [3]]
    with pytest.raises(DataFileError, match=r"line 4: column 2 .*: expected a number, found 'x'"):
        load_csv(write('label,"length\nin cm"\n1,2\n0,x\n'))


def test_byte_order_marks(write):
    for text in ("\ufefflabel;a\n1;2\n0;3\n", '\ufeff"label";"a"\r\n1;2\r\n0;3\r\n'):
        assert load_csv(write(text)).y.tolist() == [1, 0]
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(DataFileError, match=r"UTF-16.*; save it as CSV in UTF-8"):
            load_csv(write("label,a\n1,2\n".encode(encoding)))


def test_messages_say_what_was_found_between_fields(write):
    with pytest.raises(
        DataFileError, match=r"line 3: expected 3 fields, as in line 1, found 2 \(with semicolons between"
    ):
        load_csv(write("label;a;b\n1;2;3\n1;2\n"))
    with pytest.raises(DataFileError, match=r"found 1 column\(s\) with commas between them"):
        load_csv(write("label;a|b\n1|2\n"), separator=",", label=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"separator": ";;"}, ArgumentError, "separator must be 'auto' or one character"),
        ({"separator": "5"}, ArgumentError, "separator must be"),
        ({"separator": "\n"}, ArgumentError, "separator must be"),
        ({"separator": ""}, ArgumentError, "separator must be"),
        ({"separator": None}, ArgumentTypeError, "separator must be one character or 'auto', not None"),
        ({"decimal": ";"}, ArgumentError, "decimal must be one of ',', '.'"),
        ({"decimal": None}, ArgumentError, "decimal must be"),
    ],
)
def test_arguments_that_are_none(write, arguments, error, message):
    for read in (load_csv, load_features, load):
        with pytest.raises(error, match=message):
            read(write(lines()), **arguments)


def test_what_is_for_tables_is_refused_elsewhere(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=[[1]], y_train=[0], x_test=[[1]], y_test=[0])
    for arguments in ({"label": 0}, {"separator": ";"}, {"decimal": ","}, {"n_classes_one_hot": 2}):
        with pytest.raises(ArgumentError, match=r"a\.npz: label, .* are for CSV files, but this is an NPZ file"):
            load(tmp_path / "a.npz", **arguments)
        with pytest.raises(ArgumentError, match="but this is a built-in data set"):
            load("digits", **arguments)


def test_the_command_line(write, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main(list(argv))
        return code, *capsys.readouterr()

    write("a;b;kind\n" + "".join(f"{k},5;{k % 3},25;{'yes' if k % 2 else 'no'}\n" for k in range(30)))
    train = ["train", "data.csv", "--label", "kind", "--layers", "4", "--epochs", "1", "--output", "model.npz"]
    assert run(*train, "--decimal", ".")[0] == 0
    assert trained.load_any(tmp_path / "model.npz")[1].decimal == "."
    code, out, _ = run(*train)
    assert (code, "numbers have decimal commas" in out) == (0, True)
    assert run(*train, "--decimal", ",")[0] == 0
    assert trained.load_any(tmp_path / "model.npz")[1].decimal == ","
    code, out, err = run("evaluate", "model.npz", "data.csv")  # knows the mark and the label
    assert code == 0, err
    assert "label: 'kind', as in the training data" in out
    assert run("predict", "model.npz", "data.csv")[0] == 0
    write("a|b|kind\n1.5|2.25|yes\n2.5|1|no\n", "bars.csv")
    assert run("evaluate", "model.npz", "bars.csv", "--separator", "|", "--decimal", ".")[0] == 0
    assert run("evaluate", "model.npz", "bars.csv", "--separator", "|")[0] == 0  # its points are no commas
    code, _, err = run("evaluate", "model.npz", "bars.csv", "--separator", "|", "--decimal", ",")
    assert (code, "line 2: column 1 ('a'): expected a number, as in the training data, found '1.5'" in err) == (1, True)
    write(lines("\t"), "tabs.tsv")
    assert run("train", "tabs.tsv", "--separator", "tab", "--layers", "2", "--epochs", "1")[0] == 0
    assert "must be one character" in run("train", "data.csv", "--separator", "ab")[2]
