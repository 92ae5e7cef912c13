"""Activation functions."""

import math

import numpy as np

from .._base.tables import (
    ELU,
    GELU,
    GELU_TANH,
    HARD_SIGMOID,
    HARD_SWISH,
    LEAKY_RELU,
    MISH,
    SELU,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
)

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def relu_forward(y, x):
    y[:] = np.maximum(x, 0)


def relu_backward(dx, dy, y):
    dx[:] = np.where(y > 0, dy, 0)  # y = max(x, 0): ∂y/∂x is 1 where x > 0, which is where y > 0


def activation_forward(y, x, kind, alpha):
    with np.errstate(over="ignore"):
        y[:] = _FUNCTIONS[kind](x, alpha)


def activation_backward(dx, dy, x, y, kind, alpha):
    with np.errstate(over="ignore"):
        dx[:] = dy * _SLOPES[kind](x, y, alpha)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _normal_below(x):
    return np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2, otypes=[float])(x)


def _normal_density(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _gelu_tanh_share(x):
    return _sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))  # (1 + tanh u)/2 = σ(2u)


def _gelu_tanh_slope(x, y, alpha):
    s, inner_slope = _gelu_tanh_share(x), 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return s + x * s * (1 - s) * inner_slope


def _mish_slope(x, y, alpha):
    share = np.tanh(np.logaddexp(0, x))  # y = x tanh s, s = log(1 + eˣ): ∂s/∂x = σ(x), ∂tanh s/∂s = 1 − tanh² s
    return share + x * (1 - share**2) * _sigmoid(x)


def _hard_sigmoid(x):
    return np.clip((x + 3) / 6, 0, 1)


_FUNCTIONS = {
    LEAKY_RELU: lambda x, alpha: np.where(x > 0, x, alpha * x),
    ELU: lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    SELU: lambda x, alpha: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(x)),
    GELU: lambda x, alpha: x * _normal_below(x),
    GELU_TANH: lambda x, alpha: x * _gelu_tanh_share(x),
    SILU: lambda x, alpha: x * _sigmoid(x),
    SOFTPLUS: lambda x, alpha: np.logaddexp(0, x),
    SIGMOID: lambda x, alpha: _sigmoid(x),
    TANH: lambda x, alpha: np.tanh(x),
    MISH: lambda x, alpha: x * np.tanh(np.logaddexp(0, x)),
    HARD_SIGMOID: lambda x, alpha: _hard_sigmoid(x),
    HARD_SWISH: lambda x, alpha: x * _hard_sigmoid(x),
}

_SLOPES = {
    LEAKY_RELU: lambda x, y, alpha: np.where(y > 0, 1, alpha),
    ELU: lambda x, y, alpha: np.where(y > 0, 1, y + alpha),
    SELU: lambda x, y, alpha: np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA),
    GELU: lambda x, y, alpha: _normal_below(x) + x * _normal_density(x),
    GELU_TANH: _gelu_tanh_slope,
    SILU: lambda x, y, alpha: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    SOFTPLUS: lambda x, y, alpha: 1 - np.exp(-y),
    SIGMOID: lambda x, y, alpha: y * (1 - y),
    TANH: lambda x, y, alpha: 1 - y**2,
    MISH: _mish_slope,
    HARD_SIGMOID: lambda x, y, alpha: np.where((y > 0) & (y < 1), 1 / 6, 0),  # 0 < y < 1: y = (x + 3)/6
    HARD_SWISH: lambda x, y, alpha: np.where(abs(x) < 3, x / 3 + 1 / 2, x > 0),  # |x| < 3: y = x²/6 + x/2
}
