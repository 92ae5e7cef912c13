"""Reads an ONNX file of unknown origin: its nodes and constants, checked, and nothing that lies outside of the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._base.errors import ModelFileError
from .._base.extras import library
from .._base.types import Array
from .files import read_bytes
from .onnx_bytes import what_is_wrong

MOST_BYTES = 2**31 - 1  # of the format
OLDEST_OPSET = 7  # before it, sums and products had other rules
MOST_NODES = 20_000
FLOATS = ("float32", "float64")
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_RAW = {1: "float32", 11: "float64", 7: "int64", 6: "int32", 9: "bool"}  # types of tensors, and how raw bytes hold them
_FIELDS = {1: "float_data", 11: "double_data", 7: "int64_data", 6: "int32_data", 9: "int32_data", 8: "string_data"}


@dataclass(frozen=True, eq=False)
class Node:
    """An operation of the graph."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def __str__(self) -> str:
        return f"node {self.name!r:.60} ({self.operator:.60})"


@dataclass(frozen=True)
class Value:
    """An input or an output of the graph."""

    name: str
    kind: str  # "float32", "uint8", "string", ...; "other" if it is no tensor
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Graph:
    """What a file says."""

    path: Path
    nodes: list[Node]
    constants: dict[str, Array]
    inputs: list[Value]
    outputs: list[Value]
    properties: dict[str, str]

    def refused(self, what: str) -> ModelFileError:
        """An error of this file."""
        return ModelFileError(f"{self.path} cannot be imported: {what}")


def read(path: Path) -> Graph:
    """The graph of a file."""
    onnx = library("onnx", "onnx", "reading .onnx files")
    content = read_bytes(path, MOST_BYTES)
    if (wrong := what_is_wrong(content)) is not None:
        raise ModelFileError(f"{path} is not a readable ONNX file: {wrong}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # which class it is depends on the version of the library
        raise ModelFileError(f"{path} is not a readable ONNX file: {error!s:.200}") from None
    if not model.HasField("graph") or not model.graph.output:
        raise ModelFileError(f"{path} is not a readable ONNX file: it has no graph")
    try:
        return _graph(onnx, model, path)
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{path} is not a readable ONNX file: {error!s:.200}") from None


def _graph(onnx: Any, model: Any, path: Path) -> Graph:
    found = Graph(path, [], {}, [], [], {_text(item.key): _text(item.value) for item in model.metadata_props})
    graph = model.graph
    if len(graph.node) > MOST_NODES:
        raise found.refused(f"it has {len(graph.node):,} nodes")
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions or min(versions) < OLDEST_OPSET:
        raise found.refused(f"its operators are of version {versions}, but fastmlp reads {OLDEST_OPSET} and later ones")
    for node in graph.node:
        if node.domain not in _DOMAINS:
            raise found.refused(f"node {node.name!r:.60} is the operator {node.op_type!r:.60} of {node.domain!r:.60}")
    for tensor in graph.initializer:
        if _text(tensor.name) in found.constants:
            raise found.refused(f"two tensors have the name {tensor.name!r:.60}")
        found.constants[_text(tensor.name)] = array(tensor, found)
    for proto in graph.node:
        attributes = {_text(item.name): _attribute(onnx, item, found) for item in proto.attribute}
        inputs, outputs = tuple(map(_text, proto.input)), tuple(map(_text, proto.output))
        name = _text(proto.name) or next(iter(outputs), "")
        found.nodes.append(Node(_text(proto.op_type), name, inputs, outputs, attributes))
    found.inputs.extend(value for value in map(_value, graph.input) if value.name not in found.constants)
    found.outputs.extend(map(_value, graph.output))
    _check_names(found)
    return found


def _check_names(graph: Graph) -> None:
    """Every value is made once, before it is used: there are no circles."""
    made = {*graph.constants, *(value.name for value in graph.inputs), ""}
    for node in graph.nodes:
        missing = [name for name in node.inputs if name not in made]
        if missing:
            raise graph.refused(f"{node} uses {missing[0]!r:.60}, which nothing before it makes")
        for name in node.outputs:
            if name and name in made:
                raise graph.refused(f"{node} makes {name!r:.60}, which is there already")
            made.add(name)
    for value in graph.outputs:
        if value.name not in made:
            raise graph.refused(f"nothing makes the output {value.name!r:.60}")


def array(tensor: Any, graph: Graph) -> Array:
    """The numbers of a tensor, whose size is compared with its shape before anything is allocated."""
    name = f"the tensor {tensor.name!r:.60}"
    if tensor.data_location or tensor.external_data:
        raise graph.refused(f"{name} keeps its numbers in another file: save the model in one file")
    kind, shape = tensor.data_type, tuple(tensor.dims)
    if kind not in _FIELDS:
        raise graph.refused(f"{name} has the type number {kind}, but fastmlp reads float32, float64 and whole numbers")
    if any(extent < 0 for extent in shape) or len(shape) > 2:
        raise graph.refused(f"{name} has the shape {list(shape)!s:.60}")
    count = math.prod(shape)
    if tensor.HasField("raw_data") and kind in _RAW:
        dtype = np.dtype(_RAW[kind]).newbyteorder("<")
        if len(tensor.raw_data) != count * dtype.itemsize:
            raise graph.refused(
                f"{name} has {len(tensor.raw_data):,} bytes, which are not its shape {list(shape)!s:.60}"
            )
        return np.frombuffer(tensor.raw_data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    values = getattr(tensor, _FIELDS[kind])
    if len(values) != count:
        raise graph.refused(f"{name} has {len(values):,} numbers, which are not its shape {list(shape)!s:.60}")
    if kind == 8:
        return np.array([value.decode() for value in values], object).reshape(shape)
    return np.array(values, _RAW[kind]).reshape(shape)


def _attribute(onnx: Any, item: Any, graph: Graph) -> Any:
    kinds = onnx.AttributeProto
    if item.type == kinds.TENSOR:
        return array(item.t, graph)
    simple = {kinds.FLOAT: "f", kinds.INT: "i", kinds.STRING: "s"}
    lists = {kinds.FLOATS: "floats", kinds.INTS: "ints", kinds.STRINGS: "strings"}
    if item.type in simple:
        value = getattr(item, simple[item.type])
        # Attributes are float32: the shortest number that rounds to it is the one that was meant.
        return float(str(np.float32(value))) if item.type == kinds.FLOAT else value
    return list(getattr(item, lists[item.type])) if item.type in lists else None


def _text(value: Any) -> str:
    """A name, which some versions of the library give as bytes if it is not UTF-8."""
    return value if isinstance(value, str) else value.decode()


def _value(item: Any) -> Value:
    if not item.type.HasField("tensor_type"):
        return Value(_text(item.name), "other", None)
    tensor = item.type.tensor_type
    names = {1: "float32", 11: "float64", 2: "uint8", 6: "int32", 7: "int64", 8: "string"}
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in tensor.shape.dim)
    return Value(_text(item.name), names.get(tensor.elem_type, "other"), shape)
