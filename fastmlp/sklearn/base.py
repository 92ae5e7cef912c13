"""What the classifier and the regressor have in common: parameters become a network, and `fit` trains it."""

import contextlib
import threading
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from ..model import Sequential
from . import translation
from .coefficients import Coefficients
from .features import refuse_other_than_numbers
from .fitting import STOCHASTIC, train
from .protocol import CallbackSupport, Task
from .rows import Rows, by_rows

NUMBERS = (np.float64, np.float32)  # what X may hold; the network rounds them, and warns if it cannot tell them apart

# What a new training may not set again
_OF_ONE_TRAINING = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "validation_loss_curve_",
    "best_validation_loss_",
)


class _Spare(threading.local):
    def __init__(self) -> None:
        self.random_state = np.random.RandomState(0)  # which takes as long to make as a network


_spare = _Spare()


def keep(estimator: Any, parameters: dict[str, Any]) -> None:
    """Set the attributes that `get_params` reads: the arguments of ``__init__``."""
    for name, value in parameters.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def validation_rows(eval_set: Any, X_val: Any, y_val: Any) -> Any:
    """The rows of ``eval_set`` or of ``X_val`` and ``y_val``: (X, y) or (X, y, sample_weight); None without any."""
    if (X_val is None) != (y_val is None):
        raise ArgumentError("X_val and y_val must be given together")
    if X_val is not None:
        if eval_set is not None:
            raise ArgumentError("give eval_set, or X_val and y_val, not both")
        return X_val, y_val
    if isinstance(eval_set, list) and len(eval_set) == 1:  # the form of other libraries
        eval_set = eval_set[0]
    if eval_set is not None and not (isinstance(eval_set, (tuple, list)) and len(eval_set) in (2, 3)):
        raise ArgumentTypeError(
            f"eval_set must be a pair (X, y), or (X, y, sample_weight), not {type(eval_set).__name__}"
        )
    return eval_set


class Before:
    """What an estimator was before a training."""

    def __init__(self, estimator: Any) -> None:
        self._attributes = vars(estimator).copy()
        self._model: Sequential | None = self._attributes.get("model_")
        self._known = None if self._model is None else self._model.data_known
        self._done = _done(self._model)

    def restore_if_untrained(self, estimator: Any) -> None:
        """Undo everything, unless a batch was trained."""
        model = vars(estimator).get("model_")
        if _done(model) != (self._done if model is self._model else _done(None)):
            return
        vars(estimator).clear()
        vars(estimator).update(self._attributes)
        if self._model is not None and self._known is not None:
            self._model.data_known = self._known


def _done(model: Sequential | None) -> tuple[int, int]:
    """How far a network is trained."""
    return (0, 0) if model is None else (model.steps_done, model.position.epoch)


