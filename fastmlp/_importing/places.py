"""Where a translation of another program's network is: after which layers, which it finds one after the other.

A `Place` stands between two layers: it knows the layers that lead to it. From a place and a formula of what is there
(see `formulas`), `settled` finds the layers that compute the formula, and the place after them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import layers
from .._base.types import Array
from .._engine.program import SMALLEST_VARIANCE
from .._network.folding import FAR
from . import formulas
from .formulas import Formula, constant
from .parts import Part


@dataclass(eq=False)
class Place:
    """What rows have become after some layers."""

    parts: tuple[Part, ...] = ()  # since the place before
    before: Place | None = None
    width: int | None = None  # the number of units; None if nothing told that of the input

    def after(self, *parts: Part, width: int | None = None) -> Place:
        """The place after some layers."""
        return Place(parts, self, self.width if width is None else width)

    def since(self, earlier: Place) -> tuple[Part, ...] | None:
        """The layers from an earlier place to this one; None if there is no way."""
        found: list[tuple[Part, ...]] = []
        here: Place | None = self
        while here is not earlier:
            if here is None:
                return None
            found.append(here.parts)
            here = here.before
        return tuple(part for parts in reversed(found) for part in parts)

    @property
    def is_first(self) -> bool:
        """Whether no layer leads to it."""
        return self.before is None or (not self.parts and self.before.is_first)


def settled(place: Place, formula: Formula, dtype: np.dtype[Any]) -> Place | None:
    """The place after the layers that compute a formula of what is there; None if no layers do."""
    if formula.is_x:
        return place
    affine = formula.affine
    if affine is not None and (affine[0] == 1).all() and (with_bias := _with_bias(place, affine[1])) is not None:
        return with_bias
    parts = _parts(place, formula, dtype)
    return None if parts is None else place.after(*parts)


def _with_bias(place: Place, bias: Array) -> Place | None:
    """The place after a dense layer with a bias, if it is after one that has none."""
    last = place.parts[-1] if place.parts else None
    if last is None or not isinstance(last.layer, layers.Dense) or last.layer.use_bias or place.width is None:
        return None
    tensors = {**last.tensors, "bias": np.broadcast_to(bias, (place.width,))}
    part = replace(last, layer=replace(last.layer, use_bias=True), tensors=tensors)
    return Place((*place.parts[:-1], part), place.before, place.width)


def _parts(place: Place, formula: Formula, dtype: np.dtype[Any]) -> list[Part] | None:
    if formula.is_x:
        return []
    affine = formula.affine
    if affine is not None:
        return _affine(*affine, place, dtype)
    found = formulas.activation_in(formula)
    if found is not None:
        return _with_activation(found, place.width)
    of_x = formula.terms.get(formulas.X_ALONE)
    if of_x is not None:
        if not of_x.all():
            return None
        inside = _parts(place, (formula - formulas.X * constant(of_x)) * constant(1 / of_x), dtype)
        return None if inside is None else [Part(inside=tuple(inside)), *_scaled(of_x, np.zeros(()), place.width)]
    only = formula.only()
    if only is None or only[0].argument is None or only[0].argument.is_x:
        return None
    atom, factor, offset = only
    first = _parts(place, only[0].argument, dtype)
    rest = formulas.call(atom.name, formulas.X, *atom.numbers) * constant(factor) + constant(offset)
    second = _parts(place.after(*first or ()), rest, dtype)
    return None if first is None or second is None else [*first, *second]


def _with_activation(found: formulas.Found, width: int | None) -> list[Part] | None:
    """Factor · activation(x) + of_x · x + offset."""
    activation, zero = Part(layers.Activation(found.name)), np.zeros(())
    if not found.of_x.any():
        return [activation, *_scaled(found.factor, found.offset, width)]
    if not found.of_x.all():
        return None
    inside = [activation, *_scaled(found.factor / found.of_x, zero, width)]
    return [Part(inside=tuple(inside)), *_scaled(found.of_x, found.offset, width)]


def _scaled(factor: Array, offset: Array, width: int | None) -> list[Part]:
    """A Scale layer, unless it would do nothing."""
    if (factor == 1).all() and not offset.any():
        return []
    if width is None:
        width = max(factor.size, offset.size)
    gamma, beta = (np.broadcast_to(value, (width,)) for value in (factor, offset))
    return [Part(layers.Scale(bool(beta.any())), {"gamma": gamma, **({"beta": beta} if beta.any() else {})})]


def _affine(factor: Array, offset: Array, place: Place, dtype: np.dtype[Any]) -> list[Part] | None:
    """Factor · x + offset: a Scale; or statistics of features, where it begins the network or the mean is large."""
    if place.width is None:
        return None
    is_far = bool((np.abs(offset) * np.finfo(dtype).eps > FAR).any())
    if not offset.any() or not (place.is_first or is_far):
        return _scaled(factor, offset, place.width)
    is_used = factor != 0  # features that are multiplied by 0 have no mean
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        mean = np.where(is_used, -offset / factor, 0)
        variance = np.where(is_used, 1 / np.square(factor), 1)
    most = np.finfo(dtype).max
    fits = (variance >= 100 * SMALLEST_VARIANCE[dtype]) & (variance <= most) & (np.abs(mean) <= most)
    if not fits.all():
        return _scaled(factor, offset, place.width)
    tensors = {name: np.broadcast_to(value, (place.width,)) for name, value in (("mean", mean), ("variance", variance))}
    rest = _scaled(np.sign(factor), np.where(is_used, 0, offset), place.width)
    return [Part(layers.Normalization(), tensors), *rest]
