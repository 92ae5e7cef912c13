"""The documentation of parameters and attributes that both estimators have."""

from typing import TypeVar

_C = TypeVar("_C", bound=type)

PARAMETERS = """hidden_layer_sizes : array_like of int, default (100,)
        The width of each hidden layer.
    activation : str or list of str, default "relu"
        The activation of all hidden layers, or a list with that of each: ``"relu"``, ``"tanh"``, ``"logistic"`` and
        ``"identity"`` as in scikit-learn, or another one of `fastmlp.activations`, such as ``"silu"``.
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
    alpha : float, default 0.0001
        The penalty alpha/2 · Σw² on weights, which is divided by the number of rows in a batch (by the sum of their
        weights).
    batch_size : int or "auto", default "auto"
        Rows in a batch; "auto" means 200, or all rows if there are fewer. L-BFGS takes all rows.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        How the rate of ``solver="sgd"`` changes: not at all; to learning_rate_init / t_**power_t after each epoch; or
        divided by 5 each time the epochs stop improving.
    learning_rate_init : float or Schedule, default 0.001
        The rate of "sgd" and "adam", or one of `fastmlp.schedules`, which gives the rate of each step.
    power_t : float, default 0.5
        The exponent of "invscaling".
    max_iter : int, default 200
        The maximum number of epochs, or of iterations of L-BFGS.
    shuffle : bool, default True
        Whether each epoch has a new order of rows.
    random_state : int, RandomState or None, default None
        Determines the initial weights, the rows for validation, the order of rows, and dropout. The same number gives
        the same initial weights, validation rows and batches as in scikit-learn.
    tol : float, default 1e-4
        What counts as an improvement of the loss, or of the validation score; for L-BFGS, the largest derivative at
        which training ends.
    verbose : bool, default False
        Whether to print a line for each epoch.
    warm_start : bool, default False
        Whether `fit` continues from the weights of the last `fit`.
    momentum : float, default 0.9
        The momentum of "sgd".
    nesterovs_momentum : bool, default True
        Whether that momentum looks ahead.
    early_stopping : bool, default False
        Whether to set rows aside, stop when the score on them no longer improves, and keep the weights of the best
        epoch.
    validation_fraction : float, default 0.1
        The share of rows that ``early_stopping`` sets aside.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        The settings of "adam".
    n_iter_no_change : int, default 10
        How many epochs may pass without improvement.
    max_fun : int, default 15000
        The maximum number of times that L-BFGS computes the loss."""

EXTRAS = """dropout : float or list of float, default 0
        The share of units of each hidden layer, or of each one its own, that is dropped in training.
    batch_norm : bool, default False
        Whether a batch normalisation stands before each hidden activation.
    clipnorm, clipvalue, global_clipnorm : float, optional
        Limits of the gradient of "adam" and "sgd": see `fastmlp.optimizers.Optimizer`.
    max_time : float, optional
        Seconds after which training ends, without compilation.
    n_threads : int, optional
        The maximum number of threads; for the default see `fastmlp.set_num_threads`. The result does not depend on it.
    callbacks : list of fastmlp.callbacks.Callback, optional
        Callbacks of fastmlp. Those of scikit-learn (from 1.9) are set by ``set_callbacks``.
    dtype : {"float32", "float64"}, optional
        The precision. Default: that of X; float64 if X holds other numbers than float32."""

ATTRIBUTES = """model_ : Sequential
        The trained network, for all that `fastmlp.Sequential` does: save, export, evaluate, plot.
    coefs_, intercepts_ : list of ndarray
        The weight matrices of shape (inputs, units), and the biases. The arrays are read-only copies; an array that
        replaces one, as in ``estimator.coefs_[0] = new``, changes the network.
    loss_, best_loss_ : float
        The loss of the last epoch, and the smallest (None with ``early_stopping``).
    loss_curve_ : list of float
        The loss of each epoch of "adam" and "sgd".
    validation_scores_, best_validation_score_
        The score of each epoch on validation rows, and the best; None without ``early_stopping``.
    validation_loss_curve_, best_validation_loss_
        The losses on ``eval_set``, without the penalty, and the smallest; only after a `fit` with ``eval_set``.
    n_iter_, t_, n_layers_, n_outputs_ : int
        The number of epochs; of rows that training has seen; of layers, including input and output; of outputs.
    out_activation_ : str
        scikit-learn's name of the last activation: "softmax", "logistic", "identity" or "exp".
    n_features_in_, feature_names_in_
        The number of features, and the names of a data frame's columns."""


def documented(kind: _C) -> _C:
    """Put the shared parts into the documentation of an estimator."""
    parts = {"PARAMETERS": PARAMETERS, "EXTRAS": EXTRAS, "ATTRIBUTES": ATTRIBUTES}
    for name, text in parts.items():
        kind.__doc__ = (kind.__doc__ or "").replace(f"{{{name}}}", text)
    return kind
