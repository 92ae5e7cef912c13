"""``.safetensors``: the files that `Sequential.export` writes.

Such a file begins with the length of a JSON header, which names type, shape and place of each tensor. The library
checks that the places fit the file; what it lets pass, such as a name that stands twice, is refused here.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._base import archive, check
from .._base.errors import FastMLPError, ModelFileError
from .._base.extras import library
from .._base.files import as_path
from .._base.types import Array
from .._engine.program import Tensor
from .._exporting.safetensors_file import CENTER, CONFIG, name_of
from ..model import Sequential
from . import architecture_text
from .files import opened

MOST_BYTES_OF_HEADER = 64 << 20
_TYPES = {"float32": "F32", "float64": "F64"}


def model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """The model that `Sequential.export` wrote: with the same predictions, to the bit."""
    where = as_path(path)
    library("safetensors.numpy", "safetensors", "reading .safetensors files")
    header = _read_header(where)
    metadata = header.pop("__metadata__", {})
    text = metadata.get(CONFIG) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ModelFileError(
            f"{where} holds tensors ({check.some(header)}) and no architecture, so fastmlp did not write it: read them "
            "with safetensors.numpy.load_file(), make a model with such layers, and give them to set_weights()"
        )
    made, width = architecture_text.without_weights(text, where, custom_objects)
    if width is None:
        raise ModelFileError(f"{where} is damaged: its description says that the model is not built")
    wanted = architecture_text.tensors(made, width, where)
    center = _check_header(header, wanted, made, width, where)
    values = _read(where, list(header))
    _fill(made, width, wanted, values, center, where)
    return made


def _read_header(path: Path) -> dict[str, Any]:
    """The header, checked as far as the library does not check it."""
    with opened(path) as stream:
        length, size = int.from_bytes(stream.read(8), "little"), os.fstat(stream.fileno()).st_size
        if not 2 <= length <= min(size - 8, MOST_BYTES_OF_HEADER):
            raise ModelFileError(
                f"{path} is not a safetensors file: it announces a header of {length:,} bytes, but has {size:,} in all"
            )
        text = stream.read(length)
    try:
        header = archive.parse_json(text.decode())
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{path} is not a safetensors file: its header is no JSON text that can be used: {error!s:.200}"
        ) from None
    if not isinstance(header, dict) or not all(isinstance(item, dict) for item in header.values()):
        raise ModelFileError(f"{path} is not a safetensors file: its header does not describe tensors")
    return header


def _check_header(header: dict[str, Any], wanted: tuple[Tensor, ...], made: Sequential, width: int, path: Path) -> bool:
    """Compare types and shapes with the architecture before anything is allocated; whether a center is there."""
    shapes = {name_of(tensor.layer, tensor.name): (_TYPES[str(made.dtype)], list(tensor.shape)) for tensor in wanted}
    if CENTER in header:
        shapes[CENTER] = ("F64", [width])
    for name in [*shapes, *header]:
        there = (header[name].get("dtype"), header[name].get("shape")) if name in header else None
        if name not in shapes or there != shapes[name]:
            came, should = ("none" if item is None else f"{item[0]} {item[1]}" for item in (there, shapes.get(name)))
            raise ModelFileError(f"{path} is damaged: its tensor {name!r:.60} should be {should:.60}, not {came:.60}")
    return CENTER in header


def _read(path: Path, names: list[str]) -> dict[str, Array]:
    safetensors: Any = library("safetensors", "safetensors", "reading .safetensors files")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: np.asarray(file.get_tensor(name)) for name in names}
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise ModelFileError(f"{path} is not a readable safetensors file: {error!s:.200}") from None


def _fill(
    made: Sequential, width: int, wanted: tuple[Tensor, ...], values: dict[str, Array], center: bool, path: Path
) -> None:
    weights = [values[name_of(tensor.layer, tensor.name)] for tensor in wanted]
    try:
        if center:
            weights[_place_of_mean(wanted)] = _exact(values[CENTER], weights[_place_of_mean(wanted)], path)
        made.build_bare(width)
        made.set_weights(weights)
    except FastMLPError as error:
        raise ModelFileError(f"{path} is damaged: {error}") from None


def _place_of_mean(wanted: tuple[Tensor, ...]) -> int:
    """The number of the tensor with the mean of a first Normalization."""
    for number, tensor in enumerate(wanted):
        if (tensor.layer, tensor.name) == (0, "mean"):
            return number
    raise ModelFileError(f"a tensor {CENTER!r} without a first Normalization")


def _exact(center: Array, rounded: Array, path: Path) -> Array:
    with np.errstate(over="ignore"):
        if not np.array_equal(center.astype(rounded.dtype), rounded):
            raise ModelFileError(f"the tensor {CENTER!r} contradicts the mean of the first layer")
    return center
