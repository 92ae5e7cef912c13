"""``.onnx``: networks of the operators that layers of fastmlp compute, whichever program wrote them."""

from __future__ import annotations

import math
import os
from collections import Counter
from typing import Any

import numpy as np

from .._base import archive, naming
from .._base.errors import FastMLPError, ModelFileError
from .._base.files import as_path
from .._network.inputs import FLOATS as OF_FLOATS
from .._network.inputs import INTEGERS, PIXELS
from ..model import Sequential
from .formulas import TooLarge
from .onnx_graph import Graph, Node, Value, read
from .onnx_operators import OPERATORS
from .onnx_rows import Rows, Translation
from .parts import assembled, has_dense
from .places import Place

# What computes labels from the outputs. The model chooses the class of the largest output itself.
_OF_LABELS = {
    "ArgMax",
    "ArrayFeatureExtractor",
    "Binarizer",
    "Cast",
    "Constant",
    "Gather",
    "Greater",
    "Identity",
    "Reshape",
    "Squeeze",
    "ZipMap",
}
_NUMBERS, _WHOLE = ("float32", "float64"), ("int32", "int64")


def model(path: str | os.PathLike[str]) -> Sequential:
    """The model that computes what the file's graph computes."""
    graph = read(as_path(path))
    _take_constants(graph)
    name, classes = _output(graph)
    nodes = _needed(graph, [name])
    _check_labels(graph, nodes, name)
    uses = Counter(item for node in nodes for item in set(node.inputs))
    translation = _begin(graph, nodes, uses)
    for node in nodes:
        _translate(translation, node)
    if name not in translation.values:
        raise graph.refused(f"its output {name!r:.60} does not depend on its input")
    translation.settle(name)
    last = translation.values[name]
    if not last.formula.is_x:
        raise graph.refused(f"its output is {last.formula.key:.100}, which no layer or activation of fastmlp computes")
    made = _model(translation, last, classes)
    _compile(made, takes_largest=_takes_largest(graph, nodes))
    return made


# ---------------------------------------------------------------- what is to be translated


def _take_constants(graph: Graph) -> None:
    """Constants that nodes make."""
    nodes = []
    for node in graph.nodes:
        if node.operator == "Constant":
            value = next(iter(node.attributes.values()), None)
            if len(node.outputs) != 1 or not isinstance(value, (np.ndarray, float, int, list)):
                raise graph.refused(f"{node}: it is not a constant of numbers")
            known = {float: np.float32, int: np.int64}
            kind = known.get(type(value[0] if isinstance(value, list) and value else value))
            graph.constants[node.outputs[0]] = value if isinstance(value, np.ndarray) else np.asarray(value, kind)
        elif node.operator == "Identity" and node.inputs and node.inputs[0] in graph.constants:
            graph.constants[node.outputs[0]] = graph.constants[node.inputs[0]]
        else:
            nodes.append(node)
    graph.nodes[:] = nodes


def _output(graph: Graph) -> tuple[str, list[Any] | None]:
    """The value with the outputs of the network, and the labels of classes that the graph names."""
    made_by = {name: node for node in graph.nodes for name in node.outputs}
    candidates, labels = [], None
    for value in graph.outputs:
        node = made_by.get(value.name)
        if node is not None and node.operator == "ZipMap":
            candidates.append(node.inputs[0])
            labels = node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_int64s")
        elif value.kind in _NUMBERS:
            candidates.append(value.name)
    if len(candidates) != 1:
        names = ", ".join(repr(value.name) for value in graph.outputs)
        raise graph.refused(f"it must have one output of numbers, besides labels, but its outputs are {names:.100}")
    return candidates[0], labels or _labels_in(graph, _needed(graph, candidates))


def _labels_in(graph: Graph, computed: list[Node]) -> list[Any] | None:
    """The labels among which nodes choose that are not needed for the outputs."""
    known = set(map(id, computed))
    for node in graph.nodes:
        if id(node) not in known and node.operator in ("Gather", "ArrayFeatureExtractor"):
            labels = graph.constants.get(node.inputs[0])
            return None if labels is None else labels.ravel().tolist()
    stored = _property(graph, "classes")
    return stored if isinstance(stored, list) else None


def _property(graph: Graph, name: str) -> Any:
    try:
        return archive.parse_json(graph.properties.get(name, "null"))
    except (ValueError, RecursionError):
        return None  # another program's text


def _needed(graph: Graph, names: list[str]) -> list[Node]:
    """The nodes that some values depend on, in order."""
    wanted, found = set(names), []
    for node in reversed(graph.nodes):
        if wanted & set(node.outputs):
            wanted |= set(node.inputs)
            found.append(node)
    return found[::-1]


