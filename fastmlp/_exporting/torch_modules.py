"""Modules of PyTorch for layers that it does not have. `to_torch` imports this file; it needs torch."""

from typing import Any

import torch
from torch import nn


class Sum(nn.Module):
    """x + inner(x)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)


class Noise(nn.Module):
    """Adds normal noise in training."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Any) -> Any:
        return x + self.stddev * torch.randn_like(x) if self.training else x

    def extra_repr(self) -> str:
        return f"stddev={self.stddev}"


class Scale(nn.Module):
    """x · gamma + beta, both learned."""

    def __init__(self, gamma: Any, beta: Any) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(gamma), nn.Parameter(beta)

    def forward(self, x: Any) -> Any:
        return x * self.gamma + self.beta


class Normalization(nn.Module):
    """(x − mean) / deviation, both fixed, in float64, so that large numbers keep their differences; then ``dtype``."""

    def __init__(self, mean: Any, deviation: Any, dtype: str) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Any) -> Any:
        return ((x.double() - self.mean) / self.deviation).to(getattr(torch, self.dtype))

    def extra_repr(self) -> str:
        return f"{self.mean.numel()} features, dtype={self.dtype}"
