"""Elementwise formulas of one variable, in a normal form in which it does not matter how a program spelled them.

A formula is a polynomial: a sum of products of x and of functions of formulas, such as 0.5·x + 0.5·x·erf(0.70711·x).
Sums and products are multiplied out, so that GELU is this polynomial whether a file says x/2·(1 + erf(x/√2)) or
x·(0.5·(1 + erf(x·0.70711))). Numbers are compared with five digits, as files hold them in float32. Coefficients are
numbers, or vectors with one number for each unit.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .. import activations
from .._base.types import Array
from ..reference.activations import SELU_ALPHA, SELU_SCALE

MOST_TERMS, MOST_POWER, MOST_NESTED = 16, 4, 8  # more than any formula of an activation has


class TooLarge(Exception):
    """A formula larger than that of any activation."""


@dataclass(frozen=True, eq=False)
class Atom:
    """x, or a function of a formula."""

    name: str
    argument: Formula | None = None  # None: x itself
    numbers: tuple[float, ...] = ()
    key: str = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        inner, numbers = "" if self.argument is None else self.argument.key, map(_shown, self.numbers)
        object.__setattr__(
            self, "key", "x" if self.argument is None else f"{self.name}({', '.join([inner, *numbers])})"
        )
        object.__setattr__(self, "depth", 0 if self.argument is None else 1 + self.argument.depth)
        if self.depth > MOST_NESTED:
            raise TooLarge


Monomial = tuple[tuple[str, int], ...]  # keys of atoms with their powers, in order; () is 1


class Formula:
    """A polynomial of atoms."""

    def __init__(self, terms: dict[Monomial, Array], atoms: dict[str, Atom]) -> None:
        self.terms = {monomial: value for monomial, value in terms.items() if value.any()}
        self.atoms = atoms
        if len(self.terms) > MOST_TERMS or any(power > MOST_POWER for monomial in terms for _, power in monomial):
            raise TooLarge

    @functools.cached_property
    def key(self) -> str:
        """The formula as a text; equal formulas have equal texts."""
        return " + ".join(
            f"{_shown(value)}{''.join(f'*{key}^{power}' for key, power in monomial)}"
            for monomial, value in sorted(self.terms.items(), key=lambda item: item[0])
        )

    def __str__(self) -> str:
        return re.sub(r"\[\w+\]", "[...]", self.key)

    @functools.cached_property
    def depth(self) -> int:
        """The depth of nested functions."""
        return max((atom.depth for atom in self.atoms.values()), default=0)

    def __add__(self, other: Formula) -> Formula:
        terms = dict(self.terms)
        for monomial, value in other.terms.items():
            terms[monomial] = terms[monomial] + value if monomial in terms else value
        return Formula(terms, self.atoms | other.atoms)

    def __mul__(self, other: Formula) -> Formula:
        result = Formula({}, self.atoms | other.atoms)
        for monomial, value in self.terms.items():
            for other_monomial, other_value in other.terms.items():
                powers = dict(monomial)
                for key, power in other_monomial:
                    powers[key] = powers.get(key, 0) + power
                result += Formula({tuple(sorted(powers.items())): value * other_value}, result.atoms)
        return result

    def __sub__(self, other: Formula) -> Formula:
        return self + other * constant(-1.0)

    @property
    def affine(self) -> tuple[Array, Array] | None:
        """The factor and the offset, if it is factor · x + offset."""
        if not set(self.terms) <= {(), X_ALONE}:
            return None
        zero = np.zeros(())
        return self.terms.get(X_ALONE, zero), self.terms.get((), zero)

    @property
    def is_x(self) -> bool:
        """Whether it is x."""
        return set(self.terms) == {X_ALONE} and bool((self.terms[X_ALONE] == 1).all())

    def only(self) -> tuple[Atom, Array, Array] | None:
        """The atom, its factor and the offset, if it is factor · atom + offset, and the atom is not x."""
        others = [monomial for monomial in self.terms if monomial]
        if len(others) != 1 or len(others[0]) != 1 or others[0][0][1] != 1 or others[0] == X_ALONE:
            return None
        return self.atoms[others[0][0][0]], self.terms[others[0]], self.terms.get((), np.zeros(()))


def _shown(value: float | Array) -> str:
    """A number with the digits that are compared; a vector with all of them, as no activation has one."""
    array = np.asarray(value, np.float64)
    if array.size == 1 or np.allclose(array, array.flat[0], rtol=1e-9, atol=0):
        return f"{array.flat[0]:.5g}"
    return f"[{array.tobytes().hex()}]"


X_ALONE: Monomial = (("x", 1),)
X = Formula({X_ALONE: np.ones(())}, {"x": Atom("x")})


def constant(value: float | Array) -> Formula:
    """A formula without x."""
    return Formula({(): np.asarray(value, np.float64)}, {})


def call(name: str, argument: Formula, *numbers: float) -> Formula:
    """A function of a formula."""
    atom = Atom(name, argument, numbers)
    return Formula({((atom.key, 1),): np.ones(())}, {atom.key: atom})


def clipped(x: Formula, low: float, high: float) -> Formula:
    """A formula within bounds; hard sigmoids, however they are scaled, as that function."""
    if (low, high) == (0.0, 1.0):
        return _hard_sigmoid((x - constant(0.5)) * constant(6.0))
    if (low, high) == (0.0, 6.0):
        return _hard_sigmoid(x - constant(3.0)) * constant(6.0)
    return call("relu", x) if (low, high) == (0.0, math.inf) else call("clip", x, low, high)


def _hard_sigmoid(x: Formula) -> Formula:
    """Within 0 and 1: x/6 + 1/2. What the rounding of these numbers left in x is not there."""
    near = {monomial: value for monomial, value in x.terms.items() if monomial or (abs(value) > _SAME).any()}
    return call("hard_sigmoid", Formula(near, x.atoms), 1 / 6, 0.5)


# ---------------------------------------------------------------- what formulas are activations

_SAME = 1e-5  # relative; files hold numbers in float32


@dataclass(frozen=True)
class Found:
    """An activation in a formula: factor · activation(x) + of_x · x + offset."""

    name: str
    factor: Array
    of_x: Array
    offset: Array


def activation_in(formula: Formula) -> Found | None:
    """The activation in a formula, if there is one and nothing else but a multiple of x and an offset."""
    for name, spelled in (*_spellings(), *_with_parameters(formula)):
        first = next(monomial for monomial in spelled.terms if monomial not in ((), X_ALONE))
        if first in formula.terms:
            factor = formula.terms[first] / spelled.terms[first]
            found = _compared(name, formula, spelled * constant(factor), factor)
            if found is not None:
                return found
    return None


def _compared(name: str, formula: Formula, wanted: Formula, factor: Array) -> Found | None:
    zero, rest = np.zeros(()), {}
    for monomial in formula.terms.keys() | wanted.terms.keys():
        there, should = formula.terms.get(monomial, zero), wanted.terms.get(monomial, zero)
        is_same = bool((abs(there - should) <= _SAME * abs(should)).all())
        if not is_same and monomial not in ((), X_ALONE):
            return None
        rest[monomial] = zero if is_same else there - should
    if name.startswith("elu") and _is_selu(activations.parameters(name)["alpha"], factor):
        name, factor = "selu", np.ones(())
    factor = np.ones(()) if np.allclose(factor, 1, rtol=1e-9, atol=0) else factor
    return Found(name, factor, rest.get(X_ALONE, zero), rest.get((), zero))


def _is_selu(alpha: float, factor: Array) -> bool:
    return math.isclose(alpha, SELU_ALPHA, rel_tol=1e-6) and bool(np.isclose(factor, SELU_SCALE, rtol=1e-6).all())


@functools.cache
def _spellings() -> tuple[tuple[str, Formula], ...]:
    """Activations without parameters, each in all its spellings."""
    plain = ("relu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish", "hard_swish")
    found = [(name, call(name, X)) for name in plain]
    half, one = X * constant(0.5), constant(1.0)
    inner = (X + X * X * X * constant(0.044715)) * constant(math.sqrt(2 / math.pi))
    softplus = call("relu", X) + call("log", one + call("exp", call("abs", X) * constant(-1.0)))
    found += [
        ("gelu", half * (one + call("erf", X * constant(1 / math.sqrt(2))))),
        ("gelu_tanh", half * (one + call("tanh", inner))),
        ("silu", X * call("sigmoid", X)),
        ("softplus", softplus),
        ("mish", X * call("tanh", call("softplus", X))),
        ("mish", X * call("tanh", softplus)),
        ("hard_sigmoid", _hard_sigmoid(X)),
        ("hard_swish", X * _hard_sigmoid(X)),
    ]
    return tuple(found)


def _with_parameters(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """Activations whose parameter the formula tells: as one function, or as a sum of what is above and below 0."""
    for atom in formula.atoms.values():
        is_of_x = atom.name in ("leaky_relu", "elu") and atom.argument is not None and atom.argument.is_x
        if is_of_x and atom.numbers[0] >= 0:
            yield activations.get(f"{atom.name}({atom.numbers[0]!r})"), call(atom.name, X, *atom.numbers)
    low = call("low", X)
    above, below, curved = call("relu", X), low, call("exp", low)
    slope, alpha = (_ratio(formula, part, above) for part in (below, curved))
    if slope is not None:
        yield activations.get(f"leaky_relu({slope!r})"), above + below * constant(slope)
    if alpha is not None:
        yield activations.get(f"elu({alpha!r})"), above + (curved - constant(1.0)) * constant(alpha)


def _ratio(formula: Formula, part: Formula, other: Formula) -> float | None:
    """How much of one function there is for each of another, if it is the same number for all units."""
    value, of_other = (formula.terms.get(next(iter(item.terms))) for item in (part, other))
    if value is None or of_other is None:
        return None
    value, of_other = (np.atleast_1d(array) for array in np.broadcast_arrays(value, of_other))
    ratios = value[of_other != 0] / of_other[of_other != 0]
    is_one = np.allclose(ratios, ratios[0], rtol=_SAME, atol=0) and not value[of_other == 0].any()
    return float(ratios[0]) if is_one and ratios[0] >= 0 else None
