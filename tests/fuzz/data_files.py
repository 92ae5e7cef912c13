"""Damaged and hostile data files: whatever is in them, a reader returns, or raises an error that names the file.

``attack`` makes one file of a kind that fastmlp reads, changes it, and reads it in one of the public ways.
"""

import bz2
import gzip
import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp._base.errors import ArgumentError, ArgumentTypeError, DataFileError
from fastmlp.cli.labelled import load_split, load_test
from fastmlp.datasets import Chunks, load, load_csv, load_features, load_idx
from fastmlp.datasets.table import TableForm
from fastmlp.tables import pieces
from fastmlp.tables.reading import blocks, opened, read

Random = np.random.Generator


def attack(random: Random, folder: Path) -> None:
    """Make one damaged file in ``folder`` and read it; anything but success or an error that names it is raised."""
    content = mutated(random, seed_file(random), lambda: seed_file(random))
    path = folder / "attack"
    path.write_bytes(content)
    read_one_way(random, path)


def read_one_way(random: Random, path: Path) -> None:
    """Read a file through a public entry point."""
    name, read = pick(random, READERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(random, path)
        except (DataFileError, ArgumentError, ArgumentTypeError) as error:
            if path.name not in str(error):
                raise AssertionError(f"{name}: the message does not name the file: {error}") from error
            if len(str(error)) > 1500:
                raise AssertionError(f"{name}: the message is {len(str(error))} characters long") from error


def pick(random: Random, items: Any) -> Any:
    """One of a list, or an item of a dictionary."""
    found = list(items.items()) if isinstance(items, dict) else list(items)
    return found[int(random.integers(len(found)))]


# ---------------------------------------------------------------- ways to read


def _csv(random: Random, path: Path) -> None:
    load_csv(
        path,
        label=pick(random, ["auto", None, 0, -1, "label"]),
        n_classes_one_hot=pick(random, [None, None, None, 0, 2]),
        dtype=pick(random, [None, "uint8", "float32", "float64"]),
        separator=pick(random, ["auto", "auto", "auto", ";", "\t", " "]),
        decimal=pick(random, [".", ".", ","]),
    )


def _features(random: Random, path: Path) -> None:
    load_features(path, dtype=pick(random, [None, "uint8", "float32", "float64"]))


def _load(random: Random, path: Path) -> None:
    load(path, dtype=pick(random, [None, "uint8", "float64"]), label=pick(random, ["auto", "auto", 0]))


def _mapped(random: Random, path: Path) -> None:
    form = pick(random, [None, None, ("float32", (-1, 3)), ("uint8", (-1, 2, 2))])
    y_path = path.with_name("y.npy")
    np.save(y_path, np.arange(5))
    for _ in Chunks.from_memmap(path, y_path, 2, x_form=form):
        pass


def _chunks(random: Random, path: Path) -> None:
    dtype = pick(random, [None, "uint8", "float32"])
    for _ in Chunks.from_files([path], rows_in_chunk=3, dtype=dtype, label=pick(random, ["auto", 0])):
        pass


def _raw_table(random: Random, path: Path) -> None:
    """Read a raw table whole and in pieces, which must hold the same."""
    kind = pick(random, [None, None, "number", "truth", "date", "text"])
    file = opened(path, asked=pick(random, [(), ("label",)]), usual_decimal=pick(random, [".", ","]))
    before, pieces.SIZE = pieces.SIZE, pick(random, [70, 1000, pieces.SIZE])
    try:
        table, found = read(file, kinds={} if kind is None or not file.names else {pick(random, file.names): kind})
        parts = list(blocks(file, list(found), found)) if found else []
    finally:
        pieces.SIZE = before
    for name in found:
        pieced, whole = [str(item) for part in parts for item in part[name].tolist()], map(str, table[name].tolist())
        as_numbers = {"True": "1.0", "False": "0.0"}  # where another piece of the column has a missing value
        if pieced != (expected := list(whole)) and [as_numbers.get(item, item) for item in pieced] != expected:
            raise AssertionError(f"column {name!r} is {pieced} in pieces, and {expected} as a whole")


def _command_line(random: Random, path: Path) -> None:
    form = TableForm(dtype=pick(random, [None, "uint8"]), decimal=pick(random, [".", ","]))
    pick(random, [lambda: load_split(str(path), form, 0), lambda: load_test(str(path), form, 0)])()


def _folder_of_idx(random: Random, path: Path) -> None:
    _in_folder(random, path, ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), "t10k-labels-idx1-ubyte")


def _folder_of_csv(random: Random, path: Path) -> None:
    _in_folder(random, path, ("train.csv", "test.csv"), None)


