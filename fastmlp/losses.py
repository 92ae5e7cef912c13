"""Losses are declarations; each knows which output it needs."""

import functools
import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any

from . import _called, _custom
from ._base import check, keras
from ._base import tables as t
from ._base.errors import ArgumentError, ArgumentTypeError
from ._base.settings import ADDED_LATER, settings_of
from ._base.types import Array

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Custom",
    "HalfSquaredError",
    "Huber",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "Poisson",
    "PoissonDeviance",
    "Quantile",
    "SparseCategoricalCrossentropy",
    "SumOfSquares",
    "get",
]

REDUCTIONS = ("sum_over_batch_size", "mean_with_sample_weight")
CLASSES, PROBABILITIES, VALUES, COUNTS = "classes", "probabilities", "values", "counts"


@dataclass(frozen=True, repr=False)
class Loss:
    """Base of all losses.

    Parameters
    ----------
    reduction : {"sum_over_batch_size", "mean_with_sample_weight"}, default "sum_over_batch_size"
        What the sum Σ w·l of a batch's losses l with weights w is divided by. The default is the number of rows; the
        weights have been divided by their mean over all training rows. The other is the sum of the batch's own
        weights, as in scikit-learn and PyTorch: each batch counts equally, whatever its rows weigh. A batch without
        weight then has the loss 0 and no gradient. Without weights, both are the mean.
    """

    _: KW_ONLY
    reduction: str = field(default=REDUCTIONS[0], metadata=ADDED_LATER)

    targets = VALUES  # the kind of targets: classes, probabilities, values or counts

    def __post_init__(self) -> None:
        if not isinstance(self.reduction, str) or self.reduction not in REDUCTIONS:
            raise ArgumentError(
                f"reduction must be {' or '.join(map(repr, REDUCTIONS))}, not {self.reduction!r:.60}: the loss of a "
                "batch is a mean, as clipping, penalties and histories expect; for the steps of a sum, multiply the "
                "learning rate by the batch size"
            )

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Loss", cls)

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """The mean loss of all rows, for arrays that are at hand; models compute it with compiled code.

        Parameters
        ----------
        y_true, y_pred : array_like
            Targets and outputs. The last axis has the units.
        sample_weight
            Only None: `fastmlp.Sequential.evaluate` weights rows.

        Examples
        --------
        >>> import fastmlp as fm
        >>> fm.losses.MeanSquaredError()([[0.0], [1.0]], [[0.5], [1.0]])
        0.125
        """
        if sample_weight is not None:
            raise ArgumentError(
                "a loss that is called weights all rows alike: use model.evaluate(x, y, sample_weight=...), or weight "
                "the losses of rows, such as those of fastmlp.losses.mean_squared_error(y_true, y_pred)"
            )
        return float(_called.losses_of_rows(self, y_true, y_pred).mean())

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `get` reads it back."""
        return {"type": type(self).__name__, **settings_of(self)}

    def __repr__(self) -> str:
        own = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.name != "reduction"]
        shown = own if self.reduction == REDUCTIONS[0] else [*own, f"reduction={self.reduction!r}"]
        return f"{type(self).__name__}({', '.join(shown)})"

    def check_output(self, activation: str, units: int | None) -> None:
        """Refuse a last layer whose output the loss cannot read."""

    def fuses(self, activation: str) -> bool:
        """Whether the loss includes the last activation, and reads its input."""
        return False

    def code(self, activation: str) -> int:
        """The code of the loss in kernels, for an output of this activation."""
        raise NotImplementedError

    def alpha(self) -> float:
        """The loss's parameter."""
        return 0.0

    def share(self, units: int) -> float:
        """The weight of one output in the loss of a row; by default, the loss is their mean."""
        return 1 / units

    def hits(self, activation: str, units: int) -> int:
        """The rule for right answers."""
        return t.LARGEST if units > 1 and activation in ("softmax", "sigmoid") else t.NO_HITS

    def fill_plan(self, plan: Array, activation: str, units: int) -> None:
        """Write the loss into a plan."""
        how = plan.view(t.PLAN)[0]
        how.loss_code, how.hits = self.code(activation), self.hits(activation, units)
        how.loss_alpha, how.loss_share = self.alpha(), self.share(units)
        how.by_weights = self.reduction == REDUCTIONS[1]
        how.smoothing = getattr(self, "label_smoothing", 0.0)


