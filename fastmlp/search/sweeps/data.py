"""The data of a sweep, which are checked once and shared by its runs."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..._base import check, naming, sparse
from ..._base.cached import cached_property
from ..._base.errors import ArgumentError, ArgumentTypeError
from ..._base.sparse import SparseRows
from ..._base.types import Array
from ..._engine import row_weights
from ..._network.inputs import warn_of_merged
from ..._network.reading import learn_names
from ...layers import Normalization
from ...model import Sequential
from ...tables.columns import Columns, columns_of, is_table
from .settings import digest

Part = tuple[Array | SparseRows, Array]


class SweepData:
    """Training rows and optional validation rows; the arguments are those of `fastmlp.sweep`.

    The column names are those of a data frame, or ``feature_names``.
    """

    def __init__(
        self, x: Any, y: Any, validation_data: Any, validation_split: float, feature_names: naming.Names | None = None
    ) -> None:
        share = check.real_number(validation_split, "validation_split", minimum=0, below=1)
        if validation_data is not None and share:
            raise ArgumentError("give validation_data or validation_split, not both")
        self._feature_names = naming.feature_names(x) if feature_names is None else feature_names
        self._tables: list[Columns] = []  # of the parts, for models that read raw tables
        self._refusal: Exception | None = None  # why other models cannot read them
        x, y = self._told_apart(x, y, "x")
        self._train = self._part(x, y, "x", "y")
        self._rows = len(self._train[0])
        self._validation: Part | None = None
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                raise ArgumentTypeError("validation_data must be a pair (x, y) of arrays")
            names = ("validation_data[0]", "validation_data[1]")
            x, y = validation_data
            x, y = self._told_apart(x, y, names[0])
            self._validation = self._part(x, y, *names, self._feature_names)
        elif share:
            self._train, self._validation = _split(self._train, share)
            kept = len(self._train[0])
            self._tables = [table.at(rows) for table in self._tables for rows in (slice(kept), slice(kept, None))]
        self._check_kinds()
        self._converted: dict[tuple[np.dtype[Any], bool], tuple[Part, Part | None]] = {}

    def _told_apart(self, x: Any, y: Any, name: str) -> tuple[Any, Any]:
        """Keep the columns of a raw table besides; its targets, if ``y`` names their column."""
        if not is_table(x):
            return x, y
        table = columns_of(x, name)
        if isinstance(y, str):
            if y not in table:
                raise ArgumentError(f"y names the column {y!r:.60}, which {name} does not have")
            y, table = table[y], table.without([y])
            x = table
        self._tables.append(table)
        return x, y

    def _part(self, x: Any, y: Any, x_name: str, y_name: str, known: naming.Names | None = None) -> Part:
        """Features and targets; a column of zeros stands for features that only models of raw tables read."""
        try:
            if not isinstance(x, (Columns, Mapping)):
                return _part(x, y, x_name, y_name, known)
            raise ArgumentTypeError(f"{x_name} is a raw table, which only models that begin with a TableEncoder read")
        except (ArgumentError, ArgumentTypeError) as error:
            if not self._tables:
                raise
            self._refusal = error
        rows = self._tables[-1].rows
        return _part(np.zeros((rows, 1)), y, x_name, y_name)

    @property
    def parts(self) -> list[Part]:
        """The training part, and the validation part if there is one."""
        return [self._train] if self._validation is None else [self._train, self._validation]

    @cached_property
    def digest(self) -> str:
        """A digest of the data and of their column names, which models learn too."""
        names = [] if self._feature_names is None else [np.array(self._feature_names, object)]
        raw = [] if self._refusal is None else [array for table in self._tables for array in _arrays_of(table)]
        return digest(*(array for x, y in self.parts for array in (*_arrays(x), y)), *names, *raw)

    def classes(self) -> int:
        """The width of an output layer for the labels; refuses a ``y`` without labels of classes."""
        labels = [y for _, y in self.parts]
        if self._are_texts():
            return len(np.unique(np.concatenate([y.ravel() for y in labels])))
        columns = [y.shape[1] for y in labels if y.ndim == 2 and y.shape[1] > 1]
        if columns:
            return int(max(columns))
        if all(y.dtype.kind in "biuf" and y.size and (y == np.floor(y)).all() for y in labels):
            found = naming.distinct(np.concatenate([y.ravel() for y in labels]))
            return max(2, found if isinstance(found, int) else len(found))
        raise ArgumentError(
            "layers holds widths alone, to which an output layer for classes is added, but y does not hold class "
            "numbers or one-hot rows: give all layers as objects, such as fastmlp.Dense(64, activation='relu')"
        )

    def weights(self, given: Any) -> tuple[Any, Any]:
        """Divide a ``sample_weight`` into the training part and the validation part.

        Weights of all rows are divided like the rows. Separate validation data have no weights.
        """
        if given is None:
            return None, None
        weights, kept = check.numbers(given, "sample_weight"), len(self._train[0])
        is_divided = weights.shape == (self._rows,) and kept < self._rows
        train, validation = (weights[:kept], weights[kept:]) if is_divided else (weights, None)
        for part, rows in ((train, kept), (validation, self._rows - kept)):
            if part is not None:
                row_weights.checked(part, rows)  # raises if they cannot be used
        return train, validation

    def name_for(self, model: Sequential) -> None:
        """Give a model the names of features and classes of all rows, because its own part may lack a class."""
        targets = [y for _, y in self.parts]
        is_one_each = all(y.ndim == 1 or y.shape[1:] == (1,) for y in targets)
        y = np.concatenate([y.ravel() for y in targets]) if is_one_each else targets[0]
        learn_names(model, self._feature_names, y)

    def _check_kinds(self) -> None:
        kinds = [naming.are_texts(y) for _, y in self.parts]
        if len(set(kinds)) > 1:
            came = ("texts", "numbers") if kinds[0] else ("numbers", "texts")
            raise ArgumentTypeError("y holds {}, but validation_data[1] holds {}".format(*came))

    def _are_texts(self) -> bool:
        return all(naming.are_texts(y) for _, y in self.parts)

    def convert(self, models: Iterable[Sequential]) -> None:
        """Convert the arrays that these models read: one copy for each dtype, or none; they must have one width.

        Only floats are converted here, and not for models that subtract their mean first. Each model decides whether
        whole numbers are pixels or numbers.
        """
        every = list(models)
        if any(model.reads_tables for model in every) and len(self._tables) < len(self.parts):
            raise ArgumentTypeError("x must be a raw table, such as a data frame, for models with a TableEncoder")
        if self._refusal is not None and not all(model.reads_tables for model in every):
            raise self._refusal
        for key in {_kind_of_reader(model) for model in every if not model.reads_tables}:
            (x, y), validation = self._train, self._validation
            rows = _as_read(x, "x", *key)
            if rows.dtype == key[0]:
                warn_of_merged(x, rows, self._feature_names, stacklevel=6)  # the caller of `sweep`
            if validation is not None:
                validation = (_as_read(validation[0], "validation_data[0]", *key, rows.shape[1]), validation[1])
            self._converted[key] = ((rows, y), validation)

    def for_model(self, model: Sequential) -> tuple[tuple[Any, Array], tuple[Any, Array] | None]:
        """The converted training and validation part for such a model."""
        if model.reads_tables:
            train, *validation = zip(self._tables, (y for _, y in self.parts), strict=True)
            return train, validation[0] if validation else None
        return self._converted[_kind_of_reader(model)]


def _arrays_of(table: Columns) -> list[Array]:
    """All that a table holds, for a digest."""
    return [np.array([*table, *sorted(table.categorical)], object), *table.values()]


def _kind_of_reader(model: Sequential) -> tuple[np.dtype[Any], bool]:
    """The dtype of a model, and whether its first layer subtracts the mean."""
    return model.dtype, bool(model.declarations) and isinstance(model.declarations[0], Normalization)


def _arrays(x: Array | SparseRows) -> tuple[Array, ...]:
    return (x.starts, x.column_numbers, x.values) if isinstance(x, SparseRows) else (x,)


def _as_read(
    x: Array | SparseRows, name: str, dtype: np.dtype[Any], is_centered: bool, width: int | None = None
) -> Array | SparseRows:
    if isinstance(x, SparseRows):
        found = sparse.rows_of(x, name, width).converted(dtype)
        sparse.refuse_non_finite(found, x, name)
        return found
    if x.dtype.kind == "f" and not is_centered:
        return check.features(x, name, dtype, width)
    rows = check.rows(x, name, width)
    return check.features(rows, name, rows.dtype) if rows.dtype.kind == "f" else rows


def _part(x: Any, y: Any, x_name: str, y_name: str, known: naming.Names | None = None) -> Part:
    features = sparse.rows_of(x, x_name) if sparse.is_sparse(x) else _dense(x, x_name, known)
    labels = naming.texts(y, y_name)
    labels = check.numbers(y, y_name) if labels is None else labels
    if labels.ndim == 0 or len(features) != len(labels):
        raise ArgumentError(
            f"{x_name} and {y_name} must have equally many rows, not the shapes {features.shape} and {labels.shape}"
        )
    return features, labels


def _dense(x: Any, name: str, known: naming.Names | None) -> Array:
    places = naming.places(x, known, name)
    features = check.rows(x, name)
    return features if places is None else features[:, places]


def _split(part: Part, share: float) -> tuple[Part, Part]:
    """Set the last rows aside, as `Sequential.fit` does."""
    x, y = part
    kept = len(x) - max(1, math.ceil(len(x) * share - 1e-9))
    if kept < 1:
        raise ArgumentError(f"validation_split={share} leaves none of the {len(x)} rows to train on")
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])
