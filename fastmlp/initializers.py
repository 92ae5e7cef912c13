"""Initial values of weights and biases.

A counter-based generator with the key (seed, tensor) draws the values, so they depend on nothing else.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ._base import check
from ._base.errors import ArgumentTypeError
from ._base.types import Array

__all__ = [
    "Initializer",
    "constant",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "random_normal",
    "random_uniform",
    "zeros",
]


@dataclass(frozen=True)
class Initializer:
    """A rule for initial values; ``draw`` makes them.

    ``scale`` times a bound computed from the tensor's shape is the standard deviation of a normal distribution,
    or the half-width of a uniform one.

    Parameters
    ----------
    name : str
        ``"he_normal"``, ``"glorot_uniform"`` or another of the rules below.
    scale : float, default 1
        Above 0; for ``"ones"`` any number.
    """

    name: str
    scale: float = 1.0

    def __post_init__(self) -> None:
        check.choice(self.name, "initializer", RULES)
        object.__setattr__(self, "scale", _checked_scale(self.name, self.scale, "scale"))

    def draw(self, shape: tuple[int, ...], dtype: np.dtype[Any], seed: int, tensor: int) -> Array:
        """Draw values for a tensor of shape (fan_in, units), or (units,) for a bias."""
        generator = np.random.Generator(np.random.Philox(key=(tensor << 64) + seed))
        values = RULES[self.name](generator, shape, self.scale, dtype)
        return np.ascontiguousarray(values, dtype)

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `get` reads it back."""
        return asdict(self)


def _checked_scale(rule: str, scale: Any, name: str) -> float:
    """A factor above 0; for a constant, any number."""
    return check.real_number(scale, name, above=-1e30 if rule == "ones" else 0, below=1e30)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0], shape[-1]) if len(shape) == 2 else (1, shape[0])


def _normal(generator: np.random.Generator, shape: tuple[int, ...], deviation: float, dtype: Any) -> Array:
    values: Array = generator.standard_normal(shape, dtype=dtype) * dtype.type(deviation)
    return values


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], limit: float, dtype: Any) -> Array:
    values: Array = (generator.random(shape, dtype=dtype) * dtype.type(2) - dtype.type(1)) * dtype.type(limit)
    return values


def _spread(draw: Callable[..., Array], variance: Callable[[int, int], float]) -> Callable[..., Array]:
    """The rule whose values spread by ``scale`` times the root of a function of fan_in and units."""

    def rule(g: np.random.Generator, shape: tuple[int, ...], scale: float, dtype: Any) -> Array:
        return draw(g, shape, scale * variance(*_fans(shape)) ** 0.5, dtype)

    return rule


def _ones(g: np.random.Generator, shape: tuple[int, ...], scale: float, dtype: Any) -> Array:
    return np.full(shape, scale, dtype)


def _zeros(g: np.random.Generator, shape: tuple[int, ...], scale: float, dtype: Any) -> Array:
    return np.zeros(shape, dtype)


RULES: dict[str, Callable[..., Array]] = {
    "he_normal": _spread(_normal, lambda fan_in, units: 2 / fan_in),
    "he_uniform": _spread(_uniform, lambda fan_in, units: 6 / fan_in),
    "glorot_normal": _spread(_normal, lambda fan_in, units: 2 / (fan_in + units)),
    "glorot_uniform": _spread(_uniform, lambda fan_in, units: 6 / (fan_in + units)),
    "lecun_normal": _spread(_normal, lambda fan_in, units: 1 / fan_in),
    "lecun_uniform": _spread(_uniform, lambda fan_in, units: 3 / fan_in),
    "random_normal": _normal,
    "random_uniform": _uniform,
    "ones": _ones,
    "zeros": _zeros,
}

# Keras's spread for the two rules that ignore the shape
_DEFAULT_SCALE = {"random_normal": 0.05, "random_uniform": 0.05}


def he_normal() -> Initializer:
    """Normal with standard deviation √(2/fan_in): keeps the variance through ReLU layers (He et al., 2015)."""
    return Initializer("he_normal")


def he_uniform() -> Initializer:
    """Uniform within ±√(6/fan_in): the variance of `he_normal`."""
    return Initializer("he_uniform")


def glorot_normal() -> Initializer:
    """Normal with standard deviation √(2/(fan_in + units)) (Glorot and Bengio, 2010)."""
    return Initializer("glorot_normal")


def glorot_uniform() -> Initializer:
    """Uniform within ±√(6/(fan_in + units)): the variance of `glorot_normal`."""
    return Initializer("glorot_uniform")


def lecun_normal() -> Initializer:
    """Normal with standard deviation √(1/fan_in), which SELU needs (LeCun et al., 1998)."""
    return Initializer("lecun_normal")


def lecun_uniform() -> Initializer:
    """Uniform within ±√(3/fan_in): the variance of `lecun_normal`."""
    return Initializer("lecun_uniform")


def random_normal(stddev: float = 0.05) -> Initializer:
    """Normal with a fixed standard deviation.

    Parameters
    ----------
    stddev : float, default 0.05
        Above 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(8, kernel_initializer=fm.initializers.random_normal(0.01)).kernel_initializer
    Initializer(name='random_normal', scale=0.01)
    """
    return Initializer("random_normal", check.real_number(stddev, "stddev", above=0))


def random_uniform(limit: float = 0.05) -> Initializer:
    """Uniform within ±limit.

    Parameters
    ----------
    limit : float, default 0.05
        Above 0.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.random_uniform(0.1)
    Initializer(name='random_uniform', scale=0.1)
    """
    return Initializer("random_uniform", check.real_number(limit, "limit", above=0))


def constant(value: float) -> Initializer:
    """Set all values to one number, for biases.

    Parameters
    ----------
    value : float
        Between -1e30 and 1e30.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(1, bias_initializer=fm.initializers.constant(-2.0)).bias_initializer
    Initializer(name='ones', scale=-2.0)
    """
    return Initializer("ones", check.real_number(value, "value", above=-1e30, below=1e30))


def ones() -> Initializer:
    """Set all values to 1."""
    return Initializer("ones")


def zeros() -> Initializer:
    """Set all values to 0, for biases. Weights that start at 0 would all stay equal."""
    return Initializer("zeros")


def get(value: str | Initializer | dict[str, Any], name: str) -> Initializer:
    """An initialiser from its name, its configuration or itself."""
    if isinstance(value, Initializer):
        return value
    if isinstance(value, dict):
        rule = check.choice(value.get("name"), name, RULES)
        return Initializer(rule, _checked_scale(rule, value.get("scale", 1.0), f"{name} scale"))
    if isinstance(value, str):
        rule = check.choice(value, name, RULES)
        return Initializer(rule, _DEFAULT_SCALE.get(rule, 1.0))
    raise ArgumentTypeError(f"{name} must be a name or an Initializer, not {value!r}")
