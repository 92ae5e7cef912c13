"""Makes models from the settings of a sweep, and identifies them."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ... import layers, losses, optimizers
from ..._base import check, naming
from ..._base.errors import ArgumentError, ArgumentTypeError, FastMLPError
from ...layers import Dense, Layer
from ...model import Sequential
from ...tables import TableEncoder
from .settings import LEGAL, OF_COMPILE, OF_FIT, OF_MODEL, Given, Request, Settings, described, digest


def make_model(request: Request, classes: Callable[[], int]) -> Sequential:
    """A new compiled model; ``classes()`` is the width of an added output layer."""
    try:
        model = _built(request) if "build" in request.settings else _from_layers(request, classes)
    except FastMLPError as error:
        raise ArgumentError(f"run {request.name!r}: {error}") from error
    return model


def _built(request: Request) -> Sequential:
    """The result of ``build``, with the known settings applied that it did not read."""
    settings = request.settings
    given = Given({**settings, "name": request.name, "seed": request.seed})
    model = settings["build"](given)
    if not isinstance(model, Sequential):
        raise ArgumentTypeError(f"build must return a compiled fastmlp.Sequential, not {model!r:.60}")
    unread = [key for key in settings if key not in given.read | {"build", "seed", *OF_FIT}]
    for key in unread:
        if key not in (*OF_COMPILE, "learning_rate"):
            raise ArgumentError(
                f"there is no setting {key!r}, and build did not read it; there are {', '.join(LEGAL)}"
                if key not in LEGAL
                else f"{key!r} goes with 'layers'; beside 'build', which makes the model, it is for build to read"
            )
    if unread:
        compiled = {"optimizer": model.rule, "loss": model.loss, "metrics": model.metrics}
        _compile(model, {**compiled, **{key: settings[key] for key in unread}})
    _ = model.loss  # raises if the model was not compiled
    return model


def _from_layers(request: Request, classes: Callable[[], int]) -> Sequential:
    settings = request.settings
    loss = losses.get(settings.get("loss", "categorical_crossentropy"))
    of_model = {name: settings[name] for name in OF_MODEL if name in settings}
    model = Sequential(_layers(settings, loss, classes), seed=request.seed, **of_model)
    _compile(model, settings)
    return model


def _layers(settings: Settings, loss: losses.Loss, classes: Callable[[], int]) -> list[Layer | TableEncoder]:
    """Layers from widths, objects and configurations; if all are widths, an output layer for classes is added."""
    given = check.items(settings["layers"], "layers", "widths or layers (in a grid: a list of such lists)")
    activation = settings.get("activation", "relu")
    found = [_layer(item, activation) for item in given]
    if any(isinstance(item, (Layer, dict)) for item in given):
        return found
    units = classes() if settings.get("classes") is None else len(naming.class_labels(settings["classes"]))
    output = "linear" if getattr(loss, "from_logits", False) else "softmax"
    return [*found, Dense(units, activation=output)]


def _layer(item: Any, activation: str) -> Layer | TableEncoder:
    if isinstance(item, (Layer, TableEncoder)):
        return item
    return layers.from_config(item) if isinstance(item, dict) else Dense(item, activation=activation)


def _compile(model: Sequential, settings: Settings) -> None:
    chosen = {name: settings[name] for name in OF_COMPILE if name in settings}
    if "learning_rate" in settings:
        optimizer = optimizers.get(chosen.get("optimizer", "adam"))
        chosen["optimizer"] = dataclasses.replace(optimizer, learning_rate=settings["learning_rate"])
    model.compile(**chosen)


def identity(model: Sequential, request: Request) -> dict[str, Any]:
    """Everything besides the data that determines the result of training, ready for JSON.

    It comes from the model, so it does not depend on how the settings were written, and changes with ``build``.
    """
    of_model = {name: getattr(model, name) for name in OF_MODEL}
    given = [layer for layer in layers.leaves(model.declarations) if isinstance(layer, layers.Normalization)]
    adapted = [array for layer in given if layer.mean is not None for array in (layer.mean, layer.variance)]
    if adapted:  # with Normalization.adapt: its description does not say to what
        of_model["statistics"] = digest(*adapted)
    if model.encoder is not None:
        of_model["encoder"] = model.encoder.config()
    return described(  # type: ignore[no-any-return]
        {
            **of_model,
            "dtype": str(model.dtype),
            "layers": model.declarations,
            "weights": digest(*model.get_weights()) if model.is_built else None,
            "optimizer": model.rule,
            "loss": model.loss,
            "metrics": model.metrics,
            "seed": request.seed,
            "fit": request.fit_settings,
        }
    )
