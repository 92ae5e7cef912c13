"""Layers are declarations, without arrays or arithmetic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any

import numpy as np

from . import activations, initializers, regularizers
from ._base import batches, check, columns, keras
from ._base.errors import ArgumentError, ArgumentTypeError
from ._base.types import Array
from .activations import Custom
from .initializers import Initializer
from .regularizers import Regularizer

__path__: list[str] = []  # so that Python asks for modules of Keras in it, such as fastmlp.layers.core

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "ReLU",
    "Residual",
    "Scale",
    "Softmax",
]

MOST_UNITS = 2**31 - 1
MOST_NESTED = 100  # residuals inside of residuals: recursive functions write and read them


@dataclass(frozen=True, repr=False)
class Layer:
    """Base of all layers.

    Parameters
    ----------
    name : str, optional
        A name of its own in the model, for `Sequential.get_layer` and the summary. Default: made from the type.
    input_shape : tuple of int, optional
        For the first layer: the shape of a row, so that the model is built before it has seen data.
    """

    name: str | None = field(default=None, kw_only=True, repr=False)
    input_shape: tuple[int, ...] | None = field(default=None, kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name is not None and (not isinstance(self.name, str) or not self.name):
            raise ArgumentTypeError(f"name must be a text that is not empty, not {self.name!r:.60}")
        self._set(input_shape=shape_of_rows(self.input_shape, "input_shape"))
        self._check_fields()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Layer", cls)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Refuse Keras's way to make graphs of layers."""
        raise ArgumentTypeError(
            f"{type(self).__name__} is not called on tensors, because there are no graphs: fastmlp.Sequential([...]) "
            "applies layers one after the other, and a skip connection is fastmlp.Residual([...])"
        )

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def _check_fields(self) -> None:
        """Check the settings, and convert them to their types."""

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `from_config` reads it back.

        It has the name only if the user gave one, and no shape of the input, which belongs to the model.
        """
        values = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("name", "input_shape")
        }
        described = {name: value.config() if hasattr(value, "config") else value for name, value in values.items()}
        return self._described(**described)

    def _described(self, **settings: Any) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {"type": type(self).__name__, **settings, **named}

    def __repr__(self) -> str:
        """Like the call that makes it: without what was not given."""
        given = {f.name: f for f in fields(self) if f.init and f.repr}
        needed = [name for name, f in given.items() if f.default is MISSING]
        shown = [f"{getattr(self, name)!r}" for name in needed]
        for name, usual in self._usual(*(getattr(self, name) for name in needed)).items():
            if name in given and name not in needed and getattr(self, name) != usual:
                shown.append(f"{name}={getattr(self, name)!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _usual(self, *needed: Any) -> dict[str, Any]:
        """The values of a layer with only the arguments that it needs."""
        return vars(type(self)(*needed))

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen


def shape_of_rows(shape: Any, name: str) -> tuple[int, ...] | None:
    """The shape of one row, from a number or a sequence; None if it is not known.

    >>> shape_of_rows((28, 28), "input_shape"), shape_of_rows(4, "input_shape"), shape_of_rows((None,), "input_shape")
    ((28, 28), (4,), None)
    """
    if shape is None:
        return None
    sizes = check.items(shape, name, "numbers") if isinstance(shape, Iterable) else [shape]
    if sizes == [None]:
        return None
    if not sizes:
        raise ArgumentError(f"{name} must be the shape of a row, such as (784,), not {shape!r:.60}")
    return tuple(check.whole_number(size, name, minimum=1, maximum=MOST_UNITS) for size in sizes)


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


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """In training, sets each number to 0 with probability ``rate``, and multiplies the others by 1 / (1 − rate).

    Predictions do not change. The dropped numbers depend on the model's seed, the epoch, the row's position in the
    epoch and the unit, but not on threads or interruptions.

    Parameters
    ----------
    rate : float
        From 0 to below 1.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(64, activation="relu"), fm.Dropout(0.2), fm.Dense(10, activation="softmax")])
    """

    rate: float

    def _check_fields(self) -> None:
        self._set(rate=check.real_number(self.rate, "rate", minimum=0, below=1))


@dataclass(frozen=True, repr=False)
class GaussianNoise(Layer):
    """In training, adds independent normal noise to each number.

    Parameters
    ----------
    stddev : float
        Standard deviation, at least 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.GaussianNoise(0.1), fm.Dense(10, activation="softmax")])
    """

    stddev: float

    def _check_fields(self) -> None:
        self._set(stddev=check.real_number(self.stddev, "stddev", minimum=0))


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


@dataclass(frozen=True, repr=False)
class Residual(Layer):
    """x + layers(x): the layers inside learn what to add to their input (a skip connection).

    Parameters
    ----------
    layers : sequence of Layer
        Their output must be as wide as their input. They may contain further `Residual` layers, to a depth of 100.

    References
    ----------
    He et al., "Deep residual learning for image recognition", 2016.

    Examples
    --------
    >>> import fastmlp as fm
    >>> block = fm.Residual([fm.LayerNormalization(), fm.Dense(64, activation="gelu"), fm.Dense(64)])
    >>> model = fm.Sequential([fm.Dense(64), block, fm.Dense(10, activation="softmax")])
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Iterable[Layer], *, name: str | None = None, input_shape: Any = None) -> None:
        self._set(layers=tuple(checked(layers)), name=name, input_shape=input_shape)
        self.__post_init__()
        if not self.layers:
            raise ArgumentError("Residual needs at least one layer inside")
        if _depth(self) > MOST_NESTED:
            raise ArgumentError(f"a Residual may hold others to a depth of {MOST_NESTED}: put some of them in sequence")

    def __repr__(self) -> str:
        return f"Residual({list(self.layers)!r})"

    def config(self) -> dict[str, Any]:
        return self._described(layers=[layer.config() for layer in self.layers])

    def holding(self, layers: Iterable[Layer]) -> Residual:
        """The same residual connection around other layers."""
        return Residual(layers, name=self.name, input_shape=self.input_shape)


