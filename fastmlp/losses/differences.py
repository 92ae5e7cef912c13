"""Losses of the difference between an output and its target."""

from dataclasses import dataclass

from .._base import check
from .._base import tables as t
from .base import Loss


@dataclass(frozen=True, repr=False)
class MeanSquaredError(Loss):
    """(y − t)², the mean over the units of a row. With several units, targets may be class numbers.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(32, activation="tanh"), fm.Dense(1)])
    >>> model.compile(loss="mse")
    """

    def code(self, activation: str) -> int:
        return t.SQUARED


@dataclass(frozen=True, repr=False)
class SumOfSquares(MeanSquaredError):
    """Residual sum of squares: Σ (y − t)² over the units of a row.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(2)])
    >>> model.compile(loss="rss")
    """

    def share(self, units: int) -> float:
        return 1.0


@dataclass(frozen=True, repr=False)
class HalfSquaredError(SumOfSquares):
    """½ Σ (y − t)² over the units of a row: what scikit-learn's MLPRegressor descends on.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(2)])
    >>> model.compile(loss="half_squared_error")
    """

    def share(self, units: int) -> float:
        return 0.5


@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(Loss):
    """|y − t|, the mean over the units of a row.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="mae")
    """

    def code(self, activation: str) -> int:
        return t.ABSOLUTE


@dataclass(frozen=True, repr=False)
class MeanAbsolutePercentageError(Loss):
    r"""100 \|y − t\| / \|t\|, the mean over the units of a row: errors in percent of the targets.

    Targets nearer to 0 than 1e-7 divide by 1e-7, so an error of 1 at a target of 0 costs 1e9, and outweighs all other
    rows. Use another loss if targets may be 0 or near it.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="mape")
    """

    def code(self, activation: str) -> int:
        return t.ABSOLUTE_PERCENTAGE


@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """(y − t)²/2 up to a difference of ``delta``, and linear beyond, so that outliers count less.

    Parameters
    ----------
    delta : float, default 1.0

    References
    ----------
    Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss=fm.losses.Huber(delta=0.5))
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "delta", check.real_number(self.delta, "delta", above=0))

    def code(self, activation: str) -> int:
        return t.HUBER

    def alpha(self) -> float:
        return self.delta


@dataclass(frozen=True, repr=False)
class LogCosh(Loss):
    """log cosh(y − t): nearly (y − t)²/2 for small differences and |y − t| − log 2 for large ones.

    The mean over the units of a row. The gradient, tanh(y − t), has no bend anywhere, unlike that of `Huber`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="log_cosh")
    """

    def code(self, activation: str) -> int:
        return t.LOG_COSH


@dataclass(frozen=True, repr=False)
class Quantile(Loss):
    """``q`` times what an output is too low, or 1 − ``q`` times what it is too high.

    Predictions tend to the q-quantile.

    Parameters
    ----------
    q : float, default 0.5
        Between 0 and 1; 0.5 gives the median.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss=fm.losses.Quantile(0.9))
    """

    q: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "q", check.real_number(self.q, "q", above=0, below=1))

    def code(self, activation: str) -> int:
        return t.QUANTILE

    def alpha(self) -> float:
        return self.q