class BaseMLP(CallbackSupport, BaseEstimator):
    """The base of both estimators. ``model_`` is the trained `fastmlp.Sequential`."""

    solver: str
    warm_start: bool
    random_state: Any
    early_stopping: bool
    max_iter: int
    alpha: float
    dtype: Any
    n_threads: int | None
    verbose: Any
    model_: Sequential
    out_activation_: str
    n_outputs_: int

    # ------------------------------------------------------------ what each estimator says

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        """X and y as arrays that can be used."""
        raise NotImplementedError

    def _targets(self, y: Any) -> Array:
        """The targets that the network reads."""
        raise NotImplementedError

    def _output(self, y: Array) -> tuple[int, str]:
        """The number of outputs, and scikit-learn's name of the last activation."""
        raise NotImplementedError

    def _score_of(self, model: Sequential, rows: Rows) -> float:
        """The score of a network during training."""
        raise NotImplementedError

    def _stratified_by(self, y: Array) -> Array | None:
        """The classes that a split for validation shares out evenly."""
        return None

    def _row_weights(self, y: Any, sample_weight: Array | None, incremental: bool) -> Array | None:
        return sample_weight

    def _tell_names(self) -> None:
        """Tell the network the names of features and classes, so that it can be used without the estimator."""
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            with contextlib.suppress(ArgumentError, ArgumentTypeError):  # it can do without, such as repeated ones
                self.model_.feature_names = tuple(names)

    # ------------------------------------------------------------ training

    def _fit(self, X: Any, y: Any, sample_weight: Any, eval_set: Any = None, *, incremental: bool = False) -> Any:
        """Train; if this is refused before the first batch, the estimator stays as it was."""
        before = Before(self)
        try:
            return self._train(X, y, sample_weight, eval_set, incremental)
        except Exception:
            before.restore_if_untrained(self)
            raise

    def _train(self, X: Any, y: Any, sample_weight: Any, eval_set: Any, incremental: bool) -> Any:
        given = X, y, sample_weight
        translation.widths(self)  # refuses wrong sizes before anything changes
        is_first = not hasattr(self, "model_") or (not self.warm_start and not incremental)
        X, y = self._validate_input(X, y, incremental, is_first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        rows = Rows(by_rows(X), self._targets(y), self._row_weights(y, sample_weight, incremental))
        held_out = self._held_out(eval_set)
        self._random_state = check_random_state(self.random_state)
        if is_first:
            self._begin(rows)
        else:
            self._continue(rows, incremental)
        self._begin_validation(held_out, incremental)
        self._tell_names()  # before training, in which callbacks may save the network
        task = Task(self, given, 1 if incremental else self.max_iter, self._reconstructed)
        train(self, rows, held_out, task, incremental=incremental)
        task.close()
        return self

    def _held_out(self, eval_set: Any) -> Rows | None:
        if eval_set is None:
            return None
        X, y = self._validate_input(eval_set[0], eval_set[1], True, False)
        weights = None if len(eval_set) == 2 else _check_sample_weight(eval_set[2], X)
        return Rows(by_rows(X), self._targets(y), weights)

    def _begin(self, rows: Rows) -> None:
        """Set everything for a first training: counts, curves, and a network with initial weights."""
        self.n_iter_ = self.t_ = 0
        self.n_outputs_, self.out_activation_ = self._output(rows.y)
        n_features = rows.x.shape[1]
        drawn = translation.initial_weights(self, n_features, self.n_outputs_, self._random_state)
        self.n_layers_ = len(drawn) + 1
        self.model_ = translation.network(self, self.n_outputs_, self._precision(rows.x), self._seed())
        translation.with_drawn_weights(self.model_, n_features, drawn)
        self._best_weights = self.model_.get_weights()
        for name in _OF_ONE_TRAINING:
            self.__dict__.pop(name, None)
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            stops_early = self.early_stopping
            self.best_loss_ = None if stops_early else np.inf
            self.validation_scores_: list[float] | None = [] if stops_early else None
            self.best_validation_score_ = -np.inf if stops_early else None

    def _begin_validation(self, held_out: Rows | None, incremental: bool) -> None:
        if held_out is None:
            return
        if not hasattr(self, "validation_loss_curve_"):
            self.validation_loss_curve_: list[float] = []
        if not incremental or not hasattr(self, "best_validation_loss_"):
            self.best_validation_loss_ = np.inf  # each `fit` judges its epochs by its own rows
            self._no_improvement_count = 0

    def _precision(self, X: Any) -> np.dtype[Any]:
        """The precision of a new network."""
        return np.dtype(X.dtype if self.dtype is None else self.dtype)

    def _seed(self) -> int:
        """A seed for dropout, drawn from a copy of the random state, which goes on as scikit-learn's does."""
        copy = _spare.random_state
        copy.set_state(self._random_state.get_state())
        return int(copy.randint(2**31))

    def _continue(self, rows: Rows, incremental: bool) -> None:
        """Keep the weights; a new `fit`, or other parameters, begin with a new optimiser."""
        old, outputs = self.model_, (self.n_outputs_, self.out_activation_)
        if self._output(rows.y) != outputs:
            raise ArgumentError(
                f"the network has {outputs[0]} outputs ({outputs[1]}), but y and the parameters now want "
                f"{' outputs ('.join(map(str, self._output(rows.y)))}): set warm_start=False, or take a new estimator"
            )
        dtype = old.dtype if incremental and self.dtype is None else self._precision(rows.x)
        new = translation.network(self, self.n_outputs_, dtype, self._seed())
        if incremental and (new.declarations, new.dtype) == (old.declarations, old.dtype):
            return
        new.build(old.engine.program.fan_in)
        if [tensor.shape for tensor in new.engine.program.tensors] != [t.shape for t in old.engine.program.tensors]:
            raise ArgumentError(
                "hidden_layer_sizes and batch_norm of a network that trains further cannot change: set "
                "warm_start=False, or take a new estimator"
            )
        new.set_weights(old.get_weights())
        self.model_ = new

    def _reconstructed(self, model: Sequential) -> dict[str, Any]:
        """The attributes of an estimator that predicts with the weights of the moment."""
        copy = translation.network(self, self.n_outputs_, model.dtype, model.seed)
        copy.build(model.engine.program.fan_in)
        copy.set_weights(model.get_weights())
        copy.data_known = model.data_known
        return {"model_": copy}

    @property
    def _reports_means(self) -> bool:
        """Whether the reported loss is the mean over the outputs, over which training adds up."""
        return self.out_activation_ == "identity" and self.n_outputs_ > 1

    def _mean_loss(self, loss: float, penalty: float) -> float:
        """The loss as it is reported; that of the network contains the penalty."""
        return (loss - penalty) / self.n_outputs_ + penalty if self._reports_means else loss

    # ------------------------------------------------------------ what was learned

    @property
    def coefs_(self) -> Coefficients:
        """The weight matrices, one for each layer, of shape (inputs, units). Replacing one changes the network."""
        return Coefficients(self._trained("coefs_"), "kernel", "coefs_")

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        translation.write_dense_tensors(self._trained("coefs_"), "kernel", values, "coefs_")

    @property
    def intercepts_(self) -> Coefficients:
        """The bias vectors, one for each layer. Replacing one changes the network."""
        return Coefficients(self._trained("intercepts_"), "bias", "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Any) -> None:
        translation.write_dense_tensors(self._trained("intercepts_"), "bias", values, "intercepts_")

    def _trained(self, name: str) -> Sequential:
        if "model_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r} before fit")
        return self.model_

    # ------------------------------------------------------------ predicting

    def _outputs(self, X: Any) -> Array:
        """The outputs of the network for rows of the user's."""
        check_is_fitted(self)
        refuse_other_than_numbers(X, "X")
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=NUMBERS, reset=False)
        return self._of_rows(self.model_, X)

    def _of_rows(self, model: Sequential, X: Any) -> Array:
        return model.predict(X, n_threads=self.n_threads)

    def _check_solver(self) -> bool:
        if self.solver not in STOCHASTIC:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
