"""What little of Keras's backend changes nothing here."""

from typing import Any

from ._base import keras

__all__ = ["clear_session", "floatx"]


def clear_session() -> None:
    """Do nothing: models are ordinary objects, and no state is left behind when they are gone."""


def floatx() -> str:
    """The precision of models that name no other.

    >>> floatx()
    'float32'
    """
    return "float32"


def __getattr__(name: str) -> Any:
    raise keras.lack(__name__, name)
