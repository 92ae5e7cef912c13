"""A network as a module of PyTorch, layer by layer, for predictions and further training there."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import activations, layers
from .._base.errors import ArgumentError
from .._base.extras import library
from .._base.types import Array
from .._engine.program import SMALLEST_VARIANCE
from .._network import bound
from .._network.network import Network
from .description import refuse_encoder, refuse_ruined

_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("ReLU", {}),
    "softmax": ("Softmax", {"dim": -1}),
    "leaky_relu": ("LeakyReLU", {}),
    "elu": ("ELU", {}),
    "selu": ("SELU", {}),
    "gelu": ("GELU", {}),
    "gelu_tanh": ("GELU", {"approximate": "tanh"}),
    "silu": ("SiLU", {}),
    "softplus": ("Softplus", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "mish": ("Mish", {}),
    "hard_sigmoid": ("Hardsigmoid", {}),
    "hard_swish": ("Hardswish", {}),
}


def to_torch(network: Network) -> Any:
    """See `Sequential.to_torch`."""
    refuse_encoder(network)
    torch = library("torch", "torch", "to_torch()")
    refuse_ruined(network)
    with torch.no_grad():
        module = torch.nn.Sequential(*_modules(torch, network, bound.tree_of(network)))
    return module.eval()


def _modules(torch: Any, network: Network, nodes: Sequence[bound.BoundLayer | bound.BoundResidual]) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, bound.BoundResidual):
            from .torch_modules import Sum

            found.append(Sum(torch.nn.Sequential(*_modules(torch, network, node.layers))))
            continue
        make = _MAKERS.get(type(node.declaration))
        if make is None:
            raise ArgumentError(f"a {type(node.declaration).__name__} layer cannot become a module: {node!r:.100}")
        found += make(torch, network, node)
    return found


def _tensor(torch: Any, network: Network, values: Any) -> Any:
    return torch.from_numpy(np.array(values, network.dtype))


def _fill(torch: Any, network: Network, module: Any, **values: Array) -> Any:
    for name, value in values.items():
        getattr(module, name).copy_(_tensor(torch, network, value))
    return module.to(getattr(torch, str(network.dtype)))


def _dense(torch: Any, network: Network, layer: Any) -> list[Any]:
    has_bias = layer.declaration.use_bias
    fan_in, units = layer.kernel.shape
    # In the network's precision from the start: values of float64 must not pass through float32.
    module = torch.nn.Linear(fan_in, units, bias=has_bias, dtype=getattr(torch, str(network.dtype)))
    _fill(torch, network, module, weight=layer.kernel.T, **({"bias": layer.bias} if has_bias else {}))
    return [module, *_activation(torch, network, layer)]


def _activation(torch: Any, network: Network, layer: Any) -> list[Any]:
    if layer.activation == "linear":
        return []
    name = activations.without_parameters(layer.activation)
    if name not in _ACTIVATIONS:
        raise ArgumentError(f"the activation {layer.activation!r} cannot become a module")
    kind, fixed = _ACTIVATIONS[name]
    return [getattr(torch.nn, kind)(**fixed, **activations.parameters(layer.activation))]


def _dropout(torch: Any, network: Network, layer: Any) -> list[Any]:
    return [torch.nn.Dropout(layer.declaration.rate)]


def _noise(torch: Any, network: Network, layer: Any) -> list[Any]:
    from .torch_modules import Noise

    return [Noise(layer.declaration.stddev)]


def _batch_norm(torch: Any, network: Network, layer: Any) -> list[Any]:
    declared, dtype = layer.declaration, getattr(torch, str(network.dtype))
    module = torch.nn.BatchNorm1d(layer.gamma.size, declared.epsilon, 1 - declared.momentum, dtype=dtype)
    tensors = {"weight": layer.gamma, "bias": layer.beta}
    statistics = {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
    return [_fill(torch, network, module, **tensors, **statistics)]


def _layer_norm(torch: Any, network: Network, layer: Any) -> list[Any]:
    dtype = getattr(torch, str(network.dtype))
    module = torch.nn.LayerNorm(layer.gamma.size, layer.declaration.epsilon, dtype=dtype)
    return [_fill(torch, network, module, weight=layer.gamma, bias=layer.beta)]


def _scale(torch: Any, network: Network, layer: Any) -> list[Any]:
    from .torch_modules import Scale

    beta = layer.beta if layer.declaration.use_bias else np.zeros_like(layer.gamma)
    return [Scale(_tensor(torch, network, layer.gamma), _tensor(torch, network, beta))]


def _normalization(torch: Any, network: Network, layer: Any) -> list[Any]:
    from .torch_modules import Normalization

    deviation = np.sqrt(layer.variance.astype(np.float64) + SMALLEST_VARIANCE[network.dtype])
    center, mean = network.inputs().center, layer.mean.astype(np.float64)
    if center is not None and np.array_equal(center.astype(network.dtype), layer.mean):
        mean = center  # of a first layer, with the digits that the model's dtype cannot hold
    return [Normalization(torch.from_numpy(mean.copy()), torch.from_numpy(deviation), str(network.dtype))]


_MAKERS: dict[type[layers.Layer], Callable[[Any, Network, Any], list[Any]]] = {
    layers.Dense: _dense,
    layers.Activation: _activation,
    layers.Flatten: _activation,
    layers.Dropout: _dropout,
    layers.GaussianNoise: _noise,
    layers.BatchNormalization: _batch_norm,
    layers.LayerNormalization: _layer_norm,
    layers.Normalization: _normalization,
    layers.Scale: _scale,
}
