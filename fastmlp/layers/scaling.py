"""Layers that shift and scale: by statistics of batches, of rows or of features, or by what they learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._base import batches, check, columns
from .._base.errors import ArgumentError
from .._base.types import Array
from .base import Layer


@dataclass(frozen=True, repr=False)
class BatchNormalization(Layer):
    """Scales each unit to mean 0 and variance 1, then multiplies by a learned gamma and adds a learned beta.

    Training uses the mean and variance of the batch. It keeps running means of both, with which the model predicts.
    These are accurate after a short training too: initial values have no share in them, and while ``momentum`` to the
    power of a run's batches is above 0.01, `fit` recomputes them at the end of each epoch from the present weights.
    With Rprop and L-BFGS they are always those of all rows. The tensors are ``gamma``, ``beta``, ``moving_mean`` and
    ``moving_variance``, each of shape (units,).

    Parameters
    ----------
    momentum : float, default 0.99
        The share of the running means that a step keeps, as in Keras. PyTorch's momentum is one minus this.
    epsilon : float, default 0.001
        Added to the variance.
    trainable : bool, default True
        False fixes gamma and beta; training then uses the running statistics and does not change them.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import fastmlp as fm
    >>> layers = [fm.Dense(64, use_bias=False), fm.BatchNormalization(), fm.Activation("relu")]
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    trainable: bool = True

    def _check_fields(self) -> None:
        self._set(
            momentum=check.real_number(self.momentum, "momentum", minimum=0, below=1),
            epsilon=check.real_number(self.epsilon, "epsilon", above=0),
            trainable=check.yes_or_no(self.trainable, "trainable"),
        )


@dataclass(frozen=True, repr=False)
class LayerNormalization(Layer):
    """Scales each row to mean 0 and variance 1 over its units, then multiplies by gamma and adds beta.

    It does the same in training and prediction. The tensors are ``gamma`` and ``beta``, each of shape (units,).

    Parameters
    ----------
    epsilon : float, default 0.001
        Added to the variance.
    trainable : bool, default True
        False fixes gamma and beta.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import fastmlp as fm
    >>> layers = [fm.Dense(64, activation="gelu"), fm.LayerNormalization()]
    """

    epsilon: float = field(default=1e-3, kw_only=True)  # the first argument of Keras's is axis
    trainable: bool = True

    def _check_fields(self) -> None:
        self._set(
            epsilon=check.real_number(self.epsilon, "epsilon", above=0),
            trainable=check.yes_or_no(self.trainable, "trainable"),
        )


@dataclass(frozen=True, repr=False)
class Scale(Layer):
    """Multiplies each unit by a learned gamma, and adds a learned beta.

    At first it changes nothing: gamma is 1, and beta is 0. The tensors are ``gamma`` and ``beta``, each of shape
    (units,). As the last layer in a `Residual`, with small numbers as gamma, it lets a deep network begin as a shallow
    one.

    Parameters
    ----------
    use_bias : bool, default True
        False leaves out beta.
    trainable : bool, default True
        False fixes gamma and beta.

    References
    ----------
    Touvron et al., "Going deeper with image transformers", 2021 (LayerScale).

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> block = fm.Residual([fm.Dense(64, activation="gelu"), fm.Dense(64), fm.Scale(use_bias=False)])
    >>> model = fm.Sequential([fm.Dense(64), block, fm.Dense(10, activation="softmax")], seed=0)
    >>> model.build(n_features=20)
    >>> model.layers[3].gamma = np.full(64, 0.01)
    """

    use_bias: bool = True
    trainable: bool = True

    def _check_fields(self) -> None:
        self._set(
            use_bias=check.yes_or_no(self.use_bias, "use_bias"), trainable=check.yes_or_no(self.trainable, "trainable")
        )


@dataclass(frozen=True, repr=False)
class Normalization(Layer):
    """Scales features to mean 0 and variance 1, with statistics that are stored with the model.

    `adapt` takes the statistics from data before the model is built. A first layer without them takes those of the
    training data in the first `fit`. Statistics from `adapt` belong to the layer. Statistics from `fit` belong to one
    model; another model with the same layers, such as that of a cross-validation's fold, finds its own.

    A column counts as constant if its numbers differ by no more than rounding in the precision of the data; it is only
    shifted, and its variance is 1. The tensors are ``mean`` and ``variance``, each of shape (features,). The smallest
    variance is 1e-35 in a float32 model, and 1e-298 in a float64 model.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> normalization = fm.Normalization()
    >>> normalization.adapt([[1.0, 10.0], [3.0, 10.0]])
    >>> normalization.mean.tolist(), normalization.variance.tolist()
    ([2.0, 10.0], [1.0, 1.0])
    """

    mean: Array | None = field(default=None, init=False, compare=False)
    variance: Array | None = field(default=None, init=False, compare=False)
    stands_for: Normalization | None = field(default=None, init=False, compare=False, repr=False)

    def adapt(self, x: Any, scale: float = 1.0) -> None:
        """Set mean and variance to those of each column of ``x``, times ``scale``.

        Parameters
        ----------
        x : array_like, shape (rows, features), or batches
            A loader or generator of batches, as for `fastmlp.Sequential.predict`, is gone through once.
        scale : float, default 1
            A model with uint8 features passes its ``uint8_scale``.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If ``x`` does not hold rows of finite numbers, or ``scale`` is not above 0.
        """
        scale = check.real_number(scale, "scale", above=0)
        found = columns.measured(_parts(x))
        self._set(mean=found.mean * scale, variance=_scaled_variance(found, scale), stands_for=None)

    def __repr__(self) -> str:
        return "Normalization()" if self.mean is None else f"<Normalization of {len(self.mean)} features>"

    def in_model(self, mean: Array, variance: Array) -> Normalization:
        """The layer with the statistics of a model, declared or learned."""
        layer = Normalization(name=self.name, input_shape=self.input_shape)
        layer._set(
            mean=mean.astype(np.float64), variance=variance.astype(np.float64), stands_for=self.stands_for or self
        )
        return layer

    def learned(self, found: columns.Columns, scale: float) -> Normalization:
        """The layer with the statistics of training data."""
        return self.in_model(found.mean * scale, _scaled_variance(found, scale))

    def config(self) -> dict[str, Any]:
        return self._described()  # the statistics are tensors of the model


def _parts(x: Any) -> Iterator[Array]:
    """The rows, or those of batches of a loader or generator."""
    if not batches.are_batches(x):
        yield columns.rows(x, "x")
        return
    width = None
    for place, part in enumerate(batches.Batches(x, "x").features()):
        rows = columns.rows(part, f"x of batch {place}")
        width = rows.shape[1] if width is None else width
        if rows.shape[1] != width:
            raise ArgumentError(f"x of batch {place} has {rows.shape[1]} features, but batch 0 has {width}")
        yield rows


def _scaled_variance(found: columns.Columns, scale: float) -> Array:
    with np.errstate(over="ignore"):  # a model refuses statistics that it cannot hold
        variance: Array = np.where(found.is_constant, 1.0, np.square(found.deviation * scale))
    return variance
