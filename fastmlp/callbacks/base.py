"""The base of all callbacks, and one made of functions."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .._base import check, keras
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.naming import Names
from .._base.types import Array
from .._engine.engine import Engine
from .._network.bound import BoundLayer
from .._network.gradcheck import GradientCheck
from .._network.history import History
from .._network.inputs import Inputs
from .._network.network import Position
from .._network.scores import Scores
from ..layers import Layer
from ..losses import Loss
from ..optimizers import Optimizer

if TYPE_CHECKING:
    from ..metrics import Metric
    from ..tables import TableEncoder

Logs = dict[str, float]


class Model(Protocol):
    """The `fastmlp.Sequential` that is trained, as callbacks see it: all of its public names, and some of ours."""

    classes: Array | None
    declarations: list[Layer]
    dtype: np.dtype[Any]
    feature_names: Names | None
    history: History | None
    input_kind: str | None
    learning_rate: float
    name: str
    position: Position
    seed: int
    stop_training: bool
    thresholds: Array | None
    trainable: bool
    uint8_scale: float

    @property
    def engine(self) -> Engine: ...
    @property
    def has_schedule(self) -> bool: ...
    @property
    def is_built(self) -> bool: ...
    @property
    def built(self) -> bool: ...
    @property
    def compiled(self) -> bool: ...
    @property
    def input_shape(self) -> tuple[int | None, int | None]: ...
    @property
    def output_shape(self) -> tuple[int | None, int | None]: ...
    @property
    def variables(self) -> list[Array]: ...
    @property
    def trainable_variables(self) -> list[Array]: ...
    @property
    def non_trainable_variables(self) -> list[Array]: ...
    @property
    def layers(self) -> list[BoundLayer]: ...
    @property
    def loss(self) -> Loss: ...
    @property
    def metrics_names(self) -> list[str]: ...
    @property
    def metrics(self) -> tuple[Metric, ...]: ...
    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def weights(self) -> list[Array]: ...
    @property
    def trainable_weights(self) -> list[Array]: ...
    @property
    def non_trainable_weights(self) -> list[Array]: ...
    @property
    def n_features(self) -> int | None: ...
    @property
    def encoder(self) -> TableEncoder | None: ...
    def add(self, layer: Any) -> None: ...
    def apply_gradients(self, gradients: Sequence[Any], *, n_threads: int | None = None) -> None: ...
    def build(self, n_features: int | Sequence[int | None] | None = None) -> None: ...
    def calibrate(self, *given: Any, **settings: Any) -> Any: ...
    def classification_report(self, *given: Any, **settings: Any) -> Any: ...
    def classes_of(self, outputs: Array) -> Array: ...
    def compile(self, *given: Any, **settings: Any) -> None: ...
    def config(self) -> dict[str, Any]: ...
    def count_params(self) -> int: ...
    def evaluate(self, *given: Any, **settings: Any) -> Scores: ...
    def fit(self, *given: Any, **settings: Any) -> History: ...
    def folded(self) -> Any: ...
    def from_config(self, *given: Any, **settings: Any) -> Any: ...
    def get_config(self) -> dict[str, Any]: ...
    def get_layer(self, name: str | None = None, index: int | None = None) -> BoundLayer: ...
    def get_weights(self) -> list[Array]: ...
    def export(self, path: str | os.PathLike[str], **options: Any) -> None: ...
    def gradient_check(self, *given: Any, **settings: Any) -> GradientCheck: ...
    def gradients(self, *given: Any, **settings: Any) -> tuple[float, list[Array]]: ...
    def reader(self, width: int | None = None) -> Inputs: ...
    def jitted(self) -> Any: ...
    def like(self, layers: Sequence[Layer], dtype: str | None = None) -> Any: ...
    def load_weights(self, path: str | os.PathLike[str]) -> None: ...
    def partial_fit(self, *given: Any, **settings: Any) -> Scores: ...
    def pop(self) -> None: ...
    def predict(self, *given: Any, **settings: Any) -> Array: ...
    def predict_classes(self, x: Any, *, n_threads: int | None = None) -> Array: ...
    def predict_labels(self, x: Any, *, n_threads: int | None = None) -> Array: ...
    def predict_log_proba(self, x: Any, *, n_threads: int | None = None) -> Array: ...
    def predict_on_batch(self, x: Any) -> Array: ...
    def reset_metrics(self) -> None: ...
    def predict_proba(self, x: Any, *, n_threads: int | None = None) -> Array: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    def save_weights(self, path: str | os.PathLike[str]) -> None: ...
    def set_first_statistics(self, mean: Any, variance: Any) -> None: ...
    def set_weights(self, weights: Sequence[Any]) -> None: ...
    def summary(self, print_fn: Callable[[str], Any] = print) -> None: ...
    def swap_averaged_weights(self) -> None: ...
    def test_on_batch(self, *given: Any, **settings: Any) -> Scores: ...
    def to_keras(self) -> Any: ...
    def to_sklearn(self) -> Any: ...
    def to_torch(self) -> Any: ...
    def to_json(self) -> str: ...
    def train_on_batch(self, *given: Any, **settings: Any) -> Scores: ...
    def tree(self) -> list[Any]: ...
    def tune_threshold(self, *given: Any, **settings: Any) -> Any: ...


def _takes_logs(hook: Any) -> bool:
    """Whether the one argument of a method is called ``logs``, as in Keras."""
    return inspect.isfunction(hook) and list(inspect.signature(hook).parameters)[1:2] == ["logs"]


def _with_logs(hook: Callable[[Any, Any], None]) -> Callable[[Any, str], None]:
    """``on_train_end`` for a class with Keras's, which is given the logs of the last epoch and not a reason."""

    @functools.wraps(hook)
    def on_train_end(self: Any, reason: str) -> None:
        history = self.model.history
        last = {} if history is None else {name: values[-1] for name, values in history.history.items() if values}
        hook(self, last)

    return on_train_end


