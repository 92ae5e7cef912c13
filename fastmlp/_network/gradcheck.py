"""Checks gradients: compares backpropagation with finite differences, tensor by tensor."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check as _check
from .._base import naming
from .._base.errors import ArgumentError
from .._base.public import as_public
from .._base.types import Array
from .._engine.engine import Data, Engine
from .._engine.program import Tensor
from ..layers import leaves
from . import raw_tables
from .network import Network
from .reading import data_for, learn_names, weighted

_FLOOR = 1e-7  # gradients smaller than this are rounding errors; differences are relative to at least this

__all__ = ["GradientCheck", "TensorCheck"]


@dataclass(frozen=True, repr=False)
class TensorCheck:
    """The result for one tensor.

    Attributes
    ----------
    name : str
        The number and type of the layer, and the name of the tensor.
    shape : tuple of int
    indices : list of tuple of int
        The elements that were compared.
    analytic, numerical : ndarray of float64
        The derivatives by backpropagation and by finite differences.
    floor : float
        Smaller derivatives are lost in the rounding of the loss.
    """

    name: str
    shape: tuple[int, ...]
    indices: list[tuple[int, ...]]
    analytic: Array
    numerical: Array
    floor: float = _FLOOR

    @property
    def error(self) -> float:
        """The largest difference, relative to the largest derivative of the tensor or to ``floor``."""
        scale = max(np.abs(self.numerical).max(initial=0), np.abs(self.analytic).max(initial=0), self.floor)
        return float(np.abs(self.analytic - self.numerical).max(initial=0) / scale)

    def __repr__(self) -> str:
        return f"<TensorCheck {self.name}, {len(self.indices)} elements, relative error {self.error:.1e}>"


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """The result of `fastmlp.Sequential.gradient_check`.

    Attributes
    ----------
    tensors : list of TensorCheck
    loss : float
        The loss at which the derivatives were taken, in float64.
    tolerance : float
    """

    tensors: list[TensorCheck]
    loss: float
    tolerance: float

    @property
    def error(self) -> float:
        """The largest relative error of all tensors; NaN if one is."""
        return float(np.max([tensor.error for tensor in self.tensors]))

    @property
    def passed(self) -> bool:
        """Whether every tensor is within the tolerance."""
        return bool(self.error <= self.tolerance)

    def __str__(self) -> str:
        width = max([len(tensor.name) for tensor in self.tensors] + [len("tensor")])
        lines = [f"{'tensor'.ljust(width)}  looked at  largest derivative  relative error"]
        for tensor in self.tensors:
            largest = np.abs(tensor.analytic).max(initial=0)
            mark = "" if tensor.error <= self.tolerance else "  WRONG"
            counted = f"{len(tensor.indices)}"
            lines.append(f"{tensor.name.ljust(width)}  {counted:>9}  {largest:>18.3e}  {tensor.error:>14.1e}{mark}")
        return "\n".join([*lines, self._verdict])

    def __repr__(self) -> str:
        return f"<GradientCheck of {len(self.tensors)} tensors, {self._verdict}>"

    @property
    def _verdict(self) -> str:
        verdict = "the gradients are right" if self.passed else "the gradients are WRONG"
        return f"{verdict}: at most {self.error:.1e} off, {self.tolerance:.0e} allowed (loss {self.loss:.6g})"


def check(
    model: Network,
    x: Any,
    y: Any,
    weights: tuple[Any, Any] = (None, None),
    *,
    samples: int = 20,
    step: float = 1e-5,
    tolerance: float = 1e-5,
    seed: int = 0,
) -> GradientCheck:
    """See `fastmlp.Sequential.gradient_check`; ``weights`` are those of rows and of classes."""
    model.checked_optimizer()
    samples = _check.whole_number(samples, "samples", minimum=1)
    step = _check.real_number(step, "step", above=0)
    tolerance = _check.real_number(tolerance, "tolerance", above=0)
    x, y = raw_tables.apart(model, x, y)
    twin = _in_float64(model, x)
    learn_names(twin, naming.feature_names(x), y)
    data = weighted(twin.wanted_targets(), data_for(twin, x, y), *weights)
    engine, random_key = twin.engine, (twin.seed, 0)
    loss, gradient = engine.gradient(data, random_key)
    rng = np.random.default_rng(_check.whole_number(seed, "seed", minimum=0))
    found = []
    rounding = 10 * np.finfo(np.float64).eps * max(1.0, abs(loss)) / step  # of a finite difference
    floor = max(_FLOOR, rounding / tolerance)
    for tensor in engine.program.tensors:
        if tensor.trained:
            indices = _some(tensor.shape, samples, rng)
            analytic = np.array([engine.program.unpack(gradient, tensor)[index] for index in indices])
            numerical = np.array([_difference(engine, data, random_key, tensor, index, step) for index in indices])
            found.append(TensorCheck(_name(twin, tensor), tensor.shape, indices, analytic, numerical, floor))
    if not found:
        raise ArgumentError("the model has no tensors that are trained, so there are no gradients to check")
    return GradientCheck(found, loss, tolerance)


def _in_float64(model: Network, x: Any) -> Network:
    """A copy in float64, which has enough digits for finite differences."""
    twin = model.like(model.declarations, "float64")
    twin.compile(model.rule, model.loss, model.metrics)
    raw_tables.learn_encoder(twin, x)
    twin.build(model.engine.program.fan_in if model.is_built else twin.reader().rows(x, "x").shape[1])
    if model.is_built:
        twin.set_weights(model.get_weights())
    return twin


def _some(shape: tuple[int, ...], samples: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All elements of a small tensor, or some of a large one."""
    size = int(np.prod(shape))
    flat = np.arange(size) if size <= samples else np.sort(rng.choice(size, samples, replace=False))
    return [tuple(int(i) for i in np.unravel_index(number, shape)) for number in flat]


def _difference(
    engine: Engine, data: Data, random_key: tuple[int, int], tensor: Tensor, index: tuple[int, ...], step: float
) -> float:
    """(loss(w + step) − loss(w − step)) / (2 step) for one element: the error shrinks with the step's square."""
    values = engine.program.unpack(engine.parameters, tensor)
    kept, losses = values[index], []
    for moved in (kept + step, kept - step):
        values[index] = moved
        engine.program.pack(engine.parameters, tensor, values)
        losses.append(engine.gradient(data, random_key)[0])
    values[index] = kept
    engine.program.pack(engine.parameters, tensor, values)
    return (losses[0] - losses[1]) / (2 * step)


def _name(model: Network, tensor: Tensor) -> str:
    layer = list(leaves(model.declarations))[tensor.layer]
    return f"{tensor.layer} {type(layer).__name__} {tensor.name}"


as_public(globals(), "fastmlp.model")
