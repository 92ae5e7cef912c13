"""Chunks: all rows, once, in an order that seed and epoch fix; a part of them in memory; errors that say where."""

import re
import tracemalloc

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError, DataFileError
from fastmlp.datasets import Chunks


def rows_of(n, features=3, start=0):
    x = np.arange(start * features, (start + n) * features, dtype=np.float32).reshape(n, features)
    return x, np.arange(start, start + n) % 5


def assert_rows(chunks, x, y):
    parts = list(chunks)
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), x)
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), y)
    assert {(part.dtype, labels.dtype) for part, labels in parts} == {(x.dtype, y.dtype)}


def firsts(chunks):
    """The first feature of each chunk tells the chunks apart."""
    return [x.flat[0].item() for x, _ in chunks]


def peak_of(chunks):
    tracemalloc.start()
    try:
        for x, y in chunks:
            assert len(x) == len(y)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def pairs(n=4, rows=2):
    for number in range(n):
        yield rows_of(rows, start=number * rows)


def save_pair(folder, x, y, name=""):
    paths = folder / f"x{name}.npy", folder / f"y{name}.npy"
    for path, array in zip(paths, (x, y), strict=True):
        np.save(path, array)
    return paths


def save_npz(folder, count=3, rows=4, **changes):
    paths = [folder / f"{number}.npz" for number in range(count)]
    for number, path in enumerate(paths):
        x, y = rows_of(rows, start=number * rows)
        np.savez(path, **{"x": x, "y": y, **changes})
    return paths


def every_kind(folder):
    """Ten rows in chunks of three, of each kind; of pairs for the generator."""
    x, y = rows_of(10)
    parts = [(x[i : i + 3], y[i : i + 3]) for i in range(0, 10, 3)]
    for number, (a, b) in enumerate(parts):
        np.savez(folder / f"{number}.npz", x=a, y=b)
    return {
        "arrays": Chunks.from_arrays(x, y, 3),
        "memmap": Chunks.from_memmap(*save_pair(folder, x, y), 3),
        "files": Chunks.from_files([folder / f"{number}.npz" for number in range(4)]),
        "pieces": Chunks.from_files([save_pair(folder, x, y, "all")], rows_in_chunk=3),
        "generator": Chunks.from_generator(lambda: iter(parts)),
        "list": Chunks.from_generator(lambda: [(x, y)], rows_in_chunk=3),
    }


KINDS = ["arrays", "memmap", "files", "pieces", "generator", "list"]
SHUFFLED = KINDS[:4]


# ---------------------------------------------------------------- all kinds


@pytest.mark.parametrize("kind", KINDS)
def test_all_rows_come_in_order_again_and_again(kind, tmp_path):
    chunks = every_kind(tmp_path)[kind]
    for _ in range(3):
        assert_rows(chunks, *rows_of(10))
        assert [len(x) for x, _ in chunks] == [3, 3, 3, 1]
    assert_rows(chunks.epoch(5, shuffle=False), *rows_of(10))


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_that_was_left_does_not_disturb_the_next(kind, tmp_path):
    chunks = every_kind(tmp_path)[kind]
    next(iter(chunks))
    assert_rows(chunks, *rows_of(10))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_known_at_the_latest_after_an_epoch(kind, tmp_path):
    chunks = every_kind(tmp_path)[kind]
    assert chunks.rows == (10 if kind in ("arrays", "memmap") else None)
    assert ("not known yet" in repr(chunks)) == (chunks.rows is None)
    next(iter(chunks))
    assert chunks.rows in (10, None)
    list(chunks.epoch(0))
    assert chunks.rows == 10


@pytest.mark.parametrize("kind", SHUFFLED)
def test_seed_and_epoch_fix_the_order_of_chunks(kind, tmp_path):
    first, second = every_kind(tmp_path)[kind], every_kind(tmp_path)[kind]
    plain = firsts(first)
    orders = {(epoch, seed): firsts(first.epoch(epoch, seed=seed)) for epoch in range(8) for seed in range(2)}
    for order in orders.values():
        assert sorted(order) == plain
    assert len(set(map(tuple, orders.values()))) > 6
    assert orders[1, 0] != orders[0, 1]
    assert firsts(second.epoch(7, seed=1)) == orders[7, 1]  # whatever was gone through before