class Callback:
    """Base of all callbacks. Override the methods that you need; ``self.model.stop_training = True`` ends training.

    ``logs`` holds the means over the epoch so far, the learning rate, and the latest validation if there was one.

    Attributes
    ----------
    model : Model
        The `fastmlp.Sequential` that is trained.
    params : dict
        As in Keras: ``"epochs"``, ``"steps"`` (the batches of an epoch; None if nobody knows) and ``"verbose"``.
    every_batches : int or None, default None
        If set, in the class or the object, ``on_batches_end`` is called each time this many batches are done, and
        at no other time. None: about twenty times a second.

    Examples
    --------
    >>> import fastmlp as fm
    >>> class StopWhenGood(fm.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.model.stop_training = logs["accuracy"] > 0.99
    """

    model: Model
    params: dict[str, Any]
    every_batches: int | None = None
    verbose: int = 0

    def __init_subclass__(cls) -> None:
        """Let a class with Keras's hook for each batch hear of each batch."""
        super().__init_subclass__()
        if _takes_logs(vars(cls).get("on_train_end")):
            cls.on_train_end = _with_logs(cls.on_train_end)  # type: ignore[assignment,method-assign]
        names = [name for name in ("on_train_batch_end", "on_batch_end") if name in vars(cls)]
        if names and "on_batches_end" not in vars(cls):
            cls.every_batches = vars(cls).get("every_batches", 1)
            cls.on_batches_end = _by_batch(names[0])  # type: ignore[assignment,method-assign]

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def _announce(self, text: str) -> None:
        """Print a line, with ``verbose=1``."""
        if self.verbose:
            print(text)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        """Called before the first epoch.

        ``run_info`` has ``epochs``, ``first_epoch``, ``batches`` and ``rows`` of an epoch, ``batch_size``,
        ``validation_rows``, ``validation_freq``, ``validation_batches``, ``callbacks`` in their order, and ``logs``,
        the names of an epoch's logs. A callback may add values to the logs that it receives; later callbacks see them,
        and in ``on_epoch_end`` the history keeps those that are numbers.
        If data come in chunks or batches, ``rows`` are those of the first; ``batches`` is 0 if a source of batches does
        not tell their number.
        """

    def on_epoch_begin(self, epoch: int) -> None:
        """Called before an epoch; epochs count from 0."""

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        """Called after some batches (see ``every_batches``); ``batch`` counts those of this epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called after an epoch and its validation."""

    def on_train_end(self, reason: str) -> None:
        """Called after training, even if it failed; ``reason`` is the history's ``stopped``."""


class Lambda(Callback):
    """A callback made of functions.

    Parameters
    ----------
    on_train_begin, on_epoch_begin, on_batches_end, on_epoch_end, on_train_end : callable, optional
        Called with the arguments of the method of `Callback` with this name.
    every_batches : int, optional
        As in `Callback`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> losses = []
    >>> note = fm.callbacks.Lambda(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], epochs=3, verbose=0, callbacks=[note])
    >>> losses == history["loss"]
    True
    """

    def __init__(
        self,
        *,
        on_train_begin: Callable[[dict[str, Any]], Any] | None = None,
        on_epoch_begin: Callable[[int], Any] | None = None,
        on_batches_end: Callable[[int, Logs], Any] | None = None,
        on_epoch_end: Callable[[int, Logs], Any] | None = None,
        on_train_end: Callable[[str], Any] | None = None,
        every_batches: int | None = None,
    ) -> None:
        given = {
            "on_train_begin": on_train_begin,
            "on_epoch_begin": on_epoch_begin,
            "on_batches_end": on_batches_end,
            "on_epoch_end": on_epoch_end,
            "on_train_end": on_train_end,
        }
        for hook, function in given.items():
            if function is not None and not callable(function):
                raise ArgumentTypeError(f"{hook} must be a function, not {function!r:.60}")
            if function is not None:
                setattr(self, hook, function)
        if every_batches is not None:
            self.every_batches = check.whole_number(every_batches, "every_batches", minimum=1)


def _by_batch(name: str) -> Callable[[Any, int, Logs], None]:
    """``on_batches_end`` for a class with Keras's hook, in which batches count from 0."""

    def on_batches_end(self: Any, batch: int, logs: Logs) -> None:
        getattr(self, name)(batch - 1, logs)

    return on_batches_end


def checked_verbose(value: Any) -> int:
    """0 or 1."""
    if isinstance(value, bool):
        return int(value)
    return check.whole_number(value, "verbose", minimum=0, maximum=2)


def batches_between(value: Any, name: str) -> int | None:
    """A number of batches, or None for "epoch"."""
    if isinstance(value, str) and value != "epoch":
        raise ArgumentError(f"{name} must be 'epoch' or a number of batches, not {value!r}")
    return None if isinstance(value, str) else check.whole_number(value, name, minimum=1)
