"""Initial values of weights and biases.

A counter-based generator with the key (seed, tensor) draws the values, so they depend on nothing else.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ._base import check, keras, seeds
from ._base.errors import ArgumentError, ArgumentTypeError, NotAvailableError
from ._base.types import Array

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "VarianceScaling",
    "Zeros",
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
    seed : int, optional
        Takes the place of the model's seed.
    """

    name: str
    scale: float = 1.0
    seed: int | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        check.choice(self.name, "initializer", RULES)
        object.__setattr__(self, "scale", _checked_scale(self.name, self.scale, "scale"))
        if self.seed is not None:
            object.__setattr__(self, "seed", check.whole_number(self.seed, "seed", minimum=0))

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Initializer", cls)

    def __call__(self, shape: Any, dtype: Any = "float32") -> Array:
        """Draw values of a shape, for a look at them: with a seed always the same, otherwise new ones in each call.

        Examples
        --------
        >>> from fastmlp import initializers
        >>> initializers.HeNormal(seed=1)((3, 4)).shape
        (3, 4)
        """
        sizes = tuple(check.whole_number(size, "shape", minimum=1) for size in check.items(shape, "shape", "numbers"))
        if len(sizes) not in (1, 2):
            raise ArgumentError(f"shape must be (fan_in, units) or (units,), not {sizes}")
        return self.draw(sizes, np.dtype(dtype or "float32"), seeds.fresh() if self.seed is None else self.seed, 0)

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def draw(self, shape: tuple[int, ...], dtype: np.dtype[Any], seed: int, tensor: int) -> Array:
        """Draw values for a tensor of shape (fan_in, units), or (units,) for a bias."""
        rule, seed = RULES[self.name], seed if self.seed is None else self.seed
        if rule in (_ones, _zeros):  # to make a generator takes longer than all else, and most biases begin at 0
            return rule(None, shape, self.scale, dtype)
        generator = np.random.Generator(np.random.Philox(key=(tensor << 64) + seed))
        return np.ascontiguousarray(rule(generator, shape, self.scale, dtype), dtype)

    def config(self) -> dict[str, Any]:
        """A JSON-ready description, with the seed if there is one; `get` reads it back."""
        return {name: value for name, value in asdict(self).items() if value is not None}


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


def _ones(g: None, shape: tuple[int, ...], scale: float, dtype: Any) -> Array:
    return np.full(shape, scale, dtype)


def _zeros(g: None, shape: tuple[int, ...], scale: float, dtype: Any) -> Array:
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


def he_normal(seed: int | None = None) -> Initializer:
    """Normal with standard deviation √(2/fan_in): keeps the variance through ReLU layers (He et al., 2015)."""
    return Initializer("he_normal", seed=seed)


def he_uniform(seed: int | None = None) -> Initializer:
    """Uniform within ±√(6/fan_in): the variance of `he_normal`."""
    return Initializer("he_uniform", seed=seed)


def glorot_normal(seed: int | None = None) -> Initializer:
    """Normal with standard deviation √(2/(fan_in + units)) (Glorot and Bengio, 2010)."""
    return Initializer("glorot_normal", seed=seed)


def glorot_uniform(seed: int | None = None) -> Initializer:
    """Uniform within ±√(6/(fan_in + units)): the variance of `glorot_normal`."""
    return Initializer("glorot_uniform", seed=seed)


def lecun_normal(seed: int | None = None) -> Initializer:
    """Normal with standard deviation √(1/fan_in), which SELU needs (LeCun et al., 1998)."""
    return Initializer("lecun_normal", seed=seed)


def lecun_uniform(seed: int | None = None) -> Initializer:
    """Uniform within ±√(3/fan_in): the variance of `lecun_normal`."""
    return Initializer("lecun_uniform", seed=seed)


def random_normal(stddev: float = 0.05, *, mean: float = 0.0, seed: int | None = None) -> Initializer:
    """Normal with a fixed standard deviation.

    Parameters
    ----------
    stddev : float, default 0.05
        Above 0.
    mean : float, default 0
        Only 0.
    seed : int, optional
        As in `Initializer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(8, kernel_initializer=fm.initializers.random_normal(0.01)).kernel_initializer
    Initializer(name='random_normal', scale=0.01)
    """
    if mean != 0:
        raise ArgumentError(f"mean must be 0, as initial weights are centred, not {mean!r:.60}")
    return Initializer("random_normal", check.real_number(stddev, "stddev", above=0), seed=seed)


