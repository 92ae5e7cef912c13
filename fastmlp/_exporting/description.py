"""A neutral description of what a network computes when it predicts, for exporters to every language.

`described` walks the tree of layers and gives steps, of which there are six types. Dropout and noise are gone, as they
do nothing in predictions. An exporter has a function for each of `STEPS`, and for each activation of
`fastmlp.activations.NAMES`; it must raise an error for what it does not know, and never pass over it.

The rows go through the steps one after the other::

    Affine(kernel, bias)                  y = x·kernel + bias
    Activation(kind, numbers)             y = f(x); softmax over the units of a row
    LayerNorm(gamma, beta, epsilon)       y = (x − mean(x)) / √(variance(x) + epsilon) · gamma + beta, in each row
    ScaleShift(center, factors, offsets)  y = (x − center) · factors + offsets
    Residual(steps)                       y = x + steps(x)

Before the first step, pixels are multiplied by `Description.pixel_scale`. If the first step is a `ScaleShift` whose
``is_centered_first`` is True, `fastmlp.Sequential.predict` subtracts its center in float64, before rounding to the
model's dtype; an exporter that reads wider numbers than that dtype does the same, so that large numbers keep their
differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import activations
from .._base import check, naming
from .._base.errors import ArgumentError, DivergenceError
from .._base.types import Array
from .._engine.program import SMALLEST_VARIANCE
from .._network import bound, folding
from .._network.inputs import PIXELS
from .._network.network import Network
from ..reference.activations import SELU_ALPHA, SELU_SCALE
from .outputs import ABOVE, Outputs, outputs_of
from .walk import Walk, beta_of


@dataclass(frozen=True)
class Affine:
    """y = x·kernel + bias."""

    kernel: Array  # shape (fan_in, units)
    bias: Array  # shape (units,); zeros if the layer has none


@dataclass(frozen=True)
class Activation:
    """y = f(x), where f is one of `fastmlp.activations.NAMES` other than linear."""

    kind: str  # the name alone: "leaky_relu"
    numbers: dict[str, float] = field(default_factory=dict)  # {"negative_slope": 0.1}; "selu" has its constants


@dataclass(frozen=True)
class LayerNorm:
    """y = (x − mean(x)) / √(variance(x) + epsilon) · gamma + beta, over the units of each row."""

    gamma: Array
    beta: Array
    epsilon: float


@dataclass(frozen=True)
class ScaleShift:
    """y = (x − center) · factors + offsets: a normalisation with fixed statistics, or a scaling layer.

    The center is apart, as x · factors would lose the digits of an x that is far from 0.
    """

    center: Array  # float64 if `is_centered_first`, which may hold more digits than the model's dtype
    factors: Array
    offsets: Array
    is_centered_first: bool = False  # whether `predict` subtracts the center before rounding to the model's dtype

    @property
    def has_large_center(self) -> bool:
        """Whether features in the model's dtype would lose the digits that matter."""
        far = np.abs(self.center * self.factors.astype(np.float64)) * np.finfo(self.factors.dtype).eps
        return self.is_centered_first and bool((far > folding.FAR).any())


@dataclass(frozen=True)
class Residual:
    """y = x + steps(x)."""

    steps: tuple[Step, ...]


Step = Affine | Activation | LayerNorm | ScaleShift | Residual
STEPS: tuple[type, ...] = (Affine, Activation, LayerNorm, ScaleShift, Residual)


@dataclass(frozen=True)
class Description:
    """What a network computes when it predicts, and what its inputs and outputs mean.

    All arrays but centers of a first step are in ``dtype``.
    """

    steps: tuple[Step, ...]
    dtype: np.dtype[Any]
    n_features: int
    n_outputs: int
    input_kind: str | None  # of the training data: "pixels", "integers" or "floats"
    pixel_scale: float | None  # the factor for whole numbers, if the model was trained on pixels; else None
    feature_names: naming.Names | None
    classes: Array | None  # labels: texts or whole numbers
    outputs: Outputs

    @property
    def feature_texts(self) -> tuple[str, ...] | None:
        """The names of the features as texts."""
        return naming.texts_only(self.feature_names)

    @property
    def columns(self) -> int:
        """How many numbers answer a row: probabilities if there are some, else the outputs."""
        is_halved = self.outputs.choice == ABOVE and self.outputs.are_probabilities
        return 2 if is_halved else self.n_outputs

    @property
    def labels_of_columns(self) -> Array | None:
        """The classes, if each of these numbers belongs to one: one number that chooses between two does not."""
        return self.classes if self.classes is not None and len(self.classes) == self.columns else None

    @property
    def first_shift(self) -> ScaleShift | None:
        """The first step, if it shifts features."""
        first = self.steps[0] if self.steps else None
        return first if isinstance(first, ScaleShift) else None

    def all_steps(self) -> Iterator[Step]:
        """The steps in the order in which data pass through them; those of a residual follow it."""
        return _every(self.steps)


