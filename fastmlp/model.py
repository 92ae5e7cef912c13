"""The model API: the methods that users call. The rooms below do the work.

A `Sequential` is a `Network`, which holds its state. The functions of `_network` and `_training` take it as an
argument.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from . import losses, optimizers
from ._base import check, keras, naming
from ._base.batches import are_batches
from ._base.errors import ArgumentTypeError
from ._base.types import Array
from ._compiling.threads import resolve_threads
from ._network import (
    adapting,
    architecture,
    bound,
    calibrating,
    deciding,
    declared_width,
    gradcheck,
    habits,
    judging,
    model_file,
    model_looks,
    parts,
    predicting,
    reporting,
    stack,
    tuning,
)
from ._network.bound import BoundLayer, BoundResidual
from ._network.calibrating import Calibration
from ._network.gradcheck import GradientCheck, TensorCheck
from ._network.history import History
from ._network.network import Network, Position
from ._network.scores import Scores, as_asked
from ._network.tuning import ThresholdTable
from ._training import own_loops, steps
from .layers import InputLayer, Layer
from .tables import TableEncoder

if TYPE_CHECKING:
    from .activations import Custom
    from .callbacks import Callback
    from .jitted import Jitted
    from .metrics import ClassificationReport, Metric

__all__ = [
    "BoundLayer",
    "BoundResidual",
    "Calibration",
    "GradientCheck",
    "Position",
    "Sequential",
    "TensorCheck",
    "ThresholdTable",
    "export",
    "load",
    "mlp",
]

_AUTO, _WORKERS, _QUEUE = "auto", 1, 10  # what `predict` need not check


class Sequential(Network):
    """A multilayer perceptron: layers one after the other.

    Methods that need parameters raise `NotBuiltError` before `fit` or `build` has made them.

    Parameters
    ----------
    layers : iterable of Layer, or of Sequential
        See `fastmlp.Dense`. A model among them becomes a part, which shares its weights; see `add`. The first `fit`
        takes the input width from the data. `build` sets it before, and so do ``fastmlp.Input((784,))`` as the first
        element and ``Dense(64, input_shape=(784,))`` as the first layer. A `fastmlp.TableEncoder` as the first element
        lets the model read raw tables, with columns of texts and missing values.
    dtype : {"float32", "float64"}, default "float32"
        The precision of parameters and arithmetic.
    uint8_scale : float, default 1/255
        Pixels, that is uint8 arrays, are multiplied by this number; they are never converted as a whole. Tables, such
        as data frames, and arrays of other types hold numbers, which are not scaled. See `input_kind`.
    seed : int, optional
        Determines the initial weights and the shuffling, from 0 to 2**63 − 1. Default: a new seed each time, kept in
        ``model.seed``.
    classes : list of str or int, optional
        Labels of the classes, in the order of the last layer's units, or of two classes if it has one unit. Targets
        may then be labels, and `predict_classes` returns labels. By default, classes are numbers from 0. But if the
        first training targets are texts, or as many different whole numbers as classes that are not all below that
        number, such as 3 and 7, the labels are these, sorted.
    name : str, optional
        Default: "sequential".

    Attributes
    ----------
    classes : ndarray or None
        The labels.
    feature_names : tuple or None
        The column names of the data frame that the model was trained on: texts, whole numbers, or tuples of these.
        Later data frames must have the same columns, in any order. (If the columns only count from 0, they are read by
        position.) With an encoder, these are the names of the features that it makes, and ``encoder.columns`` those of
        the table.
    input_kind : {"pixels", "integers", "floats"} or None
        The kind of data that the model was trained on; None before. A model of pixels reads all whole numbers as
        pixels, and floats as scaled pixels. A model of other whole numbers reads uint8 as numbers too. A model of
        floats refuses uint8 arrays, because they might be pixels or numbers.
    encoder : TableEncoder or None
        A copy of the model's encoder, with what it learned from the training rows of the first `fit`.
    layers : list of BoundLayer
        The layers in the order in which data pass through them, with ``kernel``, ``bias`` and so on once the model is
        built. Those inside of a `fastmlp.Residual` stand in its place; see `tree`.
    history : History or None
        The history of the latest training run.
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

    dtype: np.dtype[Any]
    name: str
    uint8_scale: float
    seed: int
    stop_training: bool
    history: History | None
    classes: Array | None
    feature_names: naming.Names | None
    input_kind: str | None

    def __init__(
        self,
        layers: Iterable[Layer | InputLayer | TableEncoder | Network] | None = (),
        *,
        dtype: str = "float32",
        uint8_scale: float = 1 / 255,
        seed: int | None = None,
        classes: Sequence[Any] | Array | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(layers, dtype=dtype, uint8_scale=uint8_scale, seed=seed, classes=classes, name=name)

    # ------------------------------------------------------------ layers, and how to train

    def add(self, layer: Layer | InputLayer | TableEncoder | Network) -> None:
        """Append a layer, or all layers of a model; or, as the first element, the shape of the input or an encoder.

        From a layer of another model it takes the declaration, without learned statistics. If the model is built, its
        layers keep their weights, the new layer gets initial ones, and the optimiser starts from its first step.

        A model that is added becomes a part of this one, like ``model[:2]``: both have the same weights from then on,
        those that it has now, if it has any. It can be a part of only one model.

        Examples
        --------
        >>> import numpy as np
        >>> import fastmlp as fm
        >>> encoder = fm.Sequential([fm.Dense(2, activation="tanh")], seed=0)
        >>> decoder = fm.Sequential([fm.Dense(5)], seed=0)
        >>> whole = fm.Sequential([encoder, decoder])
        >>> whole.build(n_features=5)
        >>> x = np.ones((1, 5))
        >>> bool((whole.predict(x) == decoder.predict(encoder.predict(x))).all())
        True
        """
        if isinstance(layer, Network):
            parts.adopt(self, layer)
        else:
            super().add(layer)

    def __len__(self) -> int:
        """How many elements it has, of which a `fastmlp.Residual` is one."""
        return len(self.declarations)

    def __bool__(self) -> bool:
        return True  # also without layers

    def __iter__(self) -> Iterator[BoundLayer | BoundResidual]:
        """Go through the elements of `tree`."""
        return iter(self.tree())

    @overload
    def __getitem__(self, place: slice) -> Sequential: ...
    @overload
    def __getitem__(self, place: int) -> BoundLayer | BoundResidual: ...
    def __getitem__(self, place: Any) -> Sequential | BoundLayer | BoundResidual:
        """Return an element, or consecutive elements as a model that shares its weights with this one.

        Parameters
        ----------
        place : int or slice
            Elements are those of `tree`: a `fastmlp.Residual` is one. (``layers`` is flat.)

        Returns
        -------
        BoundLayer or BoundResidual, or Sequential
            ``model[0]`` is an element, and ``model[:2]`` a part: a model with an optimiser, a loss and a history of its
            own, and with the weights of this one. Training either changes both, bit by bit. It may be made before
            this model is built. A copy or a file of a part is a model of its own.

        Raises
        ------
        IndexError, ArgumentError, ArgumentTypeError
            If there is no such element, the part is empty, or its step is not 1.

        Examples
        --------
        >>> import numpy as np
        >>> import fastmlp as fm
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> model = fm.Sequential([fm.Dense(2, activation="tanh"), fm.Dense(5)], seed=0)
        >>> encoder, decoder = model[:1], model[1:]
        >>> model.compile(loss="mse")
        >>> history = model.fit(x, x, verbose=0)
        >>> codes = encoder.predict(x)
        >>> codes.shape, bool((decoder.predict(codes) == model.predict(x)).all())
        ((100, 2), True)
        """
        if not isinstance(place, slice):
            return parts.element_of(self, place)
        new = Sequential(dtype=str(self.dtype), uint8_scale=self.uint8_scale, seed=self.seed)
        return parts.part_of(self, new, place)

    def pop(self) -> None:
        """Take away the last layer. The others keep their weights, and the optimiser starts from its first step.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Input((4,)), fm.Dense(8, activation="relu"), fm.Dense(3, activation="softmax")])
        >>> model.pop()
        >>> model.add(fm.Dense(5, activation="softmax"))
        >>> [layer.units for layer in model.layers]
        [8, 5]
        """
        super().pop()

    def get_layer(self, name: str | None = None, index: int | None = None) -> BoundLayer:
        """Return a layer by its name, or by its place in ``layers``.

        Parameters
        ----------
        name : str, optional
            As in `summary`: that of ``Dense(64, name="hidden")``, or one made from the type, "dense", "dense_1", ….
        index : int, optional

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(8, name="hidden"), fm.Dense(3), fm.Dense(2)])
        >>> model.get_layer("hidden").units, model.get_layer("dense_1").units, model.get_layer(index=1).name
        (8, 2, 'dense')
        """
        return bound.layer_at(self, name, index)

    @property
    def layers(self) -> list[BoundLayer]:
        """The layers, with their tensors once the model is built."""
        return bound.layers_of(self)

    def tree(self) -> list[BoundLayer | BoundResidual]:
        """Return the layers as they are nested: a `fastmlp.Residual` is one element, with the layers inside it.

        ``layers`` is flat: it has the layers inside of a residual, but does not show the addition. A program that
        translates a network, such as an exporter, needs the tree.

        Returns
        -------
        list of BoundLayer and BoundResidual
            A `BoundResidual` has ``layers``, another such list.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(4), fm.Residual([fm.Dense(4, activation="relu")]), fm.Dense(2)])
        >>> model.build(n_features=3)
        >>> [type(node).__name__ for node in model.tree()]
        ['BoundLayer', 'BoundResidual', 'BoundLayer']
        >>> model.tree()[1].layers[0].kernel.shape, len(model.layers)
        ((4, 4), 3)
        """
        return bound.tree_of(self)

    @property
    def n_features(self) -> int | None:
        """The number of features in a row; None before the model is built."""
        return super().n_features

    @property
    def encoder(self) -> TableEncoder | None:
        """A copy of its encoder of raw tables, which has learned from the first training rows; or None."""
        return super().encoder

    @property
    def is_built(self) -> bool:
        """Whether the input width is known and the parameters exist."""
        return super().is_built

    @property
    def built(self) -> bool:
        """`is_built`, as Keras spells it."""
        return self.is_built

    @property
    def compiled(self) -> bool:
        """Whether `compile` has given it an optimiser and a loss."""
        return self.is_compiled

    @property
    def input_shape(self) -> tuple[int | None, int | None]:
        """The shape of the input, (None, features), as Keras writes it; None for a width that is not known yet."""
        return None, self.n_features

    @property
    def output_shape(self) -> tuple[int | None, int | None]:
        """The shape of the output, (None, units), as Keras writes it; None for a width that is not known yet."""
        return None, self.last_output[0] or self.n_features

    @keras.accepting("Sequential.compile")
    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "categorical_crossentropy",
        metrics: Sequence[Any] | None = None,
    ) -> None:
        """Choose optimiser, loss and metrics. The weights do not change; the optimiser starts from its first step.

        Parameters
        ----------
        optimizer : str or Optimizer, default "adam"
            A name, such as ``"sgd"``, ``"adam"``, ``"adamw"`` or ``"rmsprop"``, or an optimiser with settings:
            ``fastmlp.Adam(learning_rate=0.01)``. See `fastmlp.optimizers`.
        loss : str or Loss, default "categorical_crossentropy"
            See `fastmlp.losses`. Labels of the categorical cross-entropy may be class numbers, one-hot rows or soft
            rows; ``"sparse_categorical_crossentropy"`` is the same loss.
        metrics : list of str, Metric or callable, optional
            What to report besides the loss; see `fastmlp.metrics`. Default: the accuracy, if the loss has right
            answers.

        Raises
        ------
        ArgumentError
            If a name is unknown, or the last layer does not fit the loss.
        BusyError
            If the model is being trained.
        """
        super().compile(optimizer, loss, metrics)

    @keras.accepting("Sequential.build")
    def build(self, n_features: int | Sequence[int | None] | None = None) -> None:
        """Set the input width and draw the initial weights. `fit` does this from the data.

        Parameters
        ----------
        n_features : int or tuple, optional
            The number of features in a row, at least 1; or the shape of a batch, ``(None, 784)``, as for Keras. It can
            be left out if the layers declare the width.

        Raises
        ------
        ArgumentError
            If there are no layers, the width is not known, or the model was built for another width.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(2)])
        >>> model.build(input_shape=(None, 3))
        >>> model.n_features
        3
        """
        super().build(declared_width.width_from(n_features, self.declarations, self.width_known))

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimiser given to `compile`.

        ``model.optimizer.learning_rate = 0.001`` is the same as ``model.learning_rate = 0.001``.
        """
        return super().optimizer

    @property
    def loss(self) -> losses.Loss:
        """The loss given to `compile`."""
        return super().loss

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: the loss, and the metrics given to `compile`."""
        return list(self.scoring.names)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics given to `compile`."""
        return super().metrics

    @property
    def learning_rate(self) -> float:
        """The rate of the next update: the optimiser's, unless it was set after `compile`.

        Setting it replaces a schedule.
        """
        return super().learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.set_learning_rate(value)

    # ------------------------------------------------------------ training

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int | bool = "auto",
        callbacks: Sequence[Callback] | None = (),
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        *,
        initial_epoch: int = 0,
        validation_freq: int = 1,
        validation_batches: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool | str = True,
        stratify: bool = False,
        class_weight: Mapping[Any, float] | str | None = None,
        sample_weight: Any = None,
        max_time: float | None = None,
        n_threads: int | None = None,
        seed: int | None = None,
        resume: bool = False,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> History:
        """Train the model.

        Ctrl-C ends training within about a third of a second. Callbacks are informed, the model and its ``history``
        stay usable, and `fit` raises `KeyboardInterrupt`, which ends your own loop too.

        Parameters
        ----------
        x : array_like, shape (rows, features), or fastmlp.datasets.Chunks, or batches
            Batches (x, y) or (x, y, sample_weight) come from a loader or a generator, such as a PyTorch DataLoader, a
            Keras Sequence, or an iterable of arrays or tensors. Each is a step, whatever its size. A uint8 array holds
            pixels (see ``uint8_scale``), and everything else numbers, unless the model was trained on another kind
            before (see ``input_kind``). Further dimensions are flattened. A model that begins with a
            `fastmlp.TableEncoder` reads raw tables instead, alone or in batches.
        y : array_like, shape (rows,) or (rows, units)
            The targets that the loss needs: class numbers, labels of classes such as texts, one-hot rows or soft rows;
            or numbers, one for each unit. Chunks and batches hold their own targets, without ``y``. For a raw table,
            ``y`` may also be the name of the column that holds the targets.
        batch_size : int, optional
            Rows in one step; 32 by default. The last batch of an epoch may be smaller. Values above the number of
            rows mean all rows, and Rprop and L-BFGS always take all rows. Refused for batches, which have sizes.
        epochs : int, default 1
            The number of the last epoch plus one; 0 trains nothing.
        verbose : {"auto", 0, 1, 2}, default "auto"
            0 is silent, 1 shows a live line for each epoch, or one bar for the run in a notebook, 2 a line at each
            epoch's end. "auto" is 1 on a terminal and in a notebook, else 2.
        callbacks : list of Callback
            See `fastmlp.callbacks`.
        validation_split : float, default 0
            The share of the rows, from 0 to below 1, that is set aside for validation: the last rows before any
            shuffling, as in Keras. See ``stratify``, and `fastmlp.datasets.train_test_split`.
        validation_data : tuple (x, y) or (x, y, sample_weight), or chunks or batches, optional
            Data to evaluate after each epoch; not together with ``validation_split``.
        initial_epoch : int, default 0
            The number of the first epoch: ``epochs − initial_epoch`` epochs are trained.
        validation_freq : int, default 1
            The number of epochs from one validation to the next.
        validation_batches : int, optional
            Also validate each time this many batches of an epoch are done; see ``History.validations``.
        validation_steps : int, optional
            The maximum number of batches in a validation; refused for arrays, which are evaluated as a whole. An
            iterator goes on in the next validation, and other sources begin again.
        validation_batch_size : int, optional
            Without influence: the result does not depend on it.
        steps_per_epoch : int, optional
            The maximum number of batches in an epoch, from the start of its order. Default: all. A loader or generator
            goes on in the next epoch where it was, and one that can begin again does so at its end: no batch is lost.
        shuffle : bool, "stratified" or "balanced", default True
            Whether each epoch has a new random order of rows, which depends on the seed and on the number of trained
            epochs. Batches with numbers, such as those of a Keras Sequence, are shuffled as a whole; other sources
            decide their order.

            "stratified": the same, and each batch has the classes in the proportions of all training rows, give or
            take a row or two. "balanced": each batch has all classes equally often. An epoch has as many draws as there
            are rows; rows of rare classes are drawn several times, and some rows of frequent classes not at all. Both
            need rows in memory and targets with one class for each row.
        stratify : bool, default False
            Whether ``validation_split`` sets aside random rows, of each class in proportion, instead of the last rows.
            The seed decides which rows.
        class_weight : dict or "balanced", optional
            Weights of classes, by class number or label; other classes weigh 1. A row weighs its sample weight times
            its class weight. "balanced" makes all classes count equally, however many rows they have.
        sample_weight : array_like, shape (rows,), optional
            The weight of each row, at least 0: in a full batch, a row that weighs 2 counts as that row twice, and one
            that weighs 0 does not count. Only ratios matter, because all weights are divided by their mean over the
            training rows; see ``reduction`` in `fastmlp.losses`. Metrics are not weighted.
        max_time : float, optional
            Seconds after which training ends, without compilation.
        n_threads : int, optional
            The maximum number of threads; for the default see `fastmlp.set_num_threads`. The result does not depend on
            it.
        seed : int, optional
            Replaces the model's seed; before the first `fit`, also for the initial weights.
        resume : bool, default False
            Continue the latest run, even from the middle of an epoch; ``epochs`` counts from the beginning of that
            run. With the same data and ``batch_size``, the result has the same bits as an uninterrupted training, even
            after `save` and `fastmlp.load`; except with L-BFGS.
        workers, use_multiprocessing, max_queue_size
            Without influence. Keras 2 reads data ahead with them.

        Returns
        -------
        History
            The history, which ``model.history`` keeps too.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used; then nothing was trained.
        DivergenceError
            If the loss becomes NaN or infinite; the model keeps its last good parameters.
        NotBuiltError
            If the model was not compiled.
        BusyError
            If the model is being trained by another thread, or by the training whose callback calls this method.
        KeyboardInterrupt
            After Ctrl-C; if there was a first batch, ``model.history.stopped`` is then ``"interrupted"``.
        """
        from ._training.fit import fit  # predictions need neither this nor callbacks
        from ._training.request import Request

        habits.check_loading(workers, use_multiprocessing, max_queue_size)
        request = Request(
            x,
            y,
            batch_size,
            epochs,
            initial_epoch,
            verbose,
            callbacks,
            validation_split,
            validation_data,
            validation_freq,
            validation_batches,
            validation_steps,
            validation_batch_size,
            steps_per_epoch,
            shuffle,
            stratify,
            class_weight,
            sample_weight,
            max_time,
            n_threads,
            seed,
            resume,
        )
        return fit(network=self, model=self, request=request)

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
        *,
        n_threads: int | None = None,
    ) -> Scores:
        """Make one optimiser step on one batch, for your own training loops.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`; all rows are one batch.
        return_dict : bool, default False
            True gives a plain dict of names and values, which a loop goes through by name.
        n_threads : int, optional

        Returns
        -------
        Scores
            The loss and metrics of the batch before the update.

        Raises
        ------
        DivergenceError
            If the loss is NaN or infinite; then no step is made.
        """
        check.yes_or_no(return_dict, "return_dict")
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        return as_asked(self.partial_fit(x, y, batch_size=None, n_threads=n_threads, **weights), return_dict)

    def partial_fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        n_threads: int | None = None,
    ) -> Scores:
        """Train once on rows in their order, for data that arrive piece by piece.

        The optimiser keeps its state between calls. There is no history.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`.
        batch_size : int or None, default 32
            Rows in one step; None means all.
        n_threads : int, optional

        Returns
        -------
        Scores
            The loss and metrics over these rows, measured for each batch before its update.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; then no step follows.
        BusyError
            If the model is already being trained.
        KeyboardInterrupt
            After Ctrl-C, within about a third of a second; the model has been trained on the rows so far.
        """
        return steps.partial_fit(self, x, y, batch_size, (sample_weight, class_weight), n_threads)

    def set_first_statistics(self, mean: Any, variance: Any) -> None:
        """Set mean and variance of a first Normalization; then `fit` takes none from its data.

        Parameters
        ----------
        mean, variance : array_like, shape (features,)

        Raises
        ------
        ArgumentError
            If the first layer is not a Normalization, or the values cannot be used; then nothing changes.
        NotBuiltError
            If the model has no parameters yet; use `fastmlp.Normalization.adapt` instead.
        """
        adapting.set_first_statistics(self, mean, variance)

    def swap_averaged_weights(self) -> None:
        """Exchange the weights and their running average, which an optimiser with ``ema_momentum`` keeps.

        The average usually predicts better. Call it a second time before you continue training.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(500, 100)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> model.compile(fm.Adam(ema_momentum=0.99))
        >>> _ = model.fit(x, y, verbose=0)
        >>> model.swap_averaged_weights()
        """
        self.swap_averaged()

    # ------------------------------------------------------------ judging

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int | bool = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
        *,
        thresholds: Any = None,
        n_threads: int | None = None,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> Scores:
        """Compute the loss and the metrics on a data set.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As in `fit`; ``x`` may be chunks or batches, which hold their own targets.
        batch_size, verbose, workers, use_multiprocessing, max_queue_size
            Without influence, for code that is written for Keras. Nothing is printed.
        steps : int, optional
            The maximum number of batches of a loader or generator; refused for arrays.
        callbacks
            Refused, because no callback hears of an evaluation.
        return_dict : bool, default False
            True gives a plain dict of names and values, which a loop goes through by name.
        thresholds : "tuned", float or list of float, optional
            Above which probabilities metrics of choices, such as the accuracy and F1, choose: "tuned" for
            ``model.thresholds``. Default: 0.5, or the larger of two, as in `fit`, even if the model has others.
            Metrics with a threshold of their own other than 0.5 keep it. The result names them.
        n_threads : int, optional

        Returns
        -------
        Scores
            A dict ``{"loss": …, "accuracy": …}`` that unpacks to its values: ``loss, accuracy = model.evaluate(x, y)``.
            See `fastmlp.scores.Scores`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, or its numbers are so large that the loss leaves the range of the model's
            dtype.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), test = fm.datasets.digits(500, 100)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> _ = model.fit(x, y, epochs=3, verbose=0)
        >>> result = model.evaluate(*test)
        >>> loss, accuracy = result
        >>> loss == result.loss == result["loss"], list(result.keys())
        (True, ['loss', 'accuracy'])
        """
        resolve_threads(n_threads)
        loading = {"workers": workers, "use_multiprocessing": use_multiprocessing, "max_queue_size": max_queue_size}
        habits.check_inert(batch_size, verbose, callbacks, **loading)
        check.yes_or_no(return_dict, "return_dict")
        return as_asked(judging.evaluate(self, x, y, sample_weight, n_threads, steps, thresholds), return_dict)

    def classification_report(self, x: Any, y: Any, *, n_threads: int | None = None) -> ClassificationReport:
        """Report precision, recall and F1 of every class, as the model chooses with its thresholds.

        Parameters
        ----------
        x, y : array_like
            Rows and targets, as in `fit`.
        n_threads : int, optional

        Returns
        -------
        ClassificationReport
            With the thresholds, the log loss and the calibration error. See `fastmlp.metrics.classification_report`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, or the model predicts numbers.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), test = fm.datasets.digits(500, 100)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> _ = model.fit(x, y, epochs=3, verbose=0)
        >>> report = model.classification_report(*test)
        >>> report.accuracy == model.evaluate(*test)["accuracy"], len(report.recall)
        (True, 10)
        """
        return reporting.report(self, x, y, n_threads)

    def test_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False, *, n_threads: int | None = None
    ) -> Scores:
        """Do the same as `evaluate`, under the name that Keras has for a single batch."""
        return self.evaluate(x, y, sample_weight=sample_weight, return_dict=return_dict, n_threads=n_threads)

    def gradient_check(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        samples: int = 20,
        step: float = 1e-5,
        tolerance: float = 1e-5,
        seed: int = 0,
    ) -> GradientCheck:
        """Compare backpropagation with finite differences, in float64, for all rows as one batch.

        The model does not change. If a row lies within one step of a kink, such as that of ReLU, the two differ
        although the gradient is right; use a smaller step.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`; a few rows are enough.
        samples : int, default 20
            How many elements of each tensor to compare.
        step : float, default 1e-5
            The step of the finite differences.
        tolerance : float, default 1e-5
            The largest allowed error, relative to the largest derivative of the tensor.
        seed : int, default 0
            Chooses the elements.

        Returns
        -------
        GradientCheck
            It has ``passed``, ``error``, and the derivatives of each tensor; printed, it is a table.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(20, 10)
        >>> model = fm.mlp([8], classes=10, activation="tanh", seed=0)
        >>> model.gradient_check(x, y).passed
        True
        """
        weights = (sample_weight, class_weight)
        return gradcheck.check(self, x, y, weights, samples=samples, step=step, tolerance=tolerance, seed=seed)

    def gradients(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        step: int | None = None,
        update_statistics: bool = False,
        n_threads: int | None = None,
    ) -> tuple[float, list[Array]]:
        """Compute the loss of all rows as one batch, as in training, and its gradient, for loops of your own.

        The model does not change, except that it is built if it was not. ``model.apply_gradients(gradients)`` makes the
        step; the two together have the same bits as `train_on_batch`.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`.
        step : int, optional
            Dropout and noise depend on this number and the seed. Default: the number of steps so far, so that each step
            has new masks. Processes that share a step give each a number of its own.
        update_statistics : bool, default False
            The running statistics of `BatchNormalization` change with this batch at once, as do names, labels, and the
            statistics of a first `Normalization` without any. By default the next `apply_gradients` of this model does
            that, if no other training is between; so does that of a copy or a pickle, but not that of a file which
            was saved between the two calls.
        n_threads : int, optional

        Returns
        -------
        loss : float
            The loss, with penalties.
        gradients : list of ndarray
            The gradients in the order of `get_weights`, with those of penalties; zeros for tensors that are not
            trained.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, or the loss is not finite.
        BusyError
            With ``update_statistics``, if the model is being trained.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(100, 10)
        >>> model = fm.mlp([8], classes=10, seed=0)
        >>> loss, gradients = model.gradients(x, y)
        >>> [gradient.shape for gradient in gradients]
        [(784, 8), (8,), (8, 10), (10,)]
        """
        weights = (sample_weight, class_weight)
        return own_loops.gradients(self, x, y, own_loops.Wanted(weights, step, update_statistics, n_threads))

    def apply_gradients(self, gradients: Sequence[Any], *, n_threads: int | None = None) -> None:
        """Make one optimiser step with gradients: those of `gradients`, or what you made of them.

        Learning rate, clipping, weight decay, ``max_norm``, averages and accumulation are as in `fit`. Penalties are
        not added, because `gradients` contain theirs. With ``gradient_accumulation_steps=k``, a k-th of each gradient
        counts, and every k-th call updates the weights; the result then equals that of `fit` up to rounding.

        Parameters
        ----------
        gradients : list of array_like
            One array for each tensor, in the order and the shapes of `get_weights`. Those of tensors that are not
            trained are not used.
        n_threads : int, optional

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If the number of arrays, a shape, or a value (NaN or infinity) is wrong, or the optimiser is L-BFGS; then
            nothing changes.
        BusyError
            If the model is being trained.
        NotBuiltError
            If the model has no parameters yet.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(200, 10)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> for first in range(0, 200, 50):
        ...     loss, gradients = model.gradients(x[first : first + 50], y[first : first + 50])
        ...     model.apply_gradients(gradients)
        """
        own_loops.apply_gradients(self, gradients, n_threads)

    # ------------------------------------------------------------ deciding

    @property
    def thresholds(self) -> Array | None:
        """The probabilities above which `predict_classes` chooses the second of two classes, and labels are chosen.

        One number, or one for each label; None for the usual choice. `tune_threshold` sets them. Assign a number, a
        list or None to set your own. Files, copies and exports of the model have them. Training keeps them.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.mlp([4], classes=["no", "yes"])
        >>> model.thresholds = 0.2
        >>> model.thresholds
        array([0.2])
        """
        known = self.data_known.thresholds
        return None if known is None else np.array(known)

    @thresholds.setter
    def thresholds(self, value: Any) -> None:
        deciding.set_thresholds(self, value)

    @property
    def temperature(self) -> float | None:
        """What `calibrate` divided the logits by, in all; None before. Training keeps it."""
        return self.data_known.temperature

    def tune_threshold(
        self,
        x: Any,
        y: Any,
        metric: str = "f1",
        *,
        sample_weight: Any = None,
        costs: Any = None,
        at_least: Mapping[str, float] | None = None,
        n_threads: int | None = None,
    ) -> ThresholdTable:
        """Find the threshold that is best for a metric of decisions, and let the model choose by it from then on.

        Use rows that the model was not trained on. It is for two classes (one sigmoid unit or two softmax units) and
        for labels (a sigmoid unit each), each of which gets a threshold of its own. `predict_classes` and
        `predict_labels` use the thresholds; so do exports, and `evaluate` with ``thresholds="tuned"``.

        Parameters
        ----------
        x, y : array_like
            Rows and targets, as in `fit`.
        metric : str, default "f1"
            ``"f1"``, ``"f1_macro"``, ``"balanced_accuracy"``, ``"accuracy"``, ``"cost"``; with ``at_least`` also
            ``"precision"``, ``"recall"`` and ``"specificity"``. See `fastmlp.metrics.best_threshold`, also for ties.
        sample_weight : array_like, shape (rows,), optional
            The weight of each row.
        costs : array_like, shape (2, 2), optional
            For ``metric="cost"``: ``[[no as no, no as yes], [yes as no, yes as yes]]``.
        at_least : dict, optional
            What must be reached besides, such as ``metric="precision", at_least={"recall": 0.9}``.
        n_threads : int, optional

        Returns
        -------
        ThresholdTable
            The thresholds with the metric on these rows, beside that at 0.5; printed as a table. A label that no row
            has, or all rows, keeps 0.5.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, the model has three or more classes, or rows of one of two classes are
            missing; then nothing changes.
        NotBuiltError
            If the model has no parameters yet.

        Examples
        --------
        >>> import numpy as np
        >>> import fastmlp as fm
        >>> random = np.random.default_rng(0)
        >>> x = random.normal(size=(2000, 2))
        >>> y = (x[:, 0] + random.normal(size=2000) > 2).astype(int)  # 8 of 100 rows
        >>> model = fm.mlp([8], classes=2, seed=0)
        >>> history = model.fit(x[:1000], y[:1000], epochs=20, verbose=0)
        >>> found = model.tune_threshold(x[1000:], y[1000:], metric="f1")
        >>> found.thresholds[0].value > found.thresholds[0].usual, model.thresholds[0] < 0.5
        (True, np.True_)
        """
        return tuning.tune(self, x, y, metric, sample_weight, costs, at_least, n_threads)

    def calibrate(self, x: Any, y: Any, *, sample_weight: Any = None, n_threads: int | None = None) -> Calibration:
        """Make probabilities as sure as they are right on average: divide the logits by the best temperature.

        The temperature is the number for which the log loss of these rows is smallest; they should be rows that the
        model was not trained on. The weights before the softmax or the sigmoids take it over, so files and exports have
        it. The most probable class stays the same, up to rounding, and tuned thresholds move so that they choose the
        same; those that you set yourself stay. Training further is training these weights: calibrate again after it.

        Parameters
        ----------
        x, y : array_like
            Rows and targets, as in `fit`.
        sample_weight : array_like, shape (rows,), optional
            The weight of each row.
        n_threads : int, optional

        Returns
        -------
        Calibration
            The temperature, and log loss and calibration error before and after.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, no cross-entropy trains the outputs, the last layers are of other kinds, or
            no temperature is best because the rows fit the model perfectly; then nothing changes.
        BusyError
            If the model is being trained.

        Examples
        --------
        >>> import numpy as np
        >>> import fastmlp as fm
        >>> random = np.random.default_rng(0)
        >>> x = random.normal(size=(400, 20))
        >>> y = (x[:, 0] + random.normal(size=400) > 0).astype(int)
        >>> model = fm.mlp([64], classes=2, seed=0)
        >>> history = model.fit(x[:200], y[:200], epochs=60, verbose=0)  # which learns these rows by heart
        >>> found = model.calibrate(x[200:], y[200:])
        >>> found.temperature > 1, found.loss_after < found.loss_before
        (True, True)
        """
        return calibrating.calibrate(self, x, y, sample_weight, n_threads)

    # ------------------------------------------------------------ predicting

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int | bool = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        *,
        out: Array | None = None,
        n_threads: int | None = None,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> Array:
        """Compute the output of the last layer for each row, for example probabilities after a softmax.

        Several threads may call it at once.

        Parameters
        ----------
        x : array_like, shape (rows, features), or batches
            A single row needs two dimensions: ``x[None]``. A loader or generator may give batches x, (x,), (x, y) or
            (x, y, sample_weight).
        batch_size, verbose, workers, use_multiprocessing, max_queue_size
            Without influence, for code that is written for Keras. Nothing is printed.
        steps : int, optional
            The maximum number of batches of a loader or generator; refused for arrays.
        callbacks
            Refused, because no callback hears of a prediction.
        out : ndarray, shape (rows, units), optional
            A C-contiguous array of the model's dtype, which is overwritten and returned.
        n_threads : int, optional

        Returns
        -------
        ndarray, shape (rows, units)
            Finite numbers in the model's dtype. The result of a row has the same bits whatever rows are beside it.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If ``x`` cannot be read, has NaN or infinity, or has numbers so large that the network leaves the range of
            its dtype.
        """
        if n_threads is not None:
            resolve_threads(n_threads)
        is_plain = batch_size is None and steps is None and callbacks is None
        is_plain = is_plain and verbose is _AUTO and use_multiprocessing is False
        if not (is_plain and workers is _WORKERS and max_queue_size is _QUEUE):
            loading = {"workers": workers, "use_multiprocessing": use_multiprocessing}
            habits.check_inert(batch_size, verbose, callbacks, **loading, max_queue_size=max_queue_size)
            if steps is not None and are_batches(x):
                return predicting.over_batches(
                    x, lambda part: predicting.predict(self, part, None, n_threads), out, steps=steps
                )
            habits.refuse_steps(steps, "steps", "x")
        return predicting.predict(self, x, out, n_threads)

    def __call__(self, x: Any, training: bool | None = None) -> Array:
        """Do the same as `predict`, for ``model(x)``; the result is an ordinary array.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        training : bool, optional
            True is refused: predictions use neither dropout, nor noise, nor the statistics of a batch.

        Returns
        -------
        ndarray, shape (rows, units)
        """
        habits.refuse_training_mode(training)
        return self.predict(x)

    def predict_on_batch(self, x: Any) -> Array:
        """Do the same as `predict`, under the name that Keras has for a single batch."""
        return self.predict(x)

    def predict_classes(self, x: Any, *, n_threads: int | None = None) -> Array:
        """Choose the most probable class of each row; with one unit, 1 if it is above one half, else 0.

        If a model of two classes has a threshold, it chooses the second where its probability is above that. See
        `tune_threshold`.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray, shape (rows,)
            Labels if ``model.classes`` has them, else int64 class numbers.

        Raises
        ------
        ArgumentError
            If the outputs are independent answers or numbers instead of classes.
        """
        predicting.check_has_classes(self)
        return self.classes_of(self.predict(x, n_threads=n_threads))

    def predict_labels(self, x: Any, *, n_threads: int | None = None) -> Array:
        """Choose the labels of each row that are more probable than the thresholds of the model, usually 0.5.

        It is for models with a sigmoid unit for each of several labels; see `tune_threshold`.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray of bool, shape (rows, labels)

        Raises
        ------
        ArgumentError
            If the outputs are not independent answers.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.mlp([4], task="multilabel", outputs=3, seed=0)
        >>> model.build(n_features=2)
        >>> model.predict_labels([[1.0, 2.0]]).shape
        (1, 3)
        """
        return predicting.labels_of(self, self.predict(x, n_threads=n_threads))

    def predict_proba(self, x: Any, *, n_threads: int | None = None) -> Array:
        """Compute the probability of each class for each row, even if the last layer gives logits.

        If the loss has ``from_logits=True``, `predict` returns logits, and this method converts them to probabilities.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray, shape (rows, classes)
            Probabilities in the model's dtype. A model with one unit gives two columns. Several independent yes-or-no
            units give one column each, for yes.

        Raises
        ------
        ArgumentError
            If the outputs are not probabilities for this loss.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(loss=fm.losses.BinaryCrossentropy(from_logits=True))
        >>> model.build(n_features=3)
        >>> model.predict_proba([[1.0, 2.0, 3.0]])
        array([[0.5, 0.5]], dtype=float32)
        """
        return np.exp(self.predict_log_proba(x, n_threads=n_threads))

    def predict_log_proba(self, x: Any, *, n_threads: int | None = None) -> Array:
        """Compute the logarithms of `predict_proba`, even of probabilities that are too small for the dtype.

        They are computed from the numbers that the loss reads, such as the logits before a softmax.

        Parameters, shapes and errors are those of `predict_proba`.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(2, activation="softmax", use_bias=False)])
        >>> model.compile()
        >>> model.build(n_features=1)
        >>> model.set_weights([[[1000.0, 0.0]]])
        >>> model.predict_log_proba([[1.0]])
        array([[    0., -1000.]], dtype=float32)
        """
        return predicting.log_probabilities(self, x, n_threads)

    def classes_of(self, outputs: Array) -> Array:
        """Convert the result of `predict` to that of `predict_classes`.

        Parameters
        ----------
        outputs : ndarray, shape (rows, units)

        Returns
        -------
        ndarray, shape (rows,)
        """
        return predicting.classes_of(self, outputs)

    def jitted(self) -> Jitted:
        """Return the model in a form for your own numba functions.

        Returns
        -------
        Jitted
            A named tuple ``(predict, weights, network)``. In functions that numba compiles, also with ``nogil``,
            ``cache`` and ``prange``, call ``predict(out, x, weights, network)``. `fastmlp.jitted.predict` is the same
            function for every model. ``weights`` is the model's own parameter vector, which training changes in place.
            A changed copy is another network. With an encoder, ``x`` holds the features that it makes,
            ``model.encoder.transform(table)``.

        Raises
        ------
        ArgumentError
            If the model has an activation of your own: its compiled code belongs to this process, and the arrays do
            not.
        """
        from . import jitted

        return jitted.jitted(self.engine.program, self.engine.parameters, self.reader())

    def folded(self) -> Sequential:
        """Return a copy with the same predictions and fewer layers, which is faster and simpler to export.

        It drops dropout and noise, and merges batch normalisations and `Normalization` into a neighbouring linear
        dense layer. A normalisation whose mean is many standard deviations stays, because a dense layer would round
        products as large as the mean. Predictions agree up to rounding. The result is another network: training it
        further does not give what training this model gives.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.Sequential([fm.Dense(8), fm.BatchNormalization(), fm.Activation("relu"), fm.Dense(2)], seed=0)
        >>> model.build(n_features=4)
        >>> [type(layer.declaration).__name__ for layer in model.folded().layers]
        ['Dense', 'Dense']
        """
        from ._network import folding

        return folding.fold(self)

    # ------------------------------------------------------------ models of other libraries

    def to_torch(self) -> Any:
        """Return an `nn.Sequential` of PyTorch with the same layers and weights, for predictions and further training.

        It is in evaluation mode. A model of pixels becomes one of pixels that were multiplied by ``uint8_scale``.

        Raises
        ------
        MissingExtraError
            If PyTorch is not installed.
        ArgumentError
            If there is an activation of your own.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.mlp([8], classes=3)
        >>> model.build(n_features=4)
        >>> module = model.to_torch()  # doctest: +SKIP
        """
        from ._exporting.to_torch import to_torch

        return to_torch(self)

    def to_keras(self) -> Any:
        """Return a model of Keras 3 with the same layers and weights, for predictions and further training.

        It is a `keras.Sequential`, or with `Residual` layers a functional `keras.Model`. A `Scale` layer becomes a
        batch normalisation whose statistics do nothing. A model of pixels becomes one of pixels that were multiplied
        by ``uint8_scale``.

        Raises
        ------
        MissingExtraError
            If Keras is not installed.
        ArgumentError
            If there is an activation that Keras has no layer for.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.mlp([8], classes=3)
        >>> model.build(n_features=4)
        >>> theirs = model.to_keras()  # doctest: +SKIP
        """
        from ._exporting.to_keras import to_keras

        return to_keras(self)

    def to_sklearn(self) -> Any:
        """Return a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn with the same predictions.

        The network must be dense layers whose hidden ones share one activation: linear, sigmoid, tanh or ReLU.
        Normalisations that `folded` merges are allowed; the hidden layers of `fastmlp.mlp` are of this kind. A model
        of pixels becomes one of pixels that were multiplied by ``uint8_scale``.

        Raises
        ------
        MissingExtraError
            If scikit-learn is not installed.
        ArgumentError
            If scikit-learn has no such network.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.mlp([8], classes=["no", "yes"])
        >>> model.build(n_features=4)
        >>> theirs = model.to_sklearn()  # doctest: +SKIP
        """
        from ._exporting.to_sklearn import to_sklearn

        return to_sklearn(self)

    # ------------------------------------------------------------ weights, description, file

    @property
    def weights(self) -> list[Array]:
        """Read-only copies of all tensors, as `get_weights` gives them; write with `set_weights` or to ``layers``."""
        return [tensor for layer in self.layers for tensor in layer.weights]

    @property
    def trainable_weights(self) -> list[Array]:
        """The ``weights`` that training changes."""
        return self._weights_where(True)

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The ``weights`` that training does not change, and running statistics."""
        return self._weights_where(False)

    @property
    def variables(self) -> list[Array]:
        """`weights`, as Keras spells them."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Array]:
        """`trainable_weights`, as Keras spells them."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Array]:
        """`non_trainable_weights`, as Keras spells them."""
        return self.non_trainable_weights

    def reset_metrics(self) -> None:
        """Do nothing: each call of `fit`, `evaluate` and `train_on_batch` reports its own rows alone."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Sequential", cls)

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def _weights_where(self, trained: bool) -> list[Array]:
        tensors = zip(self.engine.program.tensors, self.weights, strict=True)
        return [values for tensor, values in tensors if tensor.trained == trained]

    @property
    def trainable(self) -> bool:
        """Whether training changes any tensor. Assigning True or False sets it for all layers."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = check.yes_or_no(value, "trainable")
        for index, _ in enumerate(self.layers):
            bound.set_trainable(self, index, value)

    def count_params(self) -> int:
        """Return how many numbers all tensors hold, trained or not."""
        return self.engine.program.count

    def get_weights(self) -> list[Array]:
        """Return copies of all tensors, layer by layer: kernel (fan_in, units), then bias (units,) if there is one."""
        return super().get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all tensors; the order and shapes are those of `get_weights`.

        Raises
        ------
        ArgumentError
            If the number of arrays, a shape, or a value (NaN, infinity, a negative variance) is wrong; then nothing
            changes.
        """
        super().set_weights(weights)

    @keras.accepting("Sequential.summary")
    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers, their shapes and their numbers of parameters."""
        bound.print_summary(self, print_fn)

    def config(self) -> dict[str, Any]:
        """Return the architecture and the settings as a JSON-ready dict; `from_config` makes a model of it.

        It holds the layers as a tree, the precision, the input width, what the model knows of its data (labels of the
        classes, names of features, ``input_kind``, ``uint8_scale``), the seed, and the settings of `compile`. It holds
        no weights and no statistics, and no code: of your own schedule it has the name, and the present rate.

        Examples
        --------
        >>> import fastmlp as fm
        >>> config = fm.mlp([16], classes=3, seed=0).config()
        >>> config["dtype"], config["n_features"], [layer["units"] for layer in config["layers"]]
        ('float32', None, [16, 3])
        """
        return architecture.config_of(self)

    def to_json(self) -> str:
        """Return the result of `config` as JSON, which `fastmlp.models.model_from_json` reads back.

        Examples
        --------
        >>> import fastmlp as fm
        >>> text = fm.mlp([16], classes=3).to_json()
        >>> len(fm.models.model_from_json(text).layers)
        2
        """
        return json.dumps(self.config())

    def get_config(self) -> dict[str, Any]:
        """Return `config`, by the name that Keras has for it."""
        return self.config()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
        """Make a model from the result of `config`, with new weights.

        ``custom_objects`` has the activations and losses of your own by their names, as for `fastmlp.load`. If the
        described model was built, this one is too. As it has the same seed, its weights are the described
        model's before training. Set ``config["seed"]`` to None for other weights.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If ``config`` is not the description of a model.

        Examples
        --------
        >>> import fastmlp as fm
        >>> model = fm.mlp([16], classes=3, seed=0)
        >>> model.build(n_features=4)
        >>> twin = fm.Sequential.from_config(model.config())
        >>> twin.n_features, bool((twin.predict([[1, 2, 3, 4]]) == model.predict([[1, 2, 3, 4]])).all())
        (4, True)
        """
        return architecture.from_config(config, cls, custom_objects)

    @keras.accepting("Sequential.save")
    def save(self, path: str | os.PathLike[str]) -> None:
        """Save everything to one ``.npz`` file: architecture, weights, optimiser state, position in training, history.

        The file holds arrays and JSON, no code; `fastmlp.load` reads it. It is written completely or not at all.

        Raises
        ------
        DivergenceError
            If the last update made weights or the optimiser's state NaN, or weights infinite.
        ArgumentError, ArgumentTypeError
            If ``path`` is not the name of a file, such as a number.
        OSError
            If the file cannot be written, or is a folder, a device, a pipe or a stream.
        """
        model_file.save(self, path)

    @keras.accepting("Sequential.save_weights")
    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Save the weights alone to an ``.npz`` file: the tensors of `get_weights`, by layer and name.

        The file also has the mean of a first `Normalization` in float64, for `load_weights`.

        Raises
        ------
        DivergenceError
            If the last update made weights NaN or infinite.
        OSError
            If the file cannot be written, or is a folder, a device, a pipe or a stream.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastmlp as fm
        >>> model, other = (fm.mlp([4], classes=2, seed=seed) for seed in (0, 1))
        >>> model.build(n_features=3)
        >>> other.build(n_features=3)
        >>> path = os.path.join(tempfile.mkdtemp(), "weights.npz")
        >>> model.save_weights(path)
        >>> other.load_weights(path)
        >>> bool((model.predict([[1, 2, 3]]) == other.predict([[1, 2, 3]])).all())
        True
        """
        model_file.save_weights(self, path)

    @keras.accepting("Sequential.load_weights")
    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Read the weights of `save_weights`, or those in the file of a complete model, into this built model.

        The optimiser keeps its state; `compile` resets it. The model then reads features like the model that the
        weights come from; see `input_kind`.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, or of a model with other layers; then nothing changes.
        """
        model_file.load_weights(self, path)

    def export(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the model in the format of other programs that the suffix of ``path`` names; see `fastmlp.export`."""
        export(self, path, **options)

    def __repr__(self) -> str:
        return model_looks.text(self)

    def _repr_html_(self) -> str:
        return model_looks.html(self)


def mlp(
    hidden: Sequence[int],
    classes: int | Sequence[Any] | None = None,
    *,
    task: str | None = None,
    outputs: int | None = None,
    activation: str | Custom | Sequence[str | Custom] | None = "relu",
    table: bool | TableEncoder = False,
    normalize: bool = False,
    batch_norm: bool = False,
    dropout: float | Sequence[float] = 0.0,
    dtype: str = "float32",
    seed: int | None = None,
) -> Sequential:
    """Make a compiled network from a list of widths, with Adam and the usual loss for the task.

    - ``classes=3`` or ``classes=["cat", "dog", "owl"]``: one of several classes, with softmax and cross-entropy;
    - ``task="regression", outputs=2``: numbers, with linear units, the mean squared error, and the mean absolute error
      as a metric;
    - ``task="multilabel", outputs=5``: several yes-or-no answers, with sigmoids and the binary cross-entropy.

    For another optimiser, loss or metric, call `Sequential.compile` again.

    Parameters
    ----------
    hidden : sequence of int
        The widths of the hidden layers; may be empty.
    classes : int or list of labels, optional
        The number of classes, or their labels; see `Sequential`.
    task : {"classification", "regression", "multilabel"}, optional
        Default: "classification".
    outputs : int, optional
        The number of numbers to predict (default 1), or of labels that a row may have at the same time.
    activation : str or list of str, default "relu"
        The activation of all hidden layers, or of each.
    table : bool or TableEncoder, default False
        Begin with a `fastmlp.TableEncoder`, or the given one: the model reads raw tables, such as data frames, with
        columns of texts and missing values, and scales their numbers.
    normalize : bool, default False
        Begin with a `Normalization`: each feature is scaled to mean 0 and variance 1. Tables need this if their
        columns have different units. Targets of a regression are not scaled: scale them yourself if they are far from
        the range of -10 to 10.
    batch_norm : bool, default False
        Put a `BatchNormalization` before each activation.
    dropout : float or list of float, default 0
        The rate of a `Dropout` after all hidden layers, or after each.
    dtype, seed
        As in `Sequential`.

    Raises
    ------
    ArgumentError
        If arguments contradict each other, such as ``classes`` and ``task="regression"``.

    Examples
    --------
    >>> import fastmlp as fm
    >>> [layer.units for layer in fm.mlp([128, 64], classes=10).layers]
    [128, 64, 10]
    >>> fm.mlp([64, 64], task="regression", normalize=True).loss
    MeanSquaredError()
    """
    goal = stack.goal(task, classes, outputs)
    layers = stack.hidden_layers(hidden, activation, dropout, normalize=normalize, batch_norm=batch_norm)
    model = Sequential([*stack.encoders(table), *layers, goal.last], dtype=dtype, seed=seed, classes=goal.labels)
    model.compile(loss=goal.loss, metrics=goal.metrics)
    return model


def export(model: Sequential, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a model in the format of other programs that the suffix of ``path`` names.

    The file is written completely or not at all. It holds what the model predicts with, not the state of its training,
    which `Sequential.save` keeps. ``.json`` and ``.safetensors`` hold a `TableEncoder` too; other formats refuse it.

    Parameters
    ----------
    model : Sequential
    path : str or PathLike
        ``.py``, ``.c``, ``.html``: source code that predicts without fastmlp: a module that needs NumPy alone, C99
        without allocation, a page that runs the network in the browser. ``.onnx``: a graph for onnxruntime and other
        programs (extra ``onnx``). ``.safetensors``: the tensors by name (extra ``safetensors``). ``.json``:
        architecture and settings alone, see `Sequential.config`.
    **options
        Those of the format; ``docs/export.md`` lists them.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there is no such format or option, or the format cannot hold a layer.
    MissingExtraError
        If the library that writes the format is not installed.
    NotBuiltError
        If the model has no weights yet, except for ``.json``.
    DivergenceError
        If the last update made weights NaN or infinite.
    OSError
        If the file cannot be written, or is a folder, a device, a pipe or a stream.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp as fm
    >>> path = os.path.join(tempfile.mkdtemp(), "model.json")
    >>> fm.export(fm.mlp([16], classes=3), path)
    """
    from ._exporting import export as exporting  # training and predictions do not need it

    if not isinstance(model, Network):
        raise ArgumentTypeError(f"model must be a fastmlp.Sequential, not {model!r:.60}")
    exporting.export(model, path, options)


@keras.accepting("models.load_model")
def load(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """Read a model that `Sequential.save` wrote, for predictions or further training.

    Parameters
    ----------
    path : str or PathLike
    custom_objects : dict, optional
        Your own activations and losses (`fastmlp.activations.Custom`, `fastmlp.losses.Custom`) by their names, which
        are all that a file holds of them. Names that the file does not have are ignored.

    Returns
    -------
    Sequential
        A model with the same bits in weights, optimiser state and position: ``fit(..., resume=True)`` continues like
        an uninterrupted training.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or not a fastmlp model, or if its compressed entries would expand to over 20
        times the file's size plus 32 MiB.
    ArgumentError, ArgumentTypeError
        If ``path`` is not the name of a file, such as a number.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp as fm
    >>> model = fm.mlp([4], classes=2)
    >>> model.build(n_features=3)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> model.save(path)
    >>> bool((fm.load(path).predict([[1, 2, 3]]) == model.predict([[1, 2, 3]])).all())
    True
    """
    return model_file.load(path, Sequential, custom_objects)


keras.accept(Sequential)
