"""A network: its layers, optimiser and loss, its tensors, and its other knowledge of the data."""

from __future__ import annotations

import copy
import dataclasses
import os
import warnings
import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from .. import kernels, losses, optimizers
from .._base import check, naming, seeds
from .._base.errors import ArgumentError, ArgumentTypeError, BusyError, NotBuiltError
from .._base.types import Array
from .._engine import program
from .._engine.engine import STEADY, Data, Engine, StepGradient
from ..layers import (
    MOST_UNITS,
    Dense,
    InputLayer,
    Layer,
    Normalization,
    checked,
    declared,
    leaves,
    output_of,
    with_leaf,
)
from ..tables import TableEncoder
from . import state
from .attributes import did_you_mean, names_in, refuse_unknown
from .declared_width import declared_width
from .history import History
from .initial import initial_values, refuse_too_large
from .inputs import KINDS, Inputs
from .last_layer import check_last
from .layer_names import names_of, refuse_repeated_names
from .place import Place
from .scoring import Scoring

if TYPE_CHECKING:
    from ..metrics import Metric

# Derived from the layers, the loss, the metrics and the latest gradients
_DERIVED = ("_output", "_scoring", "_is_checked", "_declared", "_aside")
_OF_FAMILY = (
    "_known",
    "_place",
    "_parts",
    "_has_own_tensors",
    "busy_part",
    "_layers_seen",
)  # what copies and pickles do not share
_SET_BY = {  # attributes that cannot be set, and their alternatives
    "dtype": "Sequential(..., dtype=...) for a new model",
    "uint8_scale": "Sequential(..., uint8_scale=...) for a new model",
    "layers": "add(layer), or Sequential([...]) for a new model",
    "optimizer": "compile(optimizer=...)",
    "loss": "compile(loss=...)",
    "metrics": "compile(..., metrics=[...])",
    "is_built": "build(n_features)",
    "n_features": "build(n_features)",
    "built": "build(n_features)",
    "compiled": "compile()",
    "input_shape": "build(n_features), or Dense(..., input_shape=...)",
    "output_shape": "add(layer), or Sequential([...]) for a new model",
    "variables": "set_weights([...])",
    "trainable_variables": "set_weights([...])",
    "non_trainable_variables": "set_weights([...])",
    "weights": "set_weights([...])",
    "trainable_weights": "set_weights([...])",
    "non_trainable_weights": "set_weights([...])",
    "layer_names": "name= of a layer, as in Dense(64, name=...)",
    "encoder": "Sequential([TableEncoder(...), ...]) for a new model",
}
_DTYPES = ("float32", "float64")
DEFAULT_NAME = "sequential"
_N = TypeVar("_N", bound="Network")
_P = TypeVar("_P", optimizers.Optimizer, losses.Loss)


@dataclasses.dataclass
class Position:
    """The position in training: complete epochs, and batches of the next epoch."""

    epoch: int = 0
    batch: int = 0


_OF_FEATURES = ("feature_names", "input_kind", "encoder")


@dataclasses.dataclass(frozen=True)
class Known:
    """A network's knowledge of its data: labels of classes, columns of tables, and the kind of numbers."""

    classes: Array | None = None
    has_learned_classes: bool = False  # from training data, instead of the argument `classes`
    feature_names: naming.Names | None = None
    input_kind: str | None = None
    encoder: TableEncoder | None = None  # one that has learned, of a network that reads tables
    thresholds: tuple[float, ...] | None = None  # of the probabilities of yes; see `deciding`
    tuned_for: str | None = None  # the metric for which they were tuned
    temperature: float | None = None  # by which logits were divided; see `calibrating`
    has_old_thresholds: bool = False  # whether weights have changed since they were tuned
    has_old_temperature: bool = False

    def of_outputs(self) -> dict[str, Any]:
        """The fields about the outputs of the last layer, which networks with the same one share."""
        return {name: value for name, value in vars(self).items() if name not in _OF_FEATURES}


class WantedTargets(NamedTuple):
    """The targets that a network reads."""

    loss: losses.Loss
    units: int
    takes_labels: bool  # whether they may be labels of classes, one for each row
    classes: Array | None
    dtype: np.dtype[Any]


@dataclasses.dataclass(frozen=True)
class BeforeTraining:
    """What preparing a training changes: it is restored if no batch follows."""

    seed: int
    known: Known
    engine: Engine | None
    position: Position
    step: int
    history: History | None
    stopped: str | None  # the history's
    batches: int  # in the history


@dataclasses.dataclass(frozen=True)
class Aside:
    """What training on some rows changes besides the trained tensors, for the update that follows their gradients."""

    step: int  # for which it is, of this optimiser
    rule: optimizers.Optimizer
    known: Known
    first: Normalization | None  # with statistics
    found: StepGradient
    batch: tuple[Data, tuple[int, int], int] | None  # rows, random key, threads: statistics after the update need them


