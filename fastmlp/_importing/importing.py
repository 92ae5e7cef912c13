"""Makes a model of a file, by its suffix, or of an object, by the library that its class belongs to.

A kind is a line of `FILES` or `LIBRARIES`, and a module of this folder that has ``model(source, **options)``.
"""

import importlib
import inspect
import os
from typing import Any

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.files import OF_KERAS, as_path
from ..model import Sequential

FILES = {
    ".json": "json_file",
    ".npz": "npz_file",
    ".onnx": "onnx_file",
    ".safetensors": "safetensors_file",
}
# The first parts of modules' names; no library is imported to ask whether an object is one of its own.
LIBRARIES = {"keras": "keras_model", "sklearn": "sklearn_mlp", "torch": "torch_modules"}


def import_model(source: Any, **options: Any) -> Sequential:
    """Make a model of another program's file or object, with the same weights and predictions.

    A model of an object predicts what the object does when it is evaluated: dropout is off, and batch normalisation
    uses its running statistics.

    Parameters
    ----------
    source : str, PathLike or object
        A fitted `MLPClassifier` or `MLPRegressor` of scikit-learn, or a pipeline of a `StandardScaler` and one of
        these, also those of fastmlp: this gives a compiled model, with weights of its own. A `Sequential` of Keras, or
        a graph with residual sums, or an `nn.Sequential` of PyTorch, of layers that fastmlp has: this gives a model
        that is not compiled. Or a file, whose suffix names its format: ``.onnx``, ``.safetensors`` or ``.json`` (see
        `fastmlp.export`) or ``.npz`` (see `Sequential.save`).
    **options
        Those of the format; ``docs/export.md`` lists them.

    Returns
    -------
    Sequential

    Raises
    ------
    ModelFileError
        If a file is missing, damaged, or holds something that fastmlp cannot compute.
    ArgumentError, ArgumentTypeError
        If there is no such format, or an object cannot be imported.
    MissingExtraError
        If the library that reads the format is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp as fm
    >>> path = os.path.join(tempfile.mkdtemp(), "model.json")
    >>> fm.mlp([16], classes=3).export(path)
    >>> [layer.units for layer in fm.import_model(path).layers]
    [16, 3]
    """
    make = importlib.import_module(f"{__package__}.{_module_for(source)}").model
    known = list(inspect.signature(make).parameters)[1:]
    strange = [name for name in options if name not in known]
    if strange:
        legal = f"there are {', '.join(known)}" if known else "there are none"
        raise ArgumentTypeError(f"import_model() has no option {strange[0]!r} for {source!r:.60}: {legal}")
    made: Sequential = make(source, **options)
    return made


def _module_for(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        path = as_path(source, "source")
        found = FILES.get(path.suffix.lower())
        if path.suffix.lower() in OF_KERAS:
            raise ArgumentError(
                f"source must not be a file of Keras, such as {path.name!r:.60}: load it with Keras, "
                "keras.models.load_model(path), and give the model to import_model"
            )
        if found is None:
            raise ArgumentError(
                f"source must be a file whose name ends in {', '.join(sorted(FILES))}, not {path.suffix!r} "
                f"({path.name!r:.60})"
            )
        return found
    homes = {kind.__module__.partition(".")[0] for kind in type(source).__mro__}
    for library, module in LIBRARIES.items():
        if library in homes:
            return module
    of = f", or a model of {', '.join(sorted(LIBRARIES))}" if LIBRARIES else ""
    raise ArgumentTypeError(f"source must be the name of a file{of}, not {source!r:.60}")
