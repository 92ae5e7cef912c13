"""A prepared run of training: its data, its history, and what follows from them."""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._base import check
from .._base.batches import Batches, Piece
from .._base.classes import to_stratify_by
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.sparse import SparseRows
from .._base.types import Array, Integers
from .._engine import row_weights, targets
from .._engine.engine import Data, Engine
from .._engine.row_weights import ScaledSoFar
from .._network import adapting, raw_tables
from .._network.chunks import ChunkSource, opened, pieces, survey
from .._network.history import History
from .._network.inputs import Inputs, warn_of_merged
from .._network.network import Network, WantedTargets
from .._network.reading import learn_from, weighted, with_targets
from .._network.scoring import Scoring
from ..callbacks.base import Model
from ..optimizers import Optimizer
from ..tables.columns import Columns, rows_at
from .request import Request


@dataclass
class Run:
    """All that a trainer needs."""

    network: Network
    model: Model  # the same object, as callbacks see it
    request: Request
    history: History
    first_epoch: int
    data: Data  # for training; or the first chunk or batch
    validation: Data | ChunkSource | None
    batch_size: int  # at most the number of rows, unless data come in chunks
    scoring: Scoring
    engine: Engine
    classes: Integers | None = None  # of the training rows, if batches are drawn by class
    stream: Iterable[Piece] = field(default=())  # the chunks or batches of the first epoch
    scale: ScaledSoFar = field(default_factory=ScaledSoFar)  # of their weights

    @property
    def source(self) -> ChunkSource:
        """The source of chunks or batches."""
        assert self.request.source is not None
        return self.request.source

    def opening(self) -> Iterator[Data]:
        """The chunks of the first epoch, read and checked."""
        return map(self._chunk, self.stream)

    def chunks(self, epoch: int) -> Iterator[Data]:
        """The chunks of a later epoch."""
        return map(self._chunk, pieces(self.source, epoch, shuffle=bool(self.request.shuffle), seed=self.network.seed))

    def _chunk(self, piece: Piece) -> Data:
        network, inputs = self.network, self.network.reader()
        x, y = raw_tables.apart(network, piece.x, piece.y, piece.names[0])
        rows = inputs.rows(x, piece.names[0])
        kind = inputs.learned(rows)  # of all chunks: floats may follow whole numbers
        if kind != network.input_kind:
            network.input_kind = kind
        inputs = dataclasses.replace(inputs, kind=kind)
        data = with_targets(network.wanted_targets(), inputs.converted(rows, piece.names[0]), y, piece.names)
        return weighted(network.wanted_targets(), data, piece.weights, self.request.class_weight, self.scale)


def prepared(network: Network, model: Model, request: Request, optimizer: Optimizer) -> Run:
    """Read the data, learn names, labels and statistics, and build the network."""
    if request.seed is not None:
        network.seed = request.seed
    history, first_epoch = _begin_history(network, request)
    x, y = request.x, request.y
    stream: Iterator[Piece] = iter(())
    if request.source is not None:
        if adapting.wants_statistics(network) or raw_tables.wants_encoder(network):
            survey(request.source, 0, 0)  # which is refused before anything is read
        first, stream = _opened(network, request.source, request)
        x, y = first.x, first.y
    to_learn_from, kept = None, None
    if network.reads_tables:
        x, y, to_learn_from, kept = _table(network, request, x, y)
    rows, inputs, wanted = learn_from(network, x, y, to_learn_from)
    if request.stratify and kept is None:
        rows, y, request.sample_weight, kept = _divided(rows, y, request, network.seed)
    elif kept is None:
        kept = _kept(len(rows), request.validation_split)
    if _adapt(network, request, inputs, rows[:kept]):
        inputs = network.reader()
        if request.source is not None:  # again, because the statistics needed a pass through them
            _, stream = _opened(network, request.source, request)
    train, validation = _data(network, request, (inputs, wanted), (rows, y), kept)
    warn_of_merged(rows[:kept], train.x, inputs.names, stacklevel=5)
    if validation is None and request.validation_batches is not None:
        raise ArgumentError("validation_batches needs validation_data or validation_split")
    scoring = network.scoring
    if request.source is None:  # a chunk may lack labels that others have
        scoring.check(train)
        if isinstance(validation, Data):
            scoring.check(validation, "validation_data")
    network.build(train.width)  # which a subclass may extend
    engine = network.engine
    takes_all = optimizer.needs_all_rows or (request.source is None and request.batch_size > train.rows)
    takes_all = takes_all or isinstance(request.source, Batches)
    batch_size = train.rows if takes_all else request.batch_size
    wish = f"shuffle={request.shuffle!r}"
    is_by_class = isinstance(request.shuffle, str)
    classes = targets.classes_of_rows(train.labels, train.targets, wish) if is_by_class else None
    run = (network, model, request, history, first_epoch, train, validation, batch_size, scoring, engine, classes)
    return Run(*run, stream)


def _table(network: Network, request: Request, x: Any, y: Any) -> tuple[Any, Any, Columns | None, int | None]:
    """A table and its targets, what an encoder learns from, and how many rows are for training, if they come first."""
    x, y = raw_tables.apart(network, x, y)
    if not request.stratify or not isinstance(x, Columns):
        return x, y, _for_encoder(network, request, x, None), None
    x, y, request.sample_weight, kept = _divided(x, y, request, network.seed)
    return x, y, _for_encoder(network, request, x, kept), kept


