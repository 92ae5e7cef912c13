"""How a model comes about: layers, what to train with, initial weights."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from .. import kernels, losses, optimizers
from .._base import check, naming
from .._base.errors import ArgumentError, ArgumentTypeError, BusyError, NotBuiltError
from .._base.types import Array
from .._engine import program, targets
from .._engine.engine import STEADY, Data, Engine, data_of
from ..layers import (
    MOST_UNITS,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    LayerNormalization,
    Normalization,
    checked,
    declared,
    leaves,
    output_of,
    with_leaf,
)
from .attributes import Declared, did_you_mean
from .bound import BoundLayer
from .history import History
from .inputs import KINDS, Inputs
from .scoring import Scoring

if TYPE_CHECKING:
    from ..metrics import Metric
    from ..model import Sequential

_DTYPES = ("float32", "float64")


@dataclasses.dataclass
class Position:
    """How far training has come: whole epochs, and batches of the epoch after them."""

    epoch: int = 0
    batch: int = 0


class Building(Declared):
    """The part of `fastmlp.Sequential` that sets it up."""

    declarations: list[Layer]
    dtype: np.dtype[Any]
    uint8_scale: float
    seed: int
    classes: Array | None
    feature_names: naming.Names | None
    input_kind: str | None
    stop_training: bool
    history: History | None
    position: Position
    metrics: tuple[Metric, ...]

    _not_for_users = frozenset(
        {
            "declarations",
            "declared_classes",
            "engine",
            "evaluate_data",
            "first_statistics",
            "has_schedule",
            "inputs",
            "learn_names",
            "like",
            "position",
            "rates",
            "scoring",
            "set_first_statistics",
            "take_names",
        }
    )

    _set_by: ClassVar[dict[str, str]] = {
        "dtype": "Sequential(..., dtype=...) for a new model",
        "uint8_scale": "Sequential(..., uint8_scale=...) for a new model",
        "layers": "add(layer), or Sequential([...]) for a new model",
        "optimizer": "compile(optimizer=...)",
        "loss": "compile(loss=...)",
        "is_built": "build(n_features)",
    }

    def __init__(
        self,
        layers: Iterable[Layer] = (),
        *,
        dtype: str = "float32",
        uint8_scale: float = 1 / 255,
        seed: int | None = None,
        classes: Sequence[Any] | Array | None = None,
    ) -> None:
        self.declarations = []
        self.dtype = _checked_dtype(dtype)
        self.uint8_scale = check.real_number(uint8_scale, "uint8_scale", above=0)
        self.seed = checked_seed(seed)
        self.classes = None if classes is None else naming.class_labels(classes)
        self._has_learned_classes = False  # from training data, and not by the argument
        self.feature_names = None
        self.input_kind = None
        self.stop_training = False
        self.history = None
        self.position = Position()
        self._busy_in: int | None = None  # the process in which it is being trained
        self._engine: Engine | None = None
        self._optimizer: optimizers.Optimizer | None = None
        self._loss: losses.Loss | None = None
        self._learning_rate: float | None = None  # where it replaces the optimiser's
        self.metrics = ()
        for layer in check.items(layers, "layers", "layers"):
            self.add(layer)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "seed":
            value = checked_seed(value)
        elif name == "metrics" and not isinstance(value, tuple):
            raise AttributeError("metrics of a model are chosen by compile(..., metrics=[...])")
        elif name == "classes" and not isinstance(value, np.ndarray) and value is not None:
            value = naming.class_labels(value)
        elif name == "feature_names" and value is not None:
            value = naming.names_of(value, "feature_names")
        elif name == "input_kind" and value is not None:
            value = check.choice(value, "input_kind", KINDS)
        elif name == "stop_training":
            value = check.yes_or_no(value, "stop_training")
        elif name == "history" and value is not None and not isinstance(value, History):
            raise ArgumentTypeError(f"history must be a History, as fit() returns, or None, not {value!r:.60}")
        super().__setattr__(name, value)

    def add(self, layer: Layer) -> None:
        """Append a layer; only before the model is built.

        Of another model's layer it takes the declaration, without statistics that the other learned.

        Raises
        ------
        ArgumentError
            If the model is built already.
        """
        checked([layer])
        if self._engine is not None:
            raise ArgumentError("the model is built: layers can be added only before that")
        self.declarations += declared([layer])

    # ------------------------------------------------------------ parts

    @property
    def layers(self) -> list[BoundLayer]:
        """The layers, with their tensors once the model is built."""
        return [BoundLayer(cast("Sequential", self), index) for index, _ in enumerate(leaves(self.declarations))]

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
        self._learning_rate = check.real_number(value, "learning_rate", above=0)

    @property
    def has_schedule(self) -> bool:
        """Whether the rates are those of a schedule."""
        return self._learning_rate is None and callable(self.optimizer.learning_rate)

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
        BusyError
            If the model is being trained.
        """
        if self._is_busy:
            raise BusyError("this model is being trained: compile() a copy (copy.deepcopy), or wait for its end")
        chosen, target = optimizers.get(optimizer), losses.get(loss)
        reported = _chosen_metrics(metrics, target, self.declarations)
        if self.declarations:
            check_last(self.declarations, target, reported)
            self._check_classes(output_of(self.declarations)[0] or 1)
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
        n_features = check.whole_number(n_features, "n_features", minimum=1, maximum=MOST_UNITS)
        if self._engine is not None:
            if self._engine.program.fan_in != n_features:
                raise ArgumentError(
                    f"n_features is {n_features}, but the model was built for {self._engine.program.fan_in}"
                )
            return
        engine = self._bare_engine(n_features)
        declared = list(leaves(self.declarations))
        for number, tensor in enumerate(engine.program.tensors):
            value = _initial(declared[tensor.layer], tensor, self.dtype, self.seed, number)
            engine.program.pack(engine.parameters, tensor, value)
        self._engine = engine

    def _bare_engine(self, n_features: int) -> Engine:
        """The buffers of the model, without initial weights."""
        if not any(isinstance(layer, Dense) for layer in leaves(self.declarations)):
            raise ArgumentError("the model has no Dense layer: give layers to Sequential([...]) or to add()")
        self._check_memory(n_features)
        built = self._program(n_features)
        return Engine(built, self.uint8_scale, self._optimizer, self._loss, output_of(self.declarations)[1])

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

    def like(self, layers: Sequence[Layer], dtype: str | None = None) -> Sequential:
        """A model of these layers that reads features and names classes as this one does; not built, nor compiled."""
        dtype = str(self.dtype) if dtype is None else dtype
        new = cast("type[Sequential]", type(self))(layers, dtype=dtype, uint8_scale=self.uint8_scale, seed=self.seed)
        new.take_names(self)
        return new

    # ------------------------------------------------------------ tensors and data

    def _find_tensor(self, layer: int, name: str) -> program.Tensor:
        for tensor in self.engine.program.tensors:
            if (tensor.layer, tensor.name) == (layer, name):
                return tensor
        there = [tensor.name for tensor in self.engine.program.tensors if tensor.layer == layer]
        known = f"; its tensors are {', '.join(there)}" if there else ", nor any other tensor"
        raise AttributeError(f"layer {layer} has no {name}{known}{did_you_mean(name, [*there, 'trainable'])}")

    def _tensor(self, layer: int, name: str) -> Array:
        copy = self.engine.program.unpack(self.engine.parameters, self._find_tensor(layer, name))
        copy.flags.writeable = False  # writing into it would change nothing in the model
        return copy

    def _set_tensor(self, layer: int, name: str, value: Any) -> None:
        self._write([(self._find_tensor(layer, name), value, name)])

    def _write(self, given: Iterable[tuple[program.Tensor, Any, str]]) -> None:
        """Write tensors, each with a name for messages; all of them, or none where a value cannot be used.

        New statistics are known from then on, and not taken for initial ones, which training replaces: those of a
        `Normalization` once neither its means nor its variances are all initial.
        """
        engine, built = self.engine, self.engine.program
        values = [(tensor, value, tensor.checked(value, name, self.dtype)) for tensor, value, name in given]
        new: dict[int, dict[str, Array]] = {}
        declared = list(leaves(self.declarations))
        for tensor, value, rounded in values:
            if tensor.is_statistic:
                exact, known = check.array_of(value, tensor.name), getattr(declared[tensor.layer], tensor.name, None)
                if not self._is_known(tensor, exact, rounded, known):
                    new.setdefault(tensor.layer, {})[tensor.name] = exact
            built.pack(engine.parameters, tensor, rounded)
        for layer, statistics in new.items():
            if not self._has_initial_statistics(layer):
                self._note_statistics(layer, **statistics)

    def _is_known(self, tensor: program.Tensor, exact: Array, rounded: Array, known: Array | None) -> bool:
        """Whether a statistic is what the model has, also in what its dtype cannot hold where that is given."""
        is_the_same = np.array_equal(self.engine.program.unpack(self.engine.parameters, tensor), rounded)
        return is_the_same and (known is None or np.array_equal(exact, rounded) or np.array_equal(exact, known))

    def _has_initial_statistics(self, index: int) -> bool:
        layer = list(leaves(self.declarations))[index]
        if not isinstance(layer, Normalization) or layer.mean is not None:
            return False
        return not self._tensor(index, "mean").any() or bool((self._tensor(index, "variance") == 1).all())

    def _note_statistics(self, index: int, **given: Any) -> None:
        """Take what a layer's tensors hold for its statistics; what was declared is kept for models like this one.

        Those of a Normalization are known in the precision in which they were ``given``.
        """
        layer = list(leaves(self.declarations))[index]
        if isinstance(layer, Normalization):
            names = ("mean", "variance")
            known = layer.in_model(*(self._unrounded(index, name, given.get(name), layer) for name in names))
            self.declarations = with_leaf(self.declarations, index, known)
        else:
            self.engine.averaged[self._find_tensor(index, "moving_mean").offset] = STEADY

    def _unrounded(self, index: int, name: str, given: Any, layer: Normalization) -> Array:
        """A statistic in float64: as it was given, or is known; as the tensor has it, unless this is their rounding."""
        rounded = self._tensor(index, name)
        for exact in (given, getattr(layer, name)):
            if exact is not None and np.array_equal(check.array_of(exact, name).astype(self.dtype), rounded):
                return np.asarray(exact, np.float64)
        return rounded.astype(np.float64)

    def _data(
        self,
        x: Any,
        y: Any,
        x_name: str,
        y_name: str,
        width: int | None = None,
        sample_weight: Any = None,
    ) -> Data:
        features = self.inputs(width).read(x, x_name)
        rows = len(features.rows)
        units = output_of(self.declarations)[0]
        assert units is not None
        if self._takes_labels(units):
            y = naming.class_numbers(y, self.classes, y_name)
        labels, goals = targets.checked(self.loss, y, y_name, rows, x_name, units, self.dtype)
        weights = targets.row_weights(sample_weight, rows, self.dtype)
        return data_of(features.rows, labels, goals, self.dtype, weights, is_centered=features.is_centered)

    def inputs(self, width: int | None = None) -> Inputs:
        """How the model reads features; of ``width`` columns, where it is not known from the model."""
        if self._engine is not None:
            width = self._engine.program.fan_in
        names, kind = self.feature_names, self.input_kind
        return Inputs(self.dtype, width, names, kind, self.uint8_scale, self._center())

    def _center(self) -> Array | None:
        """The mean in a first Normalization, where it has one; in float64, unless the tensor was replaced."""
        first = self.declarations[0] if self.declarations else None
        if not isinstance(first, Normalization) or first.mean is None:
            return None
        return first.mean if self._engine is None else self._unrounded(0, "mean", None, first)

    def _set_trainable(self, index: int, value: Any) -> None:
        layer = list(leaves(self.declarations))[index]
        value = check.yes_or_no(value, "trainable")
        if not hasattr(layer, "trainable"):
            return  # it has nothing to train
        if self._is_busy and isinstance(self._optimizer, optimizers.LBFGS):
            raise BusyError("L-BFGS cannot freeze layers while it trains: do it between two calls of fit()")
        if self._engine is not None and self._engine.step and self.optimizer.ema_momentum is not None:
            raise ArgumentError("the running average of the weights needs all of them: compile() again before freezing")
        changed = dataclasses.replace(layer, trainable=value)  # type: ignore[call-arg]
        self.declarations = with_leaf(self.declarations, index, changed)
        if self._engine is not None:
            built = self._program(self._engine.program.fan_in)  # the same tensors at the same places
            self._engine.set_loss(built, self._loss, output_of(self.declarations)[1])
            if self._engine.gradients.size:  # of batches that wait for others: what was used already must not count
                for tensor in built.tensors:
                    if tensor.layer == index:
                        self._engine.gradients[tensor.span(built.panel)] = 0

    def _takes_labels(self, units: int) -> bool:
        """Whether targets may be labels of classes, one for each row."""
        self._check_classes(units)
        if units == 1:
            return self.loss.targets == losses.PROBABILITIES
        return self.loss.targets not in (losses.PROBABILITIES, losses.COUNTS)

    def _check_classes(self, units: int) -> None:
        if self.classes is not None and len(self.classes) != naming.class_count(units):
            raise ArgumentError(f"classes names {len(self.classes)} labels, but {naming.told_apart(units)}")

    def learn_names(self, features: naming.Names | None, y: Any) -> None:
        """Take the names of features and the labels of classes from training data, unless it has them."""
        units = output_of(self.declarations)[0] or 1
        if features is not None and (self._engine is None or self.feature_names is None):
            self.feature_names = features
        if self.classes is None and self._is_untrained():  # or units would come to mean other classes
            self.classes = self._labels_in(y, units)
            self._has_learned_classes = self.classes is not None

    def _is_untrained(self) -> bool:
        return self._engine is None or (self._engine.step == 0 and self.position == Position())

    def _labels_in(self, y: Any, units: int) -> Array | None:
        """The labels of the classes that targets tell of, where these do not go without saying."""
        found = naming.labels_in(y, units, "y") if self._takes_labels(units) else None
        is_error_loss = self.loss.targets == losses.VALUES
        if not is_error_loss or (found is not None and found.dtype.kind == "U"):
            return found
        if not targets.are_classes(y, units):
            return None  # but numbers to come near to
        return np.arange(naming.class_count(units)) if found is None else found

    def take_names(self, other: Building) -> None:
        """Know features and classes as another model does: this one has its weights too."""
        self.feature_names, self.input_kind, self.classes = other.feature_names, other.input_kind, other.classes
        self._has_learned_classes = other._has_learned_classes

    @property
    def declared_classes(self) -> Array | None:
        """The labels that the model was given, and has not learned."""
        return None if self._has_learned_classes else self.classes

    @property
    def _is_busy(self) -> bool:
        """Whether the model is being trained: in this process, not in one that it was forked from."""
        return self._busy_in is not None and self._busy_in == os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_busy_in": None}  # a copy made while training is not being trained

    def __setstate__(self, state: dict[str, Any]) -> None:
        since = {"input_kind": None, "_has_learned_classes": False, "_busy_in": None}  # version 0.1.0 did not have them
        self.__dict__.update({**since, **{name: value for name, value in state.items() if name != "_busy"}})


