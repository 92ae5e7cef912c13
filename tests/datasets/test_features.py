"""``load_features``: the same features from every format, without labels."""

import gzip

import numpy as np
import pytest

from fastmlp._base.errors import ArgumentError, DataFileError
from fastmlp.datasets import load_features

from ..shared.files import npy

X = np.arange(24, dtype=np.uint8)[::-1].reshape(2, 3, 4)
FLAT = X.reshape(2, 12)
IDX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + X.tobytes()


def csv_text(header=None):
    rows = "".join(",".join(map(str, row)) + "\n" for row in FLAT.tolist())
    return ((header + "\n" if header else "") + rows).encode()


@pytest.mark.parametrize(
    "content",
    [
        csv_text(),
        csv_text("pixel0," + ",".join(f"pixel{i}" for i in range(1, 12))),
        csv_text(",".join("abcdefghijkl")),
        gzip.compress(csv_text(), mtime=0),
        IDX,
        gzip.compress(IDX, mtime=0),
    ],
)
def test_csv_and_idx(tmp_path, content):
    (tmp_path / "new").write_bytes(content)
    features = load_features(tmp_path / "new")
    np.testing.assert_array_equal(features, FLAT)
    assert features.dtype == (
        np.uint8 if content[:2] == b"\0\0" or content == gzip.compress(IDX, mtime=0) else np.float64
    )
    assert features.flags.c_contiguous


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("uint8", "uint8"),
        ("int64", "float64"),
        ("bool", "float64"),
        ("float32", "float32"),
        ("float64", "float64"),
        ("float16", "float64"),
        (">i4", "float64"),
        (">f4", "float32"),
    ],
)
def test_npy(tmp_path, dtype, expected):
    np.save(tmp_path / "x.npy", np.asfortranarray(X.astype(dtype)))
    features = load_features(tmp_path / "x.npy")
    np.testing.assert_array_equal(features, FLAT.astype(dtype))
    assert features.dtype == expected
    assert features.flags.c_contiguous


def test_named_labels_are_left_out(tmp_path):
    (tmp_path / "x.csv").write_text("a,label,b\n1,9,2\n3,9,4\n")
    np.testing.assert_array_equal(load_features(tmp_path / "x.csv"), [[1, 2], [3, 4]])


def test_dtype_can_be_forced(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    assert load_features(tmp_path / "x.csv", dtype="float32").dtype == np.float32
    np.save(tmp_path / "x.npy", np.array([[1.0, 255.0]]))
    forced = load_features(tmp_path / "x.npy", dtype="uint8")
    assert forced.dtype == np.uint8
    np.testing.assert_array_equal(forced, [[1, 255]])
    np.save(tmp_path / "x.npy", np.array([[0.5]]))
    with pytest.raises(
        DataFileError, match=r"x\.npy: expected whole numbers of 0 to 255.* found 0\.5 in row 0, column 0"
    ):
        load_features(tmp_path / "x.npy", dtype="uint8")
    with pytest.raises(ArgumentError, match="dtype must be 'uint8', 'float32', 'float64' or None, got 'int8'"):
        load_features(tmp_path / "x.npy", dtype="int8")


FAULTS = {
    "empty": (b"", "empty file"),
    "truncated NPY": (npy(X)[:-3], "expected 24 bytes for uint8 .* found 21: it is not complete"),
    "NPY of objects": (
        npy(np.array([[None]]), allow_pickle=True),
        "expected numbers in the array, found values of type object",
    ),
    "NPY of one dimension": (npy(np.arange(3)), r"found shape \(3,\)"),
    "NPY with NaN": (npy(np.array([[1.0, np.nan]])), "found nan in row 0, column 1"),
    "NPY of words": (npy(np.array([["a"]])), "expected numbers"),
    "NPY without rows": (npy(np.zeros((0, 3))), "no values"),
    "zip": (b"PK\x03\x04 and so on", "found a zip"),
    "IDX labels": (bytes([0, 0, 8, 1, 0, 0, 0, 1, 5]), "expected images"),
    "CSV with a word": (b"1,2\n3,x\n", "line 2: column 2"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_named(tmp_path, case):
    content, message = FAULTS[case]
    (tmp_path / "faulty").write_bytes(content)
    with pytest.raises(DataFileError, match=f"faulty: .*{message}"):
        load_features(tmp_path / "faulty")


def test_missing(tmp_path):
    with pytest.raises(DataFileError, match="nowhere: no such file"):
        load_features(tmp_path / "nowhere")