@dataclass(frozen=True, repr=False)
class _Crossentropy(Loss):
    from_logits: bool = False
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "from_logits", check.yes_or_no(self.from_logits, "from_logits"))
        smoothing = check.real_number(self.label_smoothing, "label_smoothing", minimum=0, below=1)
        object.__setattr__(self, "label_smoothing", smoothing)


@dataclass(frozen=True, repr=False)
class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy between class probabilities and labels; after a softmax it is computed from the logits.

    Labels may be class numbers, one-hot rows or soft rows.

    Parameters
    ----------
    from_logits : bool, default False
        False: the last layer is a softmax. True: it is linear, and predictions are logits.
    label_smoothing : float, default 0
        The share of each label that is spread evenly over all classes.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(3)])
    >>> model.compile(loss=fm.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1))
    """

    targets = CLASSES

    def check_output(self, activation: str, units: int | None) -> None:
        if units == 1:
            raise ArgumentError(
                "a last layer of 1 unit cannot be trained with categorical cross-entropy, because its softmax is "
                "always 1: use 2 units for two classes, or 1 sigmoid unit and loss='binary_crossentropy'"
            )
        wanted = "linear" if self.from_logits else "softmax"
        if activation != wanted:
            raise ArgumentError(
                f"categorical cross-entropy with from_logits={self.from_logits} needs a last layer with activation "
                f"{wanted!r}, but it has {activation!r}: "
                'end the model with Dense(classes, activation="softmax"), or with a linear Dense and '
                "loss=fastmlp.losses.CategoricalCrossentropy(from_logits=True)"
            )

    def fuses(self, activation: str) -> bool:
        return activation == "softmax"

    def code(self, activation: str) -> int:
        return t.SOFTMAX_CROSSENTROPY

    def hits(self, activation: str, units: int) -> int:
        return t.LARGEST


@dataclass(frozen=True, repr=False)
class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of independent yes-or-no answers: one unit, or one for each label of a multi-label problem.

    Targets are 0 and 1, or probabilities; the loss of a row is the mean over its units. After a sigmoid it is computed
    from the logits.

    Parameters
    ----------
    from_logits : bool, default False
        False: the last layer gives probabilities (sigmoid or softmax). True: it is linear, and predictions are logits.
    label_smoothing : float, default 0
        Targets t become t (1 − s) + s/2.
    sum_over_units : bool, default False
        True: the loss of a row is the sum over its units instead, as in scikit-learn's MLPClassifier.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1, activation="sigmoid")])
    >>> model.compile(loss="binary_crossentropy")
    """

    sum_over_units: bool = field(default=False, metadata=ADDED_LATER)

    targets = PROBABILITIES

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sum_over_units", check.yes_or_no(self.sum_over_units, "sum_over_units"))

    def share(self, units: int) -> float:
        return 1.0 if self.sum_over_units else super().share(units)

    def check_output(self, activation: str, units: int | None) -> None:
        wanted = ("linear",) if self.from_logits else ("sigmoid", "softmax")
        if activation not in wanted:
            raise ArgumentError(
                f"binary cross-entropy with from_logits={self.from_logits} needs a last layer with activation "
                f"{wanted!r}, but it has {activation!r}"
            )

    def fuses(self, activation: str) -> bool:
        return activation == "sigmoid"

    def code(self, activation: str) -> int:
        return t.BINARY_PROBABILITIES if activation == "softmax" else t.BINARY_LOGITS

    def hits(self, activation: str, units: int) -> int:
        if activation == "softmax":
            return t.LARGEST if units > 1 else t.ABOVE_HALF  # a softmax chooses one class, whatever the loss
        return t.ABOVE_ZERO


@dataclass(frozen=True, repr=False)
class MeanSquaredError(Loss):
    """(y − t)², the mean over the units of a row. With several units, targets may be class numbers.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(32, activation="tanh"), fm.Dense(1)])
    >>> model.compile(loss="mse")
    """

    def code(self, activation: str) -> int:
        return t.SQUARED


@dataclass(frozen=True, repr=False)
class SumOfSquares(MeanSquaredError):
    """Residual sum of squares: Σ (y − t)² over the units of a row.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(2)])
    >>> model.compile(loss="rss")
    """

    def share(self, units: int) -> float:
        return 1.0


