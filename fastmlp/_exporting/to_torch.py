"""A network as a module of PyTorch, layer by layer, for predictions and further training there."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import activations
from .._base.errors import ArgumentError
from .._base.extras import library
from .._base.types import Array
from .._engine.program import SMALLEST_VARIANCE
from .._network import bound
from .._network.network import Network
from .description import refuse_encoder, refuse_ruined
from .walk import Walk, beta_of

# The modules of activations, and settings of those
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
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
        module = torch.nn.Sequential(*_ToTorch(network, torch).made(bound.tree_of(network)))
    return module.eval()


class _ToTorch(Walk[Any]):
    """Gives modules, in the network's precision from the start: values of float64 must not pass through float32."""

    cannot = "cannot become a module"

    def __init__(self, network: Network, torch: Any) -> None:
        super().__init__(network)
        self.torch, self.nn, self.their_dtype = torch, torch.nn, getattr(torch, str(network.dtype))

    def _tensor(self, values: Array) -> Any:
        return self.torch.from_numpy(np.array(values, self.dtype))

    def _filled(self, module: Any, **values: Array) -> Any:
        for name, value in values.items():
            getattr(module, name).copy_(self._tensor(value))
        return module

    def affine(self, layer: Any) -> Any:
        has_bias = layer.declaration.use_bias
        module = self.nn.Linear(*layer.kernel.shape, bias=has_bias, dtype=self.their_dtype)
        return self._filled(module, weight=layer.kernel.T, **({"bias": layer.bias} if has_bias else {}))

    def function(self, activation: str) -> Any:
        name = activations.without_parameters(activation)
        if name not in ACTIVATIONS:
            raise ArgumentError(f"the activation {activation!r} cannot become a module")
        kind, fixed = ACTIVATIONS[name]
        return getattr(self.nn, kind)(**fixed, **activations.parameters(activation))

    def residual(self, inside: list[Any]) -> Any:
        from .torch_modules import Sum

        return Sum(self.nn.Sequential(*inside))

    def dropout(self, layer: Any) -> Iterator[Any]:
        yield self.nn.Dropout(layer.declaration.rate)

    def noise(self, layer: Any) -> Iterator[Any]:
        from .torch_modules import Noise

        yield Noise(layer.declaration.stddev)

    def batch_normalization(self, layer: Any) -> Iterator[Any]:
        declared = layer.declaration
        module = self.nn.BatchNorm1d(layer.gamma.size, declared.epsilon, 1 - declared.momentum, dtype=self.their_dtype)
        statistics = {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
        yield self._filled(module, weight=layer.gamma, bias=layer.beta, **statistics)

    def layer_normalization(self, layer: Any) -> Iterator[Any]:
        module = self.nn.LayerNorm(layer.gamma.size, layer.declaration.epsilon, dtype=self.their_dtype)
        yield self._filled(module, weight=layer.gamma, bias=layer.beta)

    def scale(self, layer: Any) -> Iterator[Any]:
        from .torch_modules import Scale

        yield Scale(self._tensor(layer.gamma), self._tensor(beta_of(layer)))

    def normalization(self, layer: Any) -> Iterator[Any]:
        from .torch_modules import Normalization

        deviation = np.sqrt(layer.variance.astype(np.float64) + SMALLEST_VARIANCE[self.dtype])
        center, mean = self.network.reader().center, layer.mean.astype(np.float64)
        if center is not None and np.array_equal(center.astype(self.dtype), layer.mean):
            mean = center  # of a first layer, with the digits that the model's dtype cannot hold
        yield Normalization(self.torch.from_numpy(mean.copy()), self.torch.from_numpy(deviation), str(self.dtype))
