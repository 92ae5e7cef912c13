"""The values that each parameter may have. scikit-learn checks them at the start of `fit`, and writes the errors."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .. import activations
from .._base.errors import ArgumentError, FastMLPError
from ..schedules import Schedule

SKLEARN_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}  # those that fastmlp names otherwise
DTYPES = ("float32", "float64")


class _Activations(StrOptions):
    """Names of activations, of which some take a parameter in parentheses; or functions of the user's."""

    def is_satisfied_by(self, value: Any) -> bool:
        try:
            return isinstance(value, (str, activations.Custom)) and bool(activation(value))
        except FastMLPError:
            return False


class _Precisions(StrOptions):
    """All that NumPy reads as float32 or float64."""

    def is_satisfied_by(self, value: Any) -> bool:
        try:
            return value is not None and np.dtype(value).name in DTYPES
        except TypeError:
            return False


def activation(name: str | activations.Custom) -> str | activations.Custom:
    """An activation in fastmlp; raises ArgumentError for unknown names and for softmax."""
    found = activations.get(SKLEARN_ACTIVATIONS.get(name, name) if isinstance(name, str) else name)
    if found == "softmax":
        raise ArgumentError("activation must be that of hidden layers, and softmax is that of the last one alone")
    return found


def _positive_or_none() -> list[Any]:
    return [Interval(Real, 0, None, closed="neither"), None]


def _of_sklearn() -> dict[str, list[Any]]:
    at_least_1 = Interval(Integral, 1, None, closed="left")
    at_least_0 = Interval(Real, 0, None, closed="left")
    below_1 = Interval(Real, 0, 1, closed="left")
    return {
        "hidden_layer_sizes": ["array-like", at_least_1],
        "activation": [
            _Activations({*SKLEARN_ACTIVATIONS, *activations.NAMES} - {"softmax"}),
            "array-like",
        ],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [at_least_0],
        "batch_size": [StrOptions({"auto"}), at_least_1],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither"), Schedule],
        "power_t": [at_least_0],
        "max_iter": [at_least_1],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [at_least_0],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [below_1],
        "beta_1": [below_1],
        "beta_2": [below_1],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [at_least_1, Options(Real, {np.inf})],
        "max_fun": [at_least_1],
    }


def _of_fastmlp() -> dict[str, list[Any]]:
    return {
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "batch_norm": ["boolean"],
        "clipnorm": _positive_or_none(),
        "clipvalue": _positive_or_none(),
        "global_clipnorm": _positive_or_none(),
        "max_time": _positive_or_none(),
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "callbacks": [list, tuple, None],
        "dtype": [_Precisions(set(DTYPES)), None],
    }


SHARED = {**_of_sklearn(), **_of_fastmlp()}
CLASSIFIER = {**SHARED, "class_weight": [dict, list, StrOptions({"balanced"}), None]}
REGRESSOR = {**SHARED, "loss": [StrOptions({"squared_error", "poisson"})]}