@pytest.mark.parametrize("kind", KINDS[4:])
def test_chunks_of_a_generator_keep_their_order(kind, tmp_path):
    chunks = every_kind(tmp_path)[kind]
    for epoch in range(3):
        assert firsts(chunks.epoch(epoch)) == [0, 9, 18, 27]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"number": -1}, ArgumentError, "number must be at least 0, not -1"),
        ({"seed": -1}, ArgumentError, "seed must be at least 0, not -1"),
        ({"seed": None}, ArgumentTypeError, "seed must be a whole number, not None"),
        ({"shuffle": 1}, ArgumentTypeError, "shuffle must be True or False, not 1"),
    ],
)
def test_an_epoch_checks_before_it_begins(options, error, message):
    with pytest.raises(error, match=message):
        Chunks.from_arrays(*rows_of(3), 2).epoch(**options)


# ---------------------------------------------------------------- arrays and memory maps


def test_chunks_of_arrays_are_no_copies():
    x, y = rows_of(10)
    for part, labels in Chunks.from_arrays(x, y, 4):
        assert np.shares_memory(part, x)
        assert np.shares_memory(labels, y)


def test_arrays_of_all_kinds():
    images, targets = np.zeros((5, 4, 4), np.uint8), np.zeros((5, 2))
    assert [(x.shape, y.shape) for x, y in Chunks.from_arrays(images, targets, 3)] == [
        ((3, 4, 4), (3, 2)),
        ((2, 4, 4), (2, 2)),
    ]
    assert_rows(Chunks.from_arrays([[1.0], [2.0]], [0, 1], 100), np.array([[1.0], [2.0]]), np.array([0, 1]))


def test_what_has_slices_is_never_asked_for_more_than_a_chunk():
    class Stored:
        """Like a data set of an HDF5 file."""

        def __init__(self, array):
            self.array, self.shape, self.dtype, self.longest = array, array.shape, array.dtype, 0

        def __len__(self):
            return len(self.array)

        def __getitem__(self, rows):
            self.longest = max(self.longest, len(self.array[rows]))
            return self.array[rows].copy()

        def __array__(self, *_, **__):
            raise AssertionError("loaded as a whole")

    x, y = map(Stored, rows_of(10))
    assert_rows(Chunks.from_arrays(x, y, 4), *rows_of(10))
    assert x.longest == y.longest == 4


@pytest.mark.parametrize("dtype", ["float32", "uint8", ">f8"])
@pytest.mark.parametrize("rows", [-1, 10])
def test_raw_files_are_mapped(dtype, rows, tmp_path):
    x, y = rows_of(10)
    x.astype(dtype).tofile(tmp_path / "x")
    y.astype("int16").tofile(tmp_path / "y")
    forms = {"x_form": (dtype, (rows, 3)), "y_form": ("int16", [rows])}
    chunks = Chunks.from_memmap(tmp_path / "x", tmp_path / "y", 4, **forms)
    assert_rows(chunks, x.astype(dtype), y.astype("int16"))


def mapped(kind, paths, rows):
    if kind == "memmap":
        return Chunks.from_memmap(*paths, rows)
    if kind == "arrays":
        return Chunks.from_arrays(*(np.load(path, mmap_mode="r") for path in paths), rows)
    return Chunks.from_files([paths], rows_in_chunk=rows)


@pytest.mark.parametrize("kind", ["memmap", "arrays", "files"])
def test_chunks_of_a_map_are_in_memory(kind, tmp_path):
    for x, y in mapped(kind, save_pair(tmp_path, *rows_of(10)), 4):
        assert type(x) is type(y) is np.ndarray
        assert x.flags.owndata
        assert x.flags.writeable


@pytest.mark.parametrize("kind", ["memmap", "arrays", "files"])
def test_a_map_is_never_loaded_as_a_whole(kind, tmp_path):
    paths = save_pair(tmp_path, np.zeros((10_000, 100), np.float32), np.zeros(10_000))  # 4 MB
    assert peak_of(mapped(kind, paths, 500)) < 1_000_000  # two chunks are 400 kB


def test_one_file_at_a_time_is_in_memory(tmp_path):
    paths = save_npz(tmp_path, count=8, x=np.zeros((5_000, 100), np.float32), y=np.zeros(5_000))  # 2 MB each
    assert peak_of(Chunks.from_files(paths, rows_in_chunk=1000)) < 7_000_000


