"""Data files that are damaged, or made to do harm: an error that names the file, soon, and without much memory."""

import gzip
import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from fastmlp._base.errors import ArgumentError, ArgumentTypeError, DataFileError, ModelFileError
from fastmlp._network.history import History
from fastmlp.cli import main, trained
from fastmlp.datasets import Chunks, _open, download, load, load_csv, load_features, load_idx
from fastmlp.search.sweeps import sweep
from tests.fuzz import data_files

MIB = 1 << 20


@pytest.fixture
def write(write):
    """Files whose names say nothing of their kind."""
    return lambda content, name="hostile": write(content, name)


def peak(read, path):
    """The error of a reader, and the most memory that it took, in MiB."""
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError) as raised:
            read(path)
        return str(raised.value), tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def npy(header, values=b""):
    """An NPY file with any text as its header."""
    text = (header if isinstance(header, str) else repr(header)).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values


def form(shape, descr="<f4", fortran=False):
    return {"descr": descr, "fortran_order": fortran, "shape": shape}


def npz(content, method=zipfile.ZIP_DEFLATED, names=("x_train", "y_train", "x_test", "y_test")):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, method)
    return file.getvalue()


def mapped(path):
    y_path = path.with_name("y.npy")
    np.save(y_path, np.zeros(3))
    return list(Chunks.from_memmap(path, y_path, 2))


# ---------------------------------------------------------------- what expands


@pytest.fixture
def little_for_all(monkeypatch):
    """A lower limit for small files, so that hostile ones need not be large."""
    monkeypatch.setattr(_open, "_ALWAYS", MIB)


@pytest.mark.usefixtures("little_for_all")
@pytest.mark.parametrize("unit", [b"0", b"0,", b"0,0\n", b"1,0.5\n", b"\n", b"x"])
def test_a_csv_file_that_expands_a_thousandfold(write, unit):
    size = 5 * MIB
    path = write(gzip.compress(b"label,a\n1,2\n" + unit * (size // len(unit)), 6, mtime=0))
    for read in (load_csv, load_features, load, lambda path: list(Chunks.from_files([path]))):
        message, memory = peak(read, path)
        assert "hostile: expected at most 1," in message
        assert "bytes in a compressed file of" in message
        assert "FASTMLP_MAX_EXPANSION" in message
        assert memory < 5


@pytest.mark.usefixtures("little_for_all")
def test_the_limit_can_be_raised(write, monkeypatch):
    path = write(gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 2 * MIB) + bytes(2 * MIB), mtime=0))
    with pytest.raises(DataFileError, match="FASTMLP_MAX_EXPANSION"):
        load_idx(path)
    monkeypatch.setenv("FASTMLP_MAX_EXPANSION", "2000")
    assert load_idx(path).shape == (2 * MIB,)
    monkeypatch.setenv("FASTMLP_MAX_EXPANSION", "1.5")
    with pytest.raises(DataFileError, match="expected at most 1,048,576 bytes"):
        load_idx(path)
    for wrong in ("many", "0", "nan", "-3"):
        monkeypatch.setenv("FASTMLP_MAX_EXPANSION", wrong)
        with pytest.raises(ArgumentError, match=f"FASTMLP_MAX_EXPANSION must be a number of at least 1, not '{wrong}'"):
            load_idx(path)


def test_what_is_small_may_expand_as_it_likes(write):
    assert load_csv(write(gzip.compress(b"label,a\n" + b"1,0\n" * MIB, mtime=0))).x.shape == (MIB, 1)


@pytest.mark.usefixtures("little_for_all")
def test_sparse_tables_shrink_to_a_hundredth_and_are_read(write):
    rows = [",".join("1" if k == row % 50 else "0" for k in range(50)) for row in range(30_000)]
    text = ("label," + ",".join(f"a{k}" for k in range(49)) + "\n" + "\n".join(rows)).encode()
    path = write(gzip.compress(text, mtime=0))
    assert len(text) > 2 * MIB > 100 * path.stat().st_size
    assert load_csv(path).x.shape == (30_000, 49)


@pytest.mark.usefixtures("little_for_all")
def test_an_archive_that_expands_a_thousandfold(write):
    path = write(npz(npy(form((1, 2 * MIB), "|u1"), bytes(2 * MIB))))
    message, memory = peak(load, path)
    assert "bytes in a compressed file of" in message
    assert memory < 0.5


def test_sizes_in_headers_are_compared_with_the_file_first(write):
    billions = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**10, 2**10)
    cases = {
        load_idx: [billions, gzip.compress(billions, mtime=0)],
        load_features: [npy(form((10**6, 10**6))), gzip.compress(npy(form((10**6, 10**3))), mtime=0)],
        mapped: [npy(form((10**6, 10**6))), npy(form((2**62, 2**62)))],
        load: [npz(npy(form((10**6, 10**6)))), npz(npy(form((10**6, 10**6)), b"abc"), zipfile.ZIP_STORED)],
    }
    for read, contents in cases.items():
        for content in contents:
            message, memory = peak(read, write(content))
            assert "hostile: " in message
            assert memory < 2, message