class Network:
    """The state of a `fastmlp.Sequential`, its only subclass, which documents the public methods."""

    declarations: list[Layer]
    dtype: np.dtype[Any]
    name: str
    uint8_scale: float
    seed: int
    stop_training: bool
    history: History | None
    position: Position
    busy_in: int | None  # the process that is training it, or a part of it
    busy_part: Network | None  # which of them
    _declared: tuple[int | None] | None  # the width that layers declare, once it was found

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
        self._begin_family(Known(None if classes is None else naming.class_labels(classes)))
        self.declarations = []
        self._input: InputLayer | None = None
        self._encoder: TableEncoder | None = None  # as it was declared
        self.name = DEFAULT_NAME if name is None else name
        self.dtype = _checked_dtype(dtype)
        self.uint8_scale = check.real_number(uint8_scale, "uint8_scale", above=0)
        self.seed = checked_seed(seed)
        self.stop_training = False
        self.history = None
        self.position = Position()
        self.busy_in = None
        self._engine: Engine | None = None
        self._optimizer: optimizers.Optimizer | None = None
        self._loss: losses.Loss | None = None
        self._metrics: tuple[Metric, ...] = ()
        self._learning_rate: float | None = None  # if it replaces the optimiser's
        self._forget_derived()
        for layer in check.items(() if layers is None else layers, "layers", "layers"):
            self.add(layer)
        self.check_layers()

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):  # names with an underscore are free
            value = self._checked(name, value)
        super().__setattr__(name, value)

    def _checked(self, name: str, value: Any) -> Any:
        """The value of an attribute, if it exists and can be set."""
        is_there = name in self.__dict__
        if not is_there and not hasattr(type(self), name):
            refuse_unknown(self, name)
        if name in _SET_BY and (is_there or isinstance(getattr(type(self), name, None), property)):
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be set: use {_SET_BY[name]}")
        if name == "seed":
            return checked_seed(value)
        if name == "name" and (not isinstance(value, str) or not value):
            raise ArgumentTypeError(f"name must be a text that is not empty, not {value!r:.60}")
        if name == "stop_training" and value is not True and value is not False:
            return check.yes_or_no(value, "stop_training")
        if name == "history" and value is not None and not isinstance(value, History):
            raise ArgumentTypeError(f"history must be a History, as fit() returns, or None, not {value!r:.60}")
        return value

    def __dir__(self) -> list[str]:
        """The names that subclasses define and users have set; others are internal."""
        kinds = type(self).__mro__
        rooms = kinds.index(Network)
        hidden = names_in(*kinds[rooms:]) - names_in(*kinds[:rooms])
        every = {*super().__dir__(), *names_in(*kinds[:rooms])} - hidden
        return sorted(name for name in every if not name.startswith("_"))

    # ------------------------------------------------------------ what it is made of

    def add(self, layer: Any) -> None:
        if isinstance(layer, InputLayer):
            self._add_input(layer)
            return
        if isinstance(layer, TableEncoder):
            self._add_encoder(layer)
            return
        checked([layer])
        self._replace_layers(self.declarations + declared([layer]))

    def _add_input(self, given: InputLayer) -> None:
        if self.declarations or self._input is not None:
            raise ArgumentError("an Input must be the first element: a model has one input")
        if self._encoder is not None:
            raise ArgumentError("a TableEncoder decides how many features there are: leave out the Input after it")
        self._input = given
        self._forget_derived()

    def _add_encoder(self, given: TableEncoder) -> None:
        if self.declarations or self._input is not None or self._encoder is not None:
            raise ArgumentError("a TableEncoder must be the first element, and the only one of its kind")
        self._encoder = copy.copy(given)  # the user may let theirs learn again
        if given.is_fitted:
            self._note(encoder=self._encoder, feature_names=given.encoding.names)
        self._forget_derived()

    def forget_encoder(self: _N) -> _N:
        """Let it read the features that the encoder makes instead of tables; returns itself."""
        self._encoder = None
        self._note(encoder=None)
        return self

    @property
    def has_learned_encoder(self) -> bool:
        """Whether its encoder learned from training data, instead of being given so."""
        return self.data_known.encoder is not None and self._encoder is not None and not self._encoder.is_fitted

    def declare_unlearned_encoder(self) -> None:
        """Let what its encoder knows count as learned from training data."""
        if self._encoder is not None:
            self._encoder = type(self._encoder)(**self._encoder.get_params())

    @property
    def reads_tables(self) -> bool:
        """Whether it begins with a `fastmlp.TableEncoder`; parts of it read features."""
        return self._encoder is not None

    @property
    def encoder(self) -> TableEncoder | None:
        return copy.copy(self._table_reader)  # theirs may learn again

    @property
    def _table_reader(self) -> TableEncoder | None:
        """What reads raw tables, with what it has learned, if it has."""
        return None if self._encoder is None else self.data_known.encoder or self._encoder

    def pop(self) -> None:
        if not self.declarations:
            raise ArgumentError("the model has no layer to take away")
        self._replace_layers(self.declarations[:-1])

    def _replace_layers(self, layers: list[Layer]) -> None:
        """Change the end of the list of layers; the tensors of those that stay are kept, and training starts anew."""
        if self.is_busy:
            raise BusyError("this model is being trained: its layers can be changed only before or after that")
        self._refuse_change(len(layers))
        engine, self._engine = self._engine, None
        has_learned = self.data_known.has_learned_classes
        dense = self._dense_layers() if has_learned else []
        self.declarations = layers
        self._forget_derived()
        ends = [part._known for part in self._parts if part._span[1] == len(layers)]
        if ends or self._known.thresholds or self._known.temperature:
            self.take_choices(ends)
        if has_learned and self._dense_layers() != dense:  # then the units mean something else
            labels = next((known.classes for known in ends if known.classes is not None), None)
            self._note(classes=labels, has_learned_classes=labels is not None)
        if engine is None:
            return
        self.position = Position()
        if any(isinstance(layer, Dense) for layer in leaves(layers)):
            self.build(engine.program.fan_in)
            state.take_over(self.engine, engine)

    def take_choices(self, ends: list[Known]) -> None:
        """Forget thresholds and temperature, which were those of other outputs, or take those of parts with its end."""
        choices = next((known for known in ends if known.thresholds or known.temperature), Known())
        names = ("thresholds", "tuned_for", "temperature", "has_old_thresholds", "has_old_temperature")
        self._note(**{name: getattr(choices, name) for name in names})

    @property
    def layers_seen(self) -> dict[int, Any]:
        """The layers with their tensors that users have been given, by their numbers."""
        seen: dict[int, Any] = self.__dict__.setdefault("_layers_seen", {})
        return seen

    @property
    def layer_names(self) -> list[str]:
        """A name for each of the layers: the given one, or one made from the type."""
        names = names_of(self.root.declarations)
        return names if self._place is None else names[self._place.layers]

    def check_layers(self) -> None:
        """Refuse repeated names, and shapes that contradict each other."""
        refuse_repeated_names(self.declarations)
        self._declared = (declared_width(self.declarations, self._input),)

    @property
    def n_features(self) -> int | None:
        return self.width_known

    @property
    def width_known(self) -> int | None:
        """The number of features in a row, if it is built or its layers declare it."""
        if self._engine is not None:
            return self._engine.program.fan_in
        if self._place is not None:
            return self._place.width
        if self.data_known.encoder is not None:
            return self.data_known.encoder.encoding.width
        if self._declared is None:
            self.check_layers()
        assert self._declared is not None
        return self._declared[0]

    @property
    def engine(self) -> Engine:
        """The buffers and kernels of the network; raises NotBuiltError before it is built.

        A network whose layers declare the width is built here, when it is first needed.
        """
        if self._engine is None and self.is_built:
            assert self.width_known is not None
            self.build(self.width_known)
        if self._engine is None:
            raise NotBuiltError(
                "the model has no parameters yet, because its input width is not known: "
                "call fit(x, y), or build(n_features) first"
            )
        return self._engine

    @property
    def has_engine(self) -> bool:
        """Whether the parameters exist already, and not only the width."""
        return self._engine is not None

    @property
    def is_built(self) -> bool:
        if self._engine is not None:
            return True
        if self._place is not None:
            return bool(self._place.whole.is_built)
        return self.width_known is not None and any(isinstance(layer, Dense) for layer in leaves(self.declarations))

    @property
    def is_compiled(self) -> bool:
        """Whether it has an optimiser and a loss."""
        return self._optimizer is not None

    @property
    def rule(self) -> optimizers.Optimizer:
        """The optimiser as it was declared, whose rate may have been replaced since."""
        return _compiled(self._optimizer)

    @property
    def optimizer(self) -> optimizers.Optimizer:
        return self.rule.of_model(self._learning_rate, self.set_learning_rate)

    @property
    def loss(self) -> losses.Loss:
        return _compiled(self._loss)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self._metrics

    @property
    def steps_done(self) -> int:
        """The number of batches that the optimiser has seen."""
        return 0 if self._engine is None else self._engine.step

    # ------------------------------------------------------------ what follows from that, found once

    def _forget_derived(self) -> None:
        self._output: tuple[int | None, str] | None = None
        self._scoring: Scoring | None = None
        self._declared = None
        self._is_checked = False
        self._aside: Aside | None = None

    @property
    def last_output(self) -> tuple[int | None, str]:
        """The units of the last layer (None: those of the input), and its activation."""
        if self._output is None:
            units, activation = output_of(self.declarations)
            if units is None and self._engine is not None:
                units = self._engine.program.classes
            self._output = units, activation
        return self._output

    @property
    def last_units(self) -> int:
        """The units of the last layer; 1 if there is none yet."""
        return self.last_output[0] or 1

    @property
    def scoring(self) -> Scoring:
        """The chosen loss and metrics."""
        if self._scoring is None:
            self._scoring = Scoring(self._metrics, _compiled(self._loss), self.last_output[1], self.last_units)
        return self._scoring

    def checked_optimizer(self) -> optimizers.Optimizer:
        """The optimiser, if the last layer fits the loss and the metrics.

        Raises ArgumentError if it does not fit. Raises NotBuiltError if `compile` was not called.
        """
        if not self._is_checked:
            check_last(self.declarations, self.scoring)
            self._is_checked = True
        return _compiled(self._optimizer)

    # ------------------------------------------------------------ what it knows of its data

    @property
    def data_known(self) -> Known:
        """Its knowledge, which models share that begin or end with the same layer; replaced as a whole."""
        return self._known

    @data_known.setter
    def data_known(self, value: Known) -> None:
        self._known = value
        for other in (self.root, *self.root._parts):
            if other is not self:
                other._known = other._shared_knowledge(other._known, self)

    @property
    def classes(self) -> Array | None:
        return self.data_known.classes

    @classes.setter
    def classes(self, value: Any) -> None:
        self._note(classes=None if value is None else naming.class_labels(value))

    @property
    def feature_names(self) -> naming.Names | None:
        return self.data_known.feature_names

    @feature_names.setter
    def feature_names(self, value: Any) -> None:
        self._note(feature_names=None if value is None else naming.names_of(value, "feature_names"))

    @property
    def input_kind(self) -> str | None:
        return self.data_known.input_kind

    @input_kind.setter
    def input_kind(self, value: Any) -> None:
        self._note(input_kind=None if value is None else check.choice(value, "input_kind", KINDS))

    def note_new_weights(self) -> None:
        """Remember that tuned thresholds and a temperature are those of other weights."""
        root = self.root
        for other in (root, *root._parts):
            known = other._known
            if known.tuned_for is not None or known.temperature is not None:
                other._known = dataclasses.replace(known, has_old_thresholds=True, has_old_temperature=True)

    def _note(self, **what: Any) -> None:
        self.data_known = dataclasses.replace(self.data_known, **what)

    @property
    def declared_classes(self) -> Array | None:
        """The given labels, but not learned ones."""
        return None if self.data_known.has_learned_classes else self.data_known.classes

    def reader(self, width: int | None = None) -> Inputs:
        """How it reads features, which have ``width`` columns if it is not built."""
        width = width if self.width_known is None else self.width_known
        known = self.data_known
        features = (known.feature_names, known.input_kind, self.uint8_scale, self._center())
        return Inputs(self.dtype, width, *features, None if self._encoder is None else self._table_reader)

    def _center(self) -> Array | None:
        """The mean of a first Normalization, if there is one; in float64, unless the tensor was replaced."""
        first = self.declarations[0] if self.declarations else None
        if not isinstance(first, Normalization) or first.mean is None:
            return None
        return first.mean if self._engine is None else self.unrounded(0, "mean", None, first)

    # ------------------------------------------------------------ setting up

    def compile(self, optimizer: Any = "adam", loss: Any = "categorical_crossentropy", metrics: Any = None) -> None:
        if self.is_busy:
            raise BusyError("this model is being trained: compile() a copy (copy.deepcopy), or wait for its end")
        rule, target = optimizers.get(optimizer).apart(), losses.get(loss)
        scoring = self._scored(target, metrics)
        if self.declarations:
            check_last(self.declarations, scoring)
            self.check_classes()
        self._optimizer, self._loss, self._metrics = rule, target, scoring.metrics
        self._learning_rate = None
        self.position = Position()
        self._scoring, self._is_checked = scoring, bool(self.declarations)
        if self._engine is not None:
            self._engine.set_optimizer(rule)
            self._engine.set_loss(self._program(self._engine.program.fan_in), target, self.last_output[1])

    def wanted_targets(self) -> WantedTargets:
        """The targets that it reads."""
        self.check_classes()
        loss, units = _compiled(self._loss), self.last_units
        numbers = (losses.PROBABILITIES, losses.COUNTS)
        takes_labels = loss.targets == losses.PROBABILITIES if units == 1 else loss.targets not in numbers
        return WantedTargets(loss, units, takes_labels, self.data_known.classes, self.dtype)

    def _scored(self, loss: losses.Loss, given: Any) -> Scoring:
        """The scoring with a loss and the given metrics; by default the accuracy, if there is one."""
        from .. import metrics  # predictions do not need this import

        units, activation = self.last_units, self.last_output[1]
        if given is None:
            given = ["accuracy"] if loss.hits(activation, units) else []
        return Scoring(metrics.get(given), loss, activation, units)

    def check_classes(self) -> None:
        """Refuse another number of labels than the last layer distinguishes."""
        labels = self.data_known.classes
        if labels is not None and len(labels) != naming.class_count(self.last_units):
            raise ArgumentError(f"classes names {len(labels)} labels, but {naming.told_apart(self.last_units)}")

    def build(self, n_features: int) -> None:
        n_features = check.whole_number(n_features, "n_features", minimum=1, maximum=MOST_UNITS)
        if self.width_known is not None and self.width_known != n_features:
            how = "was built for" if self._engine is not None else "declares an input of"
            raise ArgumentError(f"n_features is {n_features}, but the model {how} {self.width_known}")
        if self._engine is not None:
            return
        if self.reads_tables and self.data_known.encoder is None:
            raise ArgumentError(
                "n_features of a model that begins with a TableEncoder follows from a table: call fit(table, y), or "
                "give an encoder that has learned, TableEncoder().fit(table)"
            )
        if self._place is not None:
            self._build_whole(n_features)
            return
        layers = list(leaves(self.declarations))
        engine = self._bare_engine(n_features, layers)
        engine.program.pack_all(engine.parameters, initial_values(layers, engine.program, self.seed))
        self._take_adopted(engine)
        self._engine = engine
        self._tell_parts()

    def build_bare(self, n_features: int) -> Engine:
        """Build it without initial weights, for weights from elsewhere."""
        self._engine = self._bare_engine(n_features, list(leaves(self.declarations)))
        return self._engine

    def _bare_engine(self, n_features: int, layers: list[Layer]) -> Engine:
        if not any(isinstance(layer, Dense) for layer in layers):
            raise ArgumentError("the model has no Dense layer: give layers to Sequential([...]) or to add()")
        slots = None if self._optimizer is None else self._optimizer.slots
        refuse_too_large(layers, n_features, self.dtype, slots)
        activation = self.last_output[1]
        built = self._program(n_features)
        return Engine(built, self.uint8_scale, self._optimizer, self._loss, activation)

    def _program(self, n_features: int) -> program.Program:
        activation = self.last_output[1]
        fuse = activation == "softmax" if self._loss is None else self._loss.fuses(activation)
        panel = kernels.panel_width(self.dtype)
        return program.build(self.declarations, n_features, self.dtype, panel, fuse=fuse)

    def like(self: _N, layers: Sequence[Layer], dtype: str | None = None) -> _N:
        """A network with these layers that reads features and names classes like this one, without weights."""
        dtype = str(self.dtype) if dtype is None else dtype
        new = type(self)(layers, dtype=dtype, uint8_scale=self.uint8_scale, seed=self.seed)
        new._encoder, new.data_known = self._encoder, self.data_known
        return new

    def cloned(self: _N) -> _N:
        """A network with the same declared layers and input, that knows nothing of data."""
        given = [item for item in (self._input, self._encoder) if item is not None]
        labels = self.declared_classes
        settings: dict[str, Any] = {"dtype": str(self.dtype), "uint8_scale": self.uint8_scale, "classes": labels}
        return type(self)([*given, *self.declarations], name=self.name, **settings)

    # ------------------------------------------------------------ rates

    @property
    def learning_rate(self) -> float:
        return float(self.rates(1)[0])

    def set_learning_rate(self, value: float) -> None:
        """Let a rate replace the optimiser's."""
        _compiled(self._optimizer)
        self._learning_rate = check.real_number(value, "learning_rate", above=0)

    @property
    def own_learning_rate(self) -> float | None:
        """The rate that was set after `compile` and replaces the optimiser's."""
        return self._learning_rate

    @property
    def has_schedule(self) -> bool:
        """Whether the rates are those of a schedule."""
        return self._learning_rate is None and callable(_compiled(self._optimizer).learning_rate)

    def rates(self, batches: int) -> Array:
        """The learning rates of the next batches."""
        rate = self._learning_rate or _compiled(self._optimizer).learning_rate
        if callable(rate):
            rule = self.rule
            return rule.rates((self.steps_done + np.arange(batches)) // rule.gradient_accumulation_steps)
        rates = np.empty(batches)
        rates.fill(rate)  # np.full takes five times as long, for each call of a kernel
        return rates

    # ------------------------------------------------------------ tensors

    def get_weights(self) -> list[Array]:
        built = self.engine.program
        return [built.unpack(self.engine.parameters, tensor) for tensor in built.tensors]

    def set_weights(self, weights: Sequence[Any]) -> None:
        tensors = self.engine.program.tensors
        weights = check.items(weights, "weights", "arrays")
        if len(weights) != len(tensors):
            raise ArgumentError(f"weights must be {len(tensors)} arrays, as get_weights() gives, not {len(weights)}")
        names = [f"weights[{i}] (the {tensor.name} of layer {tensor.layer})" for i, tensor in enumerate(tensors)]
        self.write_tensors(zip(tensors, weights, names, strict=True))

    def swap_averaged(self) -> None:
        """Exchange the weights and their running average."""
        updates = self.engine.step // self.rule.gradient_accumulation_steps
        if self.rule.ema_momentum is None or updates == 0:
            raise ArgumentError("there is no average of the weights: train with an optimizer that has ema_momentum")
        self.engine.swap_averaged()
        self.note_new_weights()

    def find_tensor(self, layer: int, name: str) -> program.Tensor:
        """The tensor of this name; raises AttributeError if the layer has none."""
        for tensor in self.engine.program.tensors:
            if (tensor.layer, tensor.name) == (layer, name):
                return tensor
        there = [tensor.name for tensor in self.engine.program.tensors if tensor.layer == layer]
        known = f"; its tensors are {', '.join(there)}" if there else ", nor any other tensor"
        raise AttributeError(f"layer {layer} has no {name}{known}{did_you_mean(name, [*there, 'trainable'])}")

    def tensor_values(self, layer: int, name: str) -> Array:
        """A read-only copy of a tensor."""
        copy = self.engine.program.unpack(self.engine.parameters, self.find_tensor(layer, name))
        copy.flags.writeable = False  # writing into the copy would not change the model
        return copy

    def write_tensors(self, given: Iterable[tuple[program.Tensor, Any, str]]) -> None:
        """Write tensors, each with a name for messages; all of them, or none if a value cannot be used.

        New statistics count as known and not as initial ones, which training would replace; those of a `Normalization`
        do so if neither all means nor all variances are initial.
        """
        engine, built = self.engine, self.engine.program
        values = [(tensor, value, tensor.checked(value, name, self.dtype)) for tensor, value, name in given]
        new: dict[int, dict[str, Array]] = {}
        layers = list(leaves(self.declarations))
        for tensor, value, rounded in values:
            if tensor.is_statistic:
                exact, known = check.array_of(value, tensor.name), getattr(layers[tensor.layer], tensor.name, None)
                if not self._has_statistic(tensor, exact, rounded, known):
                    new.setdefault(tensor.layer, {})[tensor.name] = exact
            built.pack(engine.parameters, tensor, rounded)
        self.note_new_weights()
        for layer, statistics in new.items():
            if not self._has_initial_statistics(layer):
                self.note_statistics(layer, **statistics)

    def replace_layer(self, index: int, layer: Layer) -> None:
        """Set another declaration with the same tensors at the same places, of which others may be trained."""
        self.declare(with_leaf(self.declarations, index, layer))
        if self._engine is not None and self._place is None:
            self._renew_program(self._engine)

    def _renew_program(self, engine: Engine) -> None:
        """Write the program anew for declarations of which others may be trained."""
        was, built = engine.program.tensors, self._program(engine.program.fan_in)
        engine.set_loss(built, self._loss, self.last_output[1])
        if engine.gradients.size:  # accumulated gradients: those already used must not count again
            for before, tensor in zip(was, built.tensors, strict=True):
                if before.trained != tensor.trained:
                    engine.gradients[tensor.span(built.panel)] = 0

    # ------------------------------------------------------------ statistics of features and batches

    def _has_statistic(self, tensor: program.Tensor, exact: Array, rounded: Array, known: Array | None) -> bool:
        """Whether a statistic equals the network's, including digits that its dtype cannot hold, if they are given."""
        is_the_same = np.array_equal(self.engine.program.unpack(self.engine.parameters, tensor), rounded)
        return is_the_same and (known is None or np.array_equal(exact, rounded) or np.array_equal(exact, known))

    def _has_initial_statistics(self, index: int) -> bool:
        layer = list(leaves(self.declarations))[index]
        if not isinstance(layer, Normalization) or layer.mean is not None:
            return False
        return not self.tensor_values(index, "mean").any() or bool((self.tensor_values(index, "variance") == 1).all())

    def note_statistics(self, index: int, **given: Any) -> None:
        """Let a layer's tensors be its statistics; the declared ones are kept for models like this one.

        Those of a Normalization are known in their ``given`` precision.
        """
        layer = list(leaves(self.declarations))[index]
        if isinstance(layer, Normalization):
            names = ("mean", "variance")
            known = layer.in_model(*(self.unrounded(index, name, given.get(name), layer) for name in names))
            self.declare(with_leaf(self.declarations, index, known))
        else:
            self.engine.note_averages(self.find_tensor(index, "moving_mean").offset, STEADY)

    def unrounded(self, index: int, name: str, given: Any, layer: Normalization) -> Array:
        """A statistic in float64, as given or known; or that of the tensor, unless it is their rounding."""
        rounded = self.tensor_values(index, name)
        for exact in (given, getattr(layer, name)):
            if exact is not None and np.array_equal(check.array_of(exact, name).astype(self.dtype), rounded):
                return np.asarray(exact, np.float64)
        return rounded.astype(np.float64)

    # ------------------------------------------------------------ training, copies and pickles

    @property
    def is_busy(self) -> bool:
        """Whether this process is training it; a process from which it was forked does not count."""
        busy_in = self.root.busy_in
        return busy_in is not None and busy_in == os.getpid()

    @property
    def is_untrained(self) -> bool:
        """Whether no batch has changed it since `compile`."""
        return self.steps_done == 0 and (self._engine is None or self.position == Position())

    def before_training(self) -> BeforeTraining:
        """The present state, for `undo_preparation`."""
        history = self.history
        return BeforeTraining(
            self.seed,
            self.data_known,
            self.root._engine,
            dataclasses.replace(self.position),
            self.steps_done,
            history,
            None if history is None else history.stopped,
            _recorded(history),
        )

    def is_trained_since(self, before: BeforeTraining) -> bool:
        """Whether a batch was trained since then, even one that diverged."""
        history = self.history
        if history is not before.history:
            return history is not None and bool(history.batches)
        return (self.steps_done, _recorded(history)) != (before.step, before.batches)

    def put_aside(self, what: Aside) -> None:
        """Keep for the next update what training would change."""
        self._aside = what

    def take_aside(self) -> Aside | None:
        """What was put aside for this update, once; None after another update, or with another optimiser."""
        aside, self._aside = self._aside, None
        left_at = self.__dict__.pop("_left_at", None)  # when it was copied from a network that has something aside
        if aside is None and left_at is not None and left_at == self.steps_done:
            warnings.warn(
                "this model is a copy that was made between gradients() and apply_gradients(), and does not hold the "
                f"rows from which {type(self.rule).__name__} recomputes running statistics: copy it before or after "
                "both",
                stacklevel=5,
            )
        is_ours = aside is not None and aside.step == self.steps_done and aside.rule is self.rule
        return aside if is_ours else None

    def undo_preparation(self, before: BeforeTraining) -> None:
        """Undo what preparing a training changed, except the statistics of a first layer."""
        if self.history is not before.history:
            self.position = before.position
        elif self.history is not None and before.stopped is not None:
            self.history.stopped = before.stopped
        self.history, self.seed = before.history, before.seed
        self.data_known = before.known
        if self.root._engine is not before.engine:
            self.root._engine = before.engine
            self.root._tell_parts()

    def __getstate__(self) -> dict[str, Any]:
        """The state for copies and pickles, without internal objects."""
        held = {name: value for name, value in self.__dict__.items() if name not in (*_DERIVED, *_OF_FAMILY)}
        engine = None if self._engine is None else state.of_engine(self._engine)
        position = (self.position.epoch, self.position.batch)
        own: dict[str, Any] = {
            "busy_in": None,
            "data_known": vars(self.data_known),
            "position": position,
            "_engine": engine,
        }
        aside = self._aside
        if aside is not None and aside.step == self.steps_done and aside.rule is self._optimizer:
            own["_aside"] = None if aside.batch is not None else self._held_aside(aside)
            own["_left_at"] = aside.step if aside.batch is not None else None  # a copy does not hold its rows
        return {**held, **own}  # a copy that is made during training is not being trained

    def __setstate__(self, held: dict[str, Any]) -> None:
        held = state.today(held)
        engine, known, position = (held.pop(name) for name in ("_engine", "data_known", "position"))
        aside = held.pop("_aside", None)
        self._begin_family(Known(**known))
        self.__dict__.update({**held, "busy_in": None, "position": Position(*position), "_engine": None})
        self._forget_derived()
        if engine is not None:
            state.fill(self.build_bare(engine["n_features"]), engine)
        if aside is not None:
            self._aside = self._restored_aside(aside)

    def _held_aside(self, aside: Aside) -> dict[str, Any]:
        """What was put aside for an update, as `__getstate__` holds it."""
        values = state.of_statistics(self.engine, aside.found.statistics, aside.found.averaged)
        return {"step": aside.step, "known": vars(aside.known), "first": aside.first, "statistics": values}

    def _restored_aside(self, held: dict[str, Any]) -> Aside:
        found = StepGradient(float("nan"), np.empty(0), *state.statistics_of(self.engine, held["statistics"]))
        return Aside(held["step"], self.rule, Known(**held["known"]), held["first"], found, None)

    # ------------------------------------------------------------ parts, which share their tensors with the whole

    def _begin_family(self, known: Known) -> None:
        """Be a whole without parts."""
        self._place: Place | None = None  # if it is a part
        self._parts: weakref.WeakSet[Network] = weakref.WeakSet()  # of a whole
        self._has_own_tensors = False  # whether a part has tensors while the whole has none
        self._known = known
        self.busy_part = None

    @property
    def root(self) -> Network:
        """The whole that it is a part of, or itself."""
        return self if self._place is None else self._place.whole

    def relatives(self) -> list[Network]:
        """All compiled networks that have layers in common with the whole."""
        return [other for other in (self.root, *self.root._parts) if other.is_compiled]

    def be_part_of(self, whole: Network, start: int, stop: int) -> None:
        """Become the part of a whole with these elements of its declarations; a network without layers."""
        root, offset = whole.root, 0 if whole._place is None else whole._place.start
        self._place = Place(root, offset + start, offset + stop)
        for other in (*root._parts, root, whole):
            self._known = self._shared_knowledge(self._known, other)
        root._parts.add(self)
        self._follow()

    def declare(self, layers: list[Layer]) -> None:
        """Replace the declarations by others with the same tensors, in the whole and its parts."""
        if self._place is not None:
            root, start, stop = self._place
            root.declare([*root.declarations[:start], *layers, *root.declarations[stop:]])
            if root._engine is not None:
                root._renew_program(root._engine)
            return
        self.declarations = layers
        self._forget_derived()
        self._tell_parts()

    def _tell_parts(self) -> None:
        for part in self._parts:
            part._follow()

    def _follow(self) -> None:
        """Take declarations and tensors from the whole, which has changed."""
        assert self._place is not None
        root, start, stop = self._place
        was, self.declarations = self.declarations, root.declarations[start:stop]
        self._forget_derived()
        if root._engine is None:
            self._engine = self._engine if self._has_own_tensors else None
        elif self._engine is None:
            built = self._program(self._place.width or 0)
            self._engine = Engine(built, self.uint8_scale, self._optimizer, self._loss, self.last_output[1])
            self._engine.share(root._engine, self._place.base(root._engine))
            self._forget_derived()  # without a Dense, the width of the output is known only now
        elif not np.shares_memory(self._engine.parameters, root._engine.parameters):
            self._engine.share(root._engine, self._place.base(root._engine))
        if self._engine is not None and any(a is not b for a, b in zip(was, self.declarations, strict=False)):
            self._renew_program(self._engine)

    def _build_whole(self, n_features: int) -> None:
        """Build the whole, which gives this part its tensors."""
        assert self._place is not None
        root = self._place.whole
        if root.width_known is None and self._place.units_before is not None:
            raise NotBuiltError(
                "this part has no parameters yet, because the input width of the whole model is not known: call "
                "fit(x, y) or build(n_features) of the whole model first"
            )
        root.build(n_features if root.width_known is None else root.width_known)

    def _shared_knowledge(self, own: Known, other: Network) -> Known:
        """Its knowledge with what another part, or the whole, has learned of the same features and classes."""
        known = other._known
        if self._span[0] == other._span[0]:
            own = dataclasses.replace(own, feature_names=known.feature_names, input_kind=known.input_kind)
        if self._span[1] == other._span[1]:
            own = dataclasses.replace(own, **known.of_outputs())
        return own

    @property
    def _span(self) -> tuple[int, int]:
        """The numbers of its first element in the whole, and of the one after its last."""
        return (0, len(self.declarations)) if self._place is None else (self._place.start, self._place.stop)

    def _dense_layers(self) -> list[int]:
        """What tells the dense layers from others."""
        return [id(layer) for layer in leaves(self.declarations) if isinstance(layer, Dense)]

    def append_layers_of(self, other: Network) -> None:
        """Append the layers of another whole, which becomes a part with the tensors that it has."""
        start = len(self.declarations)
        if start == 0 and self._input is None and other.width_known is not None:
            self._input = InputLayer((other.width_known,)) if other._input is None else other._input
        self._replace_layers(self.declarations + other.declarations)
        for part in (other, *other._parts):
            inner = part._place or Place(other, 0, len(other.declarations))
            part._place = Place(self, start + inner.start, start + inner.stop)
            part._has_own_tensors = part._engine is not None
            self._parts.add(part)
        other._parts = weakref.WeakSet()
        if self._engine is not None:
            self._take_adopted(self._engine)
            self._tell_parts()

    def _take_adopted(self, engine: Engine) -> None:
        """Take the tensors of parts that were built before the whole."""
        for part in self._parts:
            own, place = part._engine, part._place
            if own is None or place is None or not part._has_own_tensors:
                continue
            width = place.units_before or engine.program.fan_in
            if own.program.fan_in != width:
                raise ArgumentError(
                    f"a part of the model was built for {own.program.fan_in} features, but the layers before it give "
                    f"{width}"
                )
            engine.take(own, place.base(engine))

    def _refuse_change(self, stays: int) -> None:
        """Refuse to add or take away layers of a part, or those that a part has."""
        if self._place is not None:
            raise ArgumentError("this is a part of a model: add layers to the whole model, or take them away there")
        if any(part._place is not None and part._place.stop > stays for part in self._parts):
            raise ArgumentError(
                "a part of this model has the layer: forget the part (del part), or give it a copy (copy.deepcopy)"
            )


def _recorded(history: History | None) -> int:
    """The number of batches in a history."""
    return 0 if history is None else history.batch_count


def _compiled(part: _P | None) -> _P:
    if part is None:
        raise NotBuiltError("the model has no optimizer and loss yet: call compile() first")
    return part


def checked_seed(seed: int | None) -> int:
    """The given seed, or a new one."""
    if seed is None:
        return seeds.fresh()
    return check.whole_number(seed, "seed", minimum=0)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        name = "None" if dtype is None else np.dtype(dtype).name
    except (TypeError, ValueError):  # NumPy's error for values that look like the description of a record
        name = f"{dtype!s:.60}"
    return np.dtype(check.choice(name, "dtype", _DTYPES))
