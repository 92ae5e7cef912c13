"""What `fit` says on its own: features that are not scaled, before training; and after it, why nothing was learned.

Each is one line, and only for clear cases, because a false alarm is worse than silence. With ``verbose=0`` nothing is
said or computed.
"""

import math
import sys
from typing import Any

import numpy as np

from .. import kernels, losses
from .._base.types import Array
from .._network.history import History
from ..callbacks import Diagnosis
from ..callbacks.layer_health import ReluOutputs
from ..layers import BatchNormalization, Dense, LayerNormalization, Normalization, leaves
from .run import Run
from .scales import REMEDY, trouble

_FEWEST_EPOCHS, _FEWEST_BATCHES = 4, 100  # before anything can be said of a training
_AT_CHANCE = 0.999  # of the loss of the best constant answer: a loss above it shows that nothing was learned
_TOO_SLOW = 10  # times the trained epochs, until the loss would be below that of the best constant answer
_EXPLODED = 3.0  # times the least loss, and above the first
_MANY_DEAD = 0.99  # of a layer's units
_SAMPLE = 256  # rows


class Remarks:
    """What is said of one run."""

    def __init__(self, run: Run) -> None:
        self._run, self._model = run, run.model
        self._was_untrained = run.network.is_untrained
        self._scales: str | None = None

    def before(self) -> None:
        """Name features that are not scaled; once for a model, before its first training."""
        data = self._run.data
        x = data.x if data.sparse is None else data.sparse
        if self._was_untrained and len(x) and not self._has_normalization():
            self._scales = trouble(x, self._run.network.feature_names)
        if self._scales is not None:
            _say(f"{self._scales}; {REMEDY}")

    def after(self, history: History) -> None:
        """Say why a run that has ended learned nothing, if it is clear that it did not."""
        has_diagnosis = any(isinstance(callback, Diagnosis) for callback in self._run.request.listeners)
        found = None if has_diagnosis or history.stopped == "interrupted" else self._failure(history)
        if found is not None:
            _say(f"training went wrong: {found}")

    def _has_normalization(self) -> bool:
        """Whether the first layer with weights gets numbers of one scale."""
        for layer in leaves(self._run.network.declarations):
            if isinstance(layer, (Normalization, BatchNormalization, LayerNormalization)):
                return True
            if isinstance(layer, Dense):
                return False
        return False

    # ------------------------------------------------------------ after training

    def _failure(self, history: History) -> str | None:
        loss = [value for value in history.history.get("loss", []) if math.isfinite(value)]
        if len(loss) < _FEWEST_EPOCHS or history.batch_count < _FEWEST_BATCHES or not self._was_untrained:
            return None
        if loss[-1] > _EXPLODED * min(loss) and loss[-1] > loss[0]:
            return f"the loss exploded, from {min(loss):.4g} to {loss[-1]:.4g}. {self._smaller_steps()}"
        constant = self._loss_of_the_best_constant()
        if not constant or self._best_end(history, loss) < _AT_CHANCE * constant:
            return None
        dead = self._dead_layer()
        if dead is not None:
            return (
                f"layer {dead} is dead, all of its ReLU units give 0 for every row, and the loss ({loss[-1]:.4g}) is "
                "that of one and the same answer. Try a smaller learning rate, scaled features, or he_normal weights."
            )
        fall = _fall_per_epoch(loss)
        if fall * _TOO_SLOW * len(loss) > loss[-1] - constant and fall > 0:
            return None  # it needs more epochs, as everybody sees
        what = (
            f"the loss ({loss[-1]:.4g}) is no better than that of one and the same answer for all rows "
            f"({constant:.4g}), and {'hardly' if fall > 0 else 'no longer'} falls"
        )
        return f"{what}. {self._cause(loss[-1] / constant, is_falling=fall > 0)}"

    def _best_end(self, history: History, loss: list[float]) -> float:
        """The last loss, or that of the validation, in which no dropout disturbs."""
        validation = [value for value in history.history.get("val_loss", []) if math.isfinite(value)]
        return min([loss[-1], *validation[-1:]])

    def _loss_of_the_best_constant(self) -> float | None:
        """The loss of an answer that does not depend on the features; None if the loss is another or has more terms."""
        run, loss = self._run, self._run.network.loss
        has_more_terms = run.engine.penalty(1.0) != 0 or getattr(loss, "label_smoothing", 0.0) != 0
        if run.request.source is not None or len(run.data.weights) or has_more_terms:
            return None
        if type(loss) is losses.CategoricalCrossentropy:
            return _entropy(_shares(run.data.labels, run.data.targets))
        targets = run.data.truth().astype(np.float64)
        targets = targets.reshape(len(targets), -1)
        if targets.shape[1] != run.network.last_units:  # class numbers, which stand for rows of targets
            return None
        if type(loss) is losses.BinaryCrossentropy:
            shares = targets.mean(axis=0)
            return float(np.mean([_entropy(np.array([share, 1 - share])) for share in shares]))
        if type(loss) is losses.MeanSquaredError:
            return float(targets.var(axis=0).mean())
        return None

    def _cause(self, times: float, *, is_falling: bool) -> str:
        """The likeliest cause, and its remedy."""
        if self._scales is not None:
            return f"Its {self._scales}: {REMEDY}."
        if is_falling:
            is_regression = type(self._run.network.loss) is losses.MeanSquaredError
            targets = "Scale the targets to mean 0 and deviation 1, or try" if is_regression else "Try"
            return f"{targets} a larger learning rate, such as {10 * self._run.network.learning_rate:.2g}."
        if times > 1.05:
            return self._smaller_steps()
        return "Do the features tell something about the targets? If so, try another learning rate or wider layers."

    def _smaller_steps(self) -> str:
        return f"Try a smaller learning rate, such as {self._run.network.learning_rate / 10:.2g}."

    def _dead_layer(self) -> int | None:
        """The first layer whose ReLU units are all dead, if that can be found without compiling a kernel."""
        network, part = self._run.network, self._run.data.part(0, _SAMPLE)
        are_few = len(part.x) > 0 and network.engine.are_few(len(part.x), 1)
        needed = [kernels.predict_rows] if are_few else [kernels.predict_rows, kernels.predict_batches]
        if part.is_centered or not all(kernel.is_ready(network.dtype) for kernel in needed):
            return None
        rows: Any = part.x if len(part.x) else part.pixels
        shares = ReluOutputs(self._model, rows).dead_units(n_threads=1)
        return next((layer for layer, share in shares.items() if share >= _MANY_DEAD), None)


def _say(text: str) -> None:
    if sys.stdout is not None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # which may lack letters of a column's name
        print(f"fastmlp: {text.encode(encoding, 'replace').decode(encoding)}", flush=True)


def _fall_per_epoch(loss: list[float]) -> float:
    """The fall of the mean loss from the third to the last quarter of the epochs."""
    quarter = max(1, len(loss) // 4)
    return (sum(loss[-2 * quarter : -quarter]) - sum(loss[-quarter:])) / quarter**2


def _shares(labels: Array, targets: Array) -> Array:
    """The share of each class."""
    if len(targets):
        return np.asarray(targets.astype(np.float64).mean(axis=0))
    return np.asarray(np.bincount(labels.astype(np.int64).ravel()) / labels.size)


def _entropy(shares: Array) -> float:
    known = shares[(shares > 0) & (shares < 1)]
    return float(-(known * np.log(known)).sum())
