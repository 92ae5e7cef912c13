"""One model, one ``.npz`` file: arrays, and one JSON text. Nothing in it can run when it is loaded."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import _check, inputs, layers, losses, naming, optimizers
from ._cache import write_atomically
from ._errors import ArgumentError, ArgumentTypeError, FastMLPError, ModelFileError
from ._types import Array
from ._version import __version__
from .building import check_last
from .engine import STEADY
from .history import History
from .model import Position, Sequential

if TYPE_CHECKING:
    from .metrics import Metric
    from .program import Tensor

T = TypeVar("T")
_ORIGINS = _DECLARED, _LEARNED, _UNKNOWN = "declared", "learned", "unknown"  # of the statistics of a Normalization
FORMAT = "fastmlp-model"
FORMAT_VERSION = 2
_READABLE = (1, 2)
_SMALLEST_RATE = 1e-300  # a number as learning rate is above 0; a schedule may end there
_TO_CALLER = 5  # frames from where a warning is given to who calls `load`


def save(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Write a built model to a file; see `Sequential.save`."""
    engine = model.engine
    arrays = {"config": _text(json.dumps(_config(model)))}
    for slot, flat in enumerate([engine.parameters, *_slots(model)]):
        for tensor in engine.program.tensors:
            arrays[_name(slot, tensor)] = engine.program.unpack(flat, tensor)
    _write(arrays, path)


def save_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """See `Sequential.save_weights`."""
    names = [_name(0, tensor) for tensor in model.engine.program.tensors]
    _write(dict(zip(names, model.get_weights(), strict=True)), path)


def _write(arrays: dict[str, Array], path: str | os.PathLike[str]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    target = _as_path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: give the name of a file, such as {target / 'model.npz'}")
    write_atomically(target, buffer.getvalue())


def _config(model: Sequential) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "fastmlp_version": __version__,
        "dtype": str(model.dtype),
        "n_features": model.engine.program.fan_in,
        "uint8_scale": model.uint8_scale,
        "seed": model.seed,
        "classes": None if model.classes is None else model.classes.tolist(),
        "has_learned_classes": model._has_learned_classes,
        "feature_names": model.feature_names,
        "input_kind": model.input_kind,
        "layers": [layer.config() for layer in model.declarations],
        "optimizer": _optimizer_config(model),
        "own_schedule": _own_schedule(model),
        "loss": model._loss.config() if model._loss else None,
        "metrics": [config for metric in model.metrics if (config := metric.config()) is not None],
        "learning_rate": model._learning_rate,
        "step": model.engine.step,
        "has_state": _has_state(model),
        "statistics": _statistics(model),
        "position": [model.position.epoch, model.position.batch],
        "history": model.history.config() if model.history else None,
    }


def _own_schedule(model: Sequential) -> str | None:
    """Name of a schedule that is code of the user, where the model has one."""
    schedule = None if model._optimizer is None else model._optimizer.learning_rate
    return type(schedule).__name__ if callable(schedule) and schedule.config() is None else None


def _optimizer_config(model: Sequential) -> dict[str, Any] | None:
    if model._optimizer is None:
        return None
    config = model._optimizer.config()
    return {**config, "learning_rate": max(model.learning_rate, _SMALLEST_RATE)} if _own_schedule(model) else config


def _statistics(model: Sequential) -> dict[str, Any]:
    """Where the statistics of each layer that has some come from: their origin, or how many batches they average."""
    found: dict[str, Any] = {}
    for index, layer in enumerate(layers.leaves(model.declarations)):
        if isinstance(layer, layers.Normalization):
            found[str(index)] = _UNKNOWN if layer.mean is None else _LEARNED if layer.stands_for else _DECLARED
        elif isinstance(layer, layers.BatchNormalization):
            found[str(index)] = model.engine.averaged.get(model._find_tensor(index, "moving_mean").offset, 0)
    return found


def _has_state(model: Sequential) -> bool:
    return model.engine.state.size > 0


def _slots(model: Sequential) -> list[Array]:
    """The optimiser's state, one flat vector for each of its slots, and gradients that have not been used yet."""
    engine = model.engine
    state = list(engine.state.reshape(-1, engine.program.size)) if _has_state(model) else []
    return [*state, engine.gradients] if engine.has_pending_gradients() else state


def _name(slot: int, tensor: Tensor) -> str:
    group = "parameters" if slot == 0 else f"optimizer/{slot - 1}"
    return f"{group}/{tensor.layer}/{tensor.name}"


def _text(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8)


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
        If the file is missing, damaged, or not a fastmlp model.

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
    return _opened(path, _read)


