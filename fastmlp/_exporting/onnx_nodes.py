"""The nodes of an ONNX graph: what each step and each activation becomes.

The operators are those of opset 17, which onnxruntime runs since version 1.12. Some of its operators take float32
alone; in a float64 model, sums of others replace them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from .._base.types import Array
from . import description
from .description import Step

OPSET = 17


class Graph:
    """The nodes and constants of a graph that grows from its input to its output."""

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self.onnx = onnx
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[str, int] = {}
        self._scalars: dict[tuple[float, bool], str] = {}

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node, and give the name of its output."""
        output = output or self._new(operator.lower())
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [output], name=f"{output}", **attributes))
        return output

    def constant(self, name: str, value: Array) -> str:
        """Add an array, and give its name."""
        name = self._new(name)
        self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, value: float) -> str:
        """Add a number in the model's dtype, once."""
        key = (float(value), math.copysign(1, value) < 0)
        if key not in self._scalars:
            self._scalars[key] = self.constant("number", np.asarray(value, self.dtype))
        return self._scalars[key]

    def cast(self, x: str, dtype: Any) -> str:
        """Convert numbers to another type."""
        return self.add("Cast", x, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def steps(self, steps: Sequence[Step], x: str) -> str:
        """Add the nodes of steps."""
        for step in steps:
            x = _OF_STEP[type(step)](self, step, x)
        return x

    def activation(self, kind: str, numbers: dict[str, float], x: str) -> str:
        """Add the nodes of an activation."""
        spelled = _IN_FLOAT64.get(kind) if self.dtype == np.float64 else None
        spelled = spelled or OF_ACTIVATION.get(kind)
        if spelled is None:
            raise ArgumentError(f"the activation {kind!r} cannot be exported to ONNX")
        return spelled(self, x, numbers)

    def _new(self, name: str) -> str:
        self._names[name] = number = self._names.get(name, -1) + 1
        return f"{name}_{number}"


# ---------------------------------------------------------------- steps


def _affine(graph: Graph, step: description.Affine, x: str) -> str:
    tensors = [graph.constant("kernel", step.kernel)]
    if step.bias.any():
        tensors.append(graph.constant("bias", step.bias))
    return graph.add("Gemm", x, *tensors)


def _activation(graph: Graph, step: description.Activation, x: str) -> str:
    return graph.activation(step.kind, step.numbers, x)


def _layer_norm(graph: Graph, step: description.LayerNorm, x: str) -> str:
    tensors = graph.constant("gamma", step.gamma), graph.constant("beta", step.beta)
    return graph.add("LayerNormalization", x, *tensors, axis=-1, epsilon=step.epsilon)


def _scale_shift(graph: Graph, step: description.ScaleShift, x: str) -> str:
    if step.center.any():
        x = graph.add("Sub", x, graph.constant("center", step.center.astype(graph.dtype)))
    return scaled(graph, step, x)


def scaled(graph: Graph, step: description.ScaleShift, x: str) -> str:
    """Add the nodes of a step whose center is already subtracted."""
    x = graph.add("Mul", x, graph.constant("factors", step.factors))
    return graph.add("Add", x, graph.constant("offsets", step.offsets)) if step.offsets.any() else x


def _residual(graph: Graph, step: description.Residual, x: str) -> str:
    return graph.add("Add", x, graph.steps(step.steps, x))


_OF_STEP: dict[type, Callable[[Graph, Any, str], str]] = {
    description.Affine: _affine,
    description.Activation: _activation,
    description.LayerNorm: _layer_norm,
    description.ScaleShift: _scale_shift,
    description.Residual: _residual,
}


# ---------------------------------------------------------------- activations


def _operator(name: str, **attributes: Any) -> Callable[[Graph, str, dict[str, float]], str]:
    return lambda graph, x, numbers: graph.add(name, x, **attributes)


def _gelu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    """x · ½ · (1 + erf(x / √2))."""
    inner = graph.add("Mul", x, graph.number(1 / math.sqrt(2)))
    return _half_share(graph, x, _erf(graph, inner))


def _erf(graph: Graph, x: str) -> str:
    """onnxruntime has it in float32 alone."""
    if graph.dtype == np.float32:
        return graph.add("Erf", x)
    return graph.cast(graph.add("Erf", graph.cast(x, np.float32)), graph.dtype)


def _gelu_tanh(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    """x · ½ · (1 + tanh(√(2/π) · (x + 0.044715 x³)))."""
    cube = graph.add("Mul", graph.add("Mul", x, x), x)
    inner = graph.add("Add", x, graph.add("Mul", cube, graph.number(0.044715)))
    return _half_share(graph, x, graph.add("Tanh", graph.add("Mul", inner, graph.number(math.sqrt(2 / math.pi)))))


def _half_share(graph: Graph, x: str, share: str) -> str:
    """x · ½ · (1 + share)."""
    return graph.add("Mul", graph.add("Mul", x, graph.number(0.5)), graph.add("Add", share, graph.number(1.0)))


def _silu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Mul", x, graph.activation("sigmoid", {}, x))


def _mish(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Mul", x, graph.add("Tanh", graph.activation("softplus", {}, x)))


def _hard_swish(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Mul", x, graph.activation("hard_sigmoid", {}, x))


def _leaky_relu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("LeakyRelu", x, alpha=numbers["negative_slope"])


def _elu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Elu", x, alpha=numbers["alpha"])


def _selu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Selu", x, alpha=numbers["alpha"], gamma=numbers["scale"])


OF_ACTIVATION: dict[str, Callable[[Graph, str, dict[str, float]], str]] = {
    "linear": lambda graph, x, numbers: x,
    "relu": _operator("Relu"),
    "softmax": _operator("Softmax", axis=-1),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": _silu,
    "softplus": _operator("Softplus"),
    "sigmoid": _operator("Sigmoid"),
    "tanh": _operator("Tanh"),
    "mish": _mish,
    "hard_sigmoid": _operator("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_swish": _hard_swish,
}


# ---------------------------------------------------------------- in float64, where onnxruntime has no operator


def _wide_operator(name: str) -> Callable[[Graph, str, dict[str, float]], str]:
    """An operator of the maximum of one value, which is that value.

    onnxruntime 1.17 would join the operator with the product before it, or with the one after it, to an operator that
    it has in float32 alone, and then refuse the graph.
    """
    return lambda graph, x, numbers: graph.add(name, graph.add("Max", x))


def _wide_relu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Max", x, graph.number(0.0))


def _below(graph: Graph, x: str, function: Callable[[str], str]) -> str:
    """x above 0, and a function of x below, which is 0 at 0."""
    return graph.add("Add", graph.add("Relu", x), function(graph.add("Min", x, graph.number(0.0))))


def _wide_leaky_relu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return _below(graph, x, lambda low: graph.add("Mul", low, graph.number(numbers["negative_slope"])))


def _wide_elu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    def below(low: str) -> str:
        less = graph.add("Sub", graph.add("Exp", low), graph.number(1.0))
        return graph.add("Mul", less, graph.number(numbers["alpha"]))

    return _below(graph, x, below)


def _wide_selu(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    return graph.add("Mul", _wide_elu(graph, x, numbers), graph.number(numbers["scale"]))


def _wide_softplus(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    """Max(x, 0) + log(1 + e^−|x|)."""
    small = graph.add("Exp", graph.add("Neg", graph.add("Abs", x)))
    return graph.add("Add", graph.add("Relu", x), graph.add("Log", graph.add("Add", small, graph.number(1.0))))


def _wide_hard_sigmoid(graph: Graph, x: str, numbers: dict[str, float]) -> str:
    line = graph.add("Add", graph.add("Mul", x, graph.number(1 / 6)), graph.number(0.5))
    return graph.add("Clip", line, graph.number(0.0), graph.number(1.0))


_IN_FLOAT64: dict[str, Callable[[Graph, str, dict[str, float]], str]] = {
    "relu": _wide_relu,
    "sigmoid": _wide_operator("Sigmoid"),
    "tanh": _wide_operator("Tanh"),
    "leaky_relu": _wide_leaky_relu,
    "elu": _wide_elu,
    "selu": _wide_selu,
    "softplus": _wide_softplus,
    "hard_sigmoid": _wide_hard_sigmoid,
}
