"""Metrics as declarations for `Sequential.compile`: their fields are the settings of a function.

The documentation of the function is that of the declaration too.
"""

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from .._base import check, keras
from .._base.errors import ArgumentError, ArgumentTypeError
from ..activations import ANY_NUMBERS, SHARES, UNIT_INTERVAL
from . import calibration, classification, counts, ranking, regression, thresholds

_REMEDIES = (
    "",
    "end the model with a sigmoid, or with a linear layer and a cross-entropy that has from_logits=True",
    "end the model with a softmax, or for independent labels use multi_label=True",
)
_KINDS = ("any numbers", "numbers from 0 to 1", "rows of class probabilities, whose sum is 1")


@dataclass(frozen=True)
class Metric:
    """Base of all metrics. Metrics of equal type and settings are equal.

    It can also be told of rows in parts, with `update_state`, `result` and `reset_state`, as in Keras.

    A subclass of your own overrides ``__call__`` and sets ``name``; for a function, `Custom` is enough.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.Accuracy()([0, 1], [[0.9, 0.1], [0.6, 0.4]])
    0.5
    """

    _function: ClassVar[Callable[..., float]]  # of targets, outputs and the fields
    counted_by_kernels: ClassVar[bool] = False  # computed with the loss, if that has right answers
    takes_rows: ClassVar[bool] = False  # targets with a number for each output, not class numbers
    decides: ClassVar[bool] = False  # reads outputs only as the choices they make, at 0.5 or as the largest

    def __post_init__(self) -> None:
        self._check_fields()

    def _check_fields(self) -> None:
        """Check the settings, and convert them to their types."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Metric", cls)

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    @property
    def name(self) -> str:
        """Its name in histories and results."""
        return type(self).__name__

    @property
    def higher_is_better(self) -> bool | None:
        """Whether larger values are better; None if unknown."""
        return True

    def __call__(self, targets: Any, outputs: Any) -> float:
        """The metric of all rows. Targets and outputs are those of the function with the same name."""
        return self._function(targets, outputs, **self._settings())

    # ------------------------------------------------------------ rows that come in parts

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> None:
        """Keep some rows for `result`, in a loop of your own.

        ``sample_weight`` can only be None: metrics count all rows alike.

        Examples
        --------
        >>> from fastmlp import metrics
        >>> metric = metrics.Accuracy()
        >>> metric.update_state([0], [[0.9, 0.1]])
        >>> metric.update_state([1, 1], [[0.2, 0.8], [0.6, 0.4]])
        >>> round(metric.result(), 3)
        0.667
        """
        if sample_weight is not None:
            raise ArgumentError("metrics count all rows alike: leave out sample_weight")
        rows = np.array(check.array_of(targets, "targets")), np.array(check.array_of(outputs, "outputs"))
        self.__dict__.setdefault("_kept", []).append(tuple(map(np.atleast_1d, rows)))

    def result(self) -> float:
        """The metric of all rows since the last `reset_state`; NaN without any."""
        kept = self.__dict__.get("_kept", [])
        return self(*map(np.concatenate, zip(*kept, strict=True))) if kept else math.nan

    def reset_state(self) -> None:
        """Forget the rows of `update_state`."""
        self.__dict__.pop("_kept", None)

    def reads(self, units: int) -> int:
        """The kind of outputs that it needs from this many units; see `fastmlp.activations`."""
        return ANY_NUMBERS

    def check_outputs(self, outputs: int, units: int, source: str) -> None:
        """Refuse a model whose outputs this metric cannot read; ``source`` names the model in messages.

        Raises
        ------
        ArgumentError
            If the outputs are of another kind, or too few or too many.
        """
        needed = self.reads(units)
        if needed > outputs:
            raise ArgumentError(
                f"the metric {self.name!r} reads {_KINDS[needed]}, but {source} gives {_KINDS[outputs]}: "
                f"{_REMEDIES[needed]}, or report 'r2', 'mae' or 'mse' instead"
            )

    def config(self) -> dict[str, Any] | None:
        """A JSON-ready description, which `get` reads back; None for a metric of the user's."""
        ours = type(self).__module__.startswith(__package__)
        return {"type": type(self).__name__, **self._settings()} if ours else None

    def _settings(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}


