"""``load`` and the IDX, NPZ and folder readers: the right arrays, or an error that names the file."""

import gzip
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from fastmlp._base.errors import ArgumentTypeError, DataFileError
from fastmlp.datasets import data_home, load, load_idx

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx_bytes(array, code=0x08):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


def images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 4, 3), dtype=np.uint8)


def labels(n):
    return (np.arange(n) % 10).astype(np.uint8)


def write_idx_folder(folder, n_train=12, n_test=5, pack=lambda data: data, ending="", dotted=False):
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        TRAIN_X: images(n_train),
        TRAIN_Y: labels(n_train),
        TEST_X: images(n_test),
        TEST_Y: labels(n_test),
    }
    for name, array in contents.items():
        spelling = name.replace("-idx", ".idx") if dotted else name
        (folder / (spelling + ending)).write_bytes(pack(idx_bytes(array)))
    return folder


def assert_split(split, n_train=12, n_test=5):
    for (x, y), n in zip(split, (n_train, n_test), strict=True):
        np.testing.assert_array_equal(x, images(n).reshape(n, 12))
        np.testing.assert_array_equal(y, labels(n))
        assert (x.dtype, y.dtype) == (np.uint8, np.int64)
        assert x.flags.c_contiguous


@pytest.fixture
def no_home(monkeypatch, tmp_path):
    """No FASTMLP_DATA, and an empty cache folder."""
    monkeypatch.delenv("FASTMLP_DATA", raising=False)
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    if sys.platform == "darwin":
        monkeypatch.setenv("HOME", str(tmp_path))


# IDX files


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (0, 28, 28)])
def test_idx_keeps_shape(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "a").write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(load_idx(tmp_path / "a"), array)
    assert load_idx(tmp_path / "a").flags.writeable


