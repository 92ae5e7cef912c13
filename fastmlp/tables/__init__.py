"""Raw tables, with columns of any kind, and how they become the features of a network."""

from .columns import Columns, columns_of
from .reading import read_table

__all__ = ["Columns", "columns_of", "read_table"]
