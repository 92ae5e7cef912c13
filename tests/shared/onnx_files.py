"""Writes small ONNX files as other programs do."""

import numpy as np

from fastmlp._base.extras import library


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
