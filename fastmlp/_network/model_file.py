"""Reads and writes models as ``.npz`` files: arrays and one JSON text, in which nothing can run."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import kernels, layers
from .._base import archive, check
from .._base.errors import DivergenceError, FastMLPError, ModelFileError
from .._base.files import as_path, own_name, present_name, write_atomically
from .._base.types import Array
from .._engine import program
from .._engine.engine import STEADY
from .._version import __version__
from . import architecture, custom_objects, inputs
from .history import History
from .network import Network, Position

if TYPE_CHECKING:
    from .._base.archive import Archive
    from .._engine.program import Tensor

_N = TypeVar("_N", bound=Network)
# The origins of a Normalization's statistics
_ORIGINS = _DECLARED, _LEARNED, _UNKNOWN = ("declared", "learned", "unknown")
_STATISTICS = ("mean", "variance")
_CENTER = "input/mean"  # the mean of a first Normalization, in float64
_KIND = "input/kind"  # the kind of data that the weights were trained on, in files of weights alone
FORMAT = "fastmlp-model"
FORMAT_VERSION = 3  # of models with an encoder, whose tables earlier versions would misread
_WITHOUT_ENCODER = 2  # of others, which these versions read
_READABLE = (1, 2, 3)
_TO_CALLER = 6  # frames between a warning and the caller of `load`


def save(model: Network, path: str | os.PathLike[str], **notes: dict[str, Any]) -> None:
    """Write a built model to a file; see `Sequential.save`. JSON-ready notes become further arrays of text."""
    target, engine = own_name(as_path(path)), model.engine
    arrays = {"config": _text(json.dumps(_config(model)))}
    for slot, flat in enumerate([engine.parameters, *_slots(model)]):
        for tensor in engine.program.tensors:
            arrays[_name(slot, tensor)] = engine.program.unpack(flat, tensor)
    arrays.update(_center(model))
    _refuse_ruined(arrays)
    _write({**arrays, **{name: _text(json.dumps(note)) for name, note in notes.items()}}, target)


def _refuse_ruined(arrays: dict[str, Array]) -> None:
    """Refuse to write numbers that the last update has ruined before any loss shows it; they could not be loaded."""
    for name, array in arrays.items():  # whole numbers are always finite
        is_state = name.startswith("optimizer/")
        if np.isnan(array).any() if is_state else not np.isfinite(array).all():
            raise DivergenceError(
                f"the model cannot be saved: its array {name!r} holds {'NaN' if is_state else 'NaN or infinity'}, so "
                "the last update was too large. Load an earlier file, or call compile() and set_weights() again, and "
                "train with a lower learning rate"
            )


def save_weights(model: Network, path: str | os.PathLike[str]) -> None:
    """See `Sequential.save_weights`."""
    target = own_name(as_path(path))
    names = [_name(0, tensor) for tensor in model.engine.program.tensors]
    arrays = {**dict(zip(names, model.get_weights(), strict=True)), **_center(model)}
    _refuse_ruined(arrays)
    kind = {} if model.input_kind is None else {_KIND: _text(json.dumps({"kind": model.input_kind}))}
    _write({**arrays, **kind}, target)


def _center(model: Network) -> dict[str, Array]:
    """The mean of a first Normalization, if its tensor holds it rounded."""
    center = model.reader().center
    return {} if center is None or model.dtype == np.float64 else {_CENTER: center}


def _write(arrays: dict[str, Array], path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the name of a file, such as {path / 'model.npz'}")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())


def _config(model: Network) -> dict[str, Any]:
    return {
        **architecture.described(model),
        "format": FORMAT,
        "format_version": FORMAT_VERSION if model.reads_tables else _WITHOUT_ENCODER,
        "step": model.engine.step,
        "has_state": _has_state(model),
        "statistics": _statistics(model),
        "position": [model.position.epoch, model.position.batch],
        "history": model.history.config() if model.history else None,
        "temperature": model.data_known.temperature,
        "has_old_thresholds": model.data_known.has_old_thresholds,
        "has_old_temperature": model.data_known.has_old_temperature,
    }


def _statistics(model: Network) -> dict[str, Any]:
    """The origin of each layer's statistics, or the number of batches that they average."""
    found: dict[str, Any] = {}
    for index, layer in enumerate(layers.leaves(model.declarations)):
        if isinstance(layer, layers.Normalization):
            found[str(index)] = _UNKNOWN if layer.mean is None else _LEARNED if layer.stands_for else _DECLARED
        elif isinstance(layer, layers.BatchNormalization):
            found[str(index)] = model.engine.averages_at(model.find_tensor(index, "moving_mean").offset)
    return found


