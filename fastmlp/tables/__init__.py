"""Raw tables, with columns of any kind, and how they become the features of a network."""

from .._base.public import as_public
from .encoder import TableEncoder

__all__ = ["TableEncoder"]

as_public(globals(), "fastmlp")
