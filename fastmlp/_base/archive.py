"""Reads ``.npz`` files of unknown origin, and checks the size of each array before it allocates memory.

An archive lists its members, and each member begins with the type and the shape of its array. The reader refuses all
that the size of the file contradicts.
"""

import json
import math
import os
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .errors import FastMLPError, ModelFileError
from .types import Array

# Users may compress an archive, although weights hardly shrink; a bomb grows a thousandfold.
_EXPANSION = 20
_FREE_BYTES = 32 << 20  # what may be set aside for any file
# Parsed JSON takes more memory than its text: at least this many bytes for each list or object, item, and name in an
# object. All of them may take four times the text, which large histories need, and these bytes.
_BYTES_OF_JSON = {"[": 100, "{": 100, ",": 60, ":": 150}
_FREE_BYTES_OF_JSON = 64 << 20
_HEADER_BYTES = 10_000
_TAIL_BYTES = (1 << 16) + 128  # in which an archive says how long the list of its members is
_FREE_DIRECTORY = 1 << 20
_CHUNK = 1 << 20
_HEADER = re.compile(
    rb"\{'descr': '(?P<type>[<>|]?[a-zA-Z][0-9]*)', 'fortran_order': (?P<columns>False|True), "
    rb"'shape': \((?P<shape>(?:[0-9]{1,18}, ?)*(?:[0-9]{1,18})?)\), ?\} *\n?"
)
_TYPES = {"f2", "f4", "f8", "u1"}