@dataclass(frozen=True)
class Named(Metric):
    """Base of the metrics of this package, which take a ``name`` for histories and results."""

    name: str = field(default="", kw_only=True, repr=False)

    usual_name: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" not in vars(cls):
            cls.name = cls.usual_name  # which pickles of versions before 0.3.0 fall back to

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.name or type(self).name or self._usual_name()
        if not isinstance(given, str):
            raise ArgumentTypeError(f"name must be a text, not {given!r:.60}")
        object.__setattr__(self, "name", given)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("name", self._usual_name())  # as above

    def _usual_name(self) -> str:
        return self.usual_name

    def config(self) -> dict[str, Any] | None:
        described = super().config()
        is_usual = self.name == self._usual_name()
        return described if described is None or is_usual else {**described, "name": self.name}


@dataclass(frozen=True)
class Accuracy(Named):
    """`accuracy`: the share of the rows whose class is right."""

    _function = staticmethod(classification.accuracy)
    usual_name = "accuracy"
    counted_by_kernels = True
    decides = True


@dataclass(frozen=True)
class BalancedAccuracy(Named):
    """`balanced_accuracy`: the mean share of right rows of each class."""

    _function = staticmethod(classification.balanced_accuracy)
    usual_name = "balanced_accuracy"
    decides = True

    def reads(self, units: int) -> int:
        return UNIT_INTERVAL if units == 1 else ANY_NUMBERS


@dataclass(frozen=True)
class TopKAccuracy(Named):
    """`top_k_accuracy`: the share of the rows whose class is among the ``k`` largest outputs."""

    k: int = 5

    _function = staticmethod(classification.top_k_accuracy)

    def _check_fields(self) -> None:
        object.__setattr__(self, "k", check.whole_number(self.k, "k", minimum=1))

    def _usual_name(self) -> str:
        return f"top_{self.k}_accuracy"

    def check_outputs(self, outputs: int, units: int, source: str) -> None:
        if not max(2, self.k) <= units:
            raise ArgumentError(
                f"the metric {self.name!r} needs a last layer with a unit for each class, at least {max(2, self.k)}, "
                f"but {source} has {units}"
            )


@dataclass(frozen=True)
class BinaryAccuracy(Named):
    """`binary_accuracy`: the share of the labels that are right."""

    threshold: float = 0.5

    _function = staticmethod(classification.binary_accuracy)
    usual_name = "binary_accuracy"
    takes_rows = True

    def _check_fields(self) -> None:
        object.__setattr__(self, "threshold", check.real_number(self.threshold, "threshold"))

    @property
    def decides(self) -> bool:  # type: ignore[override]
        return self.threshold == thresholds.USUAL  # with another one, the user has decided

    def reads(self, units: int) -> int:
        return UNIT_INTERVAL if 0 < self.threshold < 1 else ANY_NUMBERS

    def check_outputs(self, outputs: int, units: int, source: str) -> None:
        super().check_outputs(outputs, units, source)
        if outputs != ANY_NUMBERS and not 0 < self.threshold < 1:
            raise ArgumentError(
                f"the metric {self.name!r} has the threshold {self.threshold:g}, but {source} gives probabilities, "
                f"also where the loss reads logits: choose a threshold between 0 and 1"
            )


@dataclass(frozen=True)
class _Count(Named):
    threshold: float = 0.5

    takes_rows = True

    @property
    def decides(self) -> bool:  # type: ignore[override]
        return self.threshold == thresholds.USUAL

    def _check_fields(self) -> None:
        object.__setattr__(self, "threshold", check.real_number(self.threshold, "threshold", above=0, below=1))

    def reads(self, units: int) -> int:
        return UNIT_INTERVAL


@dataclass(frozen=True)
class TruePositives(_Count):
    """`true_positives`: how many labels are true and chosen."""

    _function = staticmethod(classification.true_positives)
    usual_name = "true_positives"


@dataclass(frozen=True)
class TrueNegatives(_Count):
    """`true_negatives`: how many labels are neither true nor chosen."""

    _function = staticmethod(classification.true_negatives)
    usual_name = "true_negatives"