@pytest.mark.parametrize(("code", "dtype"), [(0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_types_come_in_native_byte_order(tmp_path, code, dtype):
    array = np.array([-3, 0, 100], dtype=dtype)
    (tmp_path / "a").write_bytes(idx_bytes(array, code))
    result = load_idx(tmp_path / "a")
    np.testing.assert_array_equal(result, array)
    assert result.dtype.isnative


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    (tmp_path / "plain.gz").write_bytes(idx_bytes(labels(4)))
    (tmp_path / "packed").write_bytes(gzip.compress(idx_bytes(labels(4))))
    for name in ("plain.gz", "packed"):
        np.testing.assert_array_equal(load_idx(tmp_path / name), labels(4))


GOOD = idx_bytes(images(3))
CORRUPT = {
    "empty": (b"", "empty file"),
    "wrong magic": (b"\x89PNG" + GOOD[4:], "magic number .* found 89 50 4e 47"),
    "no dimensions": (b"\0\0\x08\0", "magic number"),
    "short magic": (b"\0\0", "magic number"),
    "short header": (GOOD[:10], "3 sizes of 4 bytes in the header, found 6"),
    "too few bytes": (GOOD[:-1], "expected 36 bytes .* found only 35; the file is truncated"),
    "too many bytes": (GOOD + b"\0", "expected 36 bytes .* found more than 36"),
    "promises terabytes": (struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**31] * 3), "found only 0"),
    "truncated gzip": (gzip.compress(GOOD)[:-12], "truncated or damaged"),
    "damaged gzip": (gzip.compress(GOOD)[:-8] + bytes(8), "truncated or damaged"),
    "gzip of nothing": (gzip.compress(b""), "found nothing"),
}


@pytest.mark.parametrize("case", CORRUPT)
def test_corrupt_idx(tmp_path, case):
    content, message = CORRUPT[case]
    (tmp_path / "some-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataFileError, match=rf"(?s)some-idx3-ubyte: .*{message}"):
        load_idx(tmp_path / "some-idx3-ubyte")


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    bomb = gzip.compress(idx_bytes(labels(3)) + bytes(50_000_000))
    (tmp_path / "bomb.gz").write_bytes(bomb)
    unpacked = []
    original = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile, "read", lambda self, n=-1: unpacked.append(len(piece := original(self, n))) or piece
    )
    with pytest.raises(DataFileError, match=r"bomb\.gz: expected 3 bytes .* found more than 3"):
        load_idx(tmp_path / "bomb.gz")
    assert sum(unpacked) < 1_000_000


def test_missing_file_and_folder_given_as_file(tmp_path):
    with pytest.raises(DataFileError, match=r"nowhere: no such file"):
        load_idx(tmp_path / "nowhere")
    with pytest.raises(DataFileError, match=r"expected a file, found a folder"):
        load_idx(tmp_path)


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root reads everything")
def test_unreadable_file(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(GOOD)
    path.chmod(0)
    with pytest.raises(DataFileError, match=r"secret: .*Permission denied"):
        load_idx(path)


def test_errors_of_the_system_name_the_file(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(5, "Input/output error")

    (tmp_path / "tape").write_bytes(GOOD)
    monkeypatch.setattr("fastmlp.datasets.idx.open_bytes", broken)
    with pytest.raises(DataFileError, match="tape: expected a readable file, found: Input/output error"):
        load_idx(tmp_path / "tape")


# folders


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize(("pack", "ending"), [(bytes, ""), (gzip.compress, ".gz"), (gzip.compress, ""), (bytes, ".gz")])
def test_folder_of_idx_files(tmp_path, pack, ending, dotted):
    folder = write_idx_folder(tmp_path / "data", pack=pack, ending=ending, dotted=dotted)
    assert_split(load(folder))
    assert_split(load(str(folder)))


def test_swapped_files_are_recognised(tmp_path):
    folder = swap(write_idx_folder(tmp_path / "both"), TRAIN_X, TRAIN_Y)
    with pytest.raises(DataFileError, match=rf"{TRAIN_X}: expected images .* swapped"):
        load(folder)
    folder = write_idx_folder(tmp_path / "one")
    (folder / TRAIN_Y).write_bytes((folder / TRAIN_X).read_bytes())
    with pytest.raises(DataFileError, match=rf"{TRAIN_Y}: expected labels .* swapped"):
        load(folder)


def swap(folder, first, second):
    (folder / first).rename(folder / "aside")
    (folder / second).rename(folder / first)
    (folder / "aside").rename(folder / second)
    return folder


def test_counts_and_widths_must_agree(tmp_path):
    folder = write_idx_folder(tmp_path / "count")
    (folder / TEST_Y).write_bytes(idx_bytes(labels(6)))
    with pytest.raises(DataFileError, match=rf"{TEST_Y}: expected 5 labels, .*{TEST_X}, found 6"):
        load(folder)
    folder = write_idx_folder(tmp_path / "width")
    (folder / TEST_X).write_bytes(idx_bytes(images(5)[:, :3]))
    with pytest.raises(DataFileError, match=rf"{TEST_X}: expected 12 features .*{TRAIN_X}, found 9"):
        load(folder)


def test_images_without_pixels_and_without_rows(tmp_path):
    folder = write_idx_folder(tmp_path, n_train=0)
    with pytest.raises(DataFileError, match=rf"{TRAIN_X}: .*no values"):
        load(folder)


def test_incomplete_and_foreign_folders(tmp_path):
    folder = write_idx_folder(tmp_path / "part")
    (folder / TEST_Y).unlink()
    with pytest.raises(DataFileError, match=rf"part: expected four IDX files, .* found 3 \(missing: {TEST_Y}\)"):
        load(folder)
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataFileError, match=r"holiday: .* found an empty folder"):
        load(tmp_path / "holiday")
    (tmp_path / "holiday" / "beach.jpg").touch()
    with pytest.raises(DataFileError, match=r"holiday: .* found beach.jpg"):
        load(tmp_path / "holiday")


# NPZ


def npz_arrays(n_train=6, n_test=4, **changes):
    arrays = {
        "x_train": images(n_train),
        "y_train": labels(n_train),
        "x_test": images(n_test),
        "y_test": labels(n_test),
    }
    return {name: array for name, array in (arrays | changes).items() if array is not None}


def test_npz_in_a_folder_and_by_name(tmp_path):
    np.savez_compressed(tmp_path / "mnist.npz", **npz_arrays())
    assert_split(load(tmp_path), 6, 4)
    assert_split(load(tmp_path / "mnist.npz"), 6, 4)
    (tmp_path / "mnist.npz").rename(tmp_path / "no_ending")
    assert_split(load(tmp_path / "no_ending"), 6, 4)


def test_npz_takes_labels_in_a_column(tmp_path):
    np.savez(tmp_path / "a.npz", **npz_arrays(y_train=labels(6)[:, None]))
    np.testing.assert_array_equal(load(tmp_path / "a.npz")[0][1], labels(6))


def test_an_array_under_the_name_of_an_npz_file(tmp_path):
    with open(tmp_path / "mnist.npz", "wb") as file:
        np.save(file, images(2))
    with pytest.raises(DataFileError, match=r"mnist\.npz: expected an NPZ file, found a single array"):
        load(tmp_path)


def test_npz_dtypes(tmp_path):
    one_hot = np.eye(10)[labels(6)]
    np.savez(tmp_path / "a.npz", **npz_arrays(y_train=one_hot))
    (x, y), _ = load(tmp_path / "a.npz")
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(y, labels(6))
    # Only what is stored as uint8 are pixels, and it never becomes numbers in silence.
    for stored in (np.int64, np.float64, np.bool_):
        np.savez(tmp_path / "b.npz", **npz_arrays(x_train=np.ones((6, 12), stored)))
        with pytest.raises(DataFileError, match=r"b\.npz: .* found float64 and uint8, .* say dtype='uint8'"):
            load(tmp_path / "b.npz")
        for dtype in ("uint8", "float32", "float64"):
            (x, _), (x_test, _) = load(tmp_path / "b.npz", dtype=dtype)
            assert x.dtype == x_test.dtype == dtype
    np.savez(tmp_path / "c.npz", **npz_arrays(x_train=np.ones((6, 12), np.float32), x_test=np.ones((4, 12), int)))
    (x, _), (x_test, _) = load(tmp_path / "c.npz")
    assert x.dtype == x_test.dtype == np.float64


class Dangerous:
    def __reduce__(self):
        return (pytest.fail, ("something that was loaded has been executed",))


NPZ_FAULTS = {
    "missing array": ({"y_test": None}, r"missing: y_test"),
    "label too large": (
        {"y_train": np.array([0, 1, 2, 256, 0, 0])},
        r"0 to 255 in y_train, found 256 in row 3",
    ),
    "negative label": ({"y_test": np.array([0, -1, 0, 0])}, r"0 to 255 in y_test, found -1 in row 1"),
    "fractional label": ({"y_test": np.array([0, 0.5, 0, 0])}, r"found 0.5 in row 1"),
    "NaN label": ({"y_test": np.array([0, np.nan, 0, 0])}, r"found nan in row 1"),
    "labels of words": (
        {"y_test": np.array(["a", "b", "c", "d"])},
        r"expected numbers in y_test, found values of type <U1",
    ),
    "labels of three dimensions": ({"y_test": np.zeros((4, 2, 2))}, r"shape \(4, 2, 2\)"),
    "not one-hot": ({"y_test": np.ones((4, 3))}, r"one-hot labels in y_test"),
    "too few labels": ({"y_train": labels(5)}, "expected 6 labels, .* found 5"),
    "NaN": ({"x_train": np.full((6, 12), np.nan)}, "finite numbers in x_train, found nan in row 0, column 0"),
    "infinity": ({"x_train": np.full((6, 12), np.inf)}, "finite numbers in x_train, found inf"),
    "features of words": ({"x_test": np.full((4, 12), "a")}, "numbers in x_test"),
    "one dimension": ({"x_test": np.zeros(4)}, r"found shape \(4,\)"),
    "other width": ({"x_test": np.zeros((4, 3))}, "expected 12 features .* found 3"),
    "pickled objects": ({"x_test": np.array([Dangerous()] * 4, dtype=object)}, "found values of type object"),
}


@pytest.mark.parametrize("case", NPZ_FAULTS)
def test_faulty_npz(tmp_path, case):
    changes, message = NPZ_FAULTS[case]
    np.savez(tmp_path / "faulty.npz", **npz_arrays(**changes))
    with pytest.raises(DataFileError, match=rf"faulty\.npz: .*{message}"):
        load(tmp_path / "faulty.npz")


@pytest.mark.parametrize("damage", [lambda data: data[:-30], lambda data: data[:60] + bytes(40) + data[100:]])
def test_damaged_npz(tmp_path, damage):
    np.savez_compressed(tmp_path / "a.npz", **npz_arrays())
    (tmp_path / "a.npz").write_bytes(damage((tmp_path / "a.npz").read_bytes()))
    with pytest.raises(DataFileError, match=r"a\.npz: "):
        load(tmp_path / "a.npz")


def test_single_files_of_the_wrong_kind(tmp_path):
    (tmp_path / "images").write_bytes(GOOD)
    with pytest.raises(DataFileError, match=r"images: .* one IDX file"):
        load(tmp_path / "images")
    np.save(tmp_path / "x.npy", images(3))
    with pytest.raises(DataFileError, match=r"x\.npy: .* NPY"):
        load(tmp_path / "x.npy")
    (tmp_path / "text.npz").write_text("1,2,3\n")
    with pytest.raises(DataFileError, match=r"text\.npz: expected an NPZ file"):
        load(tmp_path / "text.npz")


# names


@pytest.mark.parametrize("spelling", ["mnist", "MNIST"])
def test_named_folder_in_fastmlp_data(tmp_path, monkeypatch, no_home, spelling):
    write_idx_folder(tmp_path / "all" / spelling)
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path / "all"))
    assert_split(load("mnist"))


