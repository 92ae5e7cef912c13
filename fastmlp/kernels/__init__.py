"""Compiled kernels: arrays in, arrays out.

Every kernel in ``__all__`` has a twin of the same name and signature in `fastmlp.reference`, which defines in plain
NumPy what the kernel computes. Outputs come first and are overwritten. Importing this package is cheap: the first
look-up of a kernel loads numba, and the first call of a kernel compiles it or loads it from disk.

Machine code does not check where it writes, so every call is checked first: shapes and their relations, numbers that
determine an index, the tables of networks. Arguments that do not fit raise `fastmlp.ArgumentError` or
`fastmlp.ArgumentTypeError`, and nothing is written. An output must not share memory with another argument, except the
same array for kernels that can work in place, such as ``relu_forward(x, x)``.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from .._base import tables as tables  # numbers of operations, activations, losses, which kernels take
from .._base.interruption import uninterrupted

if TYPE_CHECKING:
    from .._compiling.jit import Kernel

_HOMES = {
    "exp": "math",
    "log": "math",
    "pack_panels": "layout",
    "unpack_panels": "layout",
    "dense_forward": "dense",
    "dense_backward_inputs": "dense",
    "dense_backward_parameters": "dense",
    "relu_forward": "activations",
    "relu_backward": "activations",
    "activation_forward": "activations",
    "activation_backward": "activations",
    "custom_forward": "custom",
    "dropout": "noise",
    "gaussian_noise": "noise",
    "batch_norm_forward": "normalization",
    "batch_norm_backward": "normalization",
    "normalize": "normalization",
    "layer_norm_forward": "normalization",
    "layer_norm_backward": "normalization",
    "scale_forward": "scale",
    "scale_backward": "scale",
    "sparse_forward": "sparse",
    "sparse_backward_weights": "sparse",
    "softmax_forward": "softmax",
    "softmax_backward": "softmax",
    "softmax_crossentropy": "losses",
    "sparse_softmax_crossentropy": "losses",
    "elementwise_loss": "losses",
    "custom_loss": "custom",
    "sgd_update": "optimizers",
    "adam_update": "optimizers",
    "optimizer_update": "optimizers",
    "philox_words": "rng",
    "shuffle": "rng",
    "train_batches": "network.run",
    "evaluate_batches": "network.run",
    "predict_batches": "network.run",
    "predict_rows": "network.run",
    "network_update": "network.update",
}

__all__ = sorted(_HOMES)
# Further forms of `train_batches`, and the kernels that verify tables; they have no twins
_OTHERS = {
    "train_batches_timed": "network.run",
    "train_batches_full": "network.run",
    "train_batches_sparse": "network.run",
    "train_batches_sparse_full": "network.run",
    "train_batches_sparse_timed": "network.run",
    "evaluate_batches_sparse": "network.run",
    "predict_batches_sparse": "network.run",
    "network_fault": "network.verify",
    "program_fault": "network.verify",
}


def __getattr__(name: str) -> Kernel:
    home = _HOMES.get(name) or _OTHERS.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; there are {', '.join(__all__)}")
    with uninterrupted():  # this imports numba, which an interruption could leave unusable
        kernel: Kernel = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = kernel  # the next look-up costs nothing
    return kernel


def __dir__() -> list[str]:
    return [*__all__, "panel_width"]


@functools.cache
def panel_width(dtype: Any) -> int:
    """The number of columns in a panel of this dtype on this CPU: two vectors.

    Examples
    --------
    >>> from fastmlp import kernels
    >>> kernels.panel_width("float32") == 2 * kernels.panel_width("float64")
    True
    """
    import numpy as np

    with uninterrupted():
        from .simd import panel

    return int(panel(np.empty(0, dtype)))
