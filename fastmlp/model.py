"""The model API: a thin layer over the engine and the trainer."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check, bound, callbacks, kernels, losses, metrics, optimizers, program, targets
from ._errors import ArgumentError, ArgumentTypeError, BusyError, DivergenceError, NotBuiltError
from ._threads import resolve_threads
from ._types import Array, Integers
from .bound import BoundLayer
from .chunk_trainer import ChunkSource, ChunkTrainer, opened
from .engine import Data, Engine, data_of
from .history import History
from .layers import (
    MOST_UNITS,
    BatchNormalization,
    Dense,
    Layer,
    LayerNormalization,
    Normalization,
    checked,
    leaves,
    output_of,
)
from .scoring import Scoring
from .trainer import Settings, Trainer

if TYPE_CHECKING:
    from .gradcheck import GradientCheck
    from .jitted import Jitted

_DTYPES = ("float32", "float64")
_OWN_BATCHES = 2**31  # random layers number batches that are no part of an epoch from here on


@dataclasses.dataclass
class Position:
    """How far training has come: whole epochs, and batches of the epoch after them."""

    epoch: int = 0
    batch: int = 0


class Sequential:
    """A multilayer perceptron: layers one after the other.

    Parameters
    ----------
    layers : iterable of Layer
        See `fastmlp.Dense`. The input width is taken from the data at the first `fit`, or from `build`.
    dtype : {"float32", "float64"}, default "float32"
        Precision of parameters and arithmetic.
    uint8_scale : float, default 1/255
        uint8 features are read as pixels, each multiplied by this; they are never converted as a whole.
        Features of any other type are taken as they are.
    seed : int, optional
        Fixes the initial weights and the shuffling, from 0 to 2**63 − 1. Default: a new one each time, kept
        in ``model.seed``.

    Attributes
    ----------
    layers : list of BoundLayer
        In the order in which data passes them, with ``kernel``, ``bias`` and so on once the model is built.
    history : History or None
        Of the latest training run.
    seed : int
    stop_training : bool
        Callbacks set this to end training.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)  # which quadrants: no line separates them
    >>> model = fm.Sequential([fm.Dense(16, activation="relu"), fm.Dense(2, activation="softmax")], seed=0)
    >>> model.compile(optimizer=fm.Adam(learning_rate=0.03))
    >>> history = model.fit(x, y, batch_size=30, epochs=20, verbose=0)
    >>> model.evaluate(x, y)["accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        layers: Iterable[Layer] = (),
        *,
        dtype: str = "float32",
        uint8_scale: float = 1 / 255,
        seed: int | None = None,
    ) -> None:
        self.declarations: list[Layer] = []
        self.dtype = _checked_dtype(dtype)
        self.uint8_scale = _check.real_number(uint8_scale, "uint8_scale", above=0)
        self.seed = _checked_seed(seed)
        self.stop_training = False
        self.history: History | None = None
        self.position = Position()
        self._busy = False
        self._engine: Engine | None = None
        self._optimizer: optimizers.Optimizer | None = None
        self._loss: losses.Loss | None = None
        self._learning_rate: float | None = None  # where it replaces the optimiser's
        self.metrics: tuple[metrics.Metric, ...] = ()
        for layer in _check.items(layers, "layers", "layers"):
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Append a layer; only before the model is built.

        Raises
        ------
        ArgumentError
            If the model is built already.
        """
        checked([layer])
        if self._engine is not None:
            raise ArgumentError("the model is built: layers can be added only before that")
        self.declarations.append(layer)

    # ------------------------------------------------------------ parts

    @property
    def layers(self) -> list[BoundLayer]:
        """The layers, with their tensors once the model is built."""
        return [BoundLayer(self, index) for index, _ in enumerate(leaves(self.declarations))]

    @property
    def engine(self) -> Engine:
        """The buffers and kernels behind the model.

        Raises
        ------
        NotBuiltError
            If the model is not built.
        """
        if self._engine is None:
            raise NotBuiltError(
                "the model has no parameters yet, because its input width is not known: "
                "call fit(x, y), or build(n_features) first"
            )
        return self._engine

    @property
    def is_built(self) -> bool:
        """Whether the input width is known and the parameters exist."""
        return self._engine is not None

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimiser given to `compile`."""
        if self._optimizer is None:
            raise NotBuiltError("the model has no optimizer and loss yet: call compile() first")
        return self._optimizer

    @property
    def loss(self) -> losses.Loss:
        """The loss given to `compile`."""
        if self._loss is None:
            raise NotBuiltError("the model has no optimizer and loss yet: call compile() first")
        return self._loss

    @property
    def scoring(self) -> Scoring:
        """How predictions are judged: the loss and the metrics given to `compile`."""
        units, activation = output_of(self.declarations)
        return Scoring(self.metrics, self.loss, activation, units or 1)

    @property
    def learning_rate(self) -> float:
        """The rate of the next update: the optimiser's, unless it was set since `compile`.

        Setting it replaces a schedule from then on.
        """
        return float(self.rates(1)[0])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        assert self.optimizer  # or it raises
        self._learning_rate = _check.real_number(value, "learning_rate", above=0)

    def rates(self, batches: int) -> Array:
        """Learning rates of the next batches."""
        if self._learning_rate is not None:
            return np.full(batches, self._learning_rate)
        step = 0 if self._engine is None else self._engine.step
        return self.optimizer.rates((step + np.arange(batches)) // self.optimizer.gradient_accumulation_steps)

    # ------------------------------------------------------------ setting up

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "categorical_crossentropy",
        metrics: Sequence[Any] | None = None,
    ) -> None:
        """Choose how to train. Weights stay; the optimiser starts from its first step.

        Parameters
        ----------
        optimizer : str or Optimizer, default "adam"
            ``"sgd"``, ``"adam"``, ``"adamw"``, ``"adamax"``, ``"adagrad"``, ``"rmsprop"``, ``"rprop"``, or one with
            settings: ``fastmlp.Adam(learning_rate=0.01)``.
        loss : str or Loss, default "categorical_crossentropy"
            See `fastmlp.losses`. Labels of the categorical cross-entropy may be class numbers, one-hot rows or soft
            rows; ``"sparse_categorical_crossentropy"`` is the same loss.
        metrics : list of str, Metric or callable, optional
            What to report besides the loss, see `fastmlp.metrics`. Default: the accuracy, where the loss knows right
            answers.

        Raises
        ------
        ArgumentError
            If a name is unknown, or the last layer does not fit the loss.
        """
        chosen, target = optimizers.get(optimizer), losses.get(loss)
        reported = _chosen_metrics(metrics, target, self.declarations)
        if self.declarations:
            _check_last(self.declarations, target, reported)
        self._optimizer, self._loss, self.metrics = chosen, target, reported
        self._learning_rate = None
        self.position = Position()
        if self._engine is not None:
            self._engine.set_optimizer(chosen)
            self._engine.set_loss(self._program(self._engine.program.fan_in), target, output_of(self.declarations)[1])

    def build(self, n_features: int) -> None:
        """Fix the input width and draw the initial weights; `fit` does it from the data.

        Parameters
        ----------
        n_features : int
            Features in a row, at least 1.

        Raises
        ------
        ArgumentError
            If there are no layers, or the model was built for another width.
        """
        n_features = _check.whole_number(n_features, "n_features", minimum=1, maximum=MOST_UNITS)
        if not any(isinstance(layer, Dense) for layer in leaves(self.declarations)):
            raise ArgumentError("the model has no Dense layer: give layers to Sequential([...]) or to add()")
        if self._engine is not None:
            if self._engine.program.fan_in != n_features:
                raise ArgumentError(
                    f"n_features is {n_features}, but the model was built for {self._engine.program.fan_in}"
                )
            return
        self._check_memory(n_features)
        built = self._program(n_features)
        engine = Engine(built, self.uint8_scale, self._optimizer, self._loss, output_of(self.declarations)[1])
        declared = list(leaves(self.declarations))
        for number, tensor in enumerate(built.tensors):
            value = _initial(declared[tensor.layer], tensor, self.dtype, self.seed, number)
            built.pack(engine.parameters, tensor, value)
        self._engine = engine

    def _program(self, n_features: int) -> program.Program:
        _, activation = output_of(self.declarations)
        fuse = activation == "softmax" if self._loss is None else self._loss.fuses(activation)
        panel = kernels.panel_width(self.dtype)
        return program.build(self.declarations, n_features, self.dtype, panel, fuse=fuse)

    def _check_memory(self, n_features: int) -> None:
        """Refuse a model that cannot fit: systems grant the memory, and end the process when it is used."""
        widths = [n_features, *(layer.units for layer in leaves(self.declarations) if isinstance(layer, Dense))]
        count = sum((fan_in + 1) * units for fan_in, units in itertools.pairwise(widths))
        copies = 1 if self._optimizer is None else 2 + self._optimizer.slots  # parameters, gradients, state
        needed, there = copies * count * self.dtype.itemsize, _memory()
        if there is not None and needed > there:
            raise ArgumentError(
                f"the layers have {count:,} parameters, which take {needed / 1e9:,.1f} GB in training, but this "
                f"machine has {there / 1e9:,.1f} GB: choose smaller units"
            )

    # ------------------------------------------------------------ training

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        epochs: int = 1,
        *,
        initial_epoch: int = 0,
        verbose: str | int | bool = "auto",
        callbacks: Sequence[callbacks.Callback] = (),
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        validation_freq: int = 1,
        validation_batches: int | None = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | str | None = None,
        sample_weight: Any = None,
        max_time: float | None = None,
        n_threads: int | None = None,
        seed: int | None = None,
        resume: bool = False,
    ) -> History:
        """Train the model.

        Ctrl-C ends training within about a third of a second; the model and the history so far stay usable.

        Parameters
        ----------
        x : array_like, shape (rows, features), or fastmlp.datasets.Chunks
            uint8 is read as pixels (see ``uint8_scale``); everything else becomes the model's dtype. More
            dimensions are flattened.
        y : array_like, shape (rows,) or (rows, units)
            What the loss takes: class numbers, one-hot rows or soft rows; or numbers, one for each unit. Chunks, which
            are in memory one at a time, hold their own: then there is no ``y``.
        batch_size : int, default 32
            Rows in one step. The last batch of an epoch may be smaller. More than there are rows means all.
        epochs : int, default 1
            Number of the last epoch plus one; 0 trains nothing.
        initial_epoch : int, default 0
            Number of the first epoch: ``epochs − initial_epoch`` are trained.
        verbose : {"auto", 0, 1, 2}, default "auto"
            0 silent, 1 a live line for each epoch, 2 a line at each epoch's end. "auto": 1 on a terminal, else 2.
        callbacks : list of Callback
            See `fastmlp.callbacks`.
        validation_split : float, default 0
            Share of the rows, from 0 to below 1, that is set aside for validation: the last ones, before any
            shuffling (as in Keras). `fastmlp.datasets.train_test_split` makes a random, stratified split.
        validation_data : tuple (x, y) or (x, y, sample_weight), optional
            Evaluated after each epoch; not together with ``validation_split``.
        validation_freq : int, default 1
            Epochs from one validation to the next.
        validation_batches : int, optional
            Validate also every so many batches, counted in each epoch; see ``History.validations``.
        shuffle : bool, default True
            A new random order of rows in each epoch: a function of the seed and of how many epochs the model has
            been trained.
        class_weight : dict or "balanced", optional
            Factors of the loss of rows of some classes; the others count 1. "balanced": each class counts as much as
            the others, however many rows it has.
        sample_weight : array_like, shape (rows,), optional
            A factor of each row's loss, at least 0. The loss stays a sum over rows divided by their number.
        max_time : float, optional
            Seconds after which training ends, compilation not counted.
        n_threads : int, optional
            At most this many; default see `fastmlp.set_num_threads`. The result is the same for any number.
        seed : int, optional
            Replaces the model's seed from now on (and before the first `fit` also for the initial weights).
        resume : bool, default False
            Go on with the latest run, in the middle of an epoch if it ended there; ``epochs`` counts from the
            beginning of that run. With the same data and ``batch_size``, the result has the same bits as
            training without the stop, also after `save` and `fastmlp.load`.

        Returns
        -------
        History
            Also kept as ``model.history``.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used; nothing was trained then.
        DivergenceError
            If the loss becomes NaN or infinite; the model keeps its last good parameters.
        NotBuiltError
            If the model was not compiled.
        BusyError
            If another thread, or the training whose callback calls this, is training the model.
        """
        _check_last(self.declarations, self.loss, self.metrics)
        batch_size = _check.whole_number(batch_size, "batch_size", minimum=1)
        epochs = _check.whole_number(epochs, "epochs", minimum=0)
        initial_epoch = _check.whole_number(initial_epoch, "initial_epoch", minimum=0)
        validation_freq = _check.whole_number(validation_freq, "validation_freq", minimum=1)
        if max_time is not None:
            max_time = _check.real_number(max_time, "max_time", above=0)
        resolve_threads(n_threads)
        listeners = [*_checked_callbacks(callbacks), *_progress(verbose)]
        new_seed = self.seed if seed is None else _checked_seed(seed)
        chunks: ChunkSource | None = None
        stream: Iterator[tuple[Any, Any]] = iter(())
        if y is None and hasattr(x, "epoch"):
            _check_chunk_settings(validation_split, validation_batches, sample_weight, class_weight, resume)
            if isinstance(self.optimizer, optimizers.LBFGS):
                raise ArgumentError("L-BFGS needs all rows at once, not chunks")
            chunks = x
            (x, y), stream = opened(chunks, self.position.epoch, bool(shuffle), new_seed)
        weights = (sample_weight, class_weight)
        train, validation = self._training_data(x, y, validation_split, validation_data, weights)
        if validation_batches is not None:
            validation_batches = _check.whole_number(validation_batches, "validation_batches", minimum=1)
            if validation is None:
                raise ArgumentError("validation_batches needs validation_data or validation_split")
        self.seed = new_seed
        self._adapt(train)
        self.build(_width(train))
        if self._busy:
            raise BusyError("this model is being trained already: train a copy (copy.deepcopy), or wait for its end")
        self._busy = True
        try:
            history, first = self._begin_history(resume, initial_epoch)
            settings = Settings(
                batch_size if chunks is not None else min(batch_size, train.rows),
                epochs,
                first,
                bool(shuffle),
                max_time,
                n_threads,
                validation_freq,
                validation_batches,
            )
            if isinstance(self.optimizer, optimizers.LBFGS):
                from .lbfgs import LBFGSTrainer

                settings = dataclasses.replace(settings, batch_size=train.rows)
                return LBFGSTrainer(self, train, validation, settings, listeners, history).run()
            if chunks is None:
                return Trainer(self, train, validation, settings, listeners, history).run()
            read = partial(self._chunks_of, chunks, bool(shuffle), class_weight)
            opening = (self._chunk(pair, class_weight) for pair in stream)
            return ChunkTrainer(self, train, opening, read, validation, settings, listeners, history).run()
        finally:
            self._busy = False

    def _chunks_of(self, chunks: ChunkSource, shuffle: bool, class_weight: Any, epoch: int) -> Iterator[Data]:
        for pair in chunks.epoch(epoch, shuffle=shuffle, seed=self.seed):
            yield self._chunk(pair, class_weight)

    def _chunk(self, pair: tuple[Any, Any], class_weight: Any) -> Data:
        return self._data(*pair, "x of a chunk", "y of a chunk", None, None, class_weight)

    def _begin_history(self, resume: bool, initial_epoch: int) -> tuple[History, int]:
        if resume:
            if self.history is None:
                raise ArgumentError("resume=True, but the model has no earlier run to go on with")
            history = self.history
            following = history.epoch[-1] + 1 if history.epoch else 0
            return history, following - int(history.partial)
        self.position.batch = 0  # an epoch that was left unfinished counts as one that was
        if self.history is not None and self.history.partial:
            self.position.epoch += 1
        self.history = History()
        return self.history, initial_epoch

    def _training_data(
        self,
        x: Any,
        y: Any,
        validation_split: float,
        validation_data: tuple[Any, ...] | None,
        weights: tuple[Any, Any],
    ) -> tuple[Data, Data | None]:
        sample_weight, class_weight = weights
        data = self._data(x, y, "x", "y", None, sample_weight)
        if validation_data is not None and validation_split:
            raise ArgumentError("give validation_data or validation_split, not both")
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise ArgumentTypeError("validation_data must be a pair (x, y) of arrays, or (x, y, sample_weight)")
            given, names = [*validation_data, None], ("validation_data[0]", "validation_data[1]")
            other = self._data(given[0], given[1], *names, _width(data), given[2])
            return self._weighted(data, class_weight), other
        share = _check.real_number(validation_split, "validation_split", minimum=0, below=1)
        if share == 0:
            return self._weighted(data, class_weight), None
        kept = data.rows - max(1, math.ceil(data.rows * share - 1e-9))  # 0.2 of 10 rows is 2, not 3
        if kept == 0:
            raise ArgumentError(f"validation_split={validation_split} leaves none of the {data.rows} rows to train on")
        return self._weighted(data.part(0, kept), class_weight), data.part(kept, data.rows)

    def _weighted(self, data: Data, class_weight: Any) -> Data:
        """The data with the classes' weights too: of these rows alone, as validation is not weighted by class."""
        if class_weight is None:
            return data
        units = output_of(self.declarations)[0] or 1
        factors = targets.row_weights(None, class_weight, data.labels, data.targets, units, self.dtype)
        assert factors is not None
        return dataclasses.replace(data, weights=factors * data.weights if len(data.weights) else factors)

    def _adapt(self, data: Data) -> None:
        """Give a first Normalization, unless it has them, the statistics of the data that the model first sees.

        The declaration is replaced, not changed: it may belong to other models too.
        """
        if self._engine is not None:
            return
        unknown = [layer for layer in leaves(self.declarations) if _is_unknown(layer)]
        if unknown and unknown[0] is self.declarations[0]:
            adapted, is_bytes = Normalization(), len(data.pixels) > 0
            adapted.adapt(data.pixels if is_bytes else data.x, self.uint8_scale if is_bytes else 1.0)
            self.declarations[0] = adapted
            unknown = [layer for layer in leaves(self.declarations[1:]) if _is_unknown(layer)]
        if unknown:
            raise ArgumentError(
                "a Normalization that is not the first layer must be given its statistics, with adapt(), before fit()"
            )

    def train_on_batch(
        self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None, n_threads: int | None = None
    ) -> dict[str, float]:
        """One optimiser step on one batch, for training loops of your own.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`; all rows are one batch.
        n_threads : int, optional

        Returns
        -------
        dict of str to float
            Loss and metrics of the batch, before the update.

        Raises
        ------
        DivergenceError
            If the loss is NaN or infinite; no step is made then.
        """
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        return self.partial_fit(x, y, batch_size=None, n_threads=n_threads, **weights)

    def partial_fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        n_threads: int | None = None,
    ) -> dict[str, float]:
        """Go on training with rows that come as they come: once through them, in their order.

        The optimiser goes on from call to call. No history is kept.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`.
        batch_size : int or None, default 32
            Rows in one step; None means all.
        n_threads : int, optional

        Returns
        -------
        dict of str to float
            Loss and metrics over these rows, each batch's before its update.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the step that would follow is not made.
        """
        _check_last(self.declarations, self.loss, self.metrics)
        resolve_threads(n_threads)
        if isinstance(self.optimizer, optimizers.LBFGS):
            raise ArgumentError("L-BFGS trains with fit() alone: compile the model with another optimizer")
        data = self._data(x, y, "x", "y", None, sample_weight, class_weight)
        size = data.rows if batch_size is None else _check.whole_number(batch_size, "batch_size", minimum=1)
        size = min(size, data.rows)
        self._adapt(data)
        self.build(_width(data))
        engine, scoring, batches = self.engine, self.scoring, -(-data.rows // size)
        outputs = scoring.room(data.rows, self.dtype)
        order, threads = np.arange(data.rows, dtype=np.int64), engine.training_threads(size, n_threads)
        chance = (self.seed, _OWN_BATCHES + engine.step % _OWN_BATCHES)
        rates = self.rates(batches)
        losses_, hits = engine.train(data, order, 0, rates, size, threads, chance=chance, outputs=outputs)
        if len(losses_) < batches:
            raise DivergenceError(f"the loss of batch {len(losses_)} (from 0) is NaN or infinite: no step was made")
        sizes = np.minimum(size, data.rows - size * np.arange(batches))
        loss = float(losses_ @ sizes) / data.rows
        return scoring.full_report(loss, int(hits.sum()), data.rows, data, outputs)

    def gradient_check(
        self, x: Any, y: Any, *, samples: int = 20, step: float = 1e-5, tolerance: float = 1e-5, seed: int = 0
    ) -> GradientCheck:
        """Compare backpropagation with finite differences, in float64, for all rows as one batch.

        The model is left as it is. Where ReLU or another kink lies within a step of a row, the two differ, and not
        because the gradient is wrong: take a smaller step.

        Parameters
        ----------
        x, y : array_like
            As in `fit`; a few rows are enough.
        samples : int, default 20
            Elements of each tensor to look at.
        step : float, default 1e-5
            Of the finite differences.
        tolerance : float, default 1e-5
            Largest error, relative to the largest derivative of the tensor.
        seed : int, default 0
            Chooses the elements.

        Returns
        -------
        GradientCheck
            ``passed``, ``error``, and the derivatives of each tensor; as text it is a table.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(20, 10)
        >>> model = fm.mlp([8], classes=10, activation="tanh", seed=0)
        >>> model.gradient_check(x, y).passed
        True
        """
        from . import gradcheck

        _check_last(self.declarations, self.loss, self.metrics)
        return gradcheck.check(self, x, y, samples=samples, step=step, tolerance=tolerance, seed=seed)

    def gradients(self, x: Any, y: Any, *, n_threads: int | None = None) -> tuple[float, list[Array]]:
        """The loss of all rows as one batch, as in training, and its gradient; nothing is changed.

        Parameters
        ----------
        x, y : array_like
            As in `fit`.
        n_threads : int, optional

        Returns
        -------
        loss : float
            With penalties.
        gradients : list of ndarray
            As `get_weights` gives the tensors; zeros for those that are not trained.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(100, 10)
        >>> model = fm.mlp([8], classes=10, seed=0)
        >>> loss, gradients = model.gradients(x, y)
        >>> [gradient.shape for gradient in gradients]
        [(784, 8), (8,), (8, 10), (10,)]
        """
        _check_last(self.declarations, self.loss, self.metrics)
        data = self._data(x, y, "x", "y")
        self.build(_width(data))
        engine = self.engine
        running = [(t, engine.program.unpack(engine.parameters, t)) for t in engine.program.tensors if not t.trained]
        threads = engine.training_threads(data.rows, n_threads)
        loss, flat = engine.gradient(data, (self.seed, self.position.epoch), threads)
        for tensor, value in running:  # a batch normalisation has noted the statistics of these rows
            engine.program.pack(engine.parameters, tensor, value)
        return loss, [engine.program.unpack(flat, tensor) for tensor in engine.program.tensors]

    def swap_averaged_weights(self) -> None:
        """Exchange the weights and their running average, which an optimiser with ``ema_momentum`` keeps.

        The average is what usually predicts better. A second call brings the trained weights back, which should be
        done before training goes on.

        Raises
        ------
        ArgumentError
            If there is no average.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(500, 100)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> model.compile(fm.Adam(ema_momentum=0.99))
        >>> _ = model.fit(x, y, verbose=0)
        >>> model.swap_averaged_weights()
        """
        updates = self.engine.step // self.optimizer.gradient_accumulation_steps
        if self.optimizer.ema_momentum is None or updates == 0:
            raise ArgumentError("there is no average of weights: train with an optimizer that has an ema_momentum")
        self.engine.swap_averaged()

    # ------------------------------------------------------------ using

    def evaluate(self, x: Any, y: Any, *, sample_weight: Any = None, n_threads: int | None = None) -> dict[str, float]:
        """Loss and metrics on a data set.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As in `fit`.
        n_threads : int, optional

        Returns
        -------
        dict of str to float
            ``{"loss": …, "accuracy": …}``
        """
        _check_last(self.declarations, self.loss, self.metrics)
        resolve_threads(n_threads)
        data = self._data(x, y, "x", "y", self.engine.program.fan_in, sample_weight)
        return self.evaluate_data(data, n_threads)

    def evaluate_data(
        self, data: Data, n_threads: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """`evaluate` for data that was checked; NaN if ``cancelled()`` on the way."""
        scoring = self.scoring
        outputs = scoring.room(data.rows, self.dtype)
        loss, hits = self.engine.evaluate(data, n_threads, cancelled, outputs)
        return scoring.full_report(loss + self.engine.penalty(), hits, data.rows, data, outputs)

    def predict(self, x: Any, *, out: Array | None = None, n_threads: int | None = None) -> Array:
        """The output of the last layer for each row: probabilities after a softmax.

        Safe to call from several threads at once.

        Parameters
        ----------
        x : array_like, shape (rows, features)
            One row needs two dimensions too: ``x[None]``.
        out : ndarray, shape (rows, units), optional
            C-contiguous array of the model's dtype to write to.
        n_threads : int, optional

        Returns
        -------
        ndarray, shape (rows, units)
            In the model's dtype. A row's result has the same bits whatever rows are beside it.
        """
        engine = self.engine
        if n_threads is not None:
            resolve_threads(n_threads)
        given, width = x, engine.program.fan_in
        if not _check.are_rows(x, self.dtype, width):
            x = _check.features(x, "x", self.dtype, width, finite=False)
        shape = (x.shape[0], engine.program.classes)
        if out is None:
            out = np.empty(shape, self.dtype)
        else:
            x = _checked_output(out, shape, self.dtype, x)
        if x.dtype == self.dtype and engine.are_few(shape[0], n_threads):
            engine.predict_rows(x, out)
        else:
            none = np.empty(0, np.int64)
            data = data_of(x, none, np.empty((0, shape[1]), self.dtype), self.dtype)
            engine.predict(data, out, n_threads)
        if math.isnan(out.item(0) if shape[0] == 1 else out[:, 0].min()):  # a sum would warn of large outputs
            was_given = not isinstance(given, np.ndarray) or not np.may_share_memory(out, given)
            _check.features(given if was_given else x, "x", self.dtype, width)  # refuses the cause of a NaN
        return out

    def predict_classes(self, x: Any, *, n_threads: int | None = None) -> Integers:
        """The most probable class of each row; of a model with one unit, 1 where it is above one half, else 0.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray of int64, shape (rows,)
        """
        return self.classes_of(self.predict(x, n_threads=n_threads))

    def classes_of(self, outputs: Array) -> Integers:
        """The classes that `predict_classes` gives, from what `predict` gives.

        Parameters
        ----------
        outputs : ndarray, shape (rows, units)

        Returns
        -------
        ndarray of int64, shape (rows,)
        """
        if outputs.shape[1] == 1:
            _, activation = output_of(self.declarations)
            return (outputs[:, 0] > (0.0 if activation == "linear" else 0.5)).astype(np.int64)
        classes: Integers = outputs.argmax(axis=1)
        return classes

    def jitted(self) -> Jitted:
        """The model for use inside your own numba functions.

        Returns
        -------
        Jitted
            A named tuple ``(predict, weights, network)``. In functions that numba compiles, also with ``nogil``,
            ``cache`` and ``prange``, call ``predict(out, x, weights, network)``: see `fastmlp.jitted.predict`, which
            is the same function for every model. ``weights`` is the model's own parameter vector: training changes
            it in place. Writing to a copy of it changes a copy of the network.

        Raises
        ------
        NotBuiltError
            If the model has no parameters yet.
        """
        from . import jitted

        return jitted.jitted(self.engine.program, self.engine.parameters)

    def folded(self) -> Sequential:
        """A model with the same predictions and fewer layers: faster, and simpler to take elsewhere.

        Dropout and noise are left out, and batch normalisations and `Normalization` become part of a dense layer beside
        them where that is linear. Predictions agree but for rounding. The new model is a copy; to train it further is
        to train another network.

        Raises
        ------
        NotBuiltError
            If the model has no parameters yet.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(8), fm.BatchNormalization(), fm.Activation("relu"), fm.Dense(2)], seed=0)
        >>> model.build(n_features=4)
        >>> [type(layer.declaration).__name__ for layer in model.folded().layers]
        ['Dense', 'Dense']
        """
        from . import folding

        return folding.fold(self)

    # ------------------------------------------------------------ weights, description, file

    def get_weights(self) -> list[Array]:
        """Copies of all tensors, layer by layer: kernel (fan_in, units), then bias (units,) where there is one."""
        built = self.engine.program
        return [built.unpack(self.engine.parameters, tensor) for tensor in built.tensors]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all tensors; the order and shapes are those of `get_weights`.

        Raises
        ------
        ArgumentError
            If the number of arrays, a shape, or a value (NaN, infinity) is wrong; nothing is changed then.
        """
        tensors = self.engine.program.tensors
        weights = _check.items(weights, "weights", "arrays")
        if len(weights) != len(tensors):
            raise ArgumentError(f"weights must be {len(tensors)} arrays, as get_weights() gives, not {len(weights)}")
        pairs = list(zip(tensors, weights, strict=True))
        values = [
            _check.tensor(value, f"weights[{i}] (the {tensor.name} of layer {tensor.layer})", tensor.shape, self.dtype)
            for i, (tensor, value) in enumerate(pairs)
        ]
        for tensor, value in zip(tensors, values, strict=True):
            self.engine.program.pack(self.engine.parameters, tensor, value)

    def _find_tensor(self, layer: int, name: str) -> program.Tensor:
        for tensor in self.engine.program.tensors:
            if (tensor.layer, tensor.name) == (layer, name):
                return tensor
        raise AttributeError(f"layer {layer} has no {name}")

    def _tensor(self, layer: int, name: str) -> Array:
        copy = self.engine.program.unpack(self.engine.parameters, self._find_tensor(layer, name))
        copy.flags.writeable = False  # writing into it would change nothing in the model
        return copy

    def _set_tensor(self, layer: int, name: str, value: Any) -> None:
        tensor = self._find_tensor(layer, name)
        self.engine.program.pack(self.engine.parameters, tensor, _check.tensor(value, name, tensor.shape, self.dtype))

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers, their shapes and their numbers of parameters."""
        bound.print_summary(self, print_fn)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save everything to one ``.npz`` file: architecture, weights, optimiser state, position, history.

        The file holds arrays and JSON, no code; `fastmlp.load` reads it back. It is written whole or not at all.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        NotBuiltError
            If the model has no parameters yet.
        OSError
            If the file cannot be written.
        """
        from . import saving

        saving.save(self, path)

    # ------------------------------------------------------------ checks

    def _data(
        self,
        x: Any,
        y: Any,
        x_name: str,
        y_name: str,
        width: int | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> Data:
        if width is None and self._engine is not None:
            width = self._engine.program.fan_in
        features = _check.features(x, x_name, self.dtype, width)
        units = output_of(self.declarations)[0]
        assert units is not None
        labels, goals = targets.checked(self.loss, y, y_name, len(features), x_name, units, self.dtype)
        weights = targets.row_weights(sample_weight, class_weight, labels, goals, units, self.dtype)
        return data_of(features, labels, goals, self.dtype, weights)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_busy": False}  # a copy made while training is not being trained

    def __repr__(self) -> str:
        return f"Sequential({self.declarations!r}, dtype={str(self.dtype)!r})"


def mlp(
    hidden: Sequence[int],
    classes: int,
    *,
    activation: str = "relu",
    dtype: str = "float32",
    seed: int | None = None,
) -> Sequential:
    """A compiled classifier from a list of widths, with Adam and cross-entropy.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers; may be empty.
    classes : int
        Number of classes.
    activation : str, default "relu"
        Of the hidden layers.
    dtype, seed
        As in `Sequential`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> [layer.units for layer in fm.mlp([128, 64], classes=10).layers]
    [128, 64, 10]
    """
    widths = _check.items(hidden, "hidden", "widths")
    stack: list[Layer] = [Dense(width, activation=activation) for width in widths]
    model = Sequential([*stack, Dense(classes, activation="softmax")], dtype=dtype, seed=seed)
    model.compile()
    return model


def _memory() -> int | None:
    """Bytes of memory in this machine, where that is known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _chosen_metrics(
    given: Sequence[Any] | None, loss: losses.Loss, layers: Sequence[Layer]
) -> tuple[metrics.Metric, ...]:
    if given is not None:
        return metrics.get(given)
    units, activation = output_of(layers)
    return metrics.get(["accuracy"] if loss.hits(activation, units or 1) else [])


def _is_unknown(layer: Layer) -> bool:
    return isinstance(layer, Normalization) and layer.mean is None


def _initial(layer: Layer, tensor: program.Tensor, dtype: np.dtype[Any], seed: int, number: int) -> Array:
    """Values that a tensor starts with."""
    if isinstance(layer, Dense):
        rule = layer.kernel_initializer if tensor.name == "kernel" else layer.bias_initializer
        return rule.draw(tensor.shape, dtype, seed, number)
    if isinstance(layer, Normalization):
        return _adapted(layer, tensor.name, tensor.shape).astype(dtype)
    assert isinstance(layer, (BatchNormalization, LayerNormalization))
    return np.full(tensor.shape, 1 if tensor.name in ("gamma", "moving_variance") else 0, dtype)


def _adapted(layer: Normalization, name: str, shape: tuple[int, ...]) -> Array:
    value: Array | None = getattr(layer, name)
    if value is None:
        return np.ones(shape) if name == "variance" else np.zeros(shape)
    if value.shape != shape:
        raise ArgumentError(f"Normalization was adapted to {len(value)} features, but its input has {shape[0]}")
    return value


def _progress(verbose: str | int | bool) -> list[callbacks.Callback]:
    if not isinstance(verbose, (str, int, np.integer, np.bool_)) or verbose not in ("auto", 0, 1, 2):
        raise ArgumentError(f"verbose must be 'auto', 0, 1 or 2, not {verbose!r:.60}")
    return callbacks.progress(verbose)


def _checked_callbacks(given: Any) -> list[callbacks.Callback]:
    if isinstance(given, callbacks.Callback):
        return [given]
    found = [] if given is None else _check.items(given, "callbacks", "fastmlp.callbacks.Callback objects")
    for item in found:
        if not isinstance(item, callbacks.Callback):
            raise ArgumentTypeError(f"callbacks must be fastmlp.callbacks.Callback objects, not {item!r:.60}")
    return found


def _check_chunk_settings(
    validation_split: float, validation_batches: int | None, sample_weight: Any, class_weight: Any, resume: bool
) -> None:
    """Refuse what needs all rows at once."""
    needed = {
        "validation_split": bool(validation_split),
        "validation_batches": validation_batches is not None,
        "sample_weight": sample_weight is not None,
        "class_weight='balanced'": isinstance(class_weight, str),
        "resume": bool(resume),
    }
    for name, is_given in needed.items():
        if is_given:
            raise ArgumentError(f"{name} cannot be used with data in chunks, as it needs all rows at once")


def _checked_seed(seed: int | None) -> int:
    if seed is None:
        return int.from_bytes(os.urandom(8), "little") >> 1
    return _check.whole_number(seed, "seed", minimum=0)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        name = "None" if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    return np.dtype(_check.choice(name, "dtype", _DTYPES))


def _check_last(layers: Sequence[Layer], loss: losses.Loss, chosen: Sequence[metrics.Metric] = ()) -> None:
    units, activation = output_of(layers)
    if units is None:
        raise ArgumentError("the model has no Dense layer: give layers to Sequential([...]) or to add()")
    loss.check_output(activation, units)
    if any(isinstance(metric, metrics.Accuracy) for metric in chosen) and not loss.hits(activation, units):
        raise ArgumentError(
            f"the accuracy of classes is not defined for {type(loss).__name__} with a last layer of {units} units and "
            f"activation {activation!r}: report 'r2', 'mae' or 'regression_accuracy' instead"
        )


def _checked_output(out: Any, shape: tuple[int, int], dtype: np.dtype[Any], x: Array) -> Array:
    """Check an array to write predictions to; returns the features, copied where the two overlap."""
    usable = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == dtype
    if not usable or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(
            f"out must be a writable C-contiguous {dtype} array of shape {shape}, not "
            f"{getattr(out, 'dtype', type(out).__name__)} of shape {getattr(out, 'shape', None)}"
        )
    return x.copy() if np.may_share_memory(out, x) else x  # rows are read after others were written


def _width(data: Data) -> int:
    return int(data.x.shape[1])