# ---------------------------------------------------------------- headers of arrays


HEADERS = {
    "a shape below zero": npy(form((-1, 4)), bytes(64)),
    "a size beyond 64 bits": npy(form((2**40, 2**40))),
    "no values, but a size beyond 64 bits": npy(form((0, 2**40, 2**40))),
    "a length that is no number": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4)}", bytes(16)),
    "65 dimensions": npy(form((1,) * 65), bytes(4)),
    "values of no bytes": npy(form((10**9, 10**9), "<U0")),
    "records": npy(form((2, 2), [("a", "<f4")]), bytes(16)),
    "an unknown type": npy(form((2, 2), "<q9"), bytes(64)),
    "a type that is none": npy(form((2, 2), 5), bytes(64)),
    "objects": npy(form((2, 2), "|O"), bytes(64)),
    "complex": npy(form((2, 2), "<c8"), bytes(32)),
    "deep brackets": npy("(" * 9000),
    "an open bracket": npy("{'descr': '<f4', (" + "\n" * 3),
    "an open string": npy("{'descr': '<f4"),
    "no dictionary": npy("3"),
    "an unknown key": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), 'x': 1}", bytes(4)),
    "a number of 5,000 digits": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",)}"),
    "a header longer than the file": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
    "an unknown version": b"\x93NUMPY\x09\x00" + bytes(80),
    "too few values": npy(form((5, 4)), bytes(79)),
    "too many values": npy(form((5, 4)), bytes(81)),
    "a single value": npy(form(()), bytes(4)),
}


@pytest.mark.filterwarnings("ignore:invalid decimal literal:SyntaxWarning")
@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_arrays(write, case):
    content = HEADERS[case]
    for read, path in (
        (load_features, write(content)),
        (load_features, write(gzip.compress(content, mtime=0), "hostile.gz")),
        (mapped, write(content)),
        (load, write(npz(content), "hostile.npz")),
        (lambda path: list(Chunks.from_files([path])), write(npz(content, names="xy"), "hostile.npz")),
    ):
        with pytest.raises(DataFileError, match="hostile"):
            read(path)


def test_an_array_without_values_can_be_mapped(write):
    """A memory map of nothing ends some processes."""
    with pytest.raises(ArgumentError, match=r"hostile and .*y\.npy, x and y must have equally many rows"):
        mapped(write(npy(form((0, 3)))))


@pytest.mark.parametrize(("stored", "order"), [("<f4", "C"), (">f8", "F"), ("|u1", "F"), ("|b1", "C")])
def test_sound_arrays_are_what_numpy_reads(tmp_path, stored, order):
    x = np.asarray(np.arange(12).reshape(3, 2, 2), stored, order=order)
    np.save(tmp_path / "x.npy", x)
    packed = tmp_path / "x.npy.gz"
    packed.write_bytes(gzip.compress((tmp_path / "x.npy").read_bytes()))
    for path in (tmp_path / "x.npy", packed):
        np.testing.assert_array_equal(load_features(path), x.reshape(3, 4))
    chunks = list(Chunks.from_memmap(tmp_path / "x.npy", save_labels(tmp_path), 2))
    np.testing.assert_array_equal(np.concatenate([part for part, _ in chunks]), x)


def save_labels(folder):
    np.save(folder / "y.npy", np.arange(3))
    return folder / "y.npy"