def _has_state(model: Network) -> bool:
    return model.engine.state.size > 0


def _slots(model: Network) -> list[Array]:
    """The optimiser's state, one flat vector for each slot, and accumulated gradients before their update."""
    engine = model.engine
    state = list(engine.state.reshape(-1, engine.program.size)) if _has_state(model) else []
    return [*state, engine.gradients] if engine.has_pending_gradients() else state


def _name(slot: int, tensor: Tensor) -> str:
    group = "parameters" if slot == 0 else f"optimizer/{slot - 1}"
    return f"{group}/{tensor.layer}/{tensor.name}"


def _text(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8)


def load(path: str | os.PathLike[str], make: Callable[..., _N], objects: Any = None) -> _N:
    """See `fastmlp.load`; ``make`` constructs the model from its layers."""
    known = custom_objects.checked(objects)
    with archive.opened(present_name(as_path(path))) as file:
        config = custom_objects.filled(_read_config(file), known, file.path, ModelFileError)
        return _restore(config, file, file.path, make)


def load_weights(model: Network, path: str | os.PathLike[str]) -> None:
    """See `Sequential.load_weights`."""
    tensors = model.engine.program.tensors
    with archive.opened(present_name(as_path(path))) as file:
        there = {name: file.shape(name) for name in file.names if name.startswith("parameters/")}
        wanted = {_name(0, tensor): tensor.shape for tensor in tensors}
        odd = sorted(name for name in there | wanted if there.get(name) != wanted.get(name))
        if odd:
            shapes = " and ".join(str(shapes.get(odd[0], "none")) for shapes in (there, wanted))
            raise ModelFileError(
                f"{file.path} does not hold the weights of a model with these layers: its {odd[0]!r} and the model's "
                f"have the shapes {shapes}"
            )
        weights = [_read_tensor(file, 0, tensor, model.dtype) for tensor in tensors]
        if isinstance(model.declarations[0], layers.Normalization):
            at = next(number for number, tensor in enumerate(tensors) if (tensor.layer, tensor.name) == (0, "mean"))
            weights[at] = _read_center(file, weights[at])
        kind = _read_kind(file)
    model.set_weights(weights)
    model.input_kind = model.input_kind if kind is None else kind


def _read_kind(file: Archive) -> str | None:
    """The kind of data that weights were trained on; files of 0.1.0 do not have it."""
    found = file.read_json(_KIND).get("kind") if _KIND in file else None
    if "config" in file:
        found = _read_config(file).get("input_kind")
    return None if found is None else check.choice(found, "input_kind", inputs.KINDS)


def _read_config(file: Archive) -> dict[str, Any]:
    path = file.path
    if "config" not in file:
        raise ModelFileError(f"{path} is not a fastmlp model: it has no 'config' entry")
    config = file.read_json("config")
    if config.get("format") != FORMAT:
        raise ModelFileError(f"{path} is not a fastmlp model: its config is not one of ours")
    if config.get("format_version") not in _READABLE:
        raise ModelFileError(
            f"{path} has format version {config.get('format_version')!r:.60}, but this fastmlp ({__version__}) reads "
            f"versions up to {FORMAT_VERSION}: load it with fastmlp {config.get('fastmlp_version')!r:.60}"
        )
    if (config["format_version"] == FORMAT_VERSION) != (config.get("encoder") is not None):
        raise ModelFileError(f"{path} is damaged: files of version {FORMAT_VERSION}, and no others, have an encoder")
    return config