def _begin_history(network: Network, request: Request) -> tuple[History, int]:
    history, position = network.history, network.position
    if request.resume:
        if history is None:
            raise ArgumentError("resume=True, but the model has no earlier run to continue")
        following = history.epoch[-1] + 1 if history.epoch else 0
        return history, following - int(history.partial)
    if position.batch or (history is not None and history.partial):
        position.epoch += 1  # an unfinished epoch counts as trained
    position.batch = 0
    network.history = History()
    return network.history, request.initial_epoch


def _opened(network: Network, source: ChunkSource, request: Request) -> tuple[Piece, Iterator[Piece]]:
    return opened(source, network.position.epoch, shuffle=bool(request.shuffle), seed=network.seed)


def _adapt(network: Network, request: Request, inputs: Inputs, rows: Array | SparseRows) -> bool:
    """Give a first Normalization the statistics of the rows, with a pass through all chunks if there are any."""
    are_pixels = rows.dtype == "uint8"
    if request.source is None:
        return adapting.adapt(network, [rows], are_pixels=are_pixels)
    if not adapting.wants_statistics(network):
        return False
    parts = adapting.rows_of(inputs, survey(request.source, network.position.epoch, network.seed))
    name = "x of a batch" if isinstance(request.source, Batches) else "x of a chunk"
    return adapting.adapt(network, parts, are_pixels=are_pixels, name=name)


def _for_encoder(network: Network, request: Request, x: Any, kept: int | None) -> Columns | None:
    """The rows that an encoder learns from: those for training, or the first ones of a pass through all chunks."""
    if not raw_tables.wants_encoder(network) or not isinstance(x, Columns):
        return None
    if request.source is None:
        return x.at(slice(_kept(x.rows, request.validation_split) if kept is None else kept))
    return raw_tables.joined_pieces(survey(request.source, network.position.epoch, network.seed), network)


def _kept(rows: int, validation_split: float) -> int:
    """The number of rows that remain for training."""
    if validation_split == 0:
        return rows
    kept = rows - max(1, math.ceil(rows * validation_split - 1e-9))  # 0.2 of 10 rows is 2, not 3
    if kept == 0:
        raise ArgumentError(f"validation_split={validation_split} leaves none of the {rows} rows to train on")
    return kept


def _divided(x: Any, y: Any, request: Request, seed: int) -> tuple[Any, Any, Any, int]:
    """Rows, targets and weights with those for training first, of each class in proportion; and how many they are."""
    y, weights = check.array_of(y, "y"), request.sample_weight
    classes = to_stratify_by(y, "y", True)
    assert classes is not None
    rows = x.rows if isinstance(x, Columns) else len(x)
    if len(classes) != rows:
        raise ArgumentError(f"y has {len(classes)} rows, but x has {rows}: they must match")
    from ..datasets.split import held_out  # training does not need it otherwise

    is_held = held_out(classes, rows - _kept(rows, request.validation_split), seed)
    order = np.concatenate([np.flatnonzero(~is_held), np.flatnonzero(is_held)])
    if weights is not None:
        weights = row_weights.checked(weights, rows)[order]
    return rows_at(x, order), y[order], weights, int((~is_held).sum())


def _data(
    network: Network,
    request: Request,
    reading: tuple[Inputs, WantedTargets],
    given: tuple[Array | SparseRows, Any],
    kept: int,
) -> tuple[Data, Data | ChunkSource | None]:
    """The first ``kept`` rows for training, and the rest or ``validation_data`` for validation."""
    (inputs, wanted), (rows, y), others = reading, given, request.validation_data
    data = with_targets(wanted, inputs.converted(rows, "x"), y)
    weights, class_weight = request.sample_weight, request.class_weight
    if others is not None:
        if kept < len(rows):
            raise ArgumentError("give validation_data or validation_split, not both")
        return weighted(wanted, data, weights, class_weight), _validation(network, reading, request, data.width)
    if kept == data.rows:
        return weighted(wanted, data, weights, class_weight), None
    train, validation = data.part(0, kept), data.part(kept, data.rows)
    if weights is None:
        return weighted(wanted, train, None, class_weight), validation
    weights = row_weights.checked(weights, data.rows)
    if not (weights[:kept].any() and weights[kept:].any()):
        raise ArgumentError("sample_weight must not be 0 for all rows that validation_split puts on one side")
    return weighted(wanted, train, weights[:kept], class_weight), weighted(wanted, validation, weights[kept:])


def _validation(
    network: Network, reading: tuple[Inputs, WantedTargets], request: Request, width: int
) -> Data | ChunkSource:
    given = request.validation_data
    if request.validation_source is not None:
        return request.validation_source
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise ArgumentTypeError(
            "validation_data must be a pair (x, y) of arrays, or (x, y, sample_weight), or what gives such batches"
        )
    x, y, sample_weight = [*given, None][:3]
    names = ("validation_data[0]", "validation_data[1]")
    inputs, wanted = reading
    if inputs.encoder is not None:
        x, y = raw_tables.apart(network, x, y, names[0])
    features = dataclasses.replace(inputs, width=width).read(x, names[0])
    return with_targets(wanted, features, y, names, sample_weight=sample_weight)
