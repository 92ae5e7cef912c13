"""Implements `fit`, from its request to its history."""

from __future__ import annotations

from .._network.history import History
from .._network.network import Network
from ..callbacks.base import Model
from ..optimizers import LBFGS, Optimizer
from .attempt import attempt
from .chunk_trainer import ChunkTrainer
from .request import Request
from .run import prepared
from .trainer import Trainer


def fit(network: Network, model: Model, request: Request) -> History:
    """See `Sequential.fit`. ``model`` is the network as callbacks see it."""
    rule = network.check_last()
    if request.in_chunks:
        request.refuse_what_needs_all_rows(rule)
    trainer = _trainer_for(request, rule)
    with attempt(network):
        return trainer(prepared(network, model, request, rule)).run()


def _trainer_for(request: Request, rule: Optimizer) -> type[Trainer]:
    if request.in_chunks:
        return ChunkTrainer
    if isinstance(rule, LBFGS):
        from .lbfgs import LBFGSTrainer

        return LBFGSTrainer
    return Trainer
