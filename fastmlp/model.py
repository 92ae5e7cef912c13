"""The model API: a thin layer over the engine and the trainer."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check, callbacks, kernels, losses, metrics, optimizers, program
from ._errors import ArgumentError, ArgumentTypeError, BusyError, DivergenceError, NotBuiltError
from ._threads import resolve_threads
from ._types import Array, Integers
from .engine import Data, Engine, data_of
from .history import History
from .layers import MOST_UNITS, Dense, Layer
from .trainer import Settings, Trainer

if TYPE_CHECKING:
    from .jitted import Jitted

_DTYPES = ("float32", "float64")


@dataclass
class Position:
    """How far training has come: whole epochs, and batches of the epoch after them."""

    epoch: int = 0
    batch: int = 0


class BoundLayer:
    """A layer of a built model: its declaration, and its tensors as ordinary arrays.

    Reading ``kernel`` (fan_in, units) or ``bias`` (units,) gives a read-only copy; assigning a whole array writes it
    into the model.
    """

    def __init__(self, model: Sequential, index: int) -> None:
        self._model = model
        self._index = index

    @property
    def declaration(self) -> Layer:
        """The layer as it was declared."""
        return self._model.declarations[self._index]

    @property
    def kernel(self) -> Array:
        """Weights, shape (fan_in, units)."""
        return self._model._tensor(self._index, "kernel")

    @kernel.setter
    def kernel(self, value: Any) -> None:
        self._model._set_tensor(self._index, "kernel", value)

    @property
    def bias(self) -> Array:
        """Bias, shape (units,)."""
        return self._model._tensor(self._index, "bias")

    @bias.setter
    def bias(self, value: Any) -> None:
        self._model._set_tensor(self._index, "bias", value)

    @property
    def units(self) -> int:
        """Width of the output."""
        return self._dense.units

    @property
    def activation(self) -> str:
        """Name of the activation."""
        return self._dense.activation

    @property
    def _dense(self) -> Dense:
        assert isinstance(self.declaration, Dense)
        return self.declaration

    def __repr__(self) -> str:
        return f"<layer {self._index}: {self.declaration}>"


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
        With ``kernel`` and ``bias`` once the model is built.
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
        self._learning_rate: float | None = None  # set by callbacks, in place of the optimiser's
        self.metrics: tuple[str, ...] = ()
        for layer in _check.items(layers, "layers", "layers"):
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Append a layer; only before the model is built.

        Raises
        ------
        ArgumentError
            If the model is built already.
        """
        if not isinstance(layer, Dense):
            raise ArgumentTypeError(
                f"layers must be layer objects such as fastmlp.Dense(64), not {layer!r}; "
                "fastmlp.mlp([128, 64], classes=10) makes a model from widths"
            )
        if self._engine is not None:
            raise ArgumentError("the model is built: layers can be added only before that")
        self.declarations.append(layer)

    # ------------------------------------------------------------ parts

    @property
    def layers(self) -> list[BoundLayer]:
        """The layers, with their tensors once the model is built."""
        return [BoundLayer(self, index) for index in range(len(self.declarations))]

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
    def learning_rate(self) -> float:
        """The rate of the batches that follow: the optimiser's, until it is set; `compile` undoes that."""
        return self.optimizer.learning_rate if self._learning_rate is None else self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = _check.real_number(value, "learning_rate", above=0)
        self._learning_rate = None if rate == self.optimizer.learning_rate else rate

    # ------------------------------------------------------------ setting up

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "categorical_crossentropy",
        metrics: Sequence[str] = ("accuracy",),
    ) -> None:
        """Choose how to train. Weights stay; the optimiser starts from its first step.

        Parameters
        ----------
        optimizer : str or Optimizer, default "adam"
            ``"adam"``, ``"sgd"``, or one with settings: ``fastmlp.Adam(learning_rate=0.01)``.
        loss : str or Loss, default "categorical_crossentropy"
            Labels may be class numbers, one-hot rows or soft rows; ``"sparse_categorical_crossentropy"`` is the
            same loss.
        metrics : list of str, default ("accuracy",)
            What to report besides the loss.

        Raises
        ------
        ArgumentError
            If a name is unknown, or the last layer does not fit the loss.
        """
        chosen, target, reported = optimizers.get(optimizer), losses.get(loss), _metric_names(metrics)
        if self.declarations:
            _check_last(self.declarations[-1], target)
        self._optimizer, self._loss, self.metrics = chosen, target, reported
        self._learning_rate = None
        self.position = Position()
        if self._engine is not None:
            self._engine.set_optimizer(chosen)

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
        if not self.declarations:
            raise ArgumentError("the model has no layers: give them to Sequential([...]) or to add()")
        if self._engine is not None:
            if self._engine.program.fan_in != n_features:
                raise ArgumentError(
                    f"n_features is {n_features}, but the model was built for {self._engine.program.fan_in}"
                )
            return
        self._check_memory(n_features)
        panel = kernels.panel_width(self.dtype)
        last = self.declarations[-1]
        fused = isinstance(last, Dense) and last.activation == "softmax"
        built = program.build(self.declarations, n_features, self.dtype, panel, fuse_softmax=fused)
        engine = Engine(built, self.uint8_scale, self._optimizer)
        for number, tensor in enumerate(built.tensors):
            layer = self.declarations[tensor.layer]
            rule = getattr(layer, f"{tensor.name}_initializer")
            built.pack(engine.parameters, tensor, rule.draw(tensor.shape, self.dtype, self.seed, number))
        self._engine = engine

    def _check_memory(self, n_features: int) -> None:
        """Refuse a model that cannot fit: systems grant the memory, and end the process when it is used."""
        widths = [n_features, *(layer.units for layer in self.layers)]
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
        y: Any,
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
        max_time: float | None = None,
        n_threads: int | None = None,
        seed: int | None = None,
        resume: bool = False,
    ) -> History:
        """Train the model.

        Ctrl-C ends training within about a third of a second; the model and the history so far stay usable.

        Parameters
        ----------
        x : array_like, shape (rows, features)
            uint8 is read as pixels (see ``uint8_scale``); everything else becomes the model's dtype. More
            dimensions are flattened.
        y : array_like, shape (rows,) or (rows, classes)
            Class numbers, one-hot rows or soft rows.
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
        validation_data : tuple (x, y), optional
            Evaluated after each epoch; not together with ``validation_split``.
        validation_freq : int, default 1
            Epochs from one validation to the next.
        validation_batches : int, optional
            Validate also every so many batches, counted in each epoch; see ``History.validations``.
        shuffle : bool, default True
            A new random order of rows in each epoch: a function of the seed and of how many epochs the model has
            been trained.
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
        _check_last(self._last_layer(), self.loss)
        batch_size = _check.whole_number(batch_size, "batch_size", minimum=1)
        epochs = _check.whole_number(epochs, "epochs", minimum=0)
        initial_epoch = _check.whole_number(initial_epoch, "initial_epoch", minimum=0)
        validation_freq = _check.whole_number(validation_freq, "validation_freq", minimum=1)
        if max_time is not None:
            max_time = _check.real_number(max_time, "max_time", above=0)
        resolve_threads(n_threads)
        listeners = [*_checked_callbacks(callbacks), *_progress(verbose)]
        new_seed = self.seed if seed is None else _checked_seed(seed)
        train, validation = self._training_data(x, y, validation_split, validation_data)
        if validation_batches is not None:
            validation_batches = _check.whole_number(validation_batches, "validation_batches", minimum=1)
            if validation is None:
                raise ArgumentError("validation_batches needs validation_data or validation_split")
        self.seed = new_seed
        self.build(_width(train))
        if self._busy:
            raise BusyError("this model is being trained already: train a copy (copy.deepcopy), or wait for its end")
        self._busy = True
        try:
            history, first = self._begin_history(resume, initial_epoch)
            settings = Settings(
                min(batch_size, train.rows),
                epochs,
                first,
                bool(shuffle),
                max_time,
                n_threads,
                validation_freq,
                validation_batches,
            )
            return Trainer(self, train, validation, settings, listeners, history).run()
        finally:
            self._busy = False

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
        self, x: Any, y: Any, validation_split: float, validation_data: tuple[Any, Any] | None
    ) -> tuple[Data, Data | None]:
        data = self._data(x, y, "x", "y")
        if validation_data is not None and validation_split:
            raise ArgumentError("give validation_data or validation_split, not both")
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                raise ArgumentTypeError("validation_data must be a pair (x, y) of arrays")
            return data, self._data(*validation_data, "validation_data[0]", "validation_data[1]", _width(data))
        share = _check.real_number(validation_split, "validation_split", minimum=0, below=1)
        if share == 0:
            return data, None
        kept = data.rows - max(1, math.ceil(data.rows * share - 1e-9))  # 0.2 of 10 rows is 2, not 3
        if kept == 0:
            raise ArgumentError(f"validation_split={validation_split} leaves none of the {data.rows} rows to train on")
        return data.part(0, kept), data.part(kept, data.rows)

    def train_on_batch(self, x: Any, y: Any, *, n_threads: int | None = None) -> dict[str, float]:
        """One optimiser step on one batch, for training loops of your own.

        Parameters
        ----------
        x, y : array_like
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
        _check_last(self._last_layer(), self.loss)
        resolve_threads(n_threads)
        data = self._data(x, y, "x", "y")
        self.build(_width(data))
        threads = self.engine.training_threads(data.rows, n_threads)
        rate = np.array([self.learning_rate])
        order = np.arange(data.rows, dtype=np.int64)
        batch_losses, correct = self.engine.train(data, order, 0, rate, data.rows, threads)
        if len(batch_losses) == 0:
            raise DivergenceError("the loss of this batch is NaN or infinite: no step was made")
        return self._report(float(batch_losses[0]), int(correct[0]) / data.rows)

    # ------------------------------------------------------------ using

    def evaluate(self, x: Any, y: Any, *, n_threads: int | None = None) -> dict[str, float]:
        """Loss and metrics on a data set.

        Parameters
        ----------
        x, y : array_like
            As in `fit`.
        n_threads : int, optional

        Returns
        -------
        dict of str to float
            ``{"loss": …, "accuracy": …}``
        """
        _check_last(self._last_layer(), self.loss)
        resolve_threads(n_threads)
        data = self._data(x, y, "x", "y", self.engine.program.fan_in)
        return self._report(*self.engine.evaluate(data, n_threads))

    def _report(self, loss: float, accuracy: float) -> dict[str, float]:
        values = {"loss": loss, "accuracy": accuracy}
        return {name: values[name] for name in ("loss", *self.metrics)}

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
        """The most probable class of each row.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray of int64, shape (rows,)
        """
        classes: Integers = self.predict(x, n_threads=n_threads).argmax(axis=1)
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
        width = self.engine.program.fan_in if self.is_built else None
        rows = [("layer", "activation", "output", "parameters")]
        total: int | None = 0
        for index, layer in enumerate(self.declarations):
            assert isinstance(layer, Dense)
            count = None if width is None else (width + int(layer.use_bias)) * layer.units
            total = None if total is None or count is None else total + count
            shown = "?" if count is None else f"{count:,}"
            rows.append((f"{index} Dense", layer.activation, f"(rows, {layer.units})", shown))
            width = layer.units
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            print_fn(
                "  ".join(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=False))
                + "  "
                + row[3].rjust(widths[3])
            )
        known = "not known before the model is built" if total is None else f"{total:,}"
        size = "" if total is None else f" ({total * self.dtype.itemsize / 2**20:.2f} MB in {self.dtype})"
        print_fn(f"parameters: {known}{size}")

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

    def _last_layer(self) -> Layer:
        if not self.declarations:
            raise ArgumentError("the model has no layers: give them to Sequential([...]) or to add()")
        return self.declarations[-1]

    def _data(self, x: Any, y: Any, x_name: str, y_name: str, width: int | None = None) -> Data:
        if width is None and self._engine is not None:
            width = self._engine.program.fan_in
        features = _check.features(x, x_name, self.dtype, width)
        last = self._last_layer()
        assert isinstance(last, Dense)
        labels, targets = _check.class_targets(y, y_name, len(features), x_name, last.units, self.dtype)
        return data_of(features, labels, targets, self.dtype)

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


def _metric_names(names: Iterable[str]) -> tuple[str, ...]:
    return metrics.get(names)


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


def _check_last(last: Layer, loss: losses.Loss) -> None:
    assert isinstance(last, Dense)
    loss.check_output(last.activation, last.units)


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
