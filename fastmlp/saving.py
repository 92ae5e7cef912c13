"""Files of models, as Keras spells them."""

import os
from typing import Any

from ._base import keras
from ._network import model_file
from .model import Sequential
from .models import load_model, save_model

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]


@keras.accepting("Sequential.save_weights")
def save_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """`fastmlp.Sequential.save_weights`, as Keras spells it."""
    model_file.save_weights(model, path)


@keras.accepting("Sequential.load_weights")
def load_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """`fastmlp.Sequential.load_weights`, as Keras spells it.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp as fm
    >>> model, other = (fm.Sequential([fm.Input((3,)), fm.Dense(2)], seed=seed) for seed in (0, 1))
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.npz")
    >>> fm.saving.save_weights(model, path)
    >>> fm.saving.load_weights(other, path)
    >>> bool((other.predict([[1, 2, 3]]) == model.predict([[1, 2, 3]])).all())
    True
    """
    model_file.load_weights(model, path)


def __getattr__(name: str) -> Any:
    if name in vars(model_file) and not name.startswith("_"):  # until 0.1.0 its code was here
        return getattr(model_file, name)
    raise keras.lack(__name__, name)