def _every(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, Residual):
            yield from _every(step.steps)


def described(network: Network, *, fold: bool = True) -> Description:
    """What a built network computes; with ``fold``, that of `fastmlp.Sequential.folded`.

    Raises NotBuiltError before it is built, DivergenceError if a weight is not finite, and ArgumentError for a layer
    or an activation that cannot be described.
    """
    refuse_encoder(network)
    program = network.engine.program
    refuse_ruined(network)
    whole = folding.fold(network) if check.yes_or_no(fold, "fold") else network
    kind = network.input_kind
    return Description(
        steps=tuple(_with_exact_center(list(_Describing(whole).made(bound.tree_of(whole))), whole)),
        dtype=network.dtype,
        n_features=program.fan_in,
        n_outputs=program.classes,
        input_kind=kind,
        pixel_scale=network.uint8_scale if kind == PIXELS else None,
        feature_names=network.feature_names,
        classes=network.classes,
        outputs=outputs_of(network),
    )


def _with_exact_center(steps: list[Step], network: Network) -> list[Step]:
    """Let the step of a first Normalization have its center in float64."""
    center = network.reader().center
    if center is not None:
        assert isinstance(steps[0], ScaleShift)
        steps[0] = replace(steps[0], center=center.astype(np.float64), is_centered_first=True)
    return steps


def refuse_encoder(network: Network) -> None:
    """Refuse networks whose input is a raw table, which other programs do not read."""
    if network.reads_tables:
        raise ArgumentError(
            "the model begins with a TableEncoder, which this format cannot hold: save(), and export to .safetensors "
            "or .json, keep it. Or export model[:], the network after the encoder: its input is the result of "
            "model.encoder.transform(table)"
        )


def refuse_ruined(network: Network) -> None:
    """Refuse weights that the last update has ruined."""
    for tensor, value in zip(network.engine.program.tensors, network.get_weights(), strict=True):
        if not np.isfinite(value).all():
            raise DivergenceError(
                f"the model cannot be exported: the {tensor.name} of layer {tensor.layer} holds NaN or infinity, so "
                "the last update was too large. Load an earlier file, or train again with a lower learning rate"
            )


# ---------------------------------------------------------------- from the tree


class _Describing(Walk[Step]):
    """Gives steps; dropout and noise give none."""

    def affine(self, layer: Any) -> Step:
        kernel = layer.kernel
        return Affine(kernel, layer.bias if layer.declaration.use_bias else np.zeros(kernel.shape[1], kernel.dtype))

    def function(self, activation: str) -> Step:
        return activation_step(activation)

    def residual(self, inside: list[Step]) -> Step:
        return Residual(tuple(inside))

    def batch_normalization(self, layer: Any) -> Iterator[Step]:
        variance = layer.moving_variance.astype(np.float64) + layer.declaration.epsilon
        factors = layer.gamma / np.sqrt(variance)
        yield ScaleShift(layer.moving_mean, factors.astype(self.dtype), layer.beta)

    def layer_normalization(self, layer: Any) -> Iterator[Step]:
        yield LayerNorm(layer.gamma, layer.beta, layer.declaration.epsilon)

    def normalization(self, layer: Any) -> Iterator[Step]:
        factors = 1 / np.sqrt(layer.variance.astype(np.float64) + SMALLEST_VARIANCE[self.dtype])
        yield ScaleShift(layer.mean, factors.astype(self.dtype), np.zeros_like(layer.mean))

    def scale(self, layer: Any) -> Iterator[Step]:
        yield ScaleShift(np.zeros_like(layer.gamma), layer.gamma, beta_of(layer))


# Numbers of activations that users cannot choose: y = scale · (x above 0, alpha (eˣ − 1) below)
_CONSTANTS = {"selu": {"alpha": SELU_ALPHA, "scale": SELU_SCALE}}


def activation_step(activation: str) -> Activation:
    """An activation other than linear as a step."""
    kind = activations.without_parameters(activation)
    if kind not in activations.RULES:
        raise ArgumentError(
            f"the activation {activation!r} cannot be exported: it is your own code, or was added without a description"
        )
    return Activation(kind, {**activations.parameters(activation), **_CONSTANTS.get(kind, {})})
