"""Sets the statistics of a first Normalization, from the first data or from the user."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from .._base import check, columns
from .._base.batches import Piece
from .._base.errors import ArgumentError
from .._base.sparse import SparseRows
from .._base.types import Array
from ..layers import Layer, Normalization, Residual, leaves
from .inputs import Inputs
from .network import Network


def wants_statistics(network: Network) -> bool:
    """Whether the first layer is a Normalization without statistics; another layer must not be one."""
    if not any(isinstance(layer, (Normalization, Residual)) for layer in network.declarations):
        return False
    unknown = [layer for layer in leaves(network.declarations) if _is_unknown(layer)]
    is_first = bool(unknown) and unknown[0] is network.declarations[0]
    if len(unknown) > is_first:
        raise ArgumentError(
            "a Normalization that is not the first layer must be given its statistics, with adapt(), before fit()"
        )
    return is_first


def adapt(network: Network, parts: Iterable[Array | SparseRows], *, are_pixels: bool, name: str = "x") -> bool:
    """Give a first Normalization without statistics those of ``rows``; returns whether it did.

    The statistics are measured in the rows' own precision. The declaration is replaced, not changed, because it may
    belong to other networks too.
    """
    if not wants_statistics(network):
        return False
    layer = network.declarations[0]
    assert isinstance(layer, Normalization)
    found = columns.measured(_finite(block, name) for rows in parts for block in _blocks(rows))
    adapted = layer.learned(found, network.uint8_scale if are_pixels else 1.0)
    if network.has_engine:
        write_first_statistics(network, adapted.mean, adapted.variance)
    network.declare([adapted, *network.declarations[1:]])
    return True


def rows_of(inputs: Inputs, pieces: Iterable[Piece]) -> Iterator[Array | SparseRows]:
    """The rows of chunks or batches, which all have the width of the first."""
    for piece in pieces:
        rows = inputs.rows(piece.x, piece.names[0])
        inputs = dataclasses.replace(inputs, width=rows.shape[1])
        yield rows


def _blocks(rows: Array | SparseRows) -> Iterable[Array]:
    return rows.dense_blocks() if isinstance(rows, SparseRows) else [rows]


def _finite(rows: Array, name: str) -> Array:
    if rows.dtype.kind == "f":
        check.refuse_non_finite(rows, rows, name)
    return rows


def first_statistics(network: Network) -> tuple[Array, Array] | None:
    """Mean and variance of a first Normalization that was declared without statistics, once the network is built."""
    if not network.has_engine or not network.declarations or not _is_unknown(network.declarations[0]):
        return None
    return network.tensor_values(0, "mean"), network.tensor_values(0, "variance")


def set_first_statistics(network: Network, mean: Any, variance: Any) -> None:
    """Give a first layer that is a Normalization its mean and variance; `fit` takes none from its data then."""
    write_first_statistics(network, mean, variance)
    network.note_statistics(0, mean=mean, variance=variance)


def write_first_statistics(network: Network, mean: Any, variance: Any) -> None:
    """Write only the tensors of a first layer that is a Normalization, not its declaration."""
    if not network.declarations or not isinstance(network.declarations[0], Normalization):
        first = type(network.declarations[0]).__name__ if network.declarations else "missing"
        raise ArgumentError(
            f"the first layer must be a Normalization to have statistics of features, but it is {first}: begin the "
            "layers with fastmlp.Normalization()"
        )
    given = {"mean": mean, "variance": variance}
    network.write_tensors((network.find_tensor(0, name), value, name) for name, value in given.items())


def _is_unknown(layer: Layer) -> bool:
    return isinstance(layer, Normalization) and layer.mean is None