# ---------------------------------------------------------------- inputs, and activations as Keras's layers


@dataclass(frozen=True)
class InputLayer:
    """The shape of a row, as the first element of `fastmlp.Sequential`; it is no layer of the model.

    Parameters
    ----------
    shape : tuple of int
        ``(784,)``, or ``(28, 28)`` before a `Flatten`.
    name : str, optional
        Not used.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Input((4,)), fm.Dense(2, activation="softmax")])
    >>> model.is_built, len(model.layers)
    (True, 1)
    """

    shape: tuple[int, ...] | None
    name: str | None = None

    def __init__(self, shape: Any = None, *, name: str | None = None, input_shape: Any = None) -> None:
        given = input_shape if shape is None else shape
        object.__setattr__(self, "shape", shape_of_rows(given, "shape"))
        object.__setattr__(self, "name", name)


def Input(shape: Any = None, **others: Any) -> InputLayer:  # noqa: N802  # as in Keras
    """The shape of a row, as the first element of `fastmlp.Sequential`: an `InputLayer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Input(shape=(784,)).shape
    (784,)
    """
    return InputLayer(**others) if shape is None else InputLayer(shape, **others)


def ReLU(  # noqa: N802
    max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **others: Any
) -> Activation:
    """``Activation("relu")``, as Keras spells it; with a ``negative_slope`` it is `LeakyReLU`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.ReLU()
    Activation('relu')
    """
    if max_value is not None or threshold:
        raise ArgumentError("ReLU takes no max_value or threshold: it is max(x, 0)")
    return Activation(activations.leaky_relu(negative_slope) if negative_slope else "relu", **others)


def LeakyReLU(negative_slope: float = 0.3, **others: Any) -> Activation:  # noqa: N802
    """``Activation("leaky_relu(0.3)")``: the slope is that of Keras's layer, not that of its activation, 0.2.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.LeakyReLU(0.01)
    Activation('leaky_relu(0.01)')
    """
    return Activation(activations.leaky_relu(others.pop("alpha", negative_slope)), **others)


def ELU(alpha: float = 1.0, **others: Any) -> Activation:  # noqa: N802
    """``Activation("elu")``, as Keras spells it.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.ELU(0.5)
    Activation('elu(0.5)')
    """
    return Activation(activations.elu(alpha), **others)


