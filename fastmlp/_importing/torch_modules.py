"""PyTorch's `nn.Sequential` of layers that fastmlp has. Modules are known by their names: torch is not imported."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import activations
from .._base.errors import ArgumentError
from .._base.types import Array
from .._exporting.to_torch import ACTIVATIONS
from ..layers import Activation, BatchNormalization, Dense, Dropout, LayerNormalization
from ..model import Sequential
from .parts import Part, assembled, dtype_of

# Those that neither have settings nor need any here; `_MAKERS` come first, which read them
_ACTIVATIONS = {kind: name for name, (kind, settings) in ACTIVATIONS.items() if not settings}
_NOTHING = ("Identity", "Flatten")


def model(source: Any) -> Sequential:
    """A model with the same weights and predictions, which is not compiled."""
    dtype = dtype_of([_array(value) for value in source.parameters()], type(source).__name__)
    return assembled(list(_parts(source, "")), None, dtype)


def _parts(module: Any, place: str) -> Iterator[Part]:
    name = type(module).__name__
    if name == "Sequential":
        for number, inner in enumerate(module):
            yield from _parts(inner, f"{place}[{number}]")
        return
    if name in _NOTHING:
        return
    if name in _MAKERS:
        try:
            yield _MAKERS[name](module)
        except ArgumentError as error:
            raise ArgumentError(f"source{place}, {module!r:.80}, cannot be imported: {error}") from None
    elif name in _ACTIVATIONS:
        yield Part(Activation(_ACTIVATIONS[name]))
    else:
        known = ", ".join(sorted({*_MAKERS, *_ACTIVATIONS, *_NOTHING, "Sequential"}))
        raise ArgumentError(f"source{place} is a {name}, which cannot be imported; there are {known}")


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy())


def _linear(module: Any) -> Part:
    tensors = {"kernel": _array(module.weight).T}
    if module.bias is not None:
        tensors["bias"] = _array(module.bias)
    return Part(Dense(module.out_features, use_bias=module.bias is not None), tensors)


def _batch_norm(module: Any) -> Part:
    if module.running_mean is None:
        raise ArgumentError("it keeps no running statistics (track_running_stats=False)")
    if module.momentum is None:
        raise ArgumentError("momentum=None, a plain average of all batches, is not a momentum of fastmlp's")
    layer = BatchNormalization(1 - module.momentum, module.eps)
    statistics = {"moving_mean": _array(module.running_mean), "moving_variance": _array(module.running_var)}
    return Part(layer, _scale(module, module.num_features) | statistics)


def _layer_norm(module: Any) -> Part:
    if len(module.normalized_shape) != 1:
        raise ArgumentError(f"it normalises over the shape {tuple(module.normalized_shape)}, not over one dimension")
    return Part(LayerNormalization(epsilon=module.eps), _scale(module, module.normalized_shape[0]))


def _scale(module: Any, width: int) -> dict[str, Array]:
    """gamma and beta; those that do nothing if the module has none."""
    gamma = np.ones(width) if module.weight is None else _array(module.weight)
    return {"gamma": gamma, "beta": np.zeros(width) if module.bias is None else _array(module.bias)}


def _softmax(module: Any) -> Part:
    if module.dim not in (1, -1):
        raise ArgumentError(f"dim is {module.dim}, not the dimension of the units, 1")
    return Part(Activation("softmax"))


def _softplus(module: Any) -> Part:
    if module.beta != 1:
        raise ArgumentError(f"beta is {module.beta}, not 1")
    return Part(Activation("softplus"))


def _log_softmax(module: Any) -> Part:
    raise ArgumentError(
        "log-probabilities are no output of fastmlp's: leave this module out, and compile the model with "
        "losses.CategoricalCrossentropy(from_logits=True), so that predict_log_proba() gives them"
    )


_MAKERS: dict[str, Callable[[Any], Part]] = {
    "Linear": _linear,
    "BatchNorm1d": _batch_norm,
    "LayerNorm": _layer_norm,
    "Dropout": lambda module: Part(Dropout(module.p)),
    "LeakyReLU": lambda module: Part(Activation(activations.leaky_relu(module.negative_slope))),
    "ELU": lambda module: Part(Activation(activations.elu(module.alpha))),
    "GELU": lambda module: Part(Activation("gelu_tanh" if module.approximate == "tanh" else "gelu")),
    "Softmax": _softmax,
    "Softplus": _softplus,
    "LogSoftmax": _log_softmax,
}
