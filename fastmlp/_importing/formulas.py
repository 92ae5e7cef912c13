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
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .. import activations
from .._base.types import Array

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


# ---------------------------------------------------------------- what formulas are activations


def _gelu_tanh() -> Formula:
    inner = (X + X * X * X * constant(0.044715)) * constant(math.sqrt(2 / math.pi))
    return X * constant(0.5) * (constant(1.0) + call("tanh", inner))


def _hard_sigmoids() -> list[Formula]:
    sixth = constant(1 / 6)
    return [
        call("hard_sigmoid", X, 1 / 6, 0.5),
        call("clip", X * sixth + constant(0.5), 0.0, 1.0),
        call("clip", X + constant(3.0), 0.0, 6.0) * sixth,
    ]


def _softplus() -> Formula:
    small = call("exp", call("abs", X) * constant(-1.0))
    return call("relu", X) + call("log", constant(1.0) + small)


def _spellings() -> dict[str, list[Formula]]:
    """Formulas of activations without parameters."""
    plain = ("relu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish", "hard_swish")
    found = {name: [call(name, X)] for name in plain}
    half = X * constant(0.5)
    found["relu"] += [call("clip", X, 0.0, math.inf)]
    found["gelu"] += [half * (constant(1.0) + call("erf", X * constant(1 / math.sqrt(2))))]
    found["gelu_tanh"] += [_gelu_tanh()]
    found["silu"] += [X * call("sigmoid", X)]
    found["softplus"] += [_softplus()]
    found["mish"] += [X * call("tanh", softplus) for softplus in found["softplus"]]
    found["hard_sigmoid"] = _hard_sigmoids()
    found["hard_swish"] += [X * formula for formula in _hard_sigmoids()]
    return found


@functools.cache
def _by_key() -> dict[str, str]:
    return {formula.key: name for name, formulas in _spellings().items() for formula in formulas}


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def activation_of(formula: Formula) -> tuple[str, Array, Array] | None:
    """The activation, factor and offset, if a formula is factor · activation(x) + offset."""
    for factor in _factors(formula):
        for offset in (np.zeros(()), formula.terms.get((), np.zeros(()))):
            rest = (formula - constant(offset)) * constant(1 / factor)
            name = _by_key().get(rest.key) or _with_parameter(rest)
            if name is not None:
                return ("selu", np.ones(()), offset) if _is_selu(name, factor) else (name, factor, offset)
    return None


def _is_selu(name: str, factor: Array) -> bool:
    alpha = activations.parameters(name).get("alpha", 0.0)
    is_scaled = bool(np.isclose(factor, _SELU_SCALE, rtol=1e-6).all())
    return name.startswith("elu") and math.isclose(alpha, _SELU_ALPHA, rel_tol=1e-6) and is_scaled


def _factors(formula: Formula) -> Iterable[Array]:
    """What the whole formula may be a multiple of."""
    yield np.ones(())
    for monomial, value in formula.terms.items():
        if monomial and (value != 0).all():
            yield value
            yield value * 2.0
            yield value * 6.0


def _with_parameter(formula: Formula) -> str | None:
    """An activation with a parameter, spelled as one function or as a sum of two."""
    only = formula.only()
    if only is not None and only[0].argument is not None and only[0].argument.is_x and formula.key == _plain(only[0]):
        numbers = only[0].numbers
        if only[0].name in ("leaky_relu", "elu") and numbers[0] >= 0:
            return activations.get(f"{only[0].name}({numbers[0]!r})")
    return _sum_of_sides(formula)


def _plain(atom: Atom) -> str:
    return f"1*{atom.key}^1"


def _sum_of_sides(formula: Formula) -> str | None:
    """Relu(x) + slope · min(x, 0), or relu(x) + alpha · (exp(min(x, 0)) − 1)."""
    low = call("low", X)
    above, below, curved = (next(iter(f.terms)) for f in (call("relu", X), low, call("exp", low)))
    found = {monomial: float(v) for monomial, v in formula.terms.items() if v.size == 1}
    if len(found) != len(formula.terms) or not math.isclose(found.get(above, 0.0), 1, rel_tol=1e-6):
        return None
    if set(found) == {above, below} and found[below] >= 0:
        return activations.get(f"leaky_relu({found[below]!r})")
    is_elu = set(found) == {above, curved, ()} and math.isclose(found[()], -found[curved], rel_tol=1e-5)
    return activations.get(f"elu({found[curved]!r})") if is_elu and found[curved] >= 0 else None
