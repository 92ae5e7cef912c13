"""Implements `fit`, from its request to its history."""

from __future__ import annotations

from .._network.history import History
from .._network.network import Network
from ..callbacks.base import Model
from ..optimizers import LBFGS
from .attempt import attempt
from .chunk_trainer import ChunkTrainer
from .request import Request
from .run import Run, prepared
from .trainer import Trainer


def fit(network: Network, model: Model, request: Request) -> History:
    """See `Sequential.fit`. ``model`` is the network as callbacks see it."""
    network.check_last()
    request.refuse_what_needs_all_rows(network.optimizer)
    with attempt(network):
        return _trainer(prepared(network, model, request)).run()


def _trainer(run: Run) -> Trainer:
    if run.request.in_chunks:
        return ChunkTrainer(run)
    if isinstance(run.network.optimizer, LBFGS):
        from .lbfgs import LBFGSTrainer

        return LBFGSTrainer(run)
    return Trainer(run)
