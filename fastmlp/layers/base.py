"""The base of all layers, and the shape of a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from .._base import check, keras
from .._base.errors import ArgumentError, ArgumentTypeError

MOST_UNITS = 2**31 - 1


@dataclass(frozen=True, repr=False)
class Layer:
    """Base of all layers.

    Parameters
    ----------
    name : str, optional
        A name of its own in the model, for `Sequential.get_layer` and the summary. Default: made from the type.
    input_shape : tuple of int, optional
        For the first layer: the shape of a row, so that the model is built before it has seen data.
    """

    name: str | None = field(default=None, kw_only=True, repr=False)
    input_shape: tuple[int, ...] | None = field(default=None, kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name is not None and (not isinstance(self.name, str) or not self.name):
            raise ArgumentTypeError(f"name must be a text that is not empty, not {self.name!r:.60}")
        self._set(input_shape=shape_of_rows(self.input_shape, "input_shape"))
        self._check_fields()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Layer", cls)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Refuse Keras's way to make graphs of layers."""
        raise ArgumentTypeError(
            f"{type(self).__name__} is not called on tensors, because there are no graphs: fastmlp.Sequential([...]) "
            "applies layers one after the other, and a skip connection is fastmlp.Residual([...])"
        )

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def _check_fields(self) -> None:
        """Check the settings, and convert them to their types."""

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `from_config` reads it back.

        It has the name only if the user gave one, and no shape of the input, which belongs to the model.
        """
        values = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("name", "input_shape")
        }
        described = {name: value.config() if hasattr(value, "config") else value for name, value in values.items()}
        return self._described(**described)

    def _described(self, **settings: Any) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {"type": type(self).__name__, **settings, **named}

    def __repr__(self) -> str:
        """Like the call that makes it: without what was not given."""
        given = {f.name: f for f in fields(self) if f.init and f.repr}
        needed = [name for name, f in given.items() if f.default is MISSING]
        shown = [f"{getattr(self, name)!r}" for name in needed]
        for name, usual in self._usual(*(getattr(self, name) for name in needed)).items():
            if name in given and name not in needed and getattr(self, name) != usual:
                shown.append(f"{name}={getattr(self, name)!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _usual(self, *needed: Any) -> dict[str, Any]:
        """The values of a layer with only the arguments that it needs."""
        return vars(type(self)(*needed))

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen


def shape_of_rows(shape: Any, name: str) -> tuple[int, ...] | None:
    """The shape of one row, from a number or a sequence; None if it is not known.

    >>> shape_of_rows((28, 28), "input_shape"), shape_of_rows(4, "input_shape"), shape_of_rows((None,), "input_shape")
    ((28, 28), (4,), None)
    """
    if shape is None:
        return None
    sizes = check.items(shape, name, "numbers") if isinstance(shape, Iterable) else [shape]
    if sizes == [None]:
        return None
    if not sizes:
        raise ArgumentError(f"{name} must be the shape of a row, such as (784,), not {shape!r:.60}")
    return tuple(check.whole_number(size, name, minimum=1, maximum=MOST_UNITS) for size in sizes)