def random_uniform(
    limit: float = 0.05, *, minval: float | None = None, maxval: float | None = None, seed: int | None = None
) -> Initializer:
    """Uniform within ±limit.

    Parameters
    ----------
    limit : float, default 0.05
        Above 0.
    minval, maxval : float, optional
        The bounds as Keras spells them: ``minval`` must be −``maxval``.
    seed : int, optional
        As in `Initializer`.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.random_uniform(0.1)
    Initializer(name='random_uniform', scale=0.1)
    """
    if minval is not None or maxval is not None:
        limit = limit if maxval is None else maxval
        if minval != -limit and not (minval is None and limit == 0.05):
            raise ArgumentError(f"minval must be -maxval, as initial weights are centred, not {minval!r:.60}")
    return Initializer("random_uniform", check.real_number(limit, "limit", above=0), seed=seed)


def constant(value: float = 0.0) -> Initializer:
    """Set all values to one number, for biases.

    Parameters
    ----------
    value : float, default 0
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


# ---------------------------------------------------------------- as Keras spells them

HeNormal, HeUniform = he_normal, he_uniform
GlorotNormal, GlorotUniform = glorot_normal, glorot_uniform
LecunNormal, LecunUniform = lecun_normal, lecun_uniform
Constant, Ones, Zeros = constant, ones, zeros


def RandomNormal(mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> Initializer:  # noqa: N802
    """`random_normal`, with Keras's order of arguments.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.RandomNormal(mean=0.0, stddev=0.01)
    Initializer(name='random_normal', scale=0.01)
    """
    return random_normal(stddev, mean=mean, seed=seed)


def RandomUniform(minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> Initializer:  # noqa: N802
    """`random_uniform`, with Keras's arguments; ``minval`` must be −``maxval``.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.RandomUniform(-0.1, 0.1)
    Initializer(name='random_uniform', scale=0.1)
    """
    return random_uniform(minval=minval, maxval=maxval, seed=seed)


def VarianceScaling(  # noqa: N802
    scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None
) -> Initializer:
    """Normal or uniform with a variance of ``scale`` divided by the number of inputs, or by the mean of both numbers.

    Parameters
    ----------
    scale : float, default 1
        Above 0.
    mode : {"fan_in", "fan_avg"}, default "fan_in"
    distribution : {"truncated_normal", "normal", "untruncated_normal", "uniform"}
        All three normal ones are drawn without truncation.
    seed : int, optional

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.VarianceScaling(4.0, "fan_in", "uniform")
    Initializer(name='lecun_uniform', scale=2.0)
    """
    stem = {"fan_in": "lecun", "fan_avg": "glorot"}[check.choice(mode, "mode", ("fan_in", "fan_avg"))]
    kinds = ("normal", "truncated_normal", "untruncated_normal", "uniform")
    kind = check.choice(distribution, "distribution", kinds).rpartition("_")[2]
    return Initializer(f"{stem}_{kind}", check.real_number(scale, "scale", above=0) ** 0.5, seed=seed)


_ALIASES = {"normal": "random_normal", "uniform": "random_uniform", "one": "ones", "zero": "zeros"}


def get(value: Any, name: str) -> Initializer:
    """An initialiser from its name, its configuration, itself, or the function of this module that makes it."""
    if isinstance(value, Initializer):
        return value
    if isinstance(value, dict):
        rule = check.choice(value.get("name"), name, RULES)
        return Initializer(rule, _checked_scale(rule, value.get("scale", 1.0), f"{name} scale"), seed=value.get("seed"))
    if isinstance(value, str):
        return _named(value, name)
    if callable(value) and getattr(value, "__module__", "") == __name__:
        return get(value(), name)
    raise ArgumentTypeError(f"{name} must be a name or an Initializer, not {value!r}")


@functools.cache
def _named(value: str, name: str) -> Initializer:
    """From a name, which may be spelled as Keras's class: "HeNormal"."""
    text = re.sub("(?<=[a-z])(?=[A-Z])", "_", value).lower()
    text = _ALIASES.get(text, text)
    if text == "truncated_normal":
        raise ArgumentError(f"{name} cannot be {value!r}: use 'random_normal', whose tails are not cut")
    if text == "variance_scaling":
        raise ArgumentError(
            f"{name} cannot be {value!r}: use 'glorot_uniform', or VarianceScaling(...) with its settings"
        )
    rule = keras.choice(text if text in RULES else value, name, RULES, "initializers")
    return Initializer(rule, _DEFAULT_SCALE.get(rule, 1.0))


def __getattr__(name: str) -> Any:
    if name in ("TruncatedNormal", "truncated_normal"):
        raise NotAvailableError(f"{__name__} has no {name}: use RandomNormal, whose tails are not cut")
    others = {"normal": RandomNormal, "uniform": RandomUniform, "variance_scaling": VarianceScaling}
    if name in others:
        return others[name]
    raise keras.lack(__name__, name)
