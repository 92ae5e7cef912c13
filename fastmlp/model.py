"""The model API: what users call, and nothing else. The work is done in the rooms below.

A `Sequential` is a `Network`: that has its state, and the functions of `_network` and `_training` take it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import losses, optimizers
from ._base import check, naming
from ._base.errors import ArgumentError
from ._base.types import Array
from ._compiling.threads import resolve_threads
from ._network import adapting, bound, gradcheck, judging, model_file, predicting
from ._network.bound import BoundLayer
from ._network.gradcheck import GradientCheck, TensorCheck
from ._network.history import History
from ._network.network import Network
from ._network.scores import Scores
from ._training import fit, steps
from ._training.request import Request
from .layers import Dense, Layer

if TYPE_CHECKING:
    from .callbacks import Callback
    from .jitted import Jitted
    from .metrics import Metric

__all__ = ["BoundLayer", "GradientCheck", "Sequential", "TensorCheck", "load", "mlp"]


class Sequential(Network):
    """A multilayer perceptron: layers one after the other.

    Parameters
    ----------
    layers : iterable of Layer
        See `fastmlp.Dense`. The input width is taken from the data at the first `fit`, or from `build`.
    dtype : {"float32", "float64"}, default "float32"
        Precision of parameters and arithmetic.
    uint8_scale : float, default 1/255
        Arrays of uint8 are pixels, each of which is multiplied by this; they are never converted as a whole. Tables,
        such as data frames, and arrays of any other type are numbers, and taken as they are. See `input_kind`.
    seed : int, optional
        Fixes the initial weights and the shuffling, from 0 to 2**63 − 1. Default: a new one each time, kept
        in ``model.seed``.
    classes : list of str or int, optional
        Labels of the classes, in the order of the last layer's units; of two classes where it has one unit. Where they
        are given, targets may be labels, and `predict_classes` gives labels. Default: class numbers from 0 on, unless
        the first targets to train on are text, or whole numbers as many as the classes and not all below their number,
        such as 3 and 7: then these in sorted order.

    Attributes
    ----------
    classes : ndarray or None
        The labels.
    feature_names : tuple or None
        The columns of the data frame that the model learned from, if it was one: texts, whole numbers, or tuples of
        these. Other data frames must have the same; their order makes no difference. (One without names of its own,
        whose columns count from 0, is read by place.)
    input_kind : {"pixels", "integers", "floats"} or None
        What the model learned from; None before. A model of pixels takes all whole numbers as pixels, and fractions as
        pixels that were scaled before. A model of other whole numbers takes uint8 as numbers too. A model of fractions
        refuses arrays of uint8, as nothing tells whether they are pixels.
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

    dtype: np.dtype[Any]
    uint8_scale: float
    seed: int
    stop_training: bool
    history: History | None
    classes: Array | None
    feature_names: naming.Names | None
    input_kind: str | None

    def __init__(
        self,
        layers: Iterable[Layer] = (),
        *,
        dtype: str = "float32",
        uint8_scale: float = 1 / 255,
        seed: int | None = None,
        classes: Sequence[Any] | Array | None = None,
    ) -> None:
        super().__init__(layers, dtype=dtype, uint8_scale=uint8_scale, seed=seed, classes=classes)

    # ------------------------------------------------------------ layers, and how to train

    def add(self, layer: Layer) -> None:
        """Append a layer; only before the model is built.

        Of another model's layer it takes the declaration, without statistics that the other learned.

        Raises
        ------
        ArgumentError
            If the model is built already.
        """
        super().add(layer)

    @property
    def layers(self) -> list[BoundLayer]:
        """The layers, with their tensors once the model is built."""
        return bound.layers_of(self)

    @property
    def is_built(self) -> bool:
        """Whether the input width is known and the parameters exist."""
        return super().is_built

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
        BusyError
            If the model is being trained.
        """
        super().compile(optimizer, loss, metrics)

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
        super().build(n_features)

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimiser given to `compile`."""
        return super().optimizer

    @property
    def loss(self) -> losses.Loss:
        """The loss given to `compile`."""
        return super().loss

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics given to `compile`."""
        return super().metrics

    @property
    def learning_rate(self) -> float:
        """The rate of the next update: the optimiser's, unless it was set since `compile`.

        Setting it replaces a schedule from then on.
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
        batch_size: int = 32,
        epochs: int = 1,
        *,
        initial_epoch: int = 0,
        verbose: str | int | bool = "auto",
        callbacks: Sequence[Callback] = (),
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        validation_freq: int = 1,
        validation_batches: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
        sample_weight: Any = None,
        max_time: float | None = None,
        n_threads: int | None = None,
        seed: int | None = None,
        resume: bool = False,
    ) -> History:
        """Train the model.

        Ctrl-C ends training within about a third of a second. Callbacks are told, the model and its ``history`` stay
        usable, and then `KeyboardInterrupt` is raised, so that it ends a program's own loop too.

        Parameters
        ----------
        x : array_like, shape (rows, features), or fastmlp.datasets.Chunks
            An array of uint8 holds pixels (see ``uint8_scale``), and everything else numbers, unless the model has
            learned from another kind before (see ``input_kind``). More dimensions are flattened.
        y : array_like, shape (rows,) or (rows, units)
            What the loss takes: class numbers, labels of classes such as texts, one-hot rows or soft rows; or numbers,
            one for each unit. Chunks, which are in memory one at a time, hold their own: then there is no ``y``.
        batch_size : int, default 32
            Rows in one step. The last batch of an epoch may be smaller. More than there are rows means all, and Rprop
            and L-BFGS always take all.
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
        steps_per_epoch : int, optional
            An epoch is at most so many batches, the first ones of its order. Default: all.
        shuffle : bool, default True
            A new random order of rows in each epoch: a function of the seed and of how many epochs the model has
            been trained.
        class_weight : dict or "balanced", optional
            Factors of the loss of rows of some classes, by class number or label; the others count 1. "balanced": each
            class counts as much as the others, however many rows it has.
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
            training without the stop, also after `save` and `fastmlp.load`; but with L-BFGS.

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
        KeyboardInterrupt
            After Ctrl-C; ``model.history.stopped`` is ``"interrupted"`` then, if there was a first batch.
        """
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
            steps_per_epoch,
            shuffle,
            class_weight,
            sample_weight,
            max_time,
            n_threads,
            seed,
            resume,
        )
        return fit.fit(self, self, request)

    def train_on_batch(
        self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None, n_threads: int | None = None
    ) -> Scores:
        """One optimiser step on one batch, for training loops of your own.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`; all rows are one batch.
        n_threads : int, optional

        Returns
        -------
        Scores
            Loss and metrics of the batch, before the update.

        Raises
        ------
        DivergenceError
            If the loss is NaN or infinite; no step is made then.
        """
        return steps.partial_fit(self, x, y, None, (sample_weight, class_weight), n_threads)

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
        Scores
            Loss and metrics over these rows, each batch's before its update.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the step that would follow is not made.
        BusyError
            If the model is being trained already.
        KeyboardInterrupt
            After Ctrl-C, within about a third of a second; the rows so far have been trained on.
        """
        return steps.partial_fit(self, x, y, batch_size, (sample_weight, class_weight), n_threads)

    def set_first_statistics(self, mean: Any, variance: Any) -> None:
        """Give a first layer that is a Normalization its mean and variance; `fit` takes none from its data then.

        Parameters
        ----------
        mean, variance : array_like, shape (features,)

        Raises
        ------
        ArgumentError
            If the first layer is not a Normalization, or the values cannot be used; nothing is changed then.
        NotBuiltError
            If the model has no parameters yet: before that, use the layer's own `fastmlp.Normalization.adapt`.
        """
        adapting.set_first_statistics(self, mean, variance)

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
        self.swap_averaged()

    # ------------------------------------------------------------ judging

    def evaluate(self, x: Any, y: Any = None, *, sample_weight: Any = None, n_threads: int | None = None) -> Scores:
        """Loss and metrics on a data set.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As in `fit`; ``x`` may be chunks, which hold their own ``y``.
        n_threads : int, optional

        Returns
        -------
        Scores
            A dict ``{"loss": …, "accuracy": …}`` that unpacks to its values: ``loss, accuracy = model.evaluate(x, y)``.
            See `fastmlp.scores.Scores`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, or has numbers so large that the loss is none of the model's dtype any more.

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
        return judging.evaluate(self, x, y, sample_weight, n_threads)

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
        return judging.gradients(self, x, y, n_threads)

    # ------------------------------------------------------------ predicting

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
            In the model's dtype, finite. A row's result has the same bits whatever rows are beside it.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If ``x`` cannot be read, or has NaN or infinity, or numbers so large that the network's are none of its
            dtype any more.
        NotBuiltError
            If the model has no parameters yet.
        """
        if n_threads is not None:
            resolve_threads(n_threads)
        return predicting.predict(self, x, out, n_threads)

    def predict_classes(self, x: Any, *, n_threads: int | None = None) -> Array:
        """The most probable class of each row; of a model with one unit, 1 where it is above one half, else 0.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray, shape (rows,)
            Labels, where ``model.classes`` has them, else class numbers in int64.

        Raises
        ------
        ArgumentError
            If the outputs are independent answers, or numbers, and no classes.
        """
        predicting.check_has_classes(self)
        return predicting.classes_of(self, self.predict(x, n_threads=n_threads))

    def predict_proba(self, x: Any, *, n_threads: int | None = None) -> Array:
        """The probability of each class, for each row, whatever the last layer and the loss are.

        Where `predict` gives logits, because the loss was told so, this gives what the loss makes of them.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        n_threads : int, optional

        Returns
        -------
        ndarray, shape (rows, classes)
            In the model's dtype. Two columns for a model with one unit. Of several independent yes-or-no units each
            has one column: that of yes.

        Raises
        ------
        ArgumentError
            If the loss does not make the outputs probabilities.

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
        """The logarithms of what `predict_proba` gives, also of probabilities that are too small for the dtype.

        They are found from what the loss reads, which are logits before a softmax.

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
        """The classes that `predict_classes` gives, from what `predict` gives.

        Parameters
        ----------
        outputs : ndarray, shape (rows, units)

        Returns
        -------
        ndarray, shape (rows,)
        """
        return predicting.classes_of(self, outputs)

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

        return jitted.jitted(self.engine.program, self.engine.parameters, self.inputs())

    def folded(self) -> Sequential:
        """A model with the same predictions and fewer layers: faster, and simpler to take elsewhere.

        Dropout and noise are left out, and batch normalisations and `Normalization` become part of a dense layer beside
        them where that is linear. One that subtracts a mean of many standard deviations stays, as a dense layer would
        round products as large as the mean. Predictions agree but for rounding. The new model is a copy; to train it
        further is to train another network.

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
        from ._network import folding

        return folding.fold(self)

    # ------------------------------------------------------------ weights, description, file

    def get_weights(self) -> list[Array]:
        """Copies of all tensors, layer by layer: kernel (fan_in, units), then bias (units,) where there is one."""
        return super().get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all tensors; the order and shapes are those of `get_weights`.

        Raises
        ------
        ArgumentError
            If the number of arrays, a shape, or a value (NaN, infinity, a negative variance) is wrong; nothing is
            changed then.
        """
        super().set_weights(weights)

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
        DivergenceError
            If the last update has made weights or the optimiser's state NaN (or weights infinite).
        ArgumentError, ArgumentTypeError
            If ``path`` is not the name of a file, such as a number.
        OSError
            If the file cannot be written, or is a folder, a device, a pipe or a stream.
        """
        model_file.save(self, path)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Save the weights alone to an ``.npz`` file: the tensors of `get_weights`, each by layer and name.

        The mean of a first `Normalization` is also there in float64, as `load_weights` reads it.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        NotBuiltError
            If the model has no parameters yet.
        DivergenceError
            If the last update has made weights NaN or infinite.
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

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Read the weights of `save_weights`, or those in the file of a whole model, into this built model.

        The optimiser goes on from where it is. `compile` lets it begin anew. Features are read from then on as by the
        model that the weights come from, see `input_kind`.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, or of a model of other layers; nothing is changed then.
        NotBuiltError
            If the model has no parameters yet.
        """
        model_file.load_weights(self, path)

    def __repr__(self) -> str:
        return f"Sequential({self.declarations!r}, dtype={str(self.dtype)!r})"


def mlp(
    hidden: Sequence[int],
    classes: int | Sequence[Any],
    *,
    activation: str | Sequence[str] | None = "relu",
    dtype: str = "float32",
    seed: int | None = None,
) -> Sequential:
    """A compiled classifier from a list of widths, with Adam and cross-entropy.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers; may be empty.
    classes : int or list of labels
        Number of classes, or their labels: see `Sequential`.
    activation : str or list of str, default "relu"
        Of the hidden layers: of all, or of each.
    dtype, seed
        As in `Sequential`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> [layer.units for layer in fm.mlp([128, 64], classes=10).layers]
    [128, 64, 10]
    """
    widths = check.items(hidden, "hidden", "widths")
    is_one = activation is None or isinstance(activation, str)
    names = [activation] * len(widths) if is_one else check.items(activation, "activation", "names")
    if len(names) != len(widths):
        raise ArgumentError(
            f"activation must be one name, or one for each of the {len(widths)} hidden layers, not {names}"
        )
    stack: list[Layer] = [Dense(width, activation=name) for width, name in zip(widths, names, strict=True)]
    labels = naming.class_labels(classes) if isinstance(classes, Iterable) else None
    output = Dense(cast("int", classes) if labels is None else len(labels), activation="softmax")
    model = Sequential([*stack, output], dtype=dtype, seed=seed, classes=labels)
    model.compile()
    return model


def load(path: str | os.PathLike[str]) -> Sequential:
    """Read a model that `Sequential.save` wrote, ready to predict or to go on training.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Sequential
        With the same bits in weights, optimiser state and position: ``fit(..., resume=True)`` goes on as if
        it had never stopped.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or not a fastmlp model, or if its entries are compressed and say that they
        unpack to over 20 times the file's size and 32 MiB more.
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
    return model_file.load(path, Sequential)