@pytest.mark.parametrize("spelling", ["fashion_mnist", "fashion-mnist", "FashionMNIST"])
def test_spellings_of_fashion_mnist(tmp_path, monkeypatch, no_home, spelling):
    write_idx_folder(tmp_path / spelling)
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path))
    assert_split(load("fashion_mnist"))
    assert_split(load("Fashion-MNIST"))


def test_files_directly_in_fastmlp_data_count_only_under_their_name(tmp_path, monkeypatch, no_home):
    monkeypatch.setenv("FASTMLP_DATA", str(write_idx_folder(tmp_path / "mnist")))
    assert_split(load("mnist"))
    with pytest.raises(DataFileError, match="fashion_mnist"):
        load("fashion_mnist")


def test_the_cache_comes_second(tmp_path, monkeypatch, no_home):
    write_idx_folder(data_home() / "mnist", n_train=7)
    assert_split(load("mnist"), 7)
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path / "not there"))
    assert_split(load("mnist"), 7)
    write_idx_folder(tmp_path / "mine" / "mnist")
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path / "mine"))
    assert_split(load("mnist"))


def test_nothing_found_says_where_and_what_to_do(tmp_path, monkeypatch, no_home):
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path / "empty"))
    with pytest.raises(DataFileError) as raised:
        load("mnist")
    for part in (
        str(tmp_path / "empty" / "mnist"),
        str(data_home() / "mnist"),
        "fastmlp download mnist",
        '"digits"',
    ):
        assert part in str(raised.value)


