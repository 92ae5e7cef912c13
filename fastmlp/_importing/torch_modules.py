"""PyTorch's `nn.Sequential` of layers that fastmlp has. Modules are known by their names: torch is not imported."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import activations
from .._base.errors import ArgumentError
from .._base.types import Array
from .._engine.program import SMALLEST_VARIANCE
from .._exporting.to_torch import ACTIVATIONS
from ..layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNormalization,
    Normalization,
    Scale,
)
from ..model import Sequential
from .parts import Part, assembled, dtype_of

# Those that neither have settings nor need any here; `_MAKERS` come first, which read them
_ACTIVATIONS = {kind: name for name, (kind, settings) in ACTIVATIONS.items() if not settings}
_NOTHING = ("Identity", "Flatten")
_HOLDERS = ("Sequential", "Sum")
_OUR_HOME = "fastmlp._exporting.torch_modules"
_SIZE_OF_FLOAT32 = 4
_THRESHOLD = 20  # from which on the default Softplus is linear: exp(-20) is 2e-9


def model(source: Any) -> Sequential:
    """A model with the same weights and predictions, which is not compiled."""
    parts = list(_parts(source, ""))
    dtype = dtype_of([_array(value) for value in source.parameters()], type(source).__name__)
    return assembled(parts, None, dtype)


def _parts(module: Any, place: str) -> Iterator[Part]:
    name = type(module).__name__
    is_known = name in {*_HOLDERS, *_NOTHING, *_MAKERS, *_ACTIVATIONS, *_OURS}
    home = _OUR_HOME if name in _OURS or name == "Sum" else "torch.nn"
    if not is_known or not type(module).__module__.startswith(home):
        known = ", ".join(sorted({*_MAKERS, *_ACTIVATIONS, *_NOTHING, "Sequential"}))
        own = " of your own" if is_known else ""
        raise ArgumentError(f"source{place} is a {name}{own}, which cannot be imported; there are {known}")
    try:
        _refuse_changed(module)
        if part := _part(module, name):
            yield part
    except ArgumentError as error:
        raise ArgumentError(f"source{place}, {module!r:.80}, cannot be imported: {error}") from None
    if name == "Sequential":
        for number, inner in enumerate(module):
            yield from _parts(inner, f"{place}[{number}]")
    elif name == "Sum":
        yield Part(inside=tuple(_parts(module.inner, f"{place}.inner")))


def _part(module: Any, name: str) -> Part | None:
    """What one module becomes by itself."""
    if name == "Sequential":
        _refuse_softmax_before_flatten([type(inner).__name__ for inner in module])
    elif name == "Flatten":
        _check_flatten(module)
    elif name in _ACTIVATIONS and name not in _MAKERS:
        return Part(Activation(_ACTIVATIONS[name]))
    return {**_MAKERS, **_OURS}[name](module) if name in _MAKERS or name in _OURS else None


def _refuse_changed(module: Any) -> None:
    """Refuse what makes another result of a module than its class says."""
    if "forward" in vars(module):
        raise ArgumentError("its forward() was replaced")
    if module._forward_hooks or module._forward_pre_hooks:
        raise ArgumentError(
            "it has hooks, which may change its result: remove them, those of pruning and weight_norm with "
            "torch.nn.utils.prune.remove(module, 'weight') and torch.nn.utils.remove_weight_norm(module)"
        )


def _check_flatten(module: Any) -> None:
    if module.start_dim != 1 or module.end_dim != -1:
        raise ArgumentError(
            f"it flattens dimensions {module.start_dim} to {module.end_dim}, but here a row has one: nn.Flatten()"
        )


def _refuse_softmax_before_flatten(names: list[str]) -> None:
    """Refuse a softmax of rows that are not flat yet: it goes along one of their dimensions."""
    before = names[: names.index("Flatten")] if "Flatten" in names else []
    if "Softmax" in before and "Linear" not in before:
        raise ArgumentError("its Softmax comes before Flatten: put Flatten first")


def _array(tensor: Any) -> Array:
    """The values of a tensor; numbers of 16 bits or less become float32, which holds each of them."""
    if tensor.is_meta:
        raise ArgumentError("source has no weights: they are on the device 'meta'")
    if not tensor.is_floating_point():
        raise ArgumentError(f"weights must be real numbers, not {tensor.dtype}")
    tensor = tensor.detach().cpu()
    return np.asarray((tensor if tensor.element_size() >= _SIZE_OF_FLOAT32 else tensor.float()).numpy())


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
    if module.threshold < _THRESHOLD:
        raise ArgumentError(f"threshold is {module.threshold}, from which on it is linear, not {_THRESHOLD} or more")
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


# ---------------------------------------------------------------- modules that `to_torch` makes


def _learned_scale(module: Any) -> Part:
    return Part(Scale(), {"gamma": _array(module.gamma), "beta": _array(module.beta)})


def _normalization(module: Any) -> Part:
    variance = np.square(_array(module.deviation)) - SMALLEST_VARIANCE[np.dtype(module.dtype)]
    return Part(Normalization(), {"mean": _array(module.mean), "variance": np.maximum(variance, 0)})


_OURS: dict[str, Callable[[Any], Part]] = {
    "Noise": lambda module: Part(GaussianNoise(module.stddev)),
    "Scale": _learned_scale,
    "Normalization": _normalization,
}