@pytest.mark.parametrize(
    ("x", "y", "rows", "error", "message"),
    [
        (np.eye(3), [0, 1], 2, ArgumentError, "x and y must have equally many rows, not 3 and 2"),
        (np.eye(3), [0, 1, 2], 0, ArgumentError, "rows_in_chunk must be at least 1, not 0"),
        (np.eye(3), [0, 1, 2], 1.5, ArgumentTypeError, "rows_in_chunk must be a whole number"),
        (np.zeros((0, 3)), [], 1, ArgumentError, r"at least one of each, found \(0, 3\)"),
        ([1.0, 2.0], [0, 1], 1, ArgumentError, r"expected x of shape \(rows, features\), .* found \(1,\)"),
        (np.eye(3), np.zeros((3, 2, 2)), 1, ArgumentError, r"expected y of shape .* found \(1, 2, 2\)"),
        (np.eye(3), ["a", "b", "c"], 1, ArgumentError, "expected numbers in y, found dtype <U1"),
        (3, 3, 1, ArgumentTypeError, "x must be an array of rows, not"),
        ([[1], [1, 2]], [0, 1], 1, ArgumentTypeError, "x cannot be made into one array of numbers"),
    ],
)
def test_arrays_are_checked(x, y, rows, error, message):
    with pytest.raises(error, match=message):
        Chunks.from_arrays(x, y, rows)


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        (
            ("float32", (-1, 7)),
            DataFileError,
            "x.raw: expected float32 of shape .*found 120 bytes, 4.28571 times a row",
        ),
        (("float32", (9, 3)), DataFileError, "120 bytes, 10 times a row of 12"),
        (("float32", 3), ArgumentTypeError, r"x_form must be a pair \(dtype, shape\), such as"),
        (("number", (-1, 3)), ArgumentTypeError, r"x_form must be a pair \(dtype, shape\)"),
        ("f", ArgumentTypeError, "x_form must be a pair"),
        (("float32", ()), ArgumentError, "x_form must be a type of numbers and a shape of rows"),
        (("O", (-1, 3)), ArgumentError, "x_form must be a type of numbers"),
        (("float32", (-1, -1)), ArgumentError, r"x_form\[1\]\[1\] must be at least 1, not -1"),
        (("float32", (0, 3)), ArgumentError, "x_form must be"),
        (None, DataFileError, "x.raw: expected an NPY file, found another kind"),
    ],
)
def test_raw_forms_are_checked(form, error, message, tmp_path):
    x, y = rows_of(10)
    x.tofile(tmp_path / "x.raw")
    np.save(tmp_path / "y.npy", y)
    with pytest.raises(error, match=message):
        Chunks.from_memmap(tmp_path / "x.raw", tmp_path / "y.npy", 3, x_form=form)


def test_broken_files_are_not_mapped(tmp_path):
    x_path, y_path = save_pair(tmp_path, *rows_of(10))
    with pytest.raises(DataFileError, match="no such file"):
        Chunks.from_memmap(tmp_path / "z.npy", y_path, 3)
    x_path.write_bytes(x_path.read_bytes()[:-1])
    with pytest.raises(DataFileError, match=r"x\.npy: expected 120 bytes .* it is not complete"):
        Chunks.from_memmap(x_path, y_path, 3)
    np.save(x_path, np.array([{}, {}]))
    with pytest.raises(DataFileError, match=r"x\.npy: expected numbers .* found values of type object"):
        Chunks.from_memmap(x_path, y_path, 3)
    np.save(x_path, np.zeros((9, 3)))
    with pytest.raises(ArgumentError, match="equally many rows, not 9 and 10"):
        Chunks.from_memmap(x_path, y_path, 3)


# ---------------------------------------------------------------- files


def test_files_of_several_kinds_in_one_list(tmp_path):
    x, y = rows_of(9)
    x = x.astype(np.float64)  # like those of CSV files
    np.savez(tmp_path / "a.npz", x=x[:3], y=y[:3])
    pair = save_pair(tmp_path, x[3:6], y[3:6])
    lines = [",".join(map(str, [int(label), *row])) for row, label in zip(x[6:], y[6:], strict=True)]
    (tmp_path / "c.csv").write_text("label,a,b,c\n" + "\n".join(lines) + "\n")
    assert_rows(Chunks.from_files([str(tmp_path / "a.npz"), pair, tmp_path / "c.csv"]), x, y)


def test_a_reader_of_ones_own():
    def read(number):
        return rows_of(2, start=2 * number)

    assert_rows(Chunks.from_files(range(5), read), *rows_of(10))
    assert [len(x) for x, _ in Chunks.from_files(range(2), read, rows_in_chunk=1)] == [1, 1, 1, 1]


