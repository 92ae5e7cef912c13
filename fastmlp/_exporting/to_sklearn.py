"""A network as a fitted estimator of scikit-learn, which has dense layers of one activation and nothing else."""

from typing import Any

import numpy as np

from .. import losses
from .._base.errors import ArgumentError
from .._base.extras import library
from .._base.types import Array
from .._network.deciding import USUAL
from .._network.network import Network
from .description import Activation, Affine, ScaleShift, Step, described, refuse_encoder

# scikit-learn's names of activations of hidden layers, and of last ones
HIDDEN = {"linear": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
OUTPUTS = {"softmax": "softmax", "sigmoid": "logistic", "linear": "identity"}


def to_sklearn(network: Network) -> Any:
    """See `Sequential.to_sklearn`."""
    refuse_encoder(network)
    theirs = library("sklearn.neural_network", "sklearn", "to_sklearn()")
    found = described(network)
    if any(value != USUAL for value in network.data_known.thresholds or ()):
        raise ArgumentError(
            "scikit-learn's estimators choose at 0.5, but the model has thresholds of its own: set model.thresholds = "
            "None, and give the threshold to sklearn.model_selection.FixedThresholdClassifier"
        )
    first = found.first_shift  # a normalisation that stays apart
    dense = _dense_layers(found.steps[0 if first is None else 1 :])
    kernels, names = [affine.kernel for affine, _ in dense], [name for _, name in dense]
    biases = [affine.bias for affine, _ in dense]
    if first is not None:
        kernels[0], biases[0] = _merged(first, kernels[0], biases[0])
    hidden, last = _hidden(names[:-1]), found.outputs.link or names[-1]
    if last not in OUTPUTS:
        raise ArgumentError(f"scikit-learn has no estimator whose last activation is {last!r}")
    is_classifier = found.outputs.are_probabilities
    if is_classifier == (last == "linear"):
        raise ArgumentError(
            f"scikit-learn has no estimator that {'classifies' if is_classifier else 'predicts numbers'} with "
            f"the last activation {last!r}"
        )
    if last == "softmax" and kernels[-1].shape[1] == 2:  # there, two classes have one output
        kernels[-1], biases[-1], last = np.diff(kernels[-1]), np.diff(biases[-1]), "sigmoid"
    is_of_counts = network.is_compiled and isinstance(network.loss, losses.PoissonDeviance)
    settings = {"loss": "poisson"} if is_of_counts else {}
    kind = theirs.MLPClassifier if is_classifier else theirs.MLPRegressor
    made = kind(**settings, hidden_layer_sizes=tuple(kernel.shape[1] for kernel in kernels[:-1]), activation=hidden)
    made.coefs_, made.intercepts_ = [kernel.copy() for kernel in kernels], [bias.copy() for bias in biases]
    made.n_layers_, made.n_outputs_, made.out_activation_ = len(kernels) + 1, kernels[-1].shape[1], OUTPUTS[last]
    if is_of_counts:  # the network gives logarithms, and scikit-learn's estimator counts
        made.out_activation_ = "exp"
    made.n_features_in_, made.n_iter_, made.t_ = found.n_features, network.position.epoch, 0
    # What a further training reads
    made.loss_curve_, made.best_loss_, made._no_improvement_count = [], np.inf, 0
    made.validation_scores_ = made.best_validation_score_ = None
    if found.feature_texts is not None:
        made.feature_names_in_ = np.array(found.feature_texts, object)
    if is_classifier:
        _name_classes(made, found.classes, last)
    return made


def _dense_layers(steps: tuple[Step, ...]) -> list[tuple[Affine, str]]:
    """The dense layers with the names of their activations."""
    found: list[tuple[Affine, str]] = []
    for step in steps:
        if isinstance(step, Affine):
            found.append((step, "linear"))
        elif isinstance(step, Activation) and found and found[-1][1] == "linear":
            found[-1] = found[-1][0], step.kind
        else:
            raise ArgumentError(f"scikit-learn's networks have dense layers alone, but this one has a {_what(step)}")
    return found


def _what(step: Step) -> str:
    return step.kind if isinstance(step, Activation) else type(step).__name__


def _merged(first: ScaleShift, kernel: Array, bias: Array) -> tuple[Array, Array]:
    """A normalisation and the dense layer behind it as one, in float64, because its center is far from 0."""
    scaled = first.factors.astype(np.float64)[:, None] * kernel
    shifted = first.offsets.astype(np.float64) - first.center * first.factors
    return scaled, bias + shifted @ kernel


def _hidden(names: list[str]) -> str:
    if len(set(names)) > 1:
        raise ArgumentError(f"scikit-learn's hidden layers have one activation, but these have {', '.join(names)}")
    name = names[0] if names else "relu"
    if name not in HIDDEN:
        raise ArgumentError(f"scikit-learn has no activation {name!r}; it has {', '.join(HIDDEN)}")
    return HIDDEN[name]


def _name_classes(made: Any, classes: Array | None, last: str) -> None:
    preprocessing = library("sklearn.preprocessing", "sklearn", "to_sklearn()")
    if last == "sigmoid" and made.n_outputs_ > 1:  # independent labels
        example: Array = np.eye(made.n_outputs_, dtype=int)
    else:
        example = np.arange(max(2, made.n_outputs_)) if classes is None else classes
    made._label_binarizer = preprocessing.LabelBinarizer().fit(example)
    made.classes_ = made._label_binarizer.classes_
    if classes is not None and list(made.classes_) != list(classes):  # scikit-learn sorts them
        order = [list(classes).index(label) for label in made.classes_]
        if made.n_outputs_ > 1:
            made.coefs_[-1], made.intercepts_[-1] = made.coefs_[-1][:, order], made.intercepts_[-1][order]
        else:
            made.coefs_[-1], made.intercepts_[-1] = -made.coefs_[-1], -made.intercepts_[-1]
