"""A model without its weights as a JSON-ready description, and back.

Model files hold the same description beside the arrays.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .. import layers, losses, optimizers
from .._base import check, naming
from .._base.errors import ArgumentError, ArgumentTypeError, FastMLPError
from .._version import __version__
from ..tables import TableEncoder
from . import custom_objects, deciding, inputs
from .last_layer import check_last
from .network import Network

if TYPE_CHECKING:
    from ..metrics import Metric

_N = TypeVar("_N", bound=Network)
FORMAT = "fastmlp-architecture"
FORMAT_VERSION = 1
_SMALLEST_RATE = 1e-300  # a constant learning rate is above 0; a schedule may end at 0
_OPTIONAL = (
    "fastmlp_version",
    "name",
    "has_learned_classes",
    "own_schedule",
    "learning_rate",
    "thresholds",
    "tuned_for",
)
_OF_ENCODER = ("encoder", "has_learned_encoder")  # only of models that have one: earlier versions read the others


def config_of(model: Network) -> dict[str, Any]:
    """See `Sequential.config`."""
    return {"format": FORMAT, "format_version": FORMAT_VERSION, **described(model)}


def from_config(config: Any, make: Callable[..., _N], objects: Any = None) -> _N:
    """See `Sequential.from_config`; ``make`` constructs the model from its layers."""
    config = custom_objects.filled(checked(config), custom_objects.checked(objects), "config")
    try:
        model = without_weights(config, make, "config", _TO_CALLER)
        if config["n_features"] is not None:
            model.build(config["n_features"])
    except FastMLPError as error:
        raise type(error)(f"config does not describe a model: {error}") from None
    except Exception as error:  # of the wrong keys and types of values fail in many ways; none of them is our bug
        raise ArgumentError(
            f"config does not describe a model as Sequential.config() does: {type(error).__name__}: {error!s:.200}"
        ) from error
    return model


def checked(config: Any) -> dict[str, Any]:
    """A description with all its keys and no others, whose values may still be wrong."""
    if not isinstance(config, dict):
        raise ArgumentTypeError(f"config must be a dict, as Sequential.config() gives, not {config!r:.60}")
    if config.get("format") != FORMAT:
        raise ArgumentError(
            f"config must have the format {FORMAT!r}, as Sequential.config() gives, not {config.get('format')!r:.60}"
        )
    version = config.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ArgumentError(
            f"config has the format version {version!r:.60}, but this fastmlp ({__version__}) reads version "
            f"{FORMAT_VERSION}: read it with fastmlp {config.get('fastmlp_version')!r:.60}"
        )
    known = [*config_of(Network()), *_OF_ENCODER]
    missing = [key for key in known if key not in config and key not in (*_OPTIONAL, *_OF_ENCODER)]
    strange = [key for key in config if key not in known]
    if missing or strange:
        parts = [f"lacks {check.some(missing)}"] * bool(missing) + [f"has {check.some(strange)}"] * bool(strange)
        raise ArgumentError(f"config does not have the keys that Sequential.config() gives: it {' and '.join(parts)}")
    return config


# ---------------------------------------------------------------- what the description holds


def described(model: Network) -> dict[str, Any]:
    """All that is known of a model but its weights, its position in training and its history."""
    custom_objects.refuse_ambiguous(model)
    names = model.feature_names
    return {
        "fastmlp_version": __version__,
        "name": model.name,
        "dtype": str(model.dtype),
        "n_features": model.n_features,
        "uint8_scale": model.uint8_scale,
        "seed": model.seed,
        "classes": None if model.classes is None else model.classes.tolist(),
        "has_learned_classes": model.data_known.has_learned_classes,
        "feature_names": None if names is None else [_plain(name) for name in names],
        "input_kind": model.input_kind,
        "thresholds": None if model.data_known.thresholds is None else list(model.data_known.thresholds),
        "tuned_for": model.data_known.tuned_for,
        **_encoder_config(model),
        "layers": [layer.config() for layer in model.declarations],
        "optimizer": _optimizer_config(model),
        "own_schedule": _own_schedule(model),
        "loss": model.loss.config() if model.is_compiled else None,
        "metrics": [config for metric in model.metrics if (config := metric.config()) is not None],
        "learning_rate": model.own_learning_rate,
    }


def _plain(name: naming.Name) -> Any:
    """A name of a feature in the types of JSON."""
    return [_plain(part) for part in name] if isinstance(name, tuple) else name


def _encoder_config(model: Network) -> dict[str, Any]:
    if model.encoder is None:
        return {}
    return dict(zip(_OF_ENCODER, (model.encoder.config(), model.has_learned_encoder), strict=True))


def _own_schedule(model: Network) -> str | None:
    """The name of the user's schedule, if the model has one."""
    schedule = model.rule.learning_rate if model.is_compiled else None
    return type(schedule).__name__ if callable(schedule) and schedule.config() is None else None


