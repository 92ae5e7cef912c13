"""`TableEncoder`: from a raw table to the features of a network."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, FastMLPError, NotBuiltError
from .._base.types import Array
from . import encoding, settings
from .columns import Columns, columns_of
from .encoding import Encoding
from .report import Report

_NAME = "TableEncoder"
_FLOATS = ("float32", "float64")


class TableEncoder:
    """Turns the columns of a raw table into numbers that a network can learn from.

    It learns from training rows what becomes of each column, by the column's values:

    - *numbers*, also texts such as ``" 4.5"``: minus the mean, over the standard deviation. Missing ones become the
      mean.
    - *True or False*: 1 and 0.
    - *categories* (other texts): one feature for each, 1 in its rows ("one-hot"). Rare ones share one feature with
      those that only later rows have; if no category is rare in training, later new ones are zeros.
    - *dates*, also texts such as ``"2024-02-29 06:30"``: the day as a number, and month, weekday and time of day.
    - If values are missing in training, a feature of its own marks such rows. If only later rows have missing values,
      these are encoded as above, and missing categories like new ones.
    - Columns that cannot help are left out: those that are constant or empty, numbers of rows, and texts that all
      differ. `report` says why.

    As the first element of a `fastmlp.Sequential`, it learns from the training rows of the first `fit`, and then
    `predict`, `evaluate` and files of the model read raw tables too. It also works in pipelines of scikit-learn.

    Parameters
    ----------
    numbers, categories, dates, drop : list of str
        Columns to read as such, or to leave out, whatever their values look like. Whole numbers are not categories
        unless you say so here, or the frame does by its type.
    scaling : {"standard", "quantiles"}, default "standard"
        "quantiles" turns numbers into normal scores by their rank among the training rows, for columns of wild scales
        or with outliers.
    fill : {"mean", "median"}, default "mean"
        What stands for a missing number.
    min_count : int, optional
        In how many training rows a category must occur to have a feature of its own. Default: 1 up to 100 rows, and
        then one in 500 rows, from 2 to 10.
    max_categories : int, default 100
        The most features of one column; its other categories count as rare.

    Notes
    -----
    A raw table is a frame of pandas or polars, a table of Arrow, a structured array, a dict of columns, or a list of
    dicts. Columns are found by name, in any order. Columns that training rows did not have, and those that were left
    out, are ignored, so that raw files with labels or names of rows can be read.

    Examples
    --------
    >>> import fastmlp as fm
    >>> people = {"age": [30, None, 20, 40], "city": ["Rome", "Oslo", "Rome", None]}
    >>> encoder = fm.TableEncoder()
    >>> encoder.fit_transform(people).round(2)
    array([[ 0.  ,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  1.  ,  0.  ,  0.  ],
           [-1.22,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 1.22,  0.  ,  0.  ,  0.  ,  1.  ]], dtype=float32)
    >>> list(encoder.get_feature_names_out())
    ['age', 'age missing', 'city=Oslo', 'city=Rome', 'city missing']
    >>> encoder.transform([{"city": "Lima", "age": "40"}]).round(2)
    array([[1.22, 0.  , 0.  , 0.  , 0.  ]], dtype=float32)
    """

    def __init__(
        self,
        *,
        numbers: Sequence[str] = (),
        categories: Sequence[str] = (),
        dates: Sequence[str] = (),
        drop: Sequence[str] = (),
        scaling: str = "standard",
        fill: str = "mean",
        min_count: int | None = None,
        max_categories: int = 100,
    ) -> None:
        self.numbers, self.categories, self.dates, self.drop = numbers, categories, dates, drop
        self.scaling, self.fill = scaling, fill
        self.min_count, self.max_categories = min_count, max_categories
        self._encoding: Encoding | None = None
        settings.checked(self.get_params())

    # ------------------------------------------------------------ learning and applying

    def fit(self, table: Any, y: Any = None) -> TableEncoder:
        """Learn what becomes of each column.

        Parameters
        ----------
        table : raw table
            Training rows.
        y
            Not used; pipelines of scikit-learn give it.

        Returns
        -------
        TableEncoder
            Itself.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If the table has no column to learn from, a column is named that it does not have, or a value is of another
            kind than you said.
        """
        self._encoding = self._learned(table, "table")
        return self

    def transform(self, table: Any) -> Array:
        """Encode the rows of a table.

        Returns
        -------
        ndarray of float32, shape (rows, features)

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If a column is missing that gives features, or a value is of another kind than in training.
        NotBuiltError
            Before `fit`.
        """
        return self.features(table, np.dtype(np.float32), "table")

    def fit_transform(self, table: Any, y: Any = None) -> Array:
        """Learn from a table, and encode its rows."""
        plain = columns_of(table, "table")
        return self.fit(plain).transform(plain)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the features, such as ``"age"``, ``"age missing"`` and ``"city=Rome"``."""
        return np.array(self.encoding.names, object)

    def report(self) -> Report:
        """Return a table that says what became of each column.

        Examples
        --------
        >>> import fastmlp as fm
        >>> print(fm.TableEncoder().fit({"age": [31, 40, None], "country": ["Italy"] * 3}).report())
        column   kind      features  missing  what becomes of it
        age      numbers          2   33.3 %  35.5 ± 4.5 becomes mean 0, deviation 1
        country  left out         0           always 'Italy'
        2 columns of 3 rows give 2 features
        """
        return Report(self.encoding)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return self.encoding.columns

    @property
    def is_fitted(self) -> bool:
        """Whether it has learned from a table."""
        return self._encoding is not None

    # ------------------------------------------------------------ for networks

    @property
    def encoding(self) -> Encoding:
        """What it has learned."""
        if self._encoding is None:
            raise NotBuiltError("the encoder has not learned from a table yet: call fit(table) first")
        return self._encoding

    def _learned(self, table: Any, name: str) -> Encoding:
        return encoding.learned(columns_of(table, name), settings.checked(self.get_params()), name)

    def learned(self, table: Columns, name: str) -> TableEncoder:
        """A copy that has learned from a table."""
        new = copy.copy(self)
        new._encoding = self._learned(table, name)
        return new

    def features(self, table: Any, dtype: np.dtype[Any], name: str) -> Array:
        """The encoded rows of a table, which messages call ``name``."""
        columns = columns_of(table, name)
        return self.encoding.features(columns, dtype, name)

    # ------------------------------------------------------------ settings, files and pickles

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments, as scikit-learn wants it."""
        return {name: getattr(self, name) for name in self.__init__.__kwdefaults__}  # type: ignore[misc]

    def set_params(self, **params: Any) -> TableEncoder:
        """Change arguments, for the next `fit`."""
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ArgumentError(
                    f"TableEncoder has no parameter {name!r:.60}: its parameters are {', '.join(known)}"
                )
        settings.checked({**known, **params})
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def config(self) -> dict[str, Any]:
        """Return arguments and what was learned as a JSON-ready dict, of which `from_config` makes the same encoder.

        Examples
        --------
        >>> import json
        >>> import fastmlp as fm
        >>> encoder = fm.TableEncoder(fill="median").fit({"age": [31, 40, None]})
        >>> twin = fm.TableEncoder.from_config(json.loads(json.dumps(encoder.config())))
        >>> twin.transform({"age": [None]}).tolist() == encoder.transform({"age": [None]}).tolist()
        True
        """
        arguments = self.get_params()
        for kind in settings.LISTS:
            arguments[kind] = [str(name) for name in arguments[kind]]
        learned = None if self._encoding is None else self._encoding.config()
        return {"type": _NAME, **arguments, "learned": learned}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TableEncoder:
        """Make an encoder from the result of `config`."""
        if not isinstance(config, Mapping) or config.get("type") != _NAME:
            raise ArgumentError(f"config must be what TableEncoder.config() gives, not {config!r:.60}")
        arguments = {name: value for name, value in config.items() if name not in ("type", "learned")}
        missing = set(cls().get_params()) ^ set(arguments)
        if missing or "learned" not in config:
            raise ArgumentError(f"config has other keys than TableEncoder.config(): {check.some(sorted(missing))}")
        new = cls(**arguments)
        try:
            new._encoding = None if config["learned"] is None else encoding.from_config(config["learned"])
        except FastMLPError:
            raise
        except Exception as error:  # wrong types of values fail in many ways; none of them is our bug
            raise ArgumentError(f"config is not what TableEncoder.config() gives: {error!s:.200}") from error
        return new

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config()}  # plain values, whatever the modules of a later version are called

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(vars(type(self).from_config(state["config"])))

    def __copy__(self) -> TableEncoder:
        new = type(self)(**self.get_params())
        new._encoding = self._encoding
        return new

    def __repr__(self) -> str:
        usual = self.__init__.__kwdefaults__  # type: ignore[misc]
        given = [f"{name}={value!r}" for name, value in self.get_params().items() if value != usual[name]]
        return f"{_NAME}({', '.join(given)})"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, TableEncoder) and self.config() == other.config()

    __hash__ = None  # type: ignore[assignment]

    # ------------------------------------------------------------ what scikit-learn asks

    @property
    def feature_names_in_(self) -> Array:
        """The columns that it reads, by the name that scikit-learn has for them."""
        if self._encoding is None:
            raise AttributeError("feature_names_in_ is there after fit(table)")
        return np.array(self.columns, object)

    def __sklearn_is_fitted__(self) -> bool:
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of the steps of its pipelines."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="transformer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]),
            input_tags=InputTags(string=True, categorical=True, allow_nan=True),
        )
