"""Errors that fastmlp raises on purpose.

Each derives from a built-in exception too, so that ``except ValueError`` keeps working.
A message names the argument or file, what was expected, and what was given.
Documentation does not repeat that arguments outside their documented range raise `ArgumentError` or
`ArgumentTypeError`.
"""

from .public import as_public

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "BusyError",
    "DataFileError",
    "DivergenceError",
    "DownloadError",
    "FastMLPError",
    "MissingExtraError",
    "ModelFileError",
    "NotAvailableError",
    "NotBuiltError",
]


class FastMLPError(Exception):
    """Base of every error that fastmlp raises on purpose; the command line prints it without a traceback."""


class ArgumentError(FastMLPError, ValueError):
    """An argument has a value, shape or type that cannot be used."""


class ArgumentTypeError(FastMLPError, TypeError):
    """An argument is of a type that cannot be used."""


class DataFileError(FastMLPError, ValueError):
    """A data file is missing, truncated, corrupt, or not what its name says."""


class ModelFileError(FastMLPError, ValueError):
    """A model file is missing, truncated, corrupt, or from an unknown format version."""


class NotBuiltError(FastMLPError, RuntimeError):
    """The model has no parameters yet: the input width is not known."""


class BusyError(FastMLPError, RuntimeError):
    """The model is being trained already, by another thread or by the training that a callback belongs to."""


class DownloadError(FastMLPError, OSError):
    """A file could not be downloaded, or its checksum is wrong."""


class DivergenceError(FastMLPError, FloatingPointError):
    """The training loss became NaN or infinite; the model holds the last good parameters."""


class MissingExtraError(FastMLPError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class NotAvailableError(FastMLPError, ImportError):
    """A name of Keras that fastmlp does not have; the message names what to use instead."""


as_public(globals(), "fastmlp")
