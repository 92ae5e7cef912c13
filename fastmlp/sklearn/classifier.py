"""`MLPClassifier`: classes and labels as the network reads them, and probabilities as scikit-learn gives them."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from .._base import naming
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from ..model import Sequential
from . import constraints
from .base import NUMBERS, BaseMLP, Before, keep, validation_rows
from .descriptions import documented
from .features import refuse_other_than_numbers
from .rows import Rows
from .watching import accuracy


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multilayer perceptron that classifies, with scikit-learn's parameters and fastmlp's kernels.

    Each parameter of `sklearn.neural_network.MLPClassifier` means the same here; see the page "scikit-learn" for the
    differences. Those from ``class_weight`` on are further ones.

    Parameters
    ----------
    {PARAMETERS}
    class_weight : dict, "balanced" or list, optional
        Weights of classes; "balanced" makes all count equally. A list has a dict for each label.
    {EXTRAS}

    Attributes
    ----------
    classes_ : ndarray
        The classes, in the order of the columns of `predict_proba`.
    {ATTRIBUTES}

    Examples
    --------
    >>> import fastmlp as fm
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), fm.MLPClassifier((32,), learning_rate_init=0.01, random_state=0))
    >>> bool(model.fit(X, y).score(X, y) > 0.95)
    True
    """

    _parameter_constraints = constraints.CLASSIFIER

    classes_: Array
    class_weight: Any

    def __init__(
        self,
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
        class_weight: Any = None,
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
        y : array_like, shape (rows,) or (rows, labels)
            Classes of any kind that can be sorted; or a column of 0 and 1 for each label.
        sample_weight : array_like, shape (rows,), optional
            The weight of each row.
        eval_set : tuple (X, y) or (X, y, sample_weight), optional
            Rows to judge each epoch by. Their losses are in ``validation_loss_curve_``, and the network gets the
            weights of the epoch with the smallest; with ``early_stopping=True``, with the best accuracy on these rows.
        X_val, y_val : array_like, optional
            The same as ``eval_set=(X_val, y_val)``, so that a pipeline can transform the features:
            ``Pipeline(..., transform_input=["X_val"])``.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, validation_rows(eval_set, X_val, y_val))

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """Train once on the rows, and keep the optimiser's state for the next call.

        Parameters
        ----------
        X, y, sample_weight : array_like
            As in `fit`.
        classes : array_like, shape (classes,), optional
            All classes that ever occur; needed in the first call.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        before = Before(self)
        try:
            if _check_partial_fit_first_call(self, classes):
                self._label_binarizer = LabelBinarizer()
                self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
            return self._fit(X, y, sample_weight, incremental=True)
        except Exception:
            before.restore_if_untrained(self)  # a refused first call decides nothing about classes
            raise

    def predict(self, X: Any) -> Array:
        """Choose the most probable class of each row, or the labels that are more probable than not.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame, shape (rows, features)

        Returns
        -------
        ndarray, shape (rows,) or (rows, labels)
        """
        return self._decided(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Compute the probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame, shape (rows, features)

        Returns
        -------
        ndarray, shape (rows, classes)
        """
        return self._of_both(self._outputs(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Compute the logarithms of `predict_proba`; −∞ for 0.

        ``model_.predict_log_proba(X)`` has logarithms of probabilities that are too small for the dtype.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame, shape (rows, features)

        Returns
        -------
        ndarray, shape (rows, classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    # ------------------------------------------------------------ classes and labels

    @property
    def _kind(self) -> str:
        """The kind of targets: "binary", "multiclass" or "multilabel-indicator"."""
        return str(self._label_binarizer.y_type_)

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        refuse_other_than_numbers(X, "X")
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=NUMBERS, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y), is_same=self.warm_start)
        return X, y

    def _check_classes(self, found: Array, *, is_same: bool) -> None:
        if is_same and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )

    def _targets(self, y: Any) -> Array:
        if self._kind == "multiclass":
            return np.searchsorted(self.classes_, y)
        return np.asarray(self._label_binarizer.transform(y), np.float32)

    def _output(self, y: Array) -> tuple[int, str]:
        return (len(self.classes_), "softmax") if self._kind == "multiclass" else (y.shape[1], "logistic")

    def _row_weights(self, y: Any, sample_weight: Array | None, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        is_balanced = isinstance(self.class_weight, str)
        if incremental and is_balanced:
            raise ArgumentError(
                "class_weight='balanced' needs all rows, but partial_fit sees a part of them: compute the weights with "
                "sklearn.utils.class_weight.compute_class_weight, and give them as a dict"
            )
        weights = self._balanced(y, sample_weight) if is_balanced else self._by_class(y)
        return weights if sample_weight is None else weights * sample_weight

    def _balanced(self, y: Any, sample_weight: Array | None) -> Array:
        """Weights of rows with which all classes count equally; rows are counted with their own weights."""
        if self._kind == "multilabel-indicator":
            return compute_sample_weight("balanced", y)
        codes = np.searchsorted(self.classes_, y)
        there = np.bincount(codes, sample_weight)
        factors = there.sum() / (np.count_nonzero(there) * np.where(there > 0, there, 1.0))
        return factors[codes]

    def _by_class(self, y: Any) -> Array:
        """Weights of rows by the dict of their class, or by that of each label; rows may lack some of the classes."""
        if self._kind != "multilabel-indicator":
            if not isinstance(self.class_weight, dict):
                raise ArgumentTypeError("class_weight must be a dict: a list is for targets with several labels")
            return self._factors(self.class_weight, self.classes_)[np.searchsorted(self.classes_, y)]
        codes = np.asarray(self._targets(y)).astype(int)
        given = self.class_weight
        if not isinstance(given, (list, tuple)) or len(given) != codes.shape[1]:
            raise ArgumentError(f"class_weight must be a list of {codes.shape[1]} dicts, one for each label")
        factors = [self._factors(weights, np.array([0, 1]))[codes[:, i]] for i, weights in enumerate(given)]
        return np.asarray(np.prod(factors, axis=0))

    @staticmethod
    def _factors(weights: dict[Any, float], classes: Array) -> Array:
        """The weight of each class; 1 if the dict does not have it."""
        known = classes.tolist()
        strange = [key for key in weights if key not in known]
        if strange:
            raise ArgumentError(f"class_weight has the class {strange[0]!r}, but the classes are {naming.some(known)}")
        return np.array([weights.get(label, 1.0) for label in known], float)

    def _stratified_by(self, y: Array) -> Array | None:
        return y if self._kind == "binary" else None

    def _score_of(self, model: Sequential, rows: Rows) -> float:
        return accuracy(self._of_rows(model, rows.x), rows.y, rows.weights)

    def _decided(self, outputs: Array) -> Array:
        """The classes or labels that outputs choose."""
        found = self._label_binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)
        return found if issparse(found) else np.asarray(found)  # sparse if the targets were

    def _of_both(self, outputs: Array) -> Array:
        """A column for each class: one output stands for two classes."""
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def _tell_names(self) -> None:
        super()._tell_names()
        if self._kind != "multilabel-indicator" and len(self.classes_) > 1:
            self.model_.classes = naming.labels_of_any_kind(self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
