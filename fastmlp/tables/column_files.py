"""Parquet and Feather files, which keep columns with their types. pyarrow or polars reads them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .._base.errors import DataFileError
from .._base.extras import library
from ..datasets._open import first_bytes, reading
from .columns import Columns, columns_of
from .spelling import DATE, NUMBER, TEXT, TRUTH

_PARQUET, _FEATHER = b"PAR1", b"ARROW1"
_ROWS = 1 << 16  # of a block
_KIND = {"f": NUMBER, "b": TRUTH, "O": TEXT, "M": DATE}


def is_one(start: bytes) -> bool:
    """Whether a file that begins like this is one of these."""
    return start.startswith((_PARQUET, _FEATHER))


def names_in(path: Path) -> tuple[str, ...]:
    """The names of the columns."""
    with reading(path, _expected(path)):
        if not _has_arrow():
            polars = _polars()
            scan = polars.scan_parquet(path) if _is_parquet(path) else polars.scan_ipc(path)
            return tuple(scan.collect_schema().names())
        if _is_parquet(path):
            return tuple(importlib.import_module("pyarrow.parquet").read_schema(path).names)
        return tuple(importlib.import_module("pyarrow.ipc").open_file(str(path)).schema.names)


def read(path: Path, names: Sequence[str]) -> tuple[Columns, dict[str, str]]:
    """These columns, and the kind of each."""
    with reading(path, _expected(path)):
        if not _has_arrow():
            polars = _polars()
            frame: Any = (polars.read_parquet if _is_parquet(path) else polars.read_ipc)(path, columns=list(names))
            frame = frame.select(list(names))
        elif _is_parquet(path):
            frame = importlib.import_module("pyarrow.parquet").read_table(path, columns=list(names))
        else:
            frame = importlib.import_module("pyarrow.feather").read_table(path, columns=list(names))
    return _checked(path, columns_of(frame, str(path)))


def blocks(path: Path, names: Sequence[str]) -> Iterator[Columns]:
    """Some rows at a time."""
    if not _has_arrow() or not _is_parquet(path):
        whole, _ = read(path, names)
        for start in range(0, whole.rows, _ROWS):
            yield whole.at(slice(start, start + _ROWS))
        return
    with reading(path, _expected(path)):
        arrow = importlib.import_module("pyarrow")
        file = importlib.import_module("pyarrow.parquet").ParquetFile(path)
        for batch in file.iter_batches(_ROWS, columns=list(names)):
            yield _checked(path, columns_of(arrow.Table.from_batches([batch]).select(list(names)), str(path)))[0]


def _checked(path: Path, columns: Columns) -> tuple[Columns, dict[str, str]]:
    if not columns or columns.rows == 0:
        raise DataFileError(f"{path}: expected rows, found none; is it complete?")
    return columns, {name: _KIND[column.dtype.kind] for name, column in columns.items()}


def _is_parquet(path: Path) -> bool:
    return first_bytes(path, 4) == _PARQUET


def _expected(path: Path) -> str:
    return f"a complete {'Parquet' if _is_parquet(path) else 'Feather'} file"


def _has_arrow() -> bool:
    return importlib.util.find_spec("pyarrow") is not None


def _polars() -> Any:
    """polars in place of pyarrow; the error names the extra, which brings pyarrow."""
    if importlib.util.find_spec("polars") is None:
        return library("pyarrow", "tables", "a Parquet or Feather file")
    return importlib.import_module("polars")