def load_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """See `Sequential.load_weights`."""
    tensors = model.engine.program.tensors

    def read(file: Any, source: Path) -> list[Array]:
        there = {name: file[name].shape for name in file.files if name.startswith("parameters/")}
        wanted = {_name(0, tensor): tensor.shape for tensor in tensors}
        odd = sorted(name for name in there | wanted if there.get(name) != wanted.get(name))
        if odd:
            shapes = " and ".join(str(shapes.get(odd[0], "none")) for shapes in (there, wanted))
            raise ModelFileError(
                f"{source} does not hold the weights of a model with these layers: its {odd[0]!r} and the model's have "
                f"the shapes {shapes}"
            )
        return [_read_tensor(file, _name(0, tensor), tensor, model.dtype, source) for tensor in tensors]

    model.set_weights(_opened(path, read))


def _opened(path: str | os.PathLike[str], read: Callable[[Any, Path], T]) -> T:
    """What ``read`` makes of the archive; all that goes wrong is a ModelFileError."""
    target = _as_path(path)
    try:
        with open(target, "rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise ModelFileError(
                    f"{target} is not a readable fastmlp model: it is no .npz archive, or only a part of one"
                )
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                return read(file, target)
    except FileNotFoundError:
        raise ModelFileError(f"{target}: there is no such model file") from None
    except ModelFileError:
        raise
    except Exception as error:  # a damaged archive, header or text fails in many ways; none of them is a bug
        raise ModelFileError(
            f"{target} is not a readable fastmlp model (damaged or truncated, or another kind of file): "
            f"{type(error).__name__}"
        ) from error


def _as_path(path: Any) -> Path:
    try:
        return Path(path)
    except TypeError:
        raise ArgumentTypeError(f"path must be the name of a file, not {path!r:.60}") from None


def _read(file: Any, path: Path) -> Sequential:
    if "config" not in file:
        raise ModelFileError(f"{path} is not a fastmlp model: it has no 'config' entry")
    return _restore(_read_config(file["config"], path), file, path)


def _read_config(raw: Array, path: Path) -> dict[str, Any]:
    config = json.loads(raw.tobytes().decode())
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelFileError(f"{path} is not a fastmlp model: its config is not one of ours")
    if config.get("format_version") not in _READABLE:
        raise ModelFileError(
            f"{path} has format version {config.get('format_version')!r}, but this fastmlp ({__version__}) reads "
            f"versions up to {FORMAT_VERSION}: load it with fastmlp {config.get('fastmlp_version')!r}"
        )
    return config


def _restore(config: dict[str, Any], file: Any, path: Path) -> Sequential:
    model = Sequential(
        [layers.from_config(item) for item in config["layers"]],
        dtype=config["dtype"],
        uint8_scale=config["uint8_scale"],
        seed=config["seed"],
        classes=config.get("classes"),
    )
    if config.get("feature_names") is not None:
        model.feature_names = _read_names(config["feature_names"], config["n_features"])
    if config.get("input_kind") is not None:  # files of 0.1.0 do not have it
        model.input_kind = _check.choice(config["input_kind"], "input_kind", inputs.KINDS)
    if config["optimizer"] is not None:
        _compile(model, config, path)
        if config.get("own_schedule") is not None:
            warnings.warn(
                f"{path}: the schedule {config['own_schedule']} is code of your own, which files do not hold: the "
                f"learning rate stays {model.learning_rate:g} unless you compile() with the schedule again",
                stacklevel=_TO_CALLER,
            )
        if config.get("learning_rate") is not None:
            model.learning_rate = config["learning_rate"]
    _check_sizes(model, config["n_features"], file, path)
    model.build(config["n_features"])
    engine = model.engine
    engine.step = _check.whole_number(config["step"], "step", minimum=0, maximum=2**53)
    if _check.yes_or_no(config["has_state"], "has_state") or engine.has_pending_gradients():
        engine.allocate_training()
    unsigned = () if engine.optimizer is None else engine.optimizer.unsigned_slots
    flats = [engine.parameters, *_slots(model)]
    for slot, flat in enumerate(flats):
        for tensor in engine.program.tensors:
            array = _read_tensor(file, name := _name(slot, tensor), tensor, model.dtype, path)
            if slot - 1 in unsigned and (array < 0).any():
                raise ModelFileError(f"{path} is damaged: the array {name!r} should hold no negative numbers")
            engine.program.pack(flat, tensor, array)
    _restore_statistics(model, config.get("statistics"))
    model._has_learned_classes = _check.yes_or_no(config.get("has_learned_classes", False), "has_learned_classes")
    model.history = _read_history(config["history"])
    model.position = _read_position(config["position"])
    return model


def _compile(model: Sequential, config: dict[str, Any], path: Path) -> None:
    """As it was; but for metrics that earlier versions took, and that cannot read what the model may give."""
    from . import metrics  # which need not be imported to predict

    optimizer, loss = optimizers.get(config["optimizer"]), losses.get(config["loss"])
    chosen = metrics.get(config["metrics"])
    model.compile(optimizer, loss, [])
    kept = [metric for metric in chosen if _is_read_by(metric, model)]
    if len(kept) < len(chosen):
        warnings.warn(
            f"{path}: of the metrics, {len(chosen) - len(kept)} cannot read what this last layer and loss may give, "
            f"and are left out: compile() with others",
            stacklevel=_TO_CALLER + 1,
        )
    model.compile(optimizer, loss, kept)