@dataclass(frozen=True)
class Header:
    """What a member says of its array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_by_columns: bool
    start: int  # bytes of the member before the numbers

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * self.dtype.itemsize


def is_mostly_directory(stream: BinaryIO) -> bool:
    """Whether the list of members takes over half of the archive.

    The list takes eight times its bytes in memory. In files that numpy writes it is at most about a quarter, because
    each array has its own header.
    """
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - _TAIL_BYTES))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        return False  # not an archive: opening it raises the error
    sizes = list(struct.unpack_from("<L", tail, at + 12))
    if tail[max(0, at - 76) :].startswith(b"PK\x06\x06"):  # of archives with more than 65,535 members
        sizes += struct.unpack_from("<Q", tail, at - 76 + 40)
    size: int = sizes[-1] if sizes[0] == 2**32 - 1 else max(sizes)
    return size > max(_FREE_DIRECTORY, length // 2)


class Archive:
    """The arrays of a ``.npz`` file, each read on request."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.path = path
        if not zipfile.is_zipfile(stream):
            raise ModelFileError(f"{path} is not a readable fastmlp model: it is not a complete .npz archive")
        if is_mostly_directory(stream):
            raise ModelFileError(f"{path} is damaged: over half of it is the list of its entries, as in no model")
        stream.seek(0)
        self._zip = zipfile.ZipFile(stream)
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._headers: dict[str, Header] = {}
        self._check_directory(os.fstat(stream.fileno()).st_size)

    def _check_directory(self, length: int) -> None:
        for member in self._zip.infolist():
            wrong = self._what_is_wrong_with(member)
            if wrong is not None:
                raise ModelFileError(f"{self.path} is damaged: its entry {member.filename!r:.60} {wrong}")
            if member.filename.endswith(".npy"):
                self._members[member.filename.removesuffix(".npy")] = member
        packed = sum(member.compress_size for member in self._members.values())
        unpacked = sum(member.file_size for member in self._members.values())
        if packed > length:
            raise ModelFileError(f"{self.path} is damaged: its entries are longer than the file, or overlap")
        if unpacked > _FREE_BYTES + _EXPANSION * length:
            raise ModelFileError(
                f"{self.path} has {length:,} bytes, but its entries say that they unpack to {unpacked:,}, which no "
                "model does: if you trust it, unpack it, and pack the arrays without compression (numpy.savez)"
            )

    def _what_is_wrong_with(self, member: zipfile.ZipInfo) -> str | None:
        if member.filename.removesuffix(".npy") in self._members:
            return "is there twice"
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "is packed in a way that numpy does not use"
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
            return "has two lengths"
        return None

    @property
    def names(self) -> list[str]:
        """The names of all arrays."""
        return list(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, without reading it."""
        return self.header(name).shape

    def header(self, name: str) -> Header:
        """Type and shape of an array, without reading it."""
        if name not in self._headers:
            with self._zip.open(self._member(name)) as file:
                self._headers[name] = self._read_header(name, file)
        return self._headers[name]

    def read(self, name: str) -> Array:
        """Read an array."""
        header = self.header(name)
        with self._zip.open(self._member(name)) as file:
            file.read(header.start)  # seeking would skip the checksum
            flat = np.empty(header.size, np.uint8)
            done = 0
            while done < header.size:
                part = file.read(min(_CHUNK, header.size - done))
                if not part:
                    raise self._damaged(name)
                flat[done : done + len(part)] = np.frombuffer(part, np.uint8)
                done += len(part)
            if file.read(1):  # which also makes the archive compare its checksum
                raise self._damaged(name)
        array = flat.view(header.dtype)
        return array.reshape(header.shape, order="F" if header.is_by_columns else "C")

    def read_json(self, name: str) -> dict[str, Any]:
        """The JSON object in an array of bytes; refuses what fastmlp cannot have written."""
        header = self.header(name)
        if header.dtype != np.uint8 or len(header.shape) != 1:
            raise ModelFileError(f"{self.path} is damaged: its entry {name!r} is not text")
        text = str(self.read(name).data, "utf-8")
        found = parse_json(text)
        if not isinstance(found, dict):
            raise ModelFileError(f"{self.path} is damaged: its entry {name!r} is not a JSON object")
        return found

    # ------------------------------------------------------------ members

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise ModelFileError(f"{self.path} is damaged: the array {name!r} is missing")
        return self._members[name]

    def _damaged(self, name: str) -> ModelFileError:
        return ModelFileError(f"{self.path} is damaged: the array {name!r} is not as long as it says, or no array")

    def _read_header(self, name: str, file: Any) -> Header:
        magic = file.read(8)
        if magic[:6] != b"\x93NUMPY" or magic[6:] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
            raise self._damaged(name)
        count = 2 if magic[6] == 1 else 4
        length = int.from_bytes(file.read(count), "little")
        match = _HEADER.fullmatch(file.read(length)) if length <= _HEADER_BYTES else None
        if match is None:
            raise self._damaged(name)
        kind = match["type"].decode()
        if kind.lstrip("<>|") not in _TYPES:
            raise ModelFileError(f"{self.path} is damaged: the array {name!r} should hold floats, not {kind!r:.20}")
        shape = tuple(int(extent) for extent in match["shape"].decode().replace(",", " ").split())
        if len(shape) > 2:
            raise self._damaged(name)
        found = Header(np.dtype(kind), shape, match["columns"] == b"True", 8 + count + length)
        if found.start + found.size != self._member(name).file_size:
            raise self._damaged(name)
        return found


def parse_json(text: str) -> Any:
    """Parse a JSON text, but refuse one that is built to fill the memory.

    Raises ValueError or RecursionError if the text is not JSON, or names something twice.
    """
    size = sum(text.count(mark) * size for mark, size in _BYTES_OF_JSON.items())
    if size > _FREE_BYTES_OF_JSON + 4 * len(text):
        raise ValueError("more items than text")
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one JSON object")
    return found


def _refuse_files_of_keras(stream: BinaryIO, path: Path) -> None:
    head = stream.read(64)
    stream.seek(0)
    is_zip = head.startswith(b"PK\3\4") and (b"metadata.json" in head or b"config.json" in head)
    if is_zip or head.startswith(b"\x89HDF\r\n\x1a\n"):
        raise ModelFileError(
            f"{path} is a file of Keras, which fastmlp does not read: load it with Keras, and give the model to "
            "fastmlp.import_model(model)"
        )


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open the archive in a file for the context; every error inside becomes a ModelFileError."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise ModelFileError(f"{path} is not a model file, but a folder, a device or a pipe")
        with open(path, "rb") as stream:
            _refuse_files_of_keras(stream, path)
            yield Archive(stream, path)
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such model file") from None
    except (ModelFileError, MemoryError):  # an intact file may still be larger than the free memory
        raise
    except Exception as error:  # a damaged archive, header or text fails in many ways; none of them is our bug
        reason = f": {error}" if isinstance(error, FastMLPError) else ""
        raise ModelFileError(
            f"{path} is not a readable fastmlp model (damaged or truncated, or another kind of file): "
            f"{type(error).__name__}{reason}"
        ) from error
