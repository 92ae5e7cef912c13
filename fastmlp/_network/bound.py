"""The layers of a model, with their tensors, and a table of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._base import check, keras, text_table
from .._base.errors import ArgumentError, BusyError
from .._base.public import as_public
from .._base.types import Array
from ..layers import Activation, Dense, Layer, Residual, leaves
from ..optimizers import LBFGS
from . import deciding
from .network import Network

__all__ = ["BoundLayer", "BoundResidual"]


class BoundLayer:
    """A layer of a model: its declaration, and its tensors as ordinary arrays.

    Reading a tensor, such as ``kernel`` (fan_in, units), ``bias`` (units,), ``gamma`` or ``moving_mean``, gives a
    read-only copy. Assigning a whole array writes it into the model. ``trainable`` can be assigned too, also between
    two calls of `fastmlp.Sequential.fit`; with False, training does not change the layer's tensors.
    """

    _model: Network
    _index: int

    def __init__(self, model: Network, index: int) -> None:
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_index", index)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Let ``isinstance(layer, Dense)`` and ``layer.__class__.__name__`` tell what was declared; type() is ours."""
        return type(self.declaration)

    def __reduce__(self) -> tuple[Any, ...]:
        return BoundLayer, (self._model, self._index)

    @property
    def declaration(self) -> Layer:
        """The layer as it was declared."""
        return list(leaves(self._model.declarations))[self._index]

    @property
    def name(self) -> str:
        """Its name in the model: the given one, or one made from its type."""
        return self._model.layer_names[self._index]

    @property
    def tensors(self) -> list[str]:
        """The names of its tensors."""
        return [tensor.name for tensor in self._model.engine.program.tensors if tensor.layer == self._index]

    @property
    def units(self) -> int:
        """The width of the output."""
        return output_widths(self._model)[self._index]

    @property
    def activation(self) -> str:
        """The name of the activation."""
        declaration = self.declaration
        return str(declaration.activation) if isinstance(declaration, (Dense, Activation)) else "linear"

    @property
    def trainable(self) -> bool:
        """Whether training changes its tensors."""
        return bool(getattr(self.declaration, "trainable", False))

    @property
    def input_shape(self) -> tuple[int | None, int | None]:
        """The shape of the input, (None, features), as Keras writes it; None for a width that is not known yet."""
        return None, _known(input_widths(self._model)[self._index])

    @property
    def output_shape(self) -> tuple[int | None, int | None]:
        """The shape of the output, (None, units), as Keras writes it; None for a width that is not known yet."""
        return None, _known(self.units)

    @property
    def weights(self) -> list[Array]:
        """Its tensors, each a read-only copy."""
        return [self._model.tensor_values(self._index, name) for name in self.tensors]

    @property
    def trainable_weights(self) -> list[Array]:
        """The ``weights`` that training changes."""
        return self._weights_where(True)

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The ``weights`` that training does not change, and running statistics."""
        return self._weights_where(False)

    def _weights_where(self, trained: bool) -> list[Array]:
        tensors = [tensor for tensor in self._model.engine.program.tensors if tensor.layer == self._index]
        return [self._model.tensor_values(self._index, t.name) for t in tensors if t.trained == trained]

    variables = weights  # as Keras spells them
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def built(self) -> bool:
        """Whether its tensors exist."""
        return self._model.is_built

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of the model."""
        return self._model.dtype

    def get_weights(self) -> list[Array]:
        """Return copies of its tensors, in the order of ``tensors``: for a dense layer kernel and bias."""
        return [values.copy() for values in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace its tensors; the order and shapes are those of `get_weights`.

        Raises
        ------
        ArgumentError
            If the number of arrays, a shape or a value is wrong; then nothing changes.
        """
        names, given = self.tensors, check.items(weights, "weights", "arrays")
        if len(given) != len(names):
            raise ArgumentError(
                f"weights must be {len(names)} arrays ({', '.join(names) or 'the layer has none'}), not {len(given)}"
            )
        found = [self._model.find_tensor(self._index, name) for name in names]
        self._model.write_tensors(zip(found, given, [f"weights ({name})" for name in names], strict=True))

    def count_params(self) -> int:
        """Return how many numbers its tensors hold."""
        return sum(values.size for values in self.weights)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("input", "output"):
            raise AttributeError(
                f"a layer has no {name} to make a model of: model[:{self._index + 1}].predict(x) computes the outputs "
                f"of layer {self._index}"
            )
        if name in self._settings():  # such as use_bias and rate
            return getattr(self.declaration, name)
        if keras.is_named(self, name):
            raise keras.absent(self, name)
        return self._model.tensor_values(self._index, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "trainable":
            set_trainable(self._model, self._index, value)
            return
        if hasattr(type(self), name):
            raise AttributeError(f"{name} of a layer cannot be set: it was declared, and a model's layers stay")
        self._model.write_tensors([(self._model.find_tensor(self._index, name), value, name)])

    def __dir__(self) -> list[str]:
        own = [name for name in dir(BoundLayer) if not name.startswith("_")]
        return sorted({*own, *self._settings(), *(self.tensors if self._model.is_built else ())})

    def _settings(self) -> set[str]:
        """The names of what was declared; mean and variance are tensors."""
        return set(self.declaration.__dataclass_fields__) - {"mean", "variance"}

    def __repr__(self) -> str:
        named = "" if self.declaration.name is None else f" {self.name!r}"
        return f"<layer {self._index}{named}: {self.declaration}>"


class BoundResidual:
    """A `fastmlp.Residual` of a model: a node of `fastmlp.Sequential.tree`.

    Attributes
    ----------
    layers : list of BoundLayer and BoundResidual
        The layers inside; what the last of them gives is added to the input of the first.
    """

    layers: list[BoundLayer | BoundResidual]

    def __init__(self, declaration: Residual, layers: list[BoundLayer | BoundResidual]) -> None:
        self._declaration = declaration
        self.layers = layers

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """As for `BoundLayer`."""
        return type(self._declaration)

    def __reduce__(self) -> tuple[Any, ...]:
        return BoundResidual, (self._declaration, self.layers)

    @property
    def declaration(self) -> Residual:
        """The layer as it was declared."""
        return self._declaration

    @property
    def units(self) -> int:
        """The width of the output, which is that of the input."""
        return self.layers[-1].units

    def __dir__(self) -> list[str]:
        return [*(name for name in dir(BoundResidual) if not name.startswith("_")), "layers"]

    def __repr__(self) -> str:
        return f"<residual of {self.layers}>"


def set_trainable(model: Network, index: int, value: Any) -> None:
    """Let training change a layer's tensors, or not."""
    layer = list(leaves(model.declarations))[index]
    value = check.yes_or_no(value, "trainable")
    if not hasattr(layer, "trainable"):
        return  # it has nothing to train
    busy = model.root.busy_part
    if model.is_busy and busy is not None and isinstance(busy.rule, LBFGS):
        raise BusyError("L-BFGS cannot freeze layers while it trains: do it between two calls of fit()")
    if any(other.steps_done and other.rule.ema_momentum is not None for other in model.relatives()):
        raise ArgumentError("the running average of the weights needs all of them: compile() again before freezing")
    model.replace_layer(index, dataclasses.replace(layer, trainable=value))  # type: ignore[call-arg]


def layers_of(model: Network) -> list[BoundLayer]:
    """The layers, with their tensors once the model is built."""
    return [_seen(model, index) for index, _ in enumerate(leaves(model.declarations))]


def _seen(model: Network, index: int) -> BoundLayer:
    """The layer of this number; each time the same object, so that layers can be compared with ``is`` and ``==``."""
    seen: dict[int, BoundLayer] = model.layers_seen
    layer = seen.get(index)
    if layer is None:
        layer = seen[index] = BoundLayer(model, index)
    return layer


def tree_of(model: Network) -> list[BoundLayer | BoundResidual]:
    """See `Sequential.tree`."""
    leaf = iter(layers_of(model))

    def bound(declarations: Sequence[Layer]) -> list[BoundLayer | BoundResidual]:
        return [
            BoundResidual(layer, bound(layer.layers)) if isinstance(layer, Residual) else next(leaf)
            for layer in declarations
        ]

    return bound(model.declarations)


def layer_at(model: Network, name: Any, index: Any) -> BoundLayer:
    """See `Sequential.get_layer`."""
    names = model.layer_names
    if (name is None) == (index is None):
        raise ArgumentError("get_layer() needs either the name of a layer or its index")
    if name is None:
        number = check.whole_number(index, "index", minimum=-len(names), maximum=len(names) - 1)
        return _seen(model, number % len(names))
    if name not in names:
        raise ArgumentError(f"name must be one of {', '.join(map(repr, names))}, not {name!r:.60}")
    return _seen(model, names.index(name))


def _known(width: int) -> int | None:
    return width if width > 0 else None


def input_widths(model: Network) -> list[int]:
    """The width of each layer's input; -1 if they equal an unknown input width."""
    first = -1 if model.n_features is None else model.n_features
    return [first, *output_widths(model)[:-1]]


def output_widths(model: Network) -> list[int]:
    """The units of each layer's output; -1 if they equal an unknown input width."""
    width = -1 if model.n_features is None else model.n_features
    widths = []
    for layer in leaves(model.declarations):
        width = layer.units if isinstance(layer, Dense) else width
        widths.append(width)
    return widths


def print_summary(model: Network, print_fn: Callable[[str], Any]) -> None:
    """Print a table of the layers, their shapes and their numbers of parameters."""
    for line in text_table.aligned(summary_rows(model), left=(0, 1, 2, 3)).splitlines():
        print_fn(line)
    print_fn(_total(model))
    for line in deciding.described(model):
        print_fn(line)


def summary_rows(model: Network) -> list[tuple[str, ...]]:
    """The head of the table of layers, and a row for each of them."""
    rows: list[tuple[str, ...]] = [("layer", "name", "activation", "output", "parameters")]
    counts = _counts(model) if model.is_built else None
    if model.reads_tables:
        rows.append(("TableEncoder", "", "", f"(rows, {model.n_features or '?'})", "0"))
    stack = zip(leaves(model.declarations), model.layer_names, output_widths(model), strict=True)
    for index, (layer, name, units) in enumerate(stack):
        activation = str(layer.activation) if isinstance(layer, (Dense, Activation)) else ""
        shown = "?" if counts is None else f"{counts[index]:,}"
        output = f"(rows, {units if units > 0 else '?'})"
        rows.append((f"{index} {type(layer).__name__}", name, activation, output, shown))
    return rows


def _counts(model: Network) -> Counter[int]:
    """How many numbers the tensors of each layer hold."""
    counts: Counter[int] = Counter()
    for tensor in model.engine.program.tensors:
        counts[tensor.layer] += model.engine.program.numbers_in(tensor)
    return counts


def _total(model: Network) -> str:
    if not model.is_built:
        return "parameters: not known before the model is built"
    program = model.engine.program
    fixed = sum(program.numbers_in(tensor) for tensor in program.tensors if not tensor.trained)
    size = f"{program.count * model.dtype.itemsize / 2**20:.2f} MB in {model.dtype}"
    return f"parameters: {program.count:,} ({size})" + (f", of them {fixed:,} not trained" if fixed else "")


as_public(globals(), "fastmlp.model")
