"""What each ONNX operator is: layers, or a formula that later becomes layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import layers
from .._base.types import Array
from .formulas import call, clipped, constant
from .onnx_graph import Node
from .onnx_rows import Rows, Translation
from .parts import Part

SOFTPLUS_IS_LINEAR = 15.0  # from here on log(1 + eˣ) and x are the same number in float32


def _function(name: str, *numbers: tuple[str, float]) -> Callable[[Translation, Node], Rows]:
    """A function of one value, with the names and defaults of its numbers among the attributes."""

    def translate(t: Translation, node: Node) -> Rows:
        values = [float(node.attributes.get(key, default)) for key, default in numbers]
        return t.called(node, name, *values)

    return translate


# ---------------------------------------------------------------- layers


def _gemm(t: Translation, node: Node) -> Rows:
    if node.attributes.get("transA", 0):
        raise t.refused(node, "its transA is not 0")
    kernel = t.weights(node, 1)
    kernel = kernel.T if node.attributes.get("transB", 0) else kernel
    alpha, beta = (node.attributes.get(name, 1.0) for name in ("alpha", "beta"))
    bias = t.vector(node, 2, kernel.shape[1]) if len(node.inputs) > 2 and node.inputs[2] else None
    return _dense(t, node, kernel if alpha == 1 else kernel * alpha, None if bias is None else bias * beta)


def _matmul(t: Translation, node: Node) -> Rows:
    return _dense(t, node, t.weights(node, 1), None)


def _dense(t: Translation, node: Node, kernel: Array, bias: Array | None) -> Rows:
    place = t.place(node, 0, width=kernel.shape[0])
    tensors = {"kernel": kernel, **({} if bias is None else {"bias": bias})}
    layer = layers.Dense(kernel.shape[1], use_bias=bias is not None)
    return Rows(place.after(Part(layer, tensors), width=kernel.shape[1]))


def _batch_normalization(t: Translation, node: Node) -> Rows:
    if node.attributes.get("training_mode", 0) or len(node.outputs) > 1:
        raise t.refused(node, "it is one for training")
    place = t.place(node, 0)
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    tensors = {name: t.vector(node, number, place.width) for number, name in enumerate(names, 1)}
    return Rows(place.after(Part(layers.BatchNormalization(epsilon=node.attributes.get("epsilon", 1e-5)), tensors)))


def _layer_normalization(t: Translation, node: Node) -> Rows:
    if node.attributes.get("axis", -1) not in (-1, 1) or len(node.outputs) > 1:
        raise t.refused(node, "it is not over the units of each row")
    place = t.place(node, 0)
    tensors = {"gamma": t.vector(node, 1, place.width)}
    has_beta = len(node.inputs) > 2 and bool(node.inputs[2])
    tensors["beta"] = t.vector(node, 2, place.width) if has_beta else np.zeros_like(tensors["gamma"])
    return Rows(place.after(Part(layers.LayerNormalization(epsilon=node.attributes.get("epsilon", 1e-5)), tensors)))


def _softmax(t: Translation, node: Node) -> Rows:
    if node.attributes.get("axis", -1) not in (-1, 1):
        raise t.refused(node, "it is not over the units of each row")
    return Rows(t.place(node, 0).after(Part(layers.Activation("softmax"))))


# ---------------------------------------------------------------- sums and products


def _add(t: Translation, node: Node) -> Rows:
    return t.added(node, 0, 1)


def _sum(t: Translation, node: Node) -> Rows:
    if len(node.inputs) != 2:
        raise t.refused(node, "it does not add two values")
    return t.added(node, 0, 1)


def _sub(t: Translation, node: Node) -> Rows:
    if t.is_constant(node, 1):
        return t.with_constant(node, 0, lambda x: x - constant(t.factor(node, 1, 0)))
    if t.is_constant(node, 0):
        return t.with_constant(node, 1, lambda x: constant(t.factor(node, 0, 1)) - x)
    raise t.refused(node, "it subtracts two values that depend on the input")


def _mul(t: Translation, node: Node) -> Rows:
    for number, other in ((0, 1), (1, 0)):
        if t.is_constant(node, other):
            return _times(t, node, number, t.factor(node, other, number))
    return t.multiplied(node)


def _times(t: Translation, node: Node, number: int, factor: Array) -> Rows:
    return t.scaled_pixels(node, number, factor) or t.with_constant(node, number, lambda x: x * constant(factor))


def _div(t: Translation, node: Node) -> Rows:
    if not t.is_constant(node, 1) or (t.factor(node, 1, 0) == 0).any():
        raise t.refused(node, "it divides by something that depends on the input, or by 0")
    return _times(t, node, 0, 1 / t.factor(node, 1, 0))


def _pow(t: Translation, node: Node) -> Rows:
    power = t.number(node, 1)
    if power not in (1, 2, 3):
        raise t.refused(node, f"its exponent is {power:g}")
    return t.with_constant(node, 0, lambda x: [x, x, x * x, x * x * x][int(power)])


def _neg(t: Translation, node: Node) -> Rows:
    return t.with_constant(node, 0, lambda x: x * constant(-1.0))


def _scaler(t: Translation, node: Node) -> Rows:
    """(x − offset) · scale."""
    place = t.rows(node, 0).place
    offset, scale = (np.asarray(node.attributes.get(name) or [], np.float64) for name in ("offset", "scale"))
    if not (offset.size and scale.size and {offset.size, scale.size} <= {1, place.width or scale.size}):
        raise t.refused(node, "its offset and scale do not have one number for each feature")
    return t.with_constant(node, 0, lambda x: (x - constant(offset)) * constant(scale), max(offset.size, scale.size))


# ---------------------------------------------------------------- functions of each number


def _gelu(t: Translation, node: Node) -> Rows:
    kind = node.attributes.get("approximate", b"none")
    if kind not in (b"none", b"tanh"):
        raise t.refused(node, f"its approximation is {kind!r:.60}")
    return t.called(node, "gelu" if kind == b"none" else "gelu_tanh")


def _selu(t: Translation, node: Node) -> Rows:
    alpha, gamma = (node.attributes.get(*item) for item in (("alpha", 1.6732632), ("gamma", 1.050701)))
    x = t.rows(node, 0)
    return Rows(x.place, call("elu", x.formula, float(alpha)) * constant(float(gamma)))


def _prelu(t: Translation, node: Node) -> Rows:
    return t.called(node, "leaky_relu", t.number(node, 1))


def _swish(t: Translation, node: Node) -> Rows:
    if node.attributes.get("alpha", 1.0) != 1:
        raise t.refused(node, "its alpha is not 1")
    return t.called(node, "silu")


def _clip(t: Translation, node: Node) -> Rows:
    bounds = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
    for number in (1, 2):
        if len(node.inputs) > number and node.inputs[number]:
            bounds[number - 1] = t.number(node, number)
    return t.with_constant(node, 0, lambda x: clipped(x, float(bounds[0]), float(bounds[1])))


def _with_zero(name: str) -> Callable[[Translation, Node], Rows]:
    def translate(t: Translation, node: Node) -> Rows:
        if len(node.inputs) == 1:
            return t.rows(node, 0)
        place = next((number for number in (0, 1) if not t.is_constant(node, number)), 0)
        if len(node.inputs) != 2 or t.number(node, 1 - place) != 0:
            raise t.refused(node, "it does not compare one value with 0")
        return t.called(node, name, at=place)

    return translate


def _greater(t: Translation, node: Node) -> Rows:
    return t.called(node, "greater", t.number(node, 1))


def _where(t: Translation, node: Node) -> Rows:
    """X above a threshold, else softplus(x), which is x there too."""
    chosen, above, below = (t.rows(node, number) for number in range(3))
    only = chosen.formula.only()
    is_one = chosen.place is above.place is below.place and only is not None and only[0].name == "greater"
    if is_one and only is not None and only[0].numbers[0] >= SOFTPLUS_IS_LINEAR and only[0].argument is not None:
        argument = only[0].argument
        if above.formula.key == argument.key and below.formula.key == call("softplus", argument).key:
            return below
    raise t.refused(node, "it chooses between values in a way that no activation of fastmlp does")


# ---------------------------------------------------------------- what changes nothing


def _identity(t: Translation, node: Node) -> Rows:
    return t.rows(node, 0, also_pair=True)


def _cast(t: Translation, node: Node) -> Rows:
    if node.attributes.get("to") not in (1, 11):
        raise t.refused(node, "it converts to other numbers than float32 and float64")
    return t.rows(node, 0)


def _dropout(t: Translation, node: Node) -> Rows:
    if len(node.inputs) > 2 and node.inputs[2] and (not t.is_constant(node, 2) or t.constants[node.inputs[2]].any()):
        raise t.refused(node, "it is one for training")
    return t.rows(node, 0)


def _flatten(t: Translation, node: Node) -> Rows:
    if node.attributes.get("axis", 1) != 1:
        raise t.refused(node, "it does not make one row of each row")
    t.is_flat = True
    return t.rows(node, 0)


def _reshape(t: Translation, node: Node) -> Rows:
    x = t.rows(node, 0)
    shape = t.constants[node.inputs[1]].ravel().tolist() if t.is_constant(node, 1) else []
    if len(shape) != 2 or shape[0] not in (-1, 0) or (shape[1] != x.place.width and shape != [0, -1]):
        raise t.refused(node, "it does not keep the rows as they are")
    t.is_flat = True
    return x


def _concat(t: Translation, node: Node) -> Rows:
    """The probabilities of no and yes, of which the model gives that of yes."""
    if len(node.inputs) == 2 and node.attributes.get("axis") in (1, -1):
        no, yes = (t.rows(node, number) for number in (0, 1))
        if no.place is yes.place and yes.place.width == 1 and no.formula.key == (constant(1.0) - yes.formula).key:
            return Rows(yes.place, yes.formula, is_pair=True)
    raise t.refused(node, "it joins other values than the probabilities of no and yes")


OPERATORS: dict[str, Callable[[Translation, Node], Rows]] = {
    "Abs": _function("abs"),
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Div": _div,
    "Dropout": _dropout,
    "Elu": _function("elu", ("alpha", 1.0)),
    "Erf": _function("erf"),
    "Exp": _function("exp"),
    "Flatten": _flatten,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "Greater": _greater,
    "HardSigmoid": _function("hard_sigmoid", ("alpha", 0.2), ("beta", 0.5)),
    "HardSwish": _function("hard_swish"),
    "Identity": _identity,
    "LayerNormalization": _layer_normalization,
    "LeakyRelu": _function("leaky_relu", ("alpha", 0.01)),
    "Log": _function("log"),
    "MatMul": _matmul,
    "Max": _with_zero("relu"),
    "Min": _with_zero("low"),
    "Mish": _function("mish"),
    "Mul": _mul,
    "Neg": _neg,
    "PRelu": _prelu,
    "Pow": _pow,
    "Relu": _function("relu"),
    "Reshape": _reshape,
    "Scaler": _scaler,
    "Selu": _selu,
    "Sigmoid": _function("sigmoid"),
    "Softmax": _softmax,
    "Softplus": _function("softplus"),
    "Sub": _sub,
    "Sum": _sum,
    "Swish": _swish,
    "Tanh": _function("tanh"),
    "Where": _where,
}
