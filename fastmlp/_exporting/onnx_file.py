"""``.onnx``: a graph that onnxruntime and many other programs run.

Its input is ``x``, with any number of rows. A classifier has two outputs, as other libraries' exporters have them:
``label``, the label of each row, and ``probabilities``; see `content`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.extras import library
from .._base.types import Array
from .._network.network import Network
from .._version import __version__
from .description import Description, described
from .onnx_nodes import OPSET, Graph, scaled
from .outputs import ABOVE, EACH, LARGEST, NUMBERS, SECOND

IR_VERSION = 8  # of the format, the one of opset 17
MOST_BYTES = 2**31 - 2**20  # the format's library cannot write more into one file
_TYPES = ("uint8", "float32", "float64")


def content(
    network: Network, path: Path, fold: bool = True, labels: bool | None = None, input_type: str | None = None
) -> bytes:
    """The bytes of the file.

    Parameters
    ----------
    network : Network
    path : Path
        Not used: the file does not name itself.
    fold : bool, default True
        Whether to write what `fastmlp.Sequential.folded` gives, in which batch normalisation is part of dense layers.
    labels : bool, optional
        True: the outputs are ``label`` and ``probabilities``, as of `predict_classes` and `predict_proba` (or
        ``output``, where the outputs are no probabilities). False: one output, ``output``, as of `predict`. Default:
        True for classifiers.
    input_type : {"uint8", "float32", "float64"}, optional
        Default: uint8 for a model that was trained on pixels; float64 where a first Normalization subtracts means that
        are so large that float32 would lose the differences; else the model's dtype.
    """
    found = described(network, fold=fold)
    given = _input_type(found, input_type)
    if labels is None:
        labels = found.outputs.choice != NUMBERS
    elif check.yes_or_no(labels, "labels") and found.outputs.choice == NUMBERS:
        raise ArgumentError("labels is True, but the model predicts numbers, not classes")
    onnx = library("onnx", "onnx", "writing .onnx files")
    size = sum(value.nbytes for value in network.get_weights())
    if size > MOST_BYTES:
        raise ArgumentError(
            f"the weights take {size / 1e9:.1f} GB, but an .onnx file holds at most 2 GB: use .safetensors or save()"
        )
    graph = Graph(onnx, found.dtype)
    y = graph.steps(*_from_input(graph, found, given))
    outputs = _labelled(graph, found, y) if labels else [_End("output", found.dtype, found.n_outputs, y)]
    return _file(onnx, graph, found, given, outputs)


def _input_type(found: Description, given: str | None) -> np.dtype[Any]:
    is_far = found.first_shift is not None and found.first_shift.has_large_center
    if given is None:
        given = "uint8" if found.pixel_scale is not None else "float64" if is_far else str(found.dtype)
    if check.choice(given, "input_type", _TYPES) == "uint8" and found.pixel_scale is None:
        raise ArgumentError("input_type is 'uint8', but the model was not trained on pixels: use 'float32'")
    return np.dtype(given)


def _from_input(graph: Graph, found: Description, given: np.dtype[Any]) -> tuple[tuple[Any, ...], str]:
    """The steps that are left, and what they begin with, once the input has the model's dtype."""
    first = found.first_shift
    if given == np.float64 and found.dtype == np.float32 and first is not None and first.is_centered_first:
        centered = graph.add("Sub", "x", graph.constant("center", first.center))
        return found.steps[1:], scaled(graph, first, graph.cast(centered, found.dtype))
    x = "x" if given == found.dtype else graph.cast("x", found.dtype)
    if given == np.uint8:
        x = graph.add("Mul", x, graph.number(found.pixel_scale or 1.0))
    return found.steps, x


# ---------------------------------------------------------------- outputs


@dataclass(frozen=True)
class _End:
    """An output of the graph."""

    name: str
    dtype: Any
    columns: int | None  # None: one value for each row
    value: str


def _labelled(graph: Graph, found: Description, y: str) -> list[_End]:
    outputs = found.outputs
    columns, probabilities = found.n_outputs, y
    if outputs.link is not None:
        probabilities = graph.activation(outputs.link, {}, y)
    if outputs.are_probabilities and columns == 1:
        no = graph.add("Sub", graph.number(1.0), probabilities)
        columns, probabilities = 2, graph.add("Concat", no, probabilities, axis=1)
    name = "probabilities" if outputs.are_probabilities else "output"
    ends = [_End(name, found.dtype, columns, probabilities)]
    if outputs.choice == EACH:
        yes = graph.cast(graph.add("Greater", y, _thresholds(graph, found)), np.int64)
        return [_End("label", np.int64, found.n_outputs, yes), *ends]
    label = graph.add("ArgMax", y, axis=1, keepdims=0) if outputs.choice == LARGEST else _above(graph, found, y)
    dtype: Any = np.int64
    if found.classes is not None:
        dtype = str if found.classes.dtype.kind == "U" else np.int64
        values = _texts(found.classes) if dtype is str else found.classes
        label = graph.add("Gather", graph.constant("classes", values), label)
    return [_End("label", dtype, None, label), *ends]


def _texts(labels: Array) -> Array:
    for label in labels.tolist():
        try:
            label.encode()
        except UnicodeEncodeError:
            raise ArgumentError(f"the label {label!r} cannot be exported: it is not a text that UTF-8 has") from None
    return labels.astype(object)


def _above(graph: Graph, found: Description, y: str) -> str:
    """1 where the only output, or the second of two, is above the threshold, else 0."""
    assert found.outputs.choice in (ABOVE, SECOND)
    if found.outputs.choice == SECOND:
        second, first = (graph.add("Gather", y, graph.constant(f"column{i}", np.array([i])), axis=1) for i in (1, 0))
        y = graph.add("Sub", second, first) if found.outputs.subtracts else second
    yes = graph.cast(graph.add("Greater", y, _thresholds(graph, found)), np.int64)
    return graph.add("Squeeze", yes, graph.constant("axes", np.array([1])))


def _thresholds(graph: Graph, found: Description) -> str:
    values = found.outputs.thresholds
    if len(set(values)) == 1:
        return graph.number(values[0])
    return graph.constant("thresholds", np.array([values], found.dtype))


# ---------------------------------------------------------------- the file


def _file(onnx: Any, graph: Graph, found: Description, given: np.dtype[Any], outputs: list[_End]) -> bytes:
    helper = onnx.helper
    for end in outputs:
        graph.add("Identity", end.value, output=end.name)
    ends = [
        helper.make_tensor_value_info(
            end.name, _type(onnx, end.dtype), ["rows", *[end.columns] * (end.columns is not None)]
        )
        for end in outputs
    ]
    x = helper.make_tensor_value_info("x", _type(onnx, given), ["rows", found.n_features])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fastmlp", [x], ends, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="fastmlp",
        producer_version=__version__,
    )
    helper.set_model_props(model, _properties(found))
    onnx.checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _type(onnx: Any, dtype: Any) -> int:
    found: int = onnx.TensorProto.STRING if dtype is str else onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return found


def _properties(found: Description) -> dict[str, str]:
    """What the graph does not say of its inputs and outputs, as JSON texts."""
    properties: dict[str, Any] = {}
    if found.feature_texts is not None:
        properties["feature_names"] = list(found.feature_texts)
    if found.classes is not None:
        properties["classes"] = found.classes.tolist()
    return {name: json.dumps(value) for name, value in properties.items()}