def write_csv(folder, *texts):
    paths = [folder / f"{number}.csv" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return paths


def test_columns_of_all_files_are_those_of_the_first(tmp_path):
    paths = write_csv(tmp_path, "a,b,label\n1,2,0\n3,4,1\n", "b,a,label\n6,5,0\n8,7,1\n", "a,c,label\n1,2,0\n3,4,1\n")
    rows = np.concatenate([x for x, _ in Chunks.from_files(paths[:2])])
    assert rows.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    with pytest.raises(DataFileError, match=r"2\.csv: expected the columns of .*0\.csv, found 'c' besides"):
        list(Chunks.from_files(paths))


def test_words_as_labels_must_be_the_same_in_all_files(tmp_path):
    paths = write_csv(tmp_path, "a,class\n1,cat\n2,dog\n", "a,class\n3,dog\n4,cat\n", "a,class\n5,dog\n6,emu\n")
    assert np.concatenate([y for _, y in Chunks.from_files(paths[:2])]).tolist() == [0, 1, 1, 0]
    with pytest.raises(
        DataFileError, match=r"2\.csv: expected the labels 'cat', 'dog', as in .*0\.csv, found 'dog', 'emu'"
    ):
        list(Chunks.from_files(paths))


def test_files_whose_types_differ_can_be_converted(tmp_path):
    paths = write_csv(tmp_path, "a,label\n1,0\n2,1\n", "a,label\n1.5,0\n-1,1\n")
    with pytest.raises(DataFileError, match=r"1\.csv: line 2: column 1 \('a'\): expected a whole number of 0 to 255"):
        list(Chunks.from_files(paths, dtype="uint8"))
    assert [x.dtype for x, _ in Chunks.from_files(paths)] == [np.float64, np.float64]  # whatever the values
    for dtype in ("float32", "float64"):
        chunks = list(Chunks.from_files(paths, dtype=dtype))
        assert [x.dtype for x, _ in chunks] == [dtype, dtype]
        assert [x.ravel().tolist() for x, _ in chunks] == [[1, 2], [1.5, -1]]


def test_a_shuffled_epoch_shuffles_files_and_their_pieces(tmp_path):
    paths = save_npz(tmp_path, count=3, rows=4)
    order = firsts(Chunks.from_files(paths, rows_in_chunk=1).epoch(1))
    files = [int(first) // 12 for first in order]
    assert sorted(order) == list(range(0, 36, 3))
    assert [files[0], files[4], files[8]] == list(dict.fromkeys(files))  # a file's pieces stay together
    assert any(order[i : i + 4] != sorted(order[i : i + 4]) for i in (0, 4, 8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros((4, 2), np.float32)}, r"1\.npz: expected x of shape \(rows, 3\) in float32, as in .*0\.npz, "),
        ({"x": np.zeros((4, 3))}, r"found shape \(rows, 3\) in float64; dtype='float32' converts"),
        ({"y": np.zeros(4)}, r"1\.npz: expected y of shape \(rows,\) in int64, as in .*0\.npz, found .*in float64$"),
        ({"y": np.zeros((4, 2), int)}, r"1\.npz: expected y of shape \(rows,\) .* found shape \(rows, 2\) in int64$"),
        ({"y": np.zeros(3, int)}, r"1\.npz: expected as many rows in y as in x, 4, found 3"),
        ({"x": np.zeros(4)}, r"1\.npz: expected x of shape \(rows, features\), at least one of each, found \(4,\)"),
        ({"x": np.array(["a"] * 4)}, r"1\.npz: expected numbers in x, found values of type <U1"),
    ],
)
def test_a_file_that_differs_is_named(changes, message, tmp_path):
    paths = save_npz(tmp_path, count=1)
    (tmp_path / "other").mkdir()
    save_npz(tmp_path / "other", count=2, **changes)
    chunks = Chunks.from_files([*paths, tmp_path / "other" / "1.npz"])
    with pytest.raises(DataFileError, match=message):
        list(chunks)


def test_what_the_first_chunk_was_holds_in_later_epochs(tmp_path):
    paths = save_npz(tmp_path, count=1)
    chunks = Chunks.from_files(paths)
    list(chunks)
    save_npz(tmp_path, count=1, x=np.zeros((4, 9), np.float32))
    with pytest.raises(DataFileError, match=r"expected x of shape \(rows, 3\)"):
        list(chunks)