def Softmax(axis: int = -1, **others: Any) -> Activation:  # noqa: N802
    """``Activation("softmax")``, as Keras spells it.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.Softmax()
    Activation('softmax')
    """
    others["axis"] = axis
    return Activation("softmax", **others)


# ---------------------------------------------------------------- many layers


def _depth(layer: Layer) -> int:
    """The depth of nested residuals."""
    return 1 + max(map(_depth, layer.layers)) if isinstance(layer, Residual) else 0


def checked(layers: Iterable[Any]) -> list[Layer]:
    """A list of layers, each of them checked."""
    found = check.items(layers, "layers", "layers")
    for layer in found:
        if isinstance(getattr(layer, "declaration", None), Layer):
            raise ArgumentTypeError(
                f"{layer!r:.60} is a layer of another model: model[:2] is a part of that model, which shares its "
                "weights, and layer.declaration is the layer alone, without weights"
            )
        if type(layer) not in TYPES.values():
            raise ArgumentTypeError(
                f"layers must be layer objects such as fastmlp.Dense(64), not {layer!r:.60}; "
                "fastmlp.mlp([128, 64], classes=10) makes a model from widths"
            )
    return found


def leaves(layers: Sequence[Layer]) -> Iterator[Layer]:
    """All layers in the order in which data pass through them, with those inside of others in their place."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from leaves(layer.layers)
        else:
            yield layer


def with_leaf(layers: Sequence[Layer], index: int, new: Layer) -> list[Layer]:
    """The layers, with another layer in the place of one leaf."""
    found: list[Layer] = []
    for layer in layers:
        count = len(list(leaves([layer])))
        if not 0 <= index < count:
            found.append(layer)
        else:
            found.append(layer.holding(with_leaf(layer.layers, index, new)) if isinstance(layer, Residual) else new)
        index -= count
    return found


def declared(layers: Sequence[Layer]) -> list[Layer]:
    """The layers as they were declared, without statistics that a model has learned."""
    return with_each_leaf(layers, lambda layer: getattr(layer, "stands_for", None) or layer)


def with_each_leaf(layers: Sequence[Layer], change: Callable[[Layer], Layer]) -> list[Layer]:
    """The layers with each leaf replaced by ``change(leaf)``, in the order in which data pass through them."""
    return [
        layer.holding(with_each_leaf(layer.layers, change)) if isinstance(layer, Residual) else change(layer)
        for layer in layers
    ]


def output_of(layers: Sequence[Layer]) -> tuple[int | None, str]:
    """The width of the output (None: that of the input) and the name of the last activation."""
    widths = [layer.units for layer in leaves(layers) if isinstance(layer, Dense)]
    last = next((layer for layer in reversed(layers) if not _is_identity(layer)), None)
    activation = last.activation if isinstance(last, (Dense, Activation)) else "linear"
    return widths[-1] if widths else None, str(activation)


def _is_identity(layer: Layer) -> bool:
    return isinstance(layer, Activation) and layer.activation == "linear"


def _refuse_change(layer: Layer, name: str, value: Any) -> None:
    raise FrozenInstanceError(
        f"{name} of a layer cannot be set, because several models can have it: give it when the layer is made, "
        f"{type(layer).__name__}(..., {name}=...), or set that of a model's layer, model.layers[0].{name}"
    )


TYPES: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Dense,
        Activation,
        Flatten,
        Dropout,
        GaussianNoise,
        BatchNormalization,
        LayerNormalization,
        Normalization,
        Scale,
        Residual,
    )
}
for _kind in TYPES.values():
    keras.accept(_kind)
    _kind.__setattr__ = _refuse_change  # type: ignore[assignment,method-assign]  # instead of that of a frozen dataclass
keras.accept(InputLayer)


def from_config(config: dict[str, Any]) -> Layer:
    """A layer from its `Layer.config`."""
    arguments = dict(config)
    kind = arguments.pop("type", None)
    if kind not in TYPES:
        raise ArgumentError(f"unknown layer type {kind!r}; there are {', '.join(TYPES)}")
    if kind == "Residual":
        arguments["layers"] = [from_config(item) for item in arguments["layers"]]
    return TYPES[kind](**arguments)


def __getattr__(name: str) -> Any:
    if keras.is_part_of(__name__, name):
        return sys.modules[__name__]
    raise keras.lack(__name__, name)
