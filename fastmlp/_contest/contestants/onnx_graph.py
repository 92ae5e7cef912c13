"""onnxruntime: a graph of Gemm, Relu and Softmax nodes with all optimisations. It only predicts."""

from __future__ import annotations

from typing import Any

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ..._base.types import Array
from ..workloads import Task


def graph(task: Task) -> Any:
    """The network of a task as an ONNX model."""
    nodes: list[Any] = []
    last = len(task.workload.layers) - 1
    value = "x"
    for layer in range(last + 1):
        nodes.append(helper.make_node("Gemm", [value, f"w{layer}", f"b{layer}"], [f"z{layer}"]))
        value = f"a{layer}" if layer < last else "probabilities"
        operation = helper.make_node("Relu", [f"z{layer}"], [value])
        nodes.append(operation if layer < last else helper.make_node("Softmax", [f"z{layer}"], [value], axis=1))
    names = [f"{kind}{layer}" for layer in range(last + 1) for kind in "wb"]
    weights = [numpy_helper.from_array(array, name) for name, array in zip(names, task.weights, strict=True)]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
        for name, width in (("x", task.workload.widths[0]), ("probabilities", task.workload.widths[-1]))
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    return model


class Session:
    """An inference session."""

    def __init__(self, task: Task) -> None:
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task.threads
        options.inter_op_num_threads = 1
        content = graph(task).SerializeToString()
        self.session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def predict(self, x: Array) -> Array:
        probabilities: Array = self.session.run(None, {"x": x})[0]
        return probabilities
