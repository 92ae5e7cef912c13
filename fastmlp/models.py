"""Models, as Keras spells them."""

import json
import os
from collections.abc import Mapping
from typing import Any

from ._base import keras
from ._base.errors import ArgumentError
from ._network import model_file
from .model import Sequential

__all__ = ["Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


@keras.accepting("models.load_model")
def load_model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """`fastmlp.load`, as Keras spells it.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Input((3,)), fm.Dense(2)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> model.save(path)
    >>> bool((fm.models.load_model(path).predict([[1, 2, 3]]) == model.predict([[1, 2, 3]])).all())
    True
    """
    return model_file.load(path, Sequential, custom_objects)


@keras.accepting("models.save_model")
def save_model(model: Sequential, path: str | os.PathLike[str]) -> None:
    """`fastmlp.Sequential.save`, as Keras spells it."""
    model_file.save(model, path)


@keras.accepting("models.clone_model")
def clone_model(model: Sequential) -> Sequential:
    """Make a model with the same layers, and initial weights of its own; it is not compiled.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Input((3,)), fm.Dense(2)], name="small")
    >>> fm.models.clone_model(model).name
    'small'
    """
    return model.cloned()


def model_from_json(text: str) -> Sequential:
    """Make a model from the result of `fastmlp.Sequential.to_json`, with new weights.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Input((3,)), fm.Dense(2)], name="small")
    >>> fm.models.model_from_json(model.to_json()).name
    'small'
    """
    try:
        config = json.loads(text)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"text must be JSON, as model.to_json() gives it: {error}") from None
    return Sequential.from_config(config)


def __getattr__(name: str) -> Any:
    raise keras.lack(__name__, name)
