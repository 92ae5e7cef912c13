"""Optional libraries, each imported by the function that needs it."""

import importlib
from typing import Any

from .errors import MissingExtraError


def library(name: str, extra: str, purpose: str) -> Any:
    """An optional library; raises MissingExtraError with the extra that brings it if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs {name.partition('.')[0]}, which is not installed: pip install 'fastmlp[{extra}]'"
        ) from error
