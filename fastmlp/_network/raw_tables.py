"""Raw tables for networks that begin with a `fastmlp.TableEncoder`: their labels, and what the encoder learns."""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._base import check
from .._base.batches import Piece
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from ..tables.columns import Columns, columns_of, is_table, joined
from .network import Network

_ENOUGH = 20  # rows, so that a column does not equal the targets by chance
MOST_ROWS = 1 << 20  # of chunks or batches that an encoder learns from, because they stand in memory together


def apart(network: Network, x: Any, y: Any, name: str = "x") -> tuple[Any, Any]:
    """The columns of a table and the targets, if the network reads tables; ``y`` may name the column that holds them.

    Other data stay as they are. The code that reads features refuses what is no table.
    """
    if not network.reads_tables or not is_table(x):
        return x, y
    table = columns_of(x, name)
    if not isinstance(y, str):
        return table, y
    if y not in table:
        raise ArgumentError(f"y names the column {y!r:.60}, which {name} does not have: it has {check.some(table)}")
    return table.without([y]), table[y]


def wants_encoder(network: Network) -> bool:
    """Whether its encoder has not learned from a table yet."""
    return network.reads_tables and network.data_known.encoder is None


def learn_encoder(network: Network, table: Any, y: Any = None) -> None:
    """Let the encoder learn from training rows, unless it has done so; warn of a column that repeats the targets."""
    if not wants_encoder(network) or not isinstance(table, Columns):
        return
    _warn_of_targets(table, y)
    encoder, known = network.encoder, network.data_known
    assert encoder is not None
    learned = encoder.learned(table, "x")
    network.data_known = dataclasses.replace(known, encoder=learned, feature_names=learned.encoding.names)


def _warn_of_targets(table: Columns, y: Any) -> None:
    """Warn the caller of `fit` of a column that equals the targets, of which there may be more or fewer."""
    with contextlib.suppress(ArgumentTypeError):  # the code that reads targets reports the error
        targets = check.array_of([] if y is None else y, "y")
        if targets.ndim == 1 and min(len(targets), table.rows) >= _ENOUGH:
            _warn_of_equal(table, targets, min(len(targets), table.rows))


def _warn_of_equal(table: Columns, targets: Array, count: int) -> None:
    for column, values in table.items():
        if values.dtype.kind != "M" and values[0] == targets[0] and np.array_equal(values[:count], targets[:count]):
            warnings.warn(
                f"the column {column!r:.60} of x holds the targets y, so that the network learns to copy them: give "
                f"y={column!r:.60} instead, which takes the column away, or drop it",
                UserWarning,
                stacklevel=8,
            )


def joined_pieces(pieces: Iterable[Piece], network: Network) -> Columns:
    """The first rows of chunks or batches as one table, without the columns of targets."""
    parts: list[Columns] = []
    rows = 0
    for piece in pieces:
        x, _ = apart(network, piece.x, piece.y, piece.names[0])
        parts.append(columns_of(x, piece.names[0]))
        rows += parts[-1].rows
        if rows >= MOST_ROWS:
            break
    return joined(parts)