# ---------------------------------------------------------------- archives


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_packed_in_another_way(write, method):
    path = write(npz(npy(form((1, 1)), bytes(4)), method))
    with pytest.raises(
        DataFileError, match="hostile: expected x_train stored or deflated, found one that is compressed"
    ):
        load(path)


def test_encrypted_members(write):
    path = write(data_files.NPZ["encrypted"])
    with pytest.raises(DataFileError, match="hostile: expected x_train stored or deflated, found an encrypted one"):
        load(path)


def test_a_member_with_a_wrong_checksum(write):
    content = bytearray(npz(npy(form((4, 4)), bytes(64)), zipfile.ZIP_STORED))
    content[content.index(b" \n") + 10] ^= 1  # in the values
    with pytest.raises(DataFileError, match=r"hostile: .*Bad CRC"):
        load(write(bytes(content)))


def test_a_hostile_note_in_a_model_file(tmp_path, capsys):
    import fastmlp as fm

    model = fm.mlp([], classes=2)
    model.build(2)
    for content in (npy(form((60 * MIB,), "|u1")), npy(form((2,), "|u1"), b"[]"), b"", npy("((((")):
        model.save(tmp_path / "model.npz")
        with zipfile.ZipFile(tmp_path / "model.npz", "a") as archive:
            archive.writestr("command_line.npy", content)
        with pytest.raises(ModelFileError, match=r"model\.npz is damaged: its notes"):
            trained.load(tmp_path / "model.npz")


# ---------------------------------------------------------------- text


