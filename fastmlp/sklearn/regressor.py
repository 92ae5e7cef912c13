"""`MLPRegressor`: one or several numbers for each row."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from .._base.types import Array
from ..model import Sequential
from . import constraints
from .base import NUMBERS, BaseMLP, keep, validation_rows
from .descriptions import documented
from .features import refuse_other_than_numbers
from .rows import Rows


@documented
class MLPRegressor(RegressorMixin, BaseMLP):
    """A multilayer perceptron that predicts numbers, with scikit-learn's parameters and fastmlp's kernels.

    Each parameter of `sklearn.neural_network.MLPRegressor` means the same here; see the page "scikit-learn" for the
    differences. Those from ``dropout`` on are further ones.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default "squared_error"
        Half the squared error; or half the Poisson deviance of counts, whose logarithm the network gives.
    {PARAMETERS}
    {EXTRAS}

    Attributes
    ----------
    {ATTRIBUTES}

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> y = X[:, 0] * X[:, 1] + X[:, 2]
    >>> model = fm.MLPRegressor(hidden_layer_sizes=(32,), learning_rate_init=0.01, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.95)
    True
    """

    _parameter_constraints = constraints.REGRESSOR

    loss: str

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: Any = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        max_time: float | None = None,
        n_threads: int | None = None,
        callbacks: Any = None,
        dtype: Any = None,
    ) -> None:
        keep(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None, X_val: Any = None, y_val: Any = None
    ) -> Any:
        """Train on all rows.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame, shape (rows, features)
        y : array_like, shape (rows,) or (rows, outputs)
        sample_weight : array_like, shape (rows,), optional
            The weight of each row.
        eval_set : tuple (X, y) or (X, y, sample_weight), optional
            Rows to judge each epoch by. Their losses are in ``validation_loss_curve_``, and the network gets the
            weights of the epoch with the smallest; with ``early_stopping=True``, with the best R² on these rows.
        X_val, y_val : array_like, optional
            The same as ``eval_set=(X_val, y_val)``, so that a pipeline can transform the features:
            ``Pipeline(..., transform_input=["X_val"])``.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, validation_rows(eval_set, X_val, y_val))

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train once on the rows, and keep the optimiser's state for the next call.

        Parameters
        ----------
        X, y, sample_weight : array_like
            As in `fit`.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Compute the predicted numbers.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame, shape (rows, features)

        Returns
        -------
        ndarray, shape (rows,) or (rows, outputs)
        """
        return self._numbers(self._outputs(X))

    def _numbers(self, outputs: Array) -> Array:
        """Predictions from the outputs of the network, which are logarithms for the Poisson loss."""
        if self.out_activation_ == "exp":
            outputs = np.exp(outputs)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        refuse_other_than_numbers(X, "X")
        refuse_other_than_numbers(y, "y")
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True, dtype=NUMBERS, reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _targets(self, y: Any) -> Array:
        return np.asarray(y, np.float64).reshape(len(y), -1)

    def _output(self, y: Array) -> tuple[int, str]:
        return y.shape[1], "exp" if self.loss == "poisson" else "identity"

    def _score_of(self, model: Sequential, rows: Rows) -> float:
        found = self._numbers(self._of_rows(model, rows.x))
        return float(r2_score(rows.y, found, sample_weight=rows.weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
