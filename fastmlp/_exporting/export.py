"""Writes a model in the format that the suffix of a path names.

A format is a line of `FORMATS`: a suffix, and a module of this folder that has ``content(network, path, **options)``,
which gives the bytes of the file. The options of a format are the keyword arguments of this function.
"""

import importlib
import inspect
import os
from typing import Any

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.files import as_path, write_atomically
from .._network.network import Network

FORMATS = {
    ".c": "c_source",
    ".html": "web_page",
    ".json": "json_file",
    ".onnx": "onnx_file",
    ".py": "numpy_source",
    ".safetensors": "safetensors_file",
}


def export(network: Network, path: str | os.PathLike[str], options: dict[str, Any]) -> None:
    """See `fastmlp.export`."""
    target = as_path(path)
    if target.suffix.lower() not in FORMATS:
        raise ArgumentError(
            f"path must end in {', '.join(sorted(FORMATS))}, which says in what format the model is written, not "
            f"{target.suffix!r} ({target.name!r:.60}); Sequential.save() writes .npz files, for further training"
        )
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: give the name of a file, such as {target / target.name}")
    content = importlib.import_module(f"{__package__}.{FORMATS[target.suffix.lower()]}").content
    known = [name for name in inspect.signature(content).parameters if name not in ("network", "path")]
    strange = [name for name in options if name not in known]
    if strange:
        legal = f"its options are {', '.join(known)}" if known else "it has no options"
        raise ArgumentTypeError(f"the format {target.suffix} has no option {strange[0]!r}: {legal}")
    write_atomically(target, content(network, target, **options))