@dataclass(frozen=True)
class FalsePositives(_Count):
    """`false_positives`: how many labels are chosen, but not true; smaller is better."""

    _function = staticmethod(classification.false_positives)
    usual_name = "false_positives"
    higher_is_better = False


@dataclass(frozen=True)
class FalseNegatives(_Count):
    """`false_negatives`: how many labels are true, but not chosen; smaller is better."""

    _function = staticmethod(classification.false_negatives)
    usual_name = "false_negatives"
    higher_is_better = False


@dataclass(frozen=True)
class Averaged(Named):
    """Base of the metrics that are computed for each class."""

    average: str = "auto"
    multi_label: bool = False

    decides = True

    def _check_fields(self) -> None:
        object.__setattr__(self, "multi_label", check.yes_or_no(self.multi_label, "multi_label"))
        counts.check_average(self.average, self.multi_label)

    @property
    def takes_rows(self) -> bool:  # type: ignore[override]
        return self.multi_label

    def reads(self, units: int) -> int:
        return UNIT_INTERVAL if self.multi_label or units == 1 else ANY_NUMBERS

    def check_outputs(self, outputs: int, units: int, source: str) -> None:
        super().check_outputs(outputs, units, source)
        if self.average == "binary" and units > 2:
            raise ArgumentError(
                f"the metric {self.name!r} has average='binary', which is for two classes, but {source} has {units} "
                f"units: use 'macro', 'micro' or 'weighted'"
            )


@dataclass(frozen=True)
class Precision(Averaged):
    """`precision`: of the rows that were given to a class, the share that belongs there."""

    _function = staticmethod(classification.precision)
    usual_name = "precision"


@dataclass(frozen=True)
class Recall(Averaged):
    """`recall`: of the rows of a class, the share that was given to it."""

    _function = staticmethod(classification.recall)
    usual_name = "recall"


@dataclass(frozen=True)
class F1(Averaged):
    """`f1`: the harmonic mean of precision and recall."""

    _function = staticmethod(classification.f1)
    usual_name = "f1"


@dataclass(frozen=True)
class _Ranking(Named):
    multi_label: bool = False

    def _check_fields(self) -> None:
        object.__setattr__(self, "multi_label", check.yes_or_no(self.multi_label, "multi_label"))

    @property
    def takes_rows(self) -> bool:  # type: ignore[override]
        return self.multi_label

    def reads(self, units: int) -> int:
        return ANY_NUMBERS if self.multi_label or units == 1 else SHARES


@dataclass(frozen=True)
class AUC(_Ranking):
    """`auc`: the area under a curve, with several classes the mean of each against the others."""

    curve: str = "ROC"

    _function = staticmethod(ranking.auc)
    usual_name = "auc"

    def _check_fields(self) -> None:
        super()._check_fields()
        check.choice(self.curve, "curve", ranking.CURVES)


@dataclass(frozen=True)
class AveragePrecision(_Ranking):
    """`average_precision`: the mean precision over the ranks of the rows of a class."""

    _function = staticmethod(ranking.average_precision)
    usual_name = "average_precision"


@dataclass(frozen=True)
class ExpectedCalibrationError(Named):
    """`expected_calibration_error`: how far probabilities are from how often they are right; smaller is better."""

    bins: int = 15
    multi_label: bool = False

    _function = staticmethod(calibration.expected_calibration_error)
    usual_name = "expected_calibration_error"
    higher_is_better = False

    def _check_fields(self) -> None:
        most = calibration.MOST_BINS
        object.__setattr__(self, "bins", check.whole_number(self.bins, "bins", minimum=1, maximum=most))
        object.__setattr__(self, "multi_label", check.yes_or_no(self.multi_label, "multi_label"))

    @property
    def takes_rows(self) -> bool:  # type: ignore[override]
        return self.multi_label

    def reads(self, units: int) -> int:
        return UNIT_INTERVAL if self.multi_label or units == 1 else SHARES


@dataclass(frozen=True)
class MeanSquaredError(Named):
    """`mean_squared_error`: smaller is better."""

    _function = staticmethod(regression.mean_squared_error)
    usual_name = "mse"
    takes_rows = True
    higher_is_better = False