@dataclass(frozen=True, repr=False)
class HalfSquaredError(SumOfSquares):
    """½ Σ (y − t)² over the units of a row: what scikit-learn's MLPRegressor descends on.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(2)])
    >>> model.compile(loss="half_squared_error")
    """

    def share(self, units: int) -> float:
        return 0.5


@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(Loss):
    """|y − t|, the mean over the units of a row.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="mae")
    """

    def code(self, activation: str) -> int:
        return t.ABSOLUTE


@dataclass(frozen=True, repr=False)
class MeanAbsolutePercentageError(Loss):
    r"""100 \|y − t\| / \|t\|, the mean over the units of a row: errors in percent of the targets.

    Targets nearer to 0 than 1e-7 divide by 1e-7, so an error of 1 at a target of 0 costs 1e9, and outweighs all other
    rows. Use another loss if targets may be 0 or near it.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="mape")
    """

    def code(self, activation: str) -> int:
        return t.ABSOLUTE_PERCENTAGE


@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """(y − t)²/2 up to a difference of ``delta``, and linear beyond, so that outliers count less.

    Parameters
    ----------
    delta : float, default 1.0

    References
    ----------
    Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss=fm.losses.Huber(delta=0.5))
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "delta", check.real_number(self.delta, "delta", above=0))

    def code(self, activation: str) -> int:
        return t.HUBER

    def alpha(self) -> float:
        return self.delta


@dataclass(frozen=True, repr=False)
class LogCosh(Loss):
    """log cosh(y − t): nearly (y − t)²/2 for small differences and |y − t| − log 2 for large ones.

    The mean over the units of a row. The gradient, tanh(y − t), has no bend anywhere, unlike that of `Huber`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="log_cosh")
    """

    def code(self, activation: str) -> int:
        return t.LOG_COSH


@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """y − t log y for counts t. The last layer gives their expected value, for example with softplus.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1, activation="softplus")])
    >>> model.compile(loss="poisson")
    """

    targets = COUNTS

    def check_output(self, activation: str, units: int | None) -> None:
        if activation not in ("softplus", "relu", "sigmoid", "softmax"):
            raise ArgumentError(
                f"the Poisson loss needs outputs that are never negative, but the last layer's activation is "
                f"{activation!r}: use 'softplus'"
            )

    def code(self, activation: str) -> int:
        return t.POISSON


@dataclass(frozen=True, repr=False)
class PoissonDeviance(Loss):
    """exp(y) − t + t (log t − y) for counts t: half their Poisson deviance, summed over the units of a row.

    The last layer is linear and gives the logarithms y of the expected counts; ``np.exp(model.predict(x))`` are the
    counts.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="poisson_deviance")
    """

    targets = COUNTS

    def check_output(self, activation: str, units: int | None) -> None:
        if activation != "linear":
            raise ArgumentError(
                f"the Poisson deviance reads logarithms of counts, which a linear last layer gives, but the last "
                f"layer's activation is {activation!r}; for outputs that are counts, use loss='poisson'"
            )

    def share(self, units: int) -> float:
        return 1.0

    def code(self, activation: str) -> int:
        return t.POISSON_DEVIANCE


@dataclass(frozen=True, repr=False)
class Quantile(Loss):
    """``q`` times what an output is too low, or 1 − ``q`` times what it is too high.

    Predictions tend to the q-quantile.

    Parameters
    ----------
    q : float, default 0.5
        Between 0 and 1; 0.5 gives the median.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss=fm.losses.Quantile(0.9))
    """

    q: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "q", check.real_number(self.q, "q", above=0, below=1))

    def code(self, activation: str) -> int:
        return t.QUANTILE

    def alpha(self) -> float:
        return self.q


@dataclass(frozen=True, repr=False)
class Custom(_custom.Named, Loss):
    """A loss of your own: a function of one output and its target, and its derivative. Units of a row are averaged.

    The functions are compiled once in each process, see `fastmlp.activations.Custom`. When it is made, the derivative
    is compared with finite differences where the function gives finite numbers.

    Parameters
    ----------
    function : function of two numbers, output and target
        With or without ``@numba.njit``.
    derivative : function of two numbers, output and target
        The derivative of ``function`` with respect to the output.
    name : str, optional
        Files hold it instead of the functions; `fastmlp.load` finds them by it in ``custom_objects``. Default: the
        name of ``function``.

    Raises
    ------
    ArgumentError
        If a function cannot be compiled, gives NaN or infinity, or is not the derivative of the other.

    Examples
    --------
    >>> import numba
    >>> import fastmlp as fm
    >>> @numba.njit
    ... def squared_log(output, target):
    ...     return (fm.math.log1p(output) - fm.math.log1p(target)) ** 2
    >>> @numba.njit
    ... def squared_log_slope(output, target):
    ...     return 2 * (fm.math.log1p(output) - fm.math.log1p(target)) / (1 + output)
    >>> model = fm.Sequential([fm.Dense(1, activation="softplus")])
    >>> model.compile(loss=fm.losses.Custom(squared_log, squared_log_slope))
    """

    function: Callable[[Any, Any], Any] = field(repr=False)
    derivative: Callable[[Any, Any], Any] = field(default=None, repr=False)  # type: ignore[assignment]  # refused later
    name: str = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        super().__post_init__()
        _custom.check_functions(self.kind, self.function, self.derivative)
        object.__setattr__(self, "name", _custom.checked_name(self.name, self.function, NAMES, self.kind))

    @property
    def kind(self) -> _custom.Kind:
        return _custom.LOSS

    def code(self, activation: str) -> int:
        return t.CUSTOM_LOSS

    def fill_plan(self, plan: Array, activation: str, units: int) -> None:
        super().fill_plan(plan, activation, units)
        plan.view(t.PLAN)[0].loss_function = self.index

    def config(self) -> dict[str, Any]:
        return {**super().config(), "reduction": self.reduction}

    def __repr__(self) -> str:
        shown = "" if self.reduction == REDUCTIONS[0] else f", reduction={self.reduction!r}"
        return f"losses.Custom({self.name!r}{shown})"


# Both cross-entropy names of Keras mean the same loss: the shape distinguishes class numbers from one-hot rows.
NAMES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": CategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "sum_of_squares": SumOfSquares,
    "rss": SumOfSquares,
    "half_squared_error": HalfSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mape": MeanAbsolutePercentageError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "poisson": Poisson,
    "poisson_deviance": PoissonDeviance,
    "quantile": Quantile,
}
_ALIASES = {"logcosh": "log_cosh", "huber_loss": "huber"}
TYPES: dict[str, type[Loss]] = {kind.__name__: kind for kind in (*NAMES.values(), Custom)}
SparseCategoricalCrossentropy = CategoricalCrossentropy  # as Keras spells it for class numbers
for _kind in TYPES.values():
    keras.accept(_kind)


def get(value: str | Loss | dict[str, Any]) -> Loss:
    """A loss from its name, its configuration or itself."""
    if isinstance(value, Loss) and isinstance(value, tuple(TYPES.values())):
        return value
    if isinstance(value, dict) and value.get("type") == _custom.CUSTOM:
        raise _custom.refusal(value, "loss")
    if callable(value) and not isinstance(value, (type, str)):
        raise ArgumentTypeError(
            "loss is a function, but its derivative is needed too: loss=fastmlp.losses.Custom(function, derivative)"
        )
    if isinstance(value, str):
        return NAMES[check.choice(_standard(value), "loss", NAMES)]()
    if isinstance(value, dict):
        arguments = dict(value)
        return TYPES[check.choice(arguments.pop("type", None), "loss type", TYPES)](**arguments)
    raise ArgumentTypeError(f"loss must be a name or a Loss, not {value!r}")


def _standard(name: str) -> str:
    """A name in our form: Keras takes "MSE", "MeanSquaredError" and "logcosh" too."""
    text = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
    text = _ALIASES.get(text, text)
    return text if text in NAMES else name


def _of_rows(name: str, y_true: Any, y_pred: Any, **settings: Any) -> Array:
    """The loss of each row, as Keras's function of this name gives it."""
    return _called.losses_of_rows(NAMES[name](**settings), y_true, y_pred)


def __getattr__(name: str) -> Any:
    """The name of a loss, so that ``losses.mean_squared_error`` may stand where the text does, and be called."""
    if _standard(name) in NAMES:
        return _called.Text(_standard(name), functools.partial(_of_rows, _standard(name)))
    raise keras.lack(__name__, name)