def _restore(config: dict[str, Any], file: Archive, path: Path, make: Callable[..., _N]) -> _N:
    model = architecture.without_weights(config, make, path, _TO_CALLER)
    step = check.whole_number(config["step"], "step", minimum=0, maximum=2**53)
    has_state = check.yes_or_no(config["has_state"], "has_state")
    _check_sizes(model, config["n_features"], _slots_in_file(model, step, has_state), file)
    engine = model.build_bare(config["n_features"])
    engine.step = step
    if has_state or engine.has_pending_gradients():
        engine.allocate_training()
    unsigned = () if engine.optimizer is None else engine.optimizer.unsigned_slots
    for slot, flat in enumerate([engine.parameters, *_slots(model)]):
        for tensor in engine.program.tensors:
            array = _read_tensor(file, slot, tensor, model.dtype)
            if slot - 1 in unsigned and (array < 0).any():
                raise ModelFileError(
                    f"{path} is damaged: the array {_name(slot, tensor)!r} must hold no negative numbers"
                )
            engine.program.pack(flat, tensor, array)
    _restore_statistics(model, config.get("statistics"))
    _restore_center(model, file)
    model.history = _read_history(config["history"])
    model.position = _read_position(config["position"])
    _restore_decisions(model, config)
    return model


def _restore_decisions(model: Network, config: dict[str, Any]) -> None:
    """Restore what is known of thresholds and of a temperature; files of 0.2.0 have neither."""
    temperature = config.get("temperature")
    of_thresholds, of_temperature = (
        check.yes_or_no(config.get(name, False), name) for name in ("has_old_thresholds", "has_old_temperature")
    )
    if temperature is not None:
        temperature = check.real_number(temperature, "temperature", above=0)
    model.data_known = dataclasses.replace(
        model.data_known,
        temperature=temperature,
        has_old_thresholds=of_thresholds,
        has_old_temperature=of_temperature,
    )


def _restore_statistics(model: Network, stored: Any) -> None:
    """Restore the origin of the statistics; otherwise `fit` would take those of its data.

    Files of 0.1.0 do not have it. For them, statistics of a first layer that differ from the initial values count as
    learned: a cross-validation of the model finds its own, and predictions and further training are the same. Running
    statistics continue with the averages of that version.
    """
    tensors: dict[int, list[Tensor]] = {}
    for tensor in model.engine.program.tensors:
        tensors.setdefault(tensor.layer, []).append(tensor)
    numbers = itertools.count()

    def restored(layer: layers.Layer) -> layers.Layer:
        index = next(numbers)
        if not isinstance(layer, (layers.Normalization, layers.BatchNormalization)):
            return layer
        mean, variance = (tensor for tensor in tensors[index] if tensor.is_statistic)
        values = [model.engine.program.unpack(model.engine.parameters, tensor) for tensor in (mean, variance)]
        origin = _origin_before(layer, index, *values) if stored is None else stored[str(index)]
        if isinstance(layer, layers.BatchNormalization):
            count = check.whole_number(origin, "statistics", minimum=0, maximum=2**53)
            model.engine.note_averages(mean.offset, count)
            return layer
        origin = check.choice(origin, "statistics", _ORIGINS)
        if origin == _DECLARED:
            layer._set(**{name: value.astype(np.float64) for name, value in zip(_STATISTICS, values, strict=True)})
        return layer.in_model(*values) if origin == _LEARNED else layer

    model.declarations = layers.with_each_leaf(model.declarations, restored)