def _optimizer_config(model: Network) -> dict[str, Any] | None:
    if not model.is_compiled:
        return None
    config = model.rule.config()
    return {**config, "learning_rate": max(model.learning_rate, _SMALLEST_RATE)} if _own_schedule(model) else config


# ---------------------------------------------------------------- a model from it

_TO_CALLER = 5  # frames between a warning and the caller of `Sequential.from_config`


def without_weights(config: dict[str, Any], make: Callable[..., _N], where: Any, stacklevel: int) -> _N:
    """The model of a description, without weights; messages call the description ``where``.

    Raises errors of all kinds if the description is wrong.
    """
    model = make(
        [
            *_encoders(config.get("encoder")),
            *(layers.from_config(item) for item in check.items(config["layers"], "layers", "layers")),
        ],
        dtype=config["dtype"],
        uint8_scale=config["uint8_scale"],
        seed=config["seed"],
        classes=config.get("classes"),
        name=config.get("name"),  # files of 0.1.0 and 0.2.0 do not have it
    )
    if config.get("feature_names") is not None:
        model.feature_names = _read_names(config["feature_names"], config["n_features"])
    if config.get("input_kind") is not None:  # model files of 0.1.0 do not have it
        model.input_kind = check.choice(config["input_kind"], "input_kind", inputs.KINDS)
    if config["optimizer"] is not None:
        _compile(model, config, where, stacklevel)
    learned = check.yes_or_no(config.get("has_learned_classes", False), "has_learned_classes")
    model.data_known = dataclasses.replace(model.data_known, has_learned_classes=learned)
    if config.get("thresholds") is not None:  # files of 0.2.0 do not have it
        _set_thresholds(model, config["thresholds"], config.get("tuned_for"))
    if check.yes_or_no(config.get("has_learned_encoder", False), "has_learned_encoder"):
        model.declare_unlearned_encoder()
    if model.encoder is not None and config["n_features"] != model.width_known:
        raise ValueError("n_features is not the number of features that the encoder makes")
    return model


def _set_thresholds(model: Network, values: Any, tuned_for: Any) -> None:
    deciding.set_thresholds(model, check.items(values, "thresholds", "numbers"))
    if tuned_for is not None:
        # of the weights of another model, which a file replaces
        model.data_known = dataclasses.replace(model.data_known, tuned_for=str(tuned_for), has_old_thresholds=True)


def _encoders(stored: Any) -> list[TableEncoder]:
    """The encoder of a description, if there is one."""
    return [] if stored is None else [TableEncoder.from_config(stored)]


def _compile(model: Network, config: dict[str, Any], where: Any, stacklevel: int) -> None:
    """Compile as before, without metrics of earlier versions that cannot read all possible outputs of the model."""
    from .. import metrics  # predictions do not need this import

    optimizer, loss = optimizers.get(config["optimizer"]), losses.get(config["loss"])
    chosen = metrics.get(config["metrics"])
    model.compile(optimizer, loss, [])
    kept = [metric for metric in chosen if _is_read_by(metric, model)]
    if len(kept) < len(chosen):
        warnings.warn(
            f"{where}: of the metrics, {len(chosen) - len(kept)} cannot read what this last layer and loss may give, "
            f"and are left out: compile() with others",
            stacklevel=stacklevel,
        )
    model.compile(optimizer, loss, kept)
    if config.get("own_schedule") is not None:
        name = config["own_schedule"]
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError("own_schedule is the name of a class")
        warnings.warn(
            f"{where}: the schedule {name} is your own code, which files do not contain: the "
            f"learning rate stays {model.learning_rate:g} unless you compile() with the schedule again",
            stacklevel=stacklevel,
        )
    if config.get("learning_rate") is not None:
        model.set_learning_rate(config["learning_rate"])


def _is_read_by(metric: Metric, model: Network) -> bool:
    try:
        check_last(model.declarations, dataclasses.replace(model.scoring, metrics=(metric,)))
    except ArgumentError:
        return False
    return True


def _read_names(stored: Any, count: int | None) -> naming.Names:
    names = tuple(_read_name(item) for item in check.items(stored, "feature_names", "names"))
    if len(set(names)) != len(names) or (count is not None and len(names) != count):
        raise ValueError("feature_names must be different names, one for each feature")
    return names


def _read_name(stored: Any) -> naming.Name:
    if isinstance(stored, (list, tuple)):
        return tuple(_read_name(item) for item in stored)
    if isinstance(stored, (str, int)) and not isinstance(stored, bool):
        return stored
    raise ValueError("names of features are texts, whole numbers, or lists of these")
