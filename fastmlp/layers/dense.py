"""Dense layers and activations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import activations, initializers, regularizers
from .._base import check
from ..activations import Custom
from ..initializers import Initializer
from ..regularizers import Regularizer
from .base import MOST_UNITS, Layer


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """A fully connected layer: activation(x·kernel + bias).

    Parameters
    ----------
    units : int
        Width of the output, at least 1.
    activation : str, fastmlp.activations.Custom or None, default None
        One of `fastmlp.activations.NAMES`, such as ``"relu"``, ``"gelu"``, ``"tanh"`` or ``"softmax"``; None means
        linear. ``"leaky_relu(0.1)"`` gives a parameter. Functions of your own: `fastmlp.activations.Custom`.
    use_bias : bool, default True
    kernel_initializer : str or Initializer, optional
        Default: ``"glorot_uniform"``, as in Keras and scikit-learn; ``"lecun_normal"`` for SELU. See
        `fastmlp.initializers`.
    bias_initializer : str or Initializer, default ``"zeros"``
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        Penalties, see `fastmlp.regularizers`.
    max_norm : float, optional
        The maximum length of the weight vector that leads to a unit; longer ones are shortened after each update.
    trainable : bool, default True
        False keeps training from changing the layer's tensors.
    name, input_shape
        As in `fastmlp.layers.Layer`, for all layers. ``input_dim=4`` is ``input_shape=(4,)``.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(64, activation="relu").kernel_initializer.name
    'glorot_uniform'
    """

    units: int
    activation: str | Custom = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = None  # type: ignore[assignment]  # filled in below
    bias_initializer: Initializer = None  # type: ignore[assignment]
    kernel_regularizer: Regularizer = None  # type: ignore[assignment]
    bias_regularizer: Regularizer = None  # type: ignore[assignment]
    max_norm: float | None = None
    trainable: bool = True

    def __init__(
        self,
        units: int,
        activation: str | Custom | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] | None = None,
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        kernel_regularizer: str | Regularizer | dict[str, Any] | None = None,
        bias_regularizer: str | Regularizer | dict[str, Any] | None = None,
        max_norm: float | None = None,
        trainable: bool = True,
        *,
        name: str | None = None,
        input_shape: Any = None,
    ) -> None:
        activation = activations.get(_named(activation))
        if kernel_initializer is None:
            kernel_initializer = activations.initializer_before(activation)
        self._set(
            units=check.whole_number(units, "units", minimum=1, maximum=MOST_UNITS),
            activation=activation,
            use_bias=check.yes_or_no(use_bias, "use_bias"),
            kernel_initializer=initializers.get(kernel_initializer, "kernel_initializer"),
            bias_initializer=initializers.get(bias_initializer, "bias_initializer"),
            kernel_regularizer=regularizers.get(kernel_regularizer, "kernel_regularizer"),
            bias_regularizer=regularizers.get(bias_regularizer, "bias_regularizer"),
            max_norm=None if max_norm is None else check.real_number(max_norm, "max_norm", above=0),
            trainable=check.yes_or_no(trainable, "trainable"),
            name=name,
            input_shape=input_shape,
        )
        self.__post_init__()

    def _usual(self, *needed: Any) -> dict[str, Any]:
        return {**vars(Dense(needed[0], self.activation)), "activation": "linear"}


@dataclass(frozen=True, repr=False)
class Activation(Layer):
    """An activation function as a layer of its own.

    Parameters
    ----------
    activation : str or fastmlp.activations.Custom
        As for `Dense`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> layers = [fm.Dense(64), fm.BatchNormalization(), fm.Activation("relu")]
    """

    activation: str | Custom

    def _check_fields(self) -> None:
        self._set(activation=activations.get(_named(self.activation)))


def _named(activation: Any) -> Any:
    """The activation of a layer such as ``LeakyReLU(0.1)``, which Keras takes in its place; others as they are."""
    return activation.activation if isinstance(activation, Activation) else activation


@dataclass(frozen=True, repr=False)
class Flatten(Activation):
    """Changes nothing: rows of more dimensions, such as images, are always flattened as they are read.

    With ``input_shape=(28, 28)`` it says the width of the model's input, 784.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Flatten(input_shape=(28, 28)), fm.Dense(10, activation="softmax")])
    >>> model.layers[1].kernel.shape
    (784, 10)
    """

    activation: str = field(default="linear", init=False, repr=False)

    def config(self) -> dict[str, Any]:
        return self._described()