def _check_labels(graph: Graph, nodes: list[Node], name: str) -> None:
    """Refuse other outputs than labels that the model chooses too."""
    others = [value.name for value in graph.outputs if value.name != name]
    known = set(map(id, nodes))
    for node in _needed(graph, others):
        if id(node) in known:
            continue
        threshold = node.attributes.get("threshold", 0.5) if node.operator == "Binarizer" else 0.5
        if node.operator == "Greater":
            limit = graph.constants.get(node.inputs[1]) if len(node.inputs) == 2 else None
            threshold = math.nan if limit is None or limit.size != 1 or limit.dtype.kind != "f" else limit.item()
        if node.operator not in _OF_LABELS or threshold not in (0.0, 0.5):
            raise graph.refused(f"{node}: it computes an output that is not the label of the most probable class")


def _takes_largest(graph: Graph, computed: list[Node]) -> bool:
    """Whether nodes that are not needed for the outputs choose the largest one."""
    known = set(map(id, computed))
    return any(node.operator == "ArgMax" and id(node) not in known for node in graph.nodes)


def _begin(graph: Graph, nodes: list[Node], uses: Counter[str]) -> Translation:
    given = [value for value in graph.inputs if uses[value.name]]
    if len(given) != 1:
        raise graph.refused(f"it must have one input, not {len(given)}")
    value = given[0]
    if value.kind not in (*_NUMBERS, *_WHOLE, "uint8"):
        raise graph.refused(f"its input {value.name!r:.60} is {value.kind}, but fastmlp reads numbers and bytes")
    width, is_flat = _width(graph, value)
    held = {name for node in nodes if node.operator in ("Gemm", "MatMul") for name in node.inputs}
    is_wide = any(graph.constants[name].dtype == np.float64 for name in held & graph.constants.keys())
    translation = Translation(graph, np.dtype("float64" if is_wide else "float32"), uses, Place(width=width))
    translation.is_flat, translation.is_bytes = is_flat, value.kind == "uint8"
    translation.input_kind = PIXELS if value.kind == "uint8" else INTEGERS if value.kind in _WHOLE else OF_FLOATS
    translation.values[value.name] = Rows(translation.root)
    return translation


def _width(graph: Graph, value: Value) -> tuple[int | None, bool]:
    """The number of features, if it is known, and whether the input is a matrix."""
    if value.shape is None:
        return None, True
    if len(value.shape) < 2:
        raise graph.refused(f"its input has {len(value.shape)} dimensions, not rows of features")
    rest = value.shape[1:]
    width = math.prod(extent for extent in rest if extent) if None not in rest else None
    return width, len(rest) == 1


def _translate(translation: Translation, node: Node) -> None:
    operator = OPERATORS.get(node.operator)
    if operator is None:
        raise translation.refused(node, "fastmlp has no layer for this operator")
    try:
        found = operator(translation, node)
    except TooLarge:
        raise translation.refused(node, "it is part of a formula that no activation of fastmlp is") from None
    except FastMLPError as error:
        raise error if str(translation.graph.path) in str(error) else translation.refused(node, str(error)) from None
    translation.values[node.outputs[0]] = found
    # What several nodes use is likely to be the input of a residual connection.
    if translation.uses[node.outputs[0]] > 1 and not found.formula.is_x:
        translation.settle(node.outputs[0])


# ---------------------------------------------------------------- the model


def _model(translation: Translation, last: Rows, labels: list[Any] | None) -> Sequential:
    graph, width = translation.graph, translation.root.width
    parts = last.place.since(translation.root)
    assert parts is not None
    if last.is_pair and last.place.width != 1:
        raise graph.refused("its output joins several values")
    try:
        if width is None or not has_dense(parts):
            raise graph.refused("it has no dense layer: no Gemm and no MatMul with constant weights")
        scale = (translation.pixel_scale or 1.0) if translation.is_bytes else 1 / 255
        classes = _labels(labels, last.place.width)
        made = assembled(parts, width, str(translation.dtype), uint8_scale=scale, classes=classes)
    except ModelFileError:
        raise
    except RecursionError:
        raise graph.refused("its residual connections are nested too deeply") from None
    except FastMLPError as error:
        raise graph.refused(str(error)) from None
    made.input_kind = translation.input_kind
    names = _property(graph, "feature_names")
    if isinstance(names, list) and len(set(map(str, names))) == len(names) == width:
        made.feature_names = tuple(map(str, names))
    return made


def _labels(labels: list[Any] | None, units: int | None) -> list[Any] | None:
    """Labels for the classes, unless they are the numbers of the classes."""
    count = naming.class_count(units or 1)
    if labels is None or len(labels) != count or labels == list(range(count)):
        return None
    try:
        texts = [label.decode() if isinstance(label, bytes) else label for label in labels]
        return texts if len(naming.class_labels(texts)) == count else None
    except (FastMLPError, UnicodeDecodeError):
        return None  # such as numbers with fractions


def _compile(made: Sequential, *, takes_largest: bool) -> None:
    """Choose the loss whose probabilities the outputs are, so that `predict_proba` works.

    Sigmoids are no answers of their own if the label is that of the largest: the squared error has such classes.
    """
    units, activation = made.last_output
    if activation == "sigmoid" and (units or 1) > 1 and takes_largest:
        made.compile(loss="mean_squared_error")
    elif activation == "softmax" and (units or 1) > 1:
        made.compile()
    elif activation == "sigmoid":
        made.compile(loss="binary_crossentropy")