def _memory() -> int | None:
    """Bytes of memory in this machine, where that is known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _chosen_metrics(given: Sequence[Any] | None, loss: losses.Loss, layers: Sequence[Layer]) -> tuple[Metric, ...]:
    from .. import metrics

    if given is not None:
        return metrics.get(given)
    units, activation = output_of(layers)
    return metrics.get(["accuracy"] if loss.hits(activation, units or 1) else [])


def _initial(layer: Layer, tensor: program.Tensor, dtype: np.dtype[Any], seed: int, number: int) -> Array:
    """Values that a tensor starts with."""
    if isinstance(layer, Dense):
        rule = layer.kernel_initializer if tensor.name == "kernel" else layer.bias_initializer
        return rule.draw(tensor.shape, dtype, seed, number)
    if isinstance(layer, Normalization):
        return tensor.checked(_adapted(layer, tensor.name, tensor.shape), tensor.name, dtype)
    assert isinstance(layer, (BatchNormalization, LayerNormalization))
    return np.full(tensor.shape, 1 if tensor.name in ("gamma", "moving_variance") else 0, dtype)


def _adapted(layer: Normalization, name: str, shape: tuple[int, ...]) -> Array:
    value: Array | None = getattr(layer, name)
    if value is None:
        return np.ones(shape) if name == "variance" else np.zeros(shape)
    if value.shape != shape:
        raise ArgumentError(f"Normalization was adapted to {len(value)} features, but its input has {shape[0]}")
    return value


def checked_seed(seed: int | None) -> int:
    if seed is None:
        return int.from_bytes(os.urandom(8), "little") >> 1
    return check.whole_number(seed, "seed", minimum=0)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        name = "None" if dtype is None else np.dtype(dtype).name
    except (TypeError, ValueError):  # numpy's, of what looks like the description of a record
        name = f"{dtype!s:.60}"
    return np.dtype(check.choice(name, "dtype", _DTYPES))


def check_last(layers: Sequence[Layer], loss: losses.Loss, chosen: Sequence[Metric] = ()) -> None:
    units, activation = output_of(layers)
    if units is None:
        raise ArgumentError("the model has no Dense layer: give layers to Sequential([...]) or to add()")
    if isinstance(layers[-1], (Dropout, GaussianNoise)):
        raise ArgumentError(f"the last layer must not be a {type(layers[-1]).__name__}: the loss would learn its noise")
    if activation == "softmax" and units == 1:
        raise ArgumentError(
            "a last layer of 1 unit with a softmax is always 1, so there is nothing to train: use 2 units for two "
            "classes, or 1 sigmoid unit and loss='binary_crossentropy'"
        )
    loss.check_output(activation, units)
    if any(metric.counted_by_kernels for metric in chosen) and not loss.hits(activation, units):
        raise ArgumentError(
            f"the accuracy of classes is not defined for {type(loss).__name__} with a last layer of {units} units and "
            f"activation {activation!r}: report 'r2', 'mae' or 'regression_accuracy' instead"
        )
    Scoring(tuple(chosen), loss, activation, units).check_combination()
