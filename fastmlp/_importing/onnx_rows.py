"""The state of a translation: what each value of an ONNX graph is, in layers and formulas."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .._base.errors import ModelFileError
from .._base.types import Array
from .formulas import Formula, TooLarge, X, call, constant
from .onnx_graph import FLOATS, Graph, Node
from .parts import Part
from .places import Place, settled


@dataclass(frozen=True)
class Rows:
    """A value with a row for each row of the input: a formula of what is at a place."""

    place: Place
    formula: Formula = X
    is_pair: bool = False  # the probabilities of no and yes, of which the formula is that of yes


class Translation:
    """What is known of the values of a graph."""

    def __init__(self, graph: Graph, dtype: np.dtype[np.generic], uses: Counter[str], root: Place) -> None:
        self.graph = graph
        self.dtype = dtype
        self.uses = uses  # how many of the needed nodes use a value
        self.root = root
        self.is_flat = True  # whether the input has one row for each row
        self.is_bytes = False  # whether the input holds pixels
        self.pixel_scale: float | None = None
        self.input_kind = ""  # of the model
        self.constants = dict(graph.constants)
        self.values: dict[str, Rows] = {}

    def refused(self, node: Node, reason: str) -> ModelFileError:
        """An error that names the node."""
        return self.graph.refused(f"{node}: {reason}")

    # ------------------------------------------------------------ values

    def is_constant(self, node: Node, number: int) -> bool:
        """Whether an input of a node is a constant."""
        return len(node.inputs) > number and node.inputs[number] in self.constants

    def rows(self, node: Node, number: int, *, also_pair: bool = False) -> Rows:
        """An input of a node that depends on the input of the graph."""
        name = node.inputs[number] if len(node.inputs) > number else ""
        if name not in self.values:
            raise self.refused(node, f"its input {number} is not computed from the input of the model")
        found = self.values[name]
        if found.is_pair and not also_pair:
            raise self.refused(node, "it uses the probabilities of no and yes, with which a model ends")
        return found

    def place(self, node: Node, number: int, width: int | None = None) -> Place:
        """The place of an input of a node, after the layers that its formula needs; it has ``width`` units."""
        rows = self.rows(node, number)
        if not self.is_flat:
            raise self.refused(node, "its input has more than two dimensions: flatten it first")
        if width is not None:
            self.set_width(node, rows.place, width)
        self.settle(node.inputs[number])
        place = self.values[node.inputs[number]].place
        if not self.values[node.inputs[number]].formula.is_x:
            raise self.refused(
                node, f"its input is {rows.formula.key:.100}, which no layer or activation of fastmlp computes"
            )
        if place.width is None:
            raise self.refused(node, "the number of features is not known: give the model's input a shape")
        return place

    def settle(self, name: str) -> None:
        """Make layers of the formula of a value, if there are such layers."""
        rows = self.values[name]
        place = settled(rows.place, rows.formula, self.dtype)
        if place is not None:
            self.values[name] = Rows(place, X, rows.is_pair)

    def set_width(self, node: Node, place: Place, width: int) -> None:
        """Compare the units of a place with those that a node needs; the first node tells those of the input."""
        here: Place | None = place
        while here is not None and here.width is None:
            here.width, here = width, here.before
        if place.width != width:
            raise self.refused(node, f"it needs {width} units, but its input has {place.width}")

    # ------------------------------------------------------------ constants

    def weights(self, node: Node, number: int) -> Array:
        """A constant matrix."""
        if not self.is_constant(node, number):
            raise self.refused(node, f"its input {number} is not a constant")
        found = self.constants[node.inputs[number]]
        if found.ndim != 2 or found.dtype.name not in FLOATS or 0 in found.shape:
            raise self.refused(node, f"its weights are {found.dtype} of shape {found.shape}")
        return found

    def vector(self, node: Node, number: int, width: int | None) -> Array:
        """A constant with one number for each unit; one number is that of all."""
        if not self.is_constant(node, number):
            raise self.refused(node, f"its input {number} is not a constant")
        found = self.constants[node.inputs[number]]
        is_row = found.ndim < 2 or found.shape[0] == 1
        if found.dtype.name not in FLOATS or not is_row or width is None or found.size not in (1, width):
            raise self.refused(node, f"its input {number} is {found.dtype} of shape {found.shape}, for {width} units")
        return np.broadcast_to(found.ravel(), (width,))

    def factor(self, node: Node, number: int, other: int) -> Array:
        """A constant that is added to, or multiplied with, the other input: a number or a vector."""
        found, place = self.constants[node.inputs[number]], self.rows(node, other).place
        is_row = found.ndim < 2 or found.shape[0] == 1
        if found.dtype.name not in FLOATS or not is_row or found.size == 0 or not np.isfinite(found).all():
            raise self.refused(node, f"its constant is {found.dtype} of shape {found.shape}, or not finite")
        if found.size == 1:
            return np.asarray(found.item(), np.float64)
        self.set_width(node, place, found.size)
        return found.ravel().astype(np.float64)

    def number(self, node: Node, number: int) -> float:
        """A constant of one number."""
        found = self.constants.get(node.inputs[number]) if len(node.inputs) > number else None
        if found is None or found.size != 1 or found.dtype.kind not in "fi":
            raise self.refused(node, f"its input {number} is not a constant number")
        value = found.item()
        return float(str(np.float32(value))) if found.dtype == np.float32 else float(value)

    # ------------------------------------------------------------ arithmetic

    def called(self, node: Node, name: str, *numbers: float, at: int = 0) -> Rows:
        """A function of an input."""
        return self._computed(node, at, lambda x: call(name, x, *numbers))

    def with_constant(
        self, node: Node, number: int, compute: Callable[[Formula], Formula], width: int | None = None
    ) -> Rows:
        """A formula of one input."""
        if width is not None and width > 1:
            self.set_width(node, self.rows(node, number).place, width)
        return self._computed(node, number, compute)

    def _computed(self, node: Node, number: int, compute: Callable[[Formula], Formula]) -> Rows:
        x = self.rows(node, number)
        try:
            return Rows(x.place, compute(x.formula))
        except TooLarge:
            self.settle(node.inputs[number])
        x = self.values[node.inputs[number]]
        try:
            return Rows(x.place, compute(x.formula))
        except TooLarge:
            raise self.refused(node, "it is part of a formula that no activation of fastmlp is") from None

    def multiplied(self, node: Node) -> Rows:
        """The product of two values that depend on the input."""
        x, y = self.rows(node, 0), self.rows(node, 1)
        if x.place is y.place:
            try:
                return Rows(x.place, x.formula * y.formula)
            except TooLarge:
                pass
        raise self.refused(node, "it multiplies two values in a way that no activation of fastmlp does")

    def added(self, node: Node, first: int, second: int) -> Rows:
        """A sum: with a constant; of two formulas of one value; or of a value and what layers made of it."""
        for number, other in ((first, second), (second, first)):
            if self.is_constant(node, other):
                return self.with_constant(
                    node, number, partial(operator.add, constant(self.factor(node, other, number)))
                )
        x, y = self.rows(node, first), self.rows(node, second)
        if x.place is y.place:
            try:
                return Rows(x.place, x.formula + y.formula)
            except TooLarge:
                raise self.refused(node, "it is part of a formula that no activation of fastmlp is") from None
        for name in (node.inputs[first], node.inputs[second]):
            self.settle(name)
        x, y = self.rows(node, first), self.rows(node, second)
        for early, late in ((x, y), (y, x)):
            inside = late.place.since(early.place) if early.formula.is_x and late.formula.is_x else None
            if inside and late.place.width == early.place.width:
                return Rows(early.place.after(Part(inside=inside)))
        raise self.refused(node, "it adds two values of which none is what layers made of the other")

    def scaled_pixels(self, node: Node, number: int, factor: Array) -> Rows | None:
        """Bytes times a number: pixels with their scale."""
        rows = self.rows(node, number)
        is_first = self.is_bytes and self.pixel_scale is None and rows.place is self.root and rows.formula.is_x
        if not is_first or factor.size != 1 or factor <= 0 or self.uses[node.inputs[number]] != 1:
            return None
        self.pixel_scale = float(factor)
        return Rows(self.root.after())
