"""`fit`: from a request to a history. It chooses the trainer."""

from .._base.batches import Batches
from .._base.errors import DivergenceError
from .._network.history import History
from .._network.network import Network
from ..callbacks import TerminateOnNaN
from ..callbacks.base import Model
from ..optimizers import LBFGS, Optimizer
from .attempt import attempt
from .batch_trainer import BatchTrainer
from .chunk_trainer import ChunkTrainer
from .request import Request
from .run import Run, prepared
from .trainer import Trainer


def fit(network: Network, model: Model, request: Request) -> History:
    """See `Sequential.fit`. ``model`` is the network as callbacks see it."""
    optimizer = network.checked_optimizer()
    if request.source is not None:
        request.refuse_what_needs_all_rows(optimizer)
    request.refuse_sampling_for(optimizer)
    kind = _trainer_for(request, optimizer)
    with attempt(network):
        run = prepared(network, model, request, optimizer)
        try:
            return _with_remarks(kind, run) if request.verbose else kind(run).run()
        except DivergenceError:
            quiet = [one for one in request.listeners if isinstance(one, TerminateOnNaN) and not one.raise_error]
            if not quiet or network.history is None:
                raise
            return network.history


def _with_remarks(kind: type[Trainer], run: Run) -> History:
    """Train, and say what is clearly wrong before and after."""
    from .remarks import Remarks

    remarks = Remarks(run)
    remarks.before()
    history = kind(run).run()
    remarks.after(history)
    return history


def _trainer_for(request: Request, optimizer: Optimizer) -> type[Trainer]:
    if isinstance(request.source, Batches):
        return BatchTrainer
    if request.source is not None:
        return ChunkTrainer
    if isinstance(optimizer, LBFGS):
        from .lbfgs import LBFGSTrainer

        return LBFGSTrainer
    return Trainer
