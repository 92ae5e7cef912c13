"""Raw tables, with columns of any kind, and how they become the features of a network."""

import importlib
from typing import TYPE_CHECKING, Any

from .columns import Columns, columns_of
from .encoder import TableEncoder

if TYPE_CHECKING:
    from .reading import read_table

__all__ = ["Columns", "TableEncoder", "columns_of", "read_table"]

TableEncoder.__module__ = "fastmlp"  # where users find it; see `fastmlp._base.public`
for _item in (Columns, columns_of):
    _item.__module__ = __name__


def __getattr__(name: str) -> Any:
    if name == "read_table":  # networks need no files
        return importlib.import_module(".reading", __name__).read_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