def _in_folder(random: Random, path: Path, names: tuple[str, str], third: str | None) -> None:
    folder = path.parent / "attack_folder"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    place = folder / pick(random, names)
    if third is None:
        for name in names:
            (folder / name).write_bytes(CSV["label last"])
    else:
        (folder / "train-images-idx3-ubyte").write_bytes(IDX["images"])
        (folder / "t10k-images-idx3-ubyte").write_bytes(IDX["images"])
        (folder / "train-labels-idx1-ubyte").write_bytes(IDX["labels"])
        (folder / third).write_bytes(IDX["labels"])
    place.write_bytes(path.read_bytes())
    load(folder)


READERS: dict[str, Callable[[Random, Path], None]] = {
    "load_csv": _csv,
    "load_features": _features,
    "load_idx": lambda random, path: load_idx(path) is None,  # type: ignore[dict-item, return-value]
    "load": _load,
    "Chunks.from_memmap": _mapped,
    "Chunks.from_files": _chunks,
    "read_table": _raw_table,
    "the command line": _command_line,
    "load of IDX files": _folder_of_idx,
    "load of CSV files": _folder_of_csv,
}

# ---------------------------------------------------------------- files to begin with


def _rows(separator: str = ",", decimal: str = ".", label: str = "word", quote: str = "", end: str = "\n") -> bytes:
    lines = []
    for row in range(6):
        fields = [
            f"{row * 1.5 - 2:.2f}".replace(".", decimal),
            str(row),
            f"-{row}e1",
            f"{quote}{label}{row % 2}{quote}",
        ]
        lines.append(separator.join(fields))
    return end.join([*lines, ""]).encode()


def _idx(array: Any, code: int = 8) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


def _npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def _zip(method: int, **arrays: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # without the time of day, which would be in the bytes
            archive.writestr(member, _npy(array), method)
    return file.getvalue()


def _encrypted(content: bytes) -> bytes:
    """The same archive with the flags of encryption set in all its headers."""
    changed = bytearray(content)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.find(mark)
        while start >= 0:
            changed[start + place] |= 1
            start = content.find(mark, start + 1)
    return bytes(changed)


_X, _Y = np.arange(60, dtype=np.uint8).reshape(5, 3, 4), np.arange(5) % 3
_PARTS = {"x_train": _X, "y_train": _Y, "x_test": _X[:3], "y_test": _Y[:3]}
_PAIR = {"x": _X.reshape(5, 12).astype(np.float32), "y": _Y}

CSV = {
    "label last": b"a,b,label\n" + b"".join(b"%d,%d,%d\n" % (k, 9 - k, k % 3) for k in range(8)),
    "no header": b"".join(b"%d,0.5,%d\n" % (k % 3, k) for k in range(8)),
    "words": _rows(),
    "semicolons": _rows(";", ","),
    "tabs": _rows("\t"),
    "CR": _rows(end="\r"),
    "CRLF": _rows(end="\r\n"),
    "quotes": b'"a","b, c","d","label"\n' + _rows(quote='"', label="x, y"),
    "byte order mark": b"\xef\xbb\xbf" + _rows(),
    "UTF-16": _rows().decode().encode("utf-16"),
    "mixed": b"a,b,c,label\n" + b'1,"x, y",2024-01-02,True\n,NA,,False\n-2.5,z,2023-12-31 08:30,true\n' * 3,
    "one-hot": b"1,0,5.5\n0,1,6.5\n1,0,7\n",
    "pixels": b"label," + b",".join(b"pixel%d" % k for k in range(70)) + b"\n" + (b"1" + b",255" * 70 + b"\n") * 3,
    "long line": b"1," * 40_000 + b"1\n",
    "long field": b"label,a\n" + b"x" * 140_000 + b",1\n",
    "open quote": b'a,label\n1,"x\n' + _rows(),
}
IDX = {
    "images": _idx(_X),
    "labels": _idx(_Y.astype(np.uint8)),
    "floats": _idx(_X.astype(">f4"), 0x0D),
    "doubles": _idx(_Y.astype(">f8"), 0x0E),
}
NPY = {
    "uint8": _npy(_X),
    "float64": _npy(_PAIR["x"].astype(float)),
    "big-endian": _npy(_PAIR["x"].astype(">f4")),
    "Fortran": _npy(np.asfortranarray(_PAIR["x"])),
    "version 2": _npy(_X, version=(2, 0)),
    "version 3": _npy(_X, version=(3, 0)),
    "records": _npy(np.zeros(3, [("a", "f4"), ("b", "i8")])),
    "objects": _npy(np.array([None, 1]), allow_pickle=True),
    "words": _npy(np.array(["a", "bc"])),
    "no values": _npy(np.zeros((0, 3))),
    "no dimensions": _npy(np.array(3.0)),
    "complex": _npy(np.ones((2, 2), complex)),
}
NPZ = {
    "stored": _zip(zipfile.ZIP_STORED, **_PARTS),
    "deflated": _zip(zipfile.ZIP_DEFLATED, **_PARTS),
    "bzip2": _zip(zipfile.ZIP_BZIP2, **_PARTS),
    "lzma": _zip(zipfile.ZIP_LZMA, **_PARTS),
    "pair": _zip(zipfile.ZIP_DEFLATED, **_PAIR),
    "pair, lzma": _zip(zipfile.ZIP_LZMA, **_PAIR),
    "encrypted": _encrypted(_zip(zipfile.ZIP_DEFLATED, **_PARTS)),
    "empty": _zip(zipfile.ZIP_STORED),
}
KINDS = {"csv": CSV, "idx": IDX, "npy": NPY, "npz": NPZ}


def seed_file(random: Random) -> bytes:
    """A file of some kind, sometimes packed."""
    _, files = pick(random, KINDS)
    _, content = pick(random, files)
    chance = random.random()
    if chance < 0.15:
        packed: bytes = gzip.compress(content, mtime=0)
        return packed
    return bz2.compress(content) if chance < 0.17 else content


# ---------------------------------------------------------------- damage

_NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64, -1)
_TEXTS = (
    b"", b",", b";", b"\t", b"\r", b"\n", b'"', b"\0", b"nan", b"inf", b"1e999", b"-0", b"\xef\xbb\xbf", b"\xff",
    b"True",     b"(", b")", b"'", b"{", b"L", b"0x", b"1_0", "\u00e9".encode(), "\uff11".encode(),
    b"((((" * 50, b"99999999999999999999",
    b"'descr': '|O'", b"'<U0'", b"'<f8'", b"'V9'", b"(1, 1, 1, 1, 1, 1, 1, 1)", b"(-1,)", b"True, ", b"\x1f\x8b",
)  # fmt: skip