def test_a_half_filled_folder_is_not_passed_over(tmp_path, monkeypatch, no_home):
    write_idx_folder(data_home() / "mnist")
    folder = write_idx_folder(tmp_path / "mnist")
    (folder / TRAIN_Y).unlink()
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path))
    with pytest.raises(DataFileError, match=rf"missing: {TRAIN_Y}"):
        load("mnist")


def test_unknown_names_and_other_types(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataFileError, match=r"mnits: .*'digits', 'mnist', 'fashion_mnist'"):
        load("mnits")
    with pytest.raises(ArgumentTypeError, match="name_or_path must be the name of a file or folder, not 5"):
        load(5)


@pytest.mark.parametrize(
    ("platform", "variable", "ending"),
    [("linux", "XDG_CACHE_HOME", "fastmlp/data"), ("win32", "LOCALAPPDATA", "fastmlp/data")],
)
def test_data_home_follows_the_platform(tmp_path, monkeypatch, platform, variable, ending):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert data_home() == tmp_path / ending


def test_data_home_without_variables(monkeypatch):
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    for platform, place in (("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "AppData/Local")):
        monkeypatch.setattr(sys, "platform", platform)
        assert data_home() == Path.home() / place / "fastmlp" / "data"


def real_mnist():
    folder = Path(os.environ.get("FASTMLP_DATA", ""), "mnist")
    return folder.is_dir() if os.environ.get("FASTMLP_DATA") else False


@pytest.mark.skipif(not real_mnist(), reason="FASTMLP_DATA has no folder mnist")
def test_real_mnist():
    (x, y), (x_test, y_test) = load("mnist")
    assert (x.shape, x_test.shape, x.dtype) == ((60_000, 784), (10_000, 784), np.uint8)
    assert y[:6].tolist() == [5, 0, 4, 1, 9, 2]
    assert y_test[:6].tolist() == [7, 2, 1, 0, 4, 1]
