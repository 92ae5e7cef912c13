"""Raw tables for networks that begin with a `fastmlp.TableEncoder`: their labels, and what the encoder learns."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from .._base import check
from .._base.batches import Piece
from .._base.errors import ArgumentError
from ..tables.columns import Columns, columns_of, is_table, joined
from .network import Network

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


def learn_encoder(network: Network, table: Any) -> None:
    """Let the encoder learn from training rows, unless it has done so."""
    if not wants_encoder(network) or not isinstance(table, Columns):
        return
    encoder, known = network.encoder, network.data_known
    assert encoder is not None
    learned = encoder.learned(table, "x")
    network.data_known = dataclasses.replace(known, encoder=learned, feature_names=learned.encoding.names)


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