def mutated(random: Random, content: bytes, another: Callable[[], bytes]) -> bytes:
    """The content with one to three changes; seldom with none."""
    for _ in range(pick(random, (0, 1, 1, 1, 2, 3))):
        content = pick(random, (_flip, _cut, _insert, _repeat, _number, _digits, _splice))(random, content, another)
    return content


def _place(random: Random, content: bytes) -> int:
    """Mostly near an end: headers and directories are there."""
    near = min(len(content), 150)
    chance = random.random()
    if chance < 0.4:
        return int(random.integers(near + 1))
    if chance < 0.6:
        return len(content) - int(random.integers(near + 1))
    return int(random.integers(len(content) + 1))


def _flip(random: Random, content: bytes, another: Any) -> bytes:
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        if changed:
            changed[min(_place(random, content), len(changed) - 1)] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _cut(random: Random, content: bytes, another: Any) -> bytes:
    start, end = sorted((_place(random, content), _place(random, content)))
    return content[:start] if random.random() < 0.5 else content[:start] + content[end:]


def _insert(random: Random, content: bytes, another: Any) -> bytes:
    place = _place(random, content)
    text = pick(random, _TEXTS) if random.random() < 0.7 else random.bytes(int(random.integers(1, 40)))
    end = place + (len(text) if random.random() < 0.5 else 0)
    return content[:place] + text + content[end:]


def _repeat(random: Random, content: bytes, another: Any) -> bytes:
    start, end = sorted((_place(random, content), _place(random, content)))
    return content[:end] + content[start:end] * int(random.integers(1, 20)) + content[end:]


def _number(random: Random, content: bytes, another: Any) -> bytes:
    """A binary number of a header becomes another one."""
    size = pick(random, (1, 2, 4, 8))
    value = pick(random, _NUMBERS) & (256**size - 1)
    place = _place(random, content)
    return content[:place] + value.to_bytes(size, pick(random, ("big", "little"))) + content[place + size :]


def _digits(random: Random, content: bytes, another: Any) -> bytes:
    """A number in a text becomes another one."""
    places = [i for i, byte in enumerate(content[:2000]) if 48 <= byte <= 57]
    if not places:
        return content
    place = pick(random, places)
    return content[:place] + str(pick(random, _NUMBERS)).encode() + content[place + 1 :]


def _splice(random: Random, content: bytes, another: Callable[[], bytes]) -> bytes:
    other = another()
    return content[: _place(random, content)] + other[_place(random, other) :]