def test_files_that_hold_something_else_are_named(tmp_path):
    np.savez(tmp_path / "names.npz", x_train=np.eye(3))
    np.save(tmp_path / "x.npy", np.eye(3))
    (tmp_path / "text.csv").write_text("pixel0,pixel1\n1,2\n")
    for name, message in (
        ("names.npz", r"names\.npz: expected the arrays x, y, found x_train .* numpy.savez\(path, x=..., ...\)"),
        ("x.npy", r"x\.npy: .* give a pair of NPY files, \(x_path, y_path\), or read="),
        ("text.csv", r"text\.csv: expected labels, found features alone"),
    ):
        with pytest.raises(DataFileError, match=message):
            list(Chunks.from_files([tmp_path / name]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: Chunks.from_files([]), ArgumentError, "paths must be at least one file"),
        (lambda path: Chunks.from_files(path), ArgumentTypeError, "paths must be a list of files, not .*Path"),
        (lambda path: Chunks.from_files(str(path)), ArgumentTypeError, "paths must be a list of files, not '"),
        (lambda path: Chunks.from_files([path / "no.npz"]), DataFileError, r"no\.npz: no such file"),
        (lambda path: Chunks.from_files([("a", "b", "c")]), ArgumentError, "pairs .*, not 3 files"),
        (lambda path: Chunks.from_files([path], 3), ArgumentTypeError, "read must be a function of a path, not 3"),
        (lambda path: Chunks.from_files([1], list, dtype="int8"), ArgumentError, "dtype must be one of 'float32'"),
        (lambda path: Chunks.from_files([1], list, rows_in_chunk=0), ArgumentError, "rows_in_chunk must be at least 1"),
    ],
)
def test_lists_of_files_are_checked(make, error, message, tmp_path):
    with pytest.raises(error, match=message):
        make(tmp_path)


def test_what_a_reader_returns_is_checked():
    with pytest.raises(DataFileError, match=r"read\(7\): expected a pair \(x, y\), found tuple of 3"):
        list(Chunks.from_files([7], lambda path: (1, 2, 3)))
    with pytest.raises(DataFileError, match=r"^7: expected as many rows"):
        list(Chunks.from_files([7], lambda path: (np.eye(3), [0])))


# ---------------------------------------------------------------- generators


def test_a_generator_function_is_called_for_each_epoch():
    chunks = Chunks.from_generator(pairs)
    for epoch in range(3):
        assert_rows(chunks.epoch(epoch), *rows_of(8))


def test_an_iterator_that_is_used_up_is_noticed_in_the_second_epoch():
    once = pairs()
    chunks = Chunks.from_generator(lambda: once)
    assert_rows(chunks, *rows_of(8))
    with pytest.raises(ArgumentError, match="same iterator for a second epoch, but it can be used only once"):
        list(chunks)


def test_an_iterator_that_was_left_in_the_middle_is_noticed_too():
    once = pairs()
    chunks = Chunks.from_generator(lambda: once)
    next(iter(chunks))
    with pytest.raises(ArgumentError, match="same iterator for a second epoch"):
        list(chunks)


def test_an_iterator_around_one_that_is_used_up_is_noticed():
    once = pairs()
    chunks = Chunks.from_generator(lambda: map(tuple, once))
    assert_rows(chunks, *rows_of(8))
    with pytest.raises(ArgumentError, match=r"without a single chunk in a later call: .* exhausted"):
        list(chunks)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "function gave an iterator without a single chunk$"),
        ([rows_of(2), 3], r"chunk 1: expected a pair \(x, y\), found int"),
        ([rows_of(2), rows_of(2)[:1]], r"chunk 1: expected a pair \(x, y\), found tuple of 1"),
        ([rows_of(2), rows_of(2), rows_of(2, 4)], r"chunk 2: expected x of shape \(rows, 3\).*, as in chunk 0, found"),
        ([rows_of(2), (np.eye(3), [0, 1, 2])], "chunk 1: expected x .* in float32, as in chunk 0, .* in float64$"),
        ([rows_of(0)], r"chunk 0: expected x .* found \(0, 3\)"),
        ([([[1], [1, 2]], [0, 1])], "chunk 0: expected one array of numbers as x"),
    ],
)
def test_chunks_that_differ_are_numbered(items, message):
    with pytest.raises(ArgumentError, match=message):
        list(Chunks.from_generator(lambda: items))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (pairs(), "function must be a function .*: give the generator function itself, not what it returns"),
        ([], re.escape("function must be a function that returns a new iterator at each call, not []") + "$"),
    ],
)
def test_a_generator_is_made_by_a_function(function, message):
    with pytest.raises(ArgumentTypeError, match=message):
        Chunks.from_generator(function)


def test_the_function_must_return_what_can_be_gone_through():
    with pytest.raises(ArgumentTypeError, match=r"function must return an iterator of pairs \(x, y\), not 3"):
        list(Chunks.from_generator(lambda: 3))
