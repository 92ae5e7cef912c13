"""The model API: a thin layer over the engine and the trainer.

`Sequential` is in four parts, each in a file: how it comes about (`building`), how it is judged (`evaluating`) and
trained (`fitting`), and what it is used for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ._base import check, naming
from ._base.errors import ArgumentError
from ._base.types import Array
from ._compiling.threads import resolve_threads
from ._engine.engine import data_of
from ._network import bound
from ._network.attributes import as_one_class
from ._network.inputs import PIXELS
from ._network.judging import refuse_overflow
from ._network.network import Position
from ._training.fit import Fitting
from .layers import Dense, Layer, output_of
from .losses import CLASSES, PROBABILITIES

if TYPE_CHECKING:
    from .jitted import Jitted

_FEW = 64  # numbers that are read faster one by one than by NumPy

__all__ = ["Position", "Sequential", "mlp"]


class Sequential(Fitting):
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

    # ------------------------------------------------------------ using

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
        engine = self.engine
        if n_threads is not None:
            resolve_threads(n_threads)
        given, is_centered = x, False
        if not check.are_rows(x, self.dtype, engine.program.fan_in):
            features = self.inputs().read(x, "x", finite=False)
            x, is_centered = features.rows, features.is_centered
        elif self.input_kind == PIXELS:
            self.inputs().check_scaled(x, "x")
        shape = (x.shape[0], engine.program.classes)
        if out is None:
            out = np.empty(shape, self.dtype)
        else:
            x = _checked_output(out, shape, self.dtype, x)
        if x.dtype == self.dtype and engine.are_few(shape[0], n_threads):
            engine.predict_rows(x, out, is_centered=is_centered)
        else:
            none = np.empty(0, np.int64)
            data = data_of(x, none, np.empty((0, shape[1]), self.dtype), self.dtype, is_centered=is_centered)
            engine.predict(data, out, n_threads)
        if not _looks_finite(out, engine.activation):
            is_lost = isinstance(given, np.ndarray) and np.may_share_memory(out, given)
            self.inputs().read(x if is_lost else given, "x")  # refuses the cause of a NaN
            refuse_overflow(out, "x", self.dtype)
        return out

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
        self._check_has_classes()
        return self.classes_of(self.predict(x, n_threads=n_threads))

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
        if self.loss.targets not in (CLASSES, PROBABILITIES):
            raise ArgumentError(f"the outputs of a model whose loss is {type(self.loss).__name__} are no probabilities")
        found = self.scoring.log_probabilities(self._read_by_loss(x, n_threads))
        with np.errstate(over="ignore"):  # of logits at the ends of the range: that one is as good as never is right
            return found.astype(self.dtype)

    def _read_by_loss(self, x: Any, n_threads: int | None) -> Array:
        """What the loss reads of each row."""
        features = self.inputs().read(x, "x")
        rows = features.rows
        outputs = np.empty((len(rows), self.engine.program.classes), self.dtype)
        labels = np.zeros(len(rows), np.int64)
        targets = np.zeros(outputs.shape if self.loss.targets == PROBABILITIES else (0, outputs.shape[1]), self.dtype)
        data = data_of(rows, labels, targets, self.dtype, is_centered=features.is_centered)
        self.engine.evaluate(data, n_threads, outputs=outputs)
        refuse_overflow(outputs, "x", self.dtype)
        return outputs

    def classes_of(self, outputs: Array) -> Array:
        """The classes that `predict_classes` gives, from what `predict` gives.

        Parameters
        ----------
        outputs : ndarray, shape (rows, units)

        Returns
        -------
        ndarray, shape (rows,)
        """
        self._check_has_classes()
        outputs = check.numbers(outputs, "outputs")
        if outputs.ndim != 2 or outputs.shape[1] == 0:
            raise ArgumentError(f"outputs must have the shape (rows, units), as predict() gives, not {outputs.shape}")
        if np.isnan(outputs).any():
            raise ArgumentError(f"outputs must hold no NaN, but row {int(np.isnan(outputs).any(axis=1).argmax())} has")
        units, activation = output_of(self.declarations)
        if units is not None and outputs.shape[1] != units:
            raise ArgumentError(f"outputs must have the {units} columns of the last layer, not {outputs.shape[1]}")
        if outputs.shape[1] == 1:
            numbers = (outputs[:, 0] > (0.0 if activation == "linear" else 0.5)).astype(np.int64)
        else:
            numbers = outputs.argmax(axis=1)
        return numbers if self.classes is None else self.classes[numbers]

    def _check_has_classes(self) -> None:
        """Refuse to tell the class of a row, where outputs do not say it."""
        units, activation = output_of(self.declarations)
        if self._loss is None or units is None:
            return  # what the outputs mean is for the caller to know
        if units > 1 and self._loss.targets == PROBABILITIES and activation != "softmax":
            raise ArgumentError(
                f"each of the {units} outputs answers a question of its own, so a row has no one class: "
                f"use predict_proba(x) > 0.5"
            )
        if self._loss.targets in (CLASSES, PROBABILITIES) or self._loss.hits(activation, units):
            return
        if self.classes is None or (units == 1 and activation != "sigmoid"):
            own = "predict(x) > a threshold of yours" if units == 1 else "predict(x).argmax(axis=1)"
            raise ArgumentError(
                f"the model predicts numbers, as {type(self._loss).__name__} has it, and no classes: use predict(x), "
                f"for classes train with a cross-entropy, or use {own}"
            )

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
        built = self.engine.program
        return [built.unpack(self.engine.parameters, tensor) for tensor in built.tensors]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all tensors; the order and shapes are those of `get_weights`.

        Raises
        ------
        ArgumentError
            If the number of arrays, a shape, or a value (NaN, infinity, a negative variance) is wrong; nothing is
            changed then.
        """
        tensors = self.engine.program.tensors
        weights = check.items(weights, "weights", "arrays")
        if len(weights) != len(tensors):
            raise ArgumentError(f"weights must be {len(tensors)} arrays, as get_weights() gives, not {len(weights)}")
        names = [f"weights[{i}] (the {tensor.name} of layer {tensor.layer})" for i, tensor in enumerate(tensors)]
        self._write(zip(tensors, weights, names, strict=True))

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
        from ._network import model_file

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
        from ._network import model_file

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
        from ._network import model_file

        model_file.load_weights(self, path)

    def __repr__(self) -> str:
        return f"Sequential({self.declarations!r}, dtype={str(self.dtype)!r})"


as_one_class(Sequential)


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


def _looks_finite(outputs: Array, activation: str) -> bool:
    """Whether outputs are finite, sooner found than by asking each; large finite ones may seem not to be."""
    if activation == "softmax":  # whose rows are NaN as a whole
        return not math.isnan(outputs.item(0) if len(outputs) == 1 else outputs[:, 0].min())
    if outputs.size <= _FEW:
        return math.isfinite(sum(outputs.ravel().tolist()))
    return math.isfinite(outputs.min()) and math.isfinite(outputs.max())


def _checked_output(out: Any, shape: tuple[int, int], dtype: np.dtype[Any], x: Array) -> Array:
    """Check an array to write predictions to; returns the features, copied where the two overlap."""
    usable = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == dtype
    if not usable or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(
            f"out must be a writable C-contiguous {dtype} array of shape {shape}, not "
            f"{getattr(out, 'dtype', type(out).__name__)} of shape {getattr(out, 'shape', None)}"
        )
    return x.copy() if np.may_share_memory(out, x) else x  # rows are read after others were written