def _is_read_by(metric: Metric, model: Sequential) -> bool:
    try:
        check_last(model.declarations, model.loss, [metric])
    except ArgumentError:
        return False
    return True


def _read_names(stored: Any, count: int) -> naming.Names:
    names = tuple(_read_name(item) for item in _check.items(stored, "feature_names", "names"))
    if len(names) != count or len(set(names)) != count:
        raise ValueError("feature_names must be different names, one for each feature")
    return names


def _read_name(stored: Any) -> naming.Name:
    if isinstance(stored, list):
        return tuple(_read_name(item) for item in stored)
    if isinstance(stored, (str, int)) and not isinstance(stored, bool):
        return stored
    raise ValueError("names of features are texts, whole numbers, or lists of these")


def _restore_statistics(model: Sequential, stored: Any) -> None:
    """Let the model know where its statistics come from, or `fit` would take those of its data.

    Files of 0.1.0 do not say it. There, what a first layer has that differs from the initial values was learned, as
    far as one can tell: so a cross-validation of the model finds its own, and predictions and further training are
    the same. Running statistics go on as they were averaged then.
    """
    for index, layer in enumerate(model.layers):
        if not isinstance(layer.declaration, (layers.Normalization, layers.BatchNormalization)):
            continue
        origin = _origin_before(layer, index) if stored is None else stored[str(index)]
        if isinstance(layer.declaration, layers.BatchNormalization):
            count = _check.whole_number(origin, "statistics", minimum=0, maximum=2**53)
            model.engine.averaged[model._find_tensor(index, "moving_mean").offset] = count
        elif _check.choice(origin, "statistics", _ORIGINS) == _LEARNED:
            model._note_statistics(index)
        elif origin == _DECLARED:
            layer.declaration._set(mean=layer.mean.astype(np.float64), variance=layer.variance.astype(np.float64))


def _origin_before(layer: Any, index: int) -> Any:
    """What a file of 0.1.0 does not say of a layer's statistics."""
    is_batch = isinstance(layer.declaration, layers.BatchNormalization)
    mean, variance = (layer.moving_mean, layer.moving_variance) if is_batch else (layer.mean, layer.variance)
    is_initial = not mean.any() and bool((variance == 1).all())
    if is_batch:
        return 0 if is_initial else STEADY
    return _UNKNOWN if is_initial else _DECLARED if index else _LEARNED


def _check_sizes(model: Sequential, n_features: Any, file: Any, path: Path) -> None:
    """Compare the widths with the arrays that are there, before memory is set aside for them."""
    width = _check.whole_number(n_features, "n_features", minimum=1)
    for number, layer in enumerate(layers.leaves(model.declarations)):
        if isinstance(layer, layers.Dense):
            shape, name = (width, layer.units), f"parameters/{number}/kernel"
            if name not in file or file[name].shape != shape:
                raise ModelFileError(f"{path} is damaged: the array {name!r} should have the shape {shape}")
            width = layer.units


def _read_position(stored: Any) -> Position:
    epoch, batch = stored
    most = 2**32 - 1
    return Position(
        _check.whole_number(epoch, "epoch", minimum=0, maximum=most),
        _check.whole_number(batch, "batch", minimum=0, maximum=most),
    )


def _read_history(stored: Any) -> History | None:
    if stored is None:
        return None
    history = History(**stored)
    groups: list[list[list[Any]]] = [
        [history.epoch, *history.history.values()],
        list(history.batches.values()),
        list(history.validations.values()),
    ]
    numbers = all(isinstance(value, (int, float)) for group in groups for items in group for value in items)
    one_length = all(len({len(items) for items in group}) <= 1 for group in groups)
    placed = not history.validations or {"epoch", "batch"} <= history.validations.keys()
    if not numbers or not one_length or not placed or (history.partial and not history.epoch):
        raise ValueError("the history contradicts itself")
    for number in (*history.epoch, *history.validations.get("epoch", ()), *history.validations.get("batch", ())):
        _check.whole_number(number, "epoch", minimum=0)
    return history


def _read_tensor(file: Any, name: str, tensor: Tensor, dtype: np.dtype[Any], path: Path) -> Array:
    if name not in file:
        raise ModelFileError(f"{path} is damaged: the array {name!r} is missing")
    array = file[name]
    if array.dtype.kind != "f":
        raise ModelFileError(f"{path} is damaged: the array {name!r} should hold floats, not {array.dtype}")
    try:
        if name.startswith("parameters/"):
            return tensor.checked(array, name, dtype)
        return _check.tensor(array, name, tensor.shape, dtype)
    except FastMLPError as error:
        raise ModelFileError(f"{path} is damaged: {error}") from None
