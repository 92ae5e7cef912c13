"""The base of all losses: what they tell of themselves, and what they write into a plan."""

from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any

from .. import _called
from .._base import keras
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.settings import ADDED_LATER, settings_of
from .._base.types import Array

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
