"""From an estimator's parameters to a network: its layers, optimiser, loss and initial weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import losses
from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array
from ..layers import Activation, BatchNormalization, Dense, Dropout, Layer
from ..model import Sequential
from ..optimizers import LBFGS, SGD, Adam, Optimizer
from ..regularizers import Regularizer
from .constraints import activation

OUTPUT_ACTIVATIONS = {"softmax": "softmax", "logistic": "sigmoid", "identity": "linear", "exp": "linear"}
_SCIPYS_FTOL = 2.220446049250313e-09  # its default for L-BFGS-B, which scikit-learn leaves as it is
_MEAN = "mean_with_sample_weight"
_LOSSES: dict[str, losses.Loss] = {
    "softmax": losses.CategoricalCrossentropy(reduction=_MEAN),
    "logistic": losses.BinaryCrossentropy(reduction=_MEAN, sum_over_units=True),
    "identity": losses.HalfSquaredError(reduction=_MEAN),
    "exp": losses.PoissonDeviance(reduction=_MEAN),
}


def widths(estimator: Any) -> list[int]:
    """The widths of the hidden layers."""
    sizes = estimator.hidden_layer_sizes
    given = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    for size in given:
        check.whole_number(size, "hidden_layer_sizes", minimum=-(2**63))
    if np.any(np.array(given) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {given}.")
    return [int(size) for size in given]


def network(estimator: Any, n_outputs: int, dtype: Any, seed: int) -> Sequential:
    """A compiled network without weights."""
    model = Sequential(_layers(estimator, n_outputs), dtype=np.dtype(dtype).name, seed=seed)
    model.compile(_optimizer(estimator), _LOSSES[estimator.out_activation_], metrics=[])
    return model


def _layers(estimator: Any, n_outputs: int) -> list[Layer]:
    sizes = widths(estimator)
    names = [activation(name) for name in _for_each(estimator.activation, sizes, "activation")]
    rates = _for_each(estimator.dropout, sizes, "dropout")
    penalty = Regularizer(l2=estimator.alpha / 2, per_batch=True)
    stack: list[Layer] = []
    for size, name, rate in zip(sizes, names, rates, strict=True):
        if estimator.batch_norm:
            stack += [Dense(size, kernel_regularizer=penalty), BatchNormalization(), Activation(name)]
        else:
            stack.append(Dense(size, activation=name, kernel_regularizer=penalty))
        if rate:
            stack.append(Dropout(rate))
    last = OUTPUT_ACTIVATIONS[estimator.out_activation_]
    return [*stack, Dense(n_outputs, activation=last, kernel_regularizer=penalty)]


def _for_each(value: Any, sizes: Sequence[int], name: str) -> list[Any]:
    """One value for each hidden layer."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [value] * len(sizes)
    if len(value) != len(sizes):
        raise ArgumentError(
            f"{name} must be one value, or a list with one for each of the {len(sizes)} hidden layers, not {value!r}"
        )
    return list(value)


def _optimizer(estimator: Any) -> Optimizer:
    clipping = {name: getattr(estimator, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    if estimator.solver == "lbfgs":
        _refuse_for_lbfgs(estimator, clipping)
        return LBFGS(tolerance=estimator.tol, ftol=_SCIPYS_FTOL, max_fun=estimator.max_fun)
    rate = estimator.learning_rate_init
    if callable(rate) and estimator.solver == "sgd" and estimator.learning_rate != "constant":
        raise ArgumentError(
            f"learning_rate_init is a schedule, but learning_rate={estimator.learning_rate!r} changes the rate too: "
            f"use learning_rate='constant', or a number as learning_rate_init"
        )
    if estimator.solver == "adam":
        betas = {"beta_1": estimator.beta_1, "beta_2": estimator.beta_2}
        return Adam(rate, epsilon=estimator.epsilon, epsilon_hat=True, **betas, **clipping)
    nesterov = bool(estimator.nesterovs_momentum and estimator.momentum)
    return SGD(rate, momentum=estimator.momentum, nesterov=nesterov, **clipping)


def _refuse_for_lbfgs(estimator: Any, clipping: dict[str, Any]) -> None:
    """Refuse what would have no effect; scikit-learn's own parameters are ignored, as there."""
    given = [name for name, value in clipping.items() if value is not None]
    if given:
        raise ArgumentError(
            f"{given[0]} limits the steps of solver='adam' and 'sgd', but solver='lbfgs' searches along each step: "
            "leave it out, or choose another solver"
        )
    if callable(estimator.learning_rate_init):
        raise ArgumentError(
            "learning_rate_init is a schedule, but solver='lbfgs' has no learning rate: leave it out, or choose "
            "another solver"
        )


# ---------------------------------------------------------------- weights


def initial_weights(
    estimator: Any, n_features: int, n_outputs: int, random_state: np.random.RandomState
) -> list[tuple[Array, Array]]:
    """Weights and biases of each dense layer: the numbers that scikit-learn draws from the same random state."""
    sizes = [n_features, *widths(estimator), n_outputs]
    names = _for_each(estimator.activation, sizes[1:-1], "activation")
    factors = [2.0 if name == "logistic" else 6.0 for name in names]
    # The output layer follows the activation of the hidden layers, as in scikit-learn.
    last = factors[-1] if factors else (2.0 if estimator.activation == "logistic" else 6.0)
    drawn = []
    for fan_in, units, factor in zip(sizes[:-1], sizes[1:], [*factors, last], strict=True):
        bound = np.sqrt(factor / (fan_in + units))
        drawn.append((random_state.uniform(-bound, bound, (fan_in, units)), random_state.uniform(-bound, bound, units)))
    return drawn


def dense_tensors(model: Any, name: str) -> list[Array]:
    """The tensors "kernel" or "bias" of the dense layers, as read-only copies."""
    numbers = [tensor.layer for tensor in model.engine.program.tensors if tensor.name == name]
    return [model.tensor_values(number, name) for number in numbers]


def write_dense_tensors(model: Sequential, name: str, values: Sequence[Any], attribute: str) -> None:
    """Replace the tensors "kernel" or "bias" of all dense layers, or none if a value cannot be used."""
    tensors = [tensor for tensor in model.engine.program.tensors if tensor.name == name]
    if len(values) != len(tensors):
        raise ArgumentError(f"{attribute} must be {len(tensors)} arrays, one for each layer, not {len(values)}")
    named = [f"{attribute}[{number}]" for number in range(len(tensors))]
    model.write_tensors(zip(tensors, values, named, strict=True))


def with_drawn_weights(model: Sequential, n_features: int, drawn: Sequence[tuple[Array, Array]]) -> None:
    """Build a network with the drawn weights."""
    model.build(n_features)
    write_dense_tensors(model, "kernel", [weights for weights, _ in drawn], "coefs_")
    write_dense_tensors(model, "bias", [biases for _, biases in drawn], "intercepts_")