def _origin_before(layer: layers.Layer, index: int, mean: Array, variance: Array) -> Any:
    """The origin of a layer's statistics in a file of 0.1.0, which does not have it."""
    is_initial = not mean.any() and bool((variance == 1).all())
    if isinstance(layer, layers.BatchNormalization):
        return 0 if is_initial else STEADY
    return _UNKNOWN if is_initial else _DECLARED if index else _LEARNED


def _restore_center(model: Network, file: Archive) -> None:
    """Restore the float64 mean of a first Normalization."""
    first = model.declarations[0]
    if isinstance(first, layers.Normalization) and first.mean is not None:
        first._set(mean=_read_center(file, first.mean.astype(model.dtype)).astype(np.float64))


def _read_center(file: Archive, rounded: Array) -> Array:
    """The float64 mean of a first Normalization, which must round to its tensor; without one, the tensor itself."""
    if _CENTER not in file:
        return rounded
    mean = file.read(_CENTER).astype(np.float64) if file.shape(_CENTER) == rounded.shape else None
    with np.errstate(over="ignore"):
        if mean is None or not np.array_equal(mean.astype(rounded.dtype), rounded):
            raise ModelFileError(
                f"{file.path} is damaged: the array {_CENTER!r} contradicts the mean of the first layer"
            )
    return mean


def _slots_in_file(model: Network, step: int, has_state: bool) -> int:
    """How many flat vectors a file holds after the parameters; see `_slots`."""
    if not model.is_compiled:
        if has_state:
            raise ValueError("a state of no optimizer")
        return 0
    is_pending = step % model.rule.gradient_accumulation_steps > 0
    return (model.rule.slots if has_state or is_pending else 0) + int(is_pending)


def _check_sizes(model: Network, n_features: Any, slots: int, file: Archive) -> None:
    """Compare the shapes of all tensors with the arrays in the file before memory is allocated."""
    width = check.whole_number(n_features, "n_features", minimum=1, maximum=layers.MOST_UNITS)
    wanted = {
        _name(slot, tensor): tensor.shape
        for tensor in program.tensors(model.declarations, width, model.dtype, kernels.panel_width(model.dtype))
        for slot in range(1 + slots)
    }
    if _CENTER in file:  # files of 0.1.0 do not have it
        wanted[_CENTER] = (width,)
    for name, shape in wanted.items():
        if file.shape(name) != shape:
            raise ModelFileError(
                f"{file.path} is damaged: the array {name!r} should have the shape {shape}, not {file.shape(name)}"
            )
    for name in file.names:
        if name.startswith(("parameters/", "optimizer/")) and name not in wanted:
            raise ModelFileError(f"{file.path} is damaged: no layer has the array {name!r:.60}")


def _read_position(stored: Any) -> Position:
    epoch, batch = stored
    most = 2**32 - 1
    return Position(
        check.whole_number(epoch, "epoch", minimum=0, maximum=most),
        check.whole_number(batch, "batch", minimum=0, maximum=most),
    )


def _read_history(stored: Any) -> History | None:
    return None if stored is None else History.from_config(stored)


def _read_tensor(file: Archive, slot: int, tensor: Tensor, dtype: np.dtype[Any]) -> Array:
    name = _name(slot, tensor)
    array = file.read(name)
    if array.dtype.kind != "f":
        raise ModelFileError(f"{file.path} is damaged: the array {name!r} should hold floats, not {array.dtype}")
    # Sums of squares may overflow in a training that stays finite; such weights no longer change.
    overflowed = np.isinf(array) if slot else np.False_
    try:
        checked = np.where(overflowed, 0, array) if overflowed.any() else array
        finite = tensor.checked(checked, name, dtype) if slot == 0 else check.tensor(checked, name, tensor.shape, dtype)
    except FastMLPError as error:
        raise ModelFileError(f"{file.path} is damaged: {error}") from None
    return np.where(overflowed, array, finite).astype(dtype) if overflowed.any() else finite
