"""Puts functions of users into a description, which holds only their names."""

from collections.abc import Mapping
from typing import Any

from .. import activations, losses
from .._base.errors import ArgumentError, ArgumentTypeError
from .._custom import CUSTOM
from ..layers import MOST_NESTED, leaves
from .network import Network

_Objects = Mapping[str, activations.Custom | losses.Custom]


def checked(given: Any) -> _Objects:
    """The argument ``custom_objects``: names with activations and losses of users."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"custom_objects must be a dict of names with fastmlp.activations.Custom or fastmlp.losses.Custom, not "
            f"{given!r:.60}"
        )
    for name, value in given.items():
        if not isinstance(value, (activations.Custom, losses.Custom)):
            raise ArgumentTypeError(
                f"custom_objects[{name!r:.60}] must be a fastmlp.activations.Custom or a fastmlp.losses.Custom, not "
                f"{value!r:.60}"
            )
        if name != value.name:
            raise ArgumentError(
                f"custom_objects[{name!r:.60}] has the name {value.name!r}: use the same name, custom_objects="
                f"{{{value.name!r}: ...}}"
            )
    return given


def refuse_ambiguous(model: Network) -> None:
    """Refuse to describe a model with different functions of one name, one of which would come back for both."""
    found = [getattr(layer, "activation", None) for layer in leaves(model.declarations)]
    found += [model.loss] if model.is_compiled else []
    named: dict[str, Any] = {}
    for value in found:
        if isinstance(value, (activations.Custom, losses.Custom)) and named.setdefault(value.name, value) != value:
            raise ArgumentError(
                f"the model has two different functions of your own with the name {value.name!r}, of which files and "
                "descriptions keep only the name: make one of them with another name="
            )


def filled(config: dict[str, Any], objects: _Objects, where: Any, error: type[Exception] = ArgumentError) -> Any:
    """A description with the functions that it names; raises ``error`` if one is not among the objects.

    Parts that are no description stay as they are, and what reads them refuses them.
    """

    def found(part: Any, what: str, kind: Any) -> Any:
        if not (isinstance(part, dict) and part.get("type") == CUSTOM):
            return part
        name = part.get("name")
        value = objects.get(name) if isinstance(name, str) else None
        if not isinstance(value, kind):
            of_kind = f"a fastmlp.{kind.__module__.rpartition('.')[2]}.Custom"
            shown = f"{name!r:.100}"
            given = "" if value is None else f", not {value!r}"
            raise error(
                f"{where}: the {what} {shown} is a function of your own, which files and descriptions do not contain: "
                f"pass custom_objects={{{shown}: ...}} with {of_kind} of this name{given}"
            )
        if value.config() != part:
            raise error(
                f"{where}: the {what} {name!r} was {part!r:.200}, but that in custom_objects is {value.config()}: give "
                "the same settings"
            )
        return value

    def with_functions(layer: Any, depth: int) -> Any:
        if not isinstance(layer, dict) or depth > MOST_NESTED:
            return layer
        changed = dict(layer)
        if "activation" in layer:
            changed["activation"] = found(layer["activation"], "activation", activations.Custom)
        if isinstance(layer.get("layers"), list):
            changed["layers"] = [with_functions(inside, depth + 1) for inside in layer["layers"]]
        return changed

    if not isinstance(config.get("layers"), list):
        return config
    changed = {"layers": [with_functions(layer, 0) for layer in config["layers"]]}
    if "loss" in config:
        changed["loss"] = found(config["loss"], "loss", losses.Custom)
    return {**config, **changed}