@dataclass(frozen=True)
class RootMeanSquaredError(Named):
    """`root_mean_squared_error`: smaller is better."""

    _function = staticmethod(regression.root_mean_squared_error)
    usual_name = "rmse"
    takes_rows = True
    higher_is_better = False


@dataclass(frozen=True)
class MeanAbsolutePercentageError(Named):
    """`mean_absolute_percentage_error`: smaller is better."""

    _function = staticmethod(regression.mean_absolute_percentage_error)
    usual_name = "mape"
    takes_rows = True
    higher_is_better = False


@dataclass(frozen=True)
class MeanAbsoluteError(Named):
    """`mean_absolute_error`: smaller is better."""

    _function = staticmethod(regression.mean_absolute_error)
    usual_name = "mae"
    takes_rows = True
    higher_is_better = False


@dataclass(frozen=True)
class R2(Named):
    """`r2_score`: the share of the targets' variance that the outputs explain."""

    _function = staticmethod(regression.r2_score)
    usual_name = "r2"
    takes_rows = True


@dataclass(frozen=True)
class RegressionAccuracy(Named):
    """`regression_accuracy`: the share of the outputs within the targets' standard deviation / ``divisor``."""

    divisor: float = 250.0

    _function = staticmethod(regression.regression_accuracy)
    usual_name = "regression_accuracy"
    takes_rows = True

    def _check_fields(self) -> None:
        object.__setattr__(self, "divisor", check.real_number(self.divisor, "divisor", above=0))


@dataclass(frozen=True)
class Custom(Metric):
    """Your own function as a metric. It cannot be saved: `Metric.config` is None.

    Parameters
    ----------
    function : callable
        ``function(targets, outputs)`` returns a number.
    name : str, optional
        Default: the name of the function.
    higher_is_better : bool or None, default True
        None leaves it to the name, as for plain functions in ``metrics=[...]``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import metrics
    >>> def worst(targets, outputs):
    ...     return np.abs(np.subtract(targets, outputs)).max()
    >>> metric = metrics.Custom(worst, higher_is_better=False)
    >>> metric.name, metric([1.0, 2.0], [1.5, 4.0])
    ('worst', 2.0)
    """

    function: Callable[[Any, Any], Any]
    name: str = ""
    higher_is_better: bool | None = True

    def _check_fields(self) -> None:
        if not callable(self.function):
            raise ArgumentTypeError(f"function must be a function of targets and outputs, not {self.function!r:.60}")
        name = self.name or getattr(self.function, "__name__", type(self.function).__name__)
        if not isinstance(name, str):
            raise ArgumentTypeError(f"name must be a text, not {name!r:.60}")
        object.__setattr__(self, "name", name)
        if self.higher_is_better is not None:
            check.yes_or_no(self.higher_is_better, "higher_is_better")

    def config(self) -> None:
        return None

    def __call__(self, targets: Any, outputs: Any) -> float:
        value = self.function(targets, outputs)
        number = np.asarray(value)
        if number.ndim or number.dtype.kind not in "fiub":
            raise ArgumentTypeError(f"the metric {self.name!r} must return one number, not {value!r:.60}")
        return float(number)


def documented(kind: type[Metric]) -> str:
    """The summary of a declaration, with what its function's documentation says about the settings, and examples."""
    source = classification.precision if issubclass(kind, Averaged) else kind._function
    parameters, examples = _section(source, "Parameters"), _section(kind._function, "Examples")
    names = {field.name for field in fields(kind)} - {"name"}
    wanted = [entry for entry in re.split(r"\n(?=\S)", parameters) if entry.split(" ")[0] in names]
    sections = [("Parameters", "\n".join(wanted))] * bool(wanted) + [("Examples", examples)]
    return "\n\n".join([kind.__doc__ or "", *(f"{title}\n{'-' * len(title)}\n{text}" for title, text in sections)])


def _section(function: Callable[..., float], title: str) -> str:
    found = re.search(rf"{title}\n-+\n(.*?)(?=\n\n\w+\n--|\Z)", inspect.getdoc(function) or "", re.DOTALL)
    return found[1] if found else ""