TEXTS = {
    "a bare CR": b"label,a\n1,2\r3\n",
    "a long field": b"label,a\n" + b"x" * 200_000 + b",1\n1\n",
    "a long name": b"label," + b"a" * 200_000 + b"\n1,2\n",
    "a line without end": b"1," * (3 * MIB),
    "very many columns": b"1," * MIB,
    "a quote without end": b'label,a\n1,"2\n' + b"3,4\n" * 50,
    "a quote without end in a word": b'a,label\n1,"x\n' + b"2,y\n" * 50,
    "a quote without end in the last line": b'a,label\n1,x\n2,"y\n',
    "a quote without end in the header": b'label,"a\n' + b"3,4\n" * 50,
    "a NUL far down": b"label,a\n" + b"1,2\n" * 50 + b"1,\0\n",
    "not UTF-8 far down": b"label,a\n" + b"1,2\n" * 50 + b"1,\xff\n",
    "not UTF-8 in the header": b"label,\xff\n1,2\n",
    "a surrogate": b"label,a\n1,\xed\xa0\x80\n",
    "digits of another script": "label,a\n1,\uff11\n".encode(),
    "a number in the style of Python": b"label,a\n1,1_0\n",
    "a hexadecimal number": b"label,a\n1,0x10\n",
    "a million digits": b"label,a\n1," + b"9" * MIB + b"\n",
    "spaces alone": b"label,a\n   \n",
    "True and False": b"label,a\n1,True\n0,False\n",
    "a date": b"label,a\n1,2026-01-31\n",
    "words": b"label,a\n1,red\n",
    "truncated gzip": gzip.compress(b"label,a\n" + b"1,2\n" * 999, mtime=0)[:-20],
    "damaged gzip": gzip.compress(np.random.default_rng(0).bytes(999), mtime=0)[:200]
    + bytes(99)
    + gzip.compress(b"1", mtime=0),
    "gzip within gzip": gzip.compress(gzip.compress(b"label,a\n1,2\n", mtime=0), mtime=0),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts(write, case):
    path = write(TEXTS[case])
    for read in (load_csv, load_features, load, lambda path: list(Chunks.from_files([path]))):
        for dtype in (None, "uint8"):
            with pytest.raises(DataFileError, match="hostile: ") as raised:
                read(path, **({} if read.__name__ == "<lambda>" else {"dtype": dtype}))
            assert len(str(raised.value)) < 700


def test_names_of_columns_are_not_made_into_huge_numbers(write):
    path = write(b"label_" + b"9" * 5000 + b",a\n1,2\n")
    with pytest.raises(DataFileError, match="found the columns 'label_9999"):
        load_csv(path)


def test_labels_of_many_spellings_do_not_fill_the_memory(write):
    path = write(b"label,a\n" + b"".join(b"word%d,1.5\n" % k for k in range(70_000)))
    with pytest.raises(DataFileError, match="at most 256 different words, found more than 65,536"):
        load_csv(path)
    bare = write(b"".join(b"%d,0.5,%d\n" % (k % 2, k) for k in range(70_000)), "bare")
    found = load_csv(bare)  # the last column could be labels at first, but has far too many
    assert (found.label, found.x[-1].tolist()) == (0, [0.5, 69_999])


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize("path", [0, 1, 3, True, 2.5, None, b"data.csv", ["a.csv"], object()])
def test_a_path_is_no_number(path):
    for read in (load_csv, load_features, load_idx, load, lambda path: Chunks.from_files([path])):
        if read.__name__ != "<lambda>" or not isinstance(path, list):
            with pytest.raises(ArgumentTypeError, match=r"must be the name of a file( or folder)?, not"):
                read(path)
    with pytest.raises(ArgumentTypeError, match=r"must be the name of a file( or folder)?, not"):
        Chunks.from_memmap(path, path, 3)


@pytest.mark.parametrize("path", [1, True, None])
def test_a_history_is_not_written_to_a_number(path):
    """1 is the standard output, which would be closed afterwards."""
    with pytest.raises(ArgumentTypeError, match="path must be the name of a file, not"):
        History().write_csv(path)


@pytest.mark.parametrize("path", [0, 2.5, b"data"])
def test_a_folder_is_no_number(path):
    with pytest.raises(ArgumentTypeError, match="destination must be the name of a folder, not"):
        download("mnist", path, mirrors=["http://127.0.0.1:9"])


def test_paths_that_lead_nowhere(tmp_path):
    for path in (
        tmp_path / "none",
        tmp_path / ("x" * 300),
        "~nobody_of_this_name/x",
        tmp_path / "none" / "x",
    ):
        for read in (load_csv, load_features, load_idx, load):
            with pytest.raises(ArgumentError if "\0" in str(path) else DataFileError):
                read(path)


@pytest.mark.parametrize("path", ["a\0b", ""])
def test_a_text_that_names_no_file(path):
    """The empty text would be the working folder to pathlib."""
    for read in (load_csv, load_features, load_idx, load):
        with pytest.raises(ArgumentError, match="must be the name of a file"):
            read(path)
    with pytest.raises(ArgumentError, match="folder must be the name of a folder"):
        sweep({"layers": [[2]]}, np.ones((9, 2)), np.arange(9) % 2, folder=path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in the file system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (load_csv, load_features, load_idx, load):
        with pytest.raises(DataFileError, match="found a pipe or a device"):
            read(tmp_path / "pipe")


def test_outputs_are_of_the_kind_that_their_names_say(capsys):
    for argv, ending in (
        (["train", "--output", "model.pkl"], ".npz"),
        (["train", "--output", "model.h5"], ".npz"),
        (["train", "--history", "history.txt"], ".csv"),
        (["predict", "model.npz", "x.npy", "--output", "out.txt"], ".csv or .npy"),
        (["benchmark", "--json", "times.csv"], ".json"),
    ):
        assert main(argv) == 2
        assert f"must end in {ending}, not '{argv[-1]}'" in capsys.readouterr().err


# ---------------------------------------------------------------- fuzzing


def test_a_row_that_cannot_be_split_names_its_file(write):
    for text in (b"label,a\n1,2\n", b"label,a\n1,2\n0,3\n"):
        with pytest.raises(DataFileError, match="hostile: expected rows that can be split"):
            load(write(text))


# Seeds that found something once: rows that cannot be split, a single value that was mapped, messages without a name.
@pytest.mark.parametrize("seed", [2277, 2304, 3409, 4147, 4187, *range(300)])
def test_fuzzed_files(seed, tmp_path):
    data_files.attack(np.random.default_rng(seed), tmp_path)


def test_a_line_of_very_many_fields_is_refused_before_it_is_taken_apart(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(["1"] * 800_000) + "\n")
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="at most 300,000 fields"):
            load_csv(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * path.stat().st_size
    finally:
        tracemalloc.stop()
