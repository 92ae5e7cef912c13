"""Writes small ONNX files as other programs do, and makes the classifiers with which files are written and read."""

import numpy as np

import fastmlp as fm
from fastmlp._base.extras import library

from . import steps


def node(operator, inputs, output, domain="", **attributes):
    """A node; inputs and outputs are names with spaces between."""
    helper = library("onnx.helper", "onnx", "this test")
    return helper.make_node(operator, inputs.split(), output.split(), name=f"n_{output}", domain=domain, **attributes)


def file(nodes, constants, *, x=("rows", 4), out=("y",), kind=np.float32, opset=17, kinds=None):
    """The bytes of a file with the input ``x``; outputs are numbers unless ``kinds`` says otherwise."""
    onnx = library("onnx", "onnx", "this test")
    helper = onnx.helper

    def number(item):
        return onnx.TensorProto.STRING if item is np.str_ else helper.np_dtype_to_tensor_dtype(np.dtype(item))

    ends = [helper.make_tensor_value_info(name, number((kinds or {}).get(name, np.float32)), None) for name in out]
    begin = helper.make_tensor_value_info("x", number(kind), None if x is None else list(x))
    arrays = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "another program's", [begin], ends, arrays)
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8).SerializeToString()


# A last layer, a loss, and the labels of classes
_CLASSIFIERS = {
    "labels that are texts": (fm.Dense(3, "softmax"), "categorical_crossentropy", ["no", 'é"\\\n', "<b>"]),
    "labels that are numbers": (fm.Dense(3, "softmax"), "categorical_crossentropy", [7, -2, 2**40]),
    "no labels": (fm.Dense(3, "softmax"), "categorical_crossentropy", None),
    "logits": (fm.Dense(3), fm.losses.CategoricalCrossentropy(from_logits=True), ["a", "b", "c"]),
    "one sigmoid": (fm.Dense(1, "sigmoid"), "binary_crossentropy", ["no", "yes"]),
    "one logit": (fm.Dense(1), fm.losses.BinaryCrossentropy(from_logits=True), [3, 4]),
}
CLASSIFIERS = list(_CLASSIFIERS)


def classifier(kind, dtype):
    """A built model of one of these kinds."""
    last, loss, classes = _CLASSIFIERS[kind]
    model = fm.Sequential([fm.Dense(5, "tanh"), last], dtype=str(dtype), seed=0, classes=classes)
    model.compile(loss=loss)
    model.build(steps.FEATURES)
    return model
