"""The state in copies and pickles of a network: plain values, arrays, and objects that users construct themselves.

It does not depend on internal modules or on the CPU: tensors are matrices, not panels of its vector width.
"""

from typing import Any

from .._base.types import Array
from .._engine.engine import STEADY, Engine
from .._engine.program import Program

_RENAMED = {"metrics": "_metrics"}  # the names of version 0.1.0
_KNOWN = {"classes": "classes", "_has_learned_classes": "has_learned_classes"} | {
    name: name for name in ("feature_names", "input_kind")
}
_GONE = ("_busy", "_busy_in")


def of_engine(engine: Engine) -> dict[str, Any]:
    """The tensors of an engine, the optimiser's state, and the counters of both."""
    built = engine.program
    slots = engine.state.reshape(-1, built.size) if engine.state.size else ()
    return {
        "n_features": built.tensors[0].shape[0],
        "parameters": _matrices(built, engine.parameters),
        "state": [_matrices(built, slot) for slot in slots],
        "gradients": _matrices(built, engine.gradients) if engine.has_pending_gradients() else [],
        "step": engine.step,
        "averaged": _by_tensor(engine),
    }


def fill(engine: Engine, held: dict[str, Any]) -> None:
    """Write the result of `of_engine` into a new engine."""
    built = engine.program
    engine.step = held["step"]
    if held["state"] or held["gradients"]:
        engine.allocate_training()
    slots = engine.state.reshape(-1, built.size) if held["state"] else ()
    flats = [(engine.parameters, held["parameters"]), (engine.gradients, held["gradients"])]
    for flat, matrices in [*flats, *zip(slots, held["state"], strict=True)]:
        for tensor, matrix in zip(built.tensors, matrices, strict=bool(matrices)):
            built.pack(flat, tensor, matrix)
    engine.averaged = {built.tensors[number].offset: batches for number, batches in held["averaged"].items()}


def of_statistics(engine: Engine, statistics: list[Array], averaged: dict[int, int]) -> dict[str, Any]:
    """Running statistics that are not yet those of an engine, in the form of `of_engine`."""
    numbers = {tensor.offset: number for number, tensor in enumerate(engine.program.tensors)}
    flat = engine.with_statistics(engine.parameters.copy(), statistics)
    return {
        "parameters": _matrices(engine.program, flat) if statistics else [],
        "averaged": {numbers[offset]: batches for offset, batches in averaged.items() if offset in numbers},
    }


def statistics_of(engine: Engine, held: dict[str, Any]) -> tuple[list[Array], dict[int, int]]:
    """The running statistics that `of_statistics` describes, and how many batches they average."""
    flat, tensors = engine.program.zeros(1), engine.program.tensors
    for tensor, matrix in zip(tensors, held["parameters"], strict=bool(held["parameters"])):
        engine.program.pack(flat, tensor, matrix)
    averaged = {tensors[number].offset: batches for number, batches in held["averaged"].items()}
    return engine.statistics_in(flat), averaged


def take_over(new: Engine, old: Engine) -> None:
    """Write the weights and running statistics of an engine into one with layers more or fewer at the end."""
    pairs = list(zip(old.program.tensors, new.program.tensors, strict=False))
    for was, tensor in pairs:
        new.program.pack(new.parameters, tensor, old.program.unpack(old.parameters, was))
    new.averaged.update({t.offset: old.averaged[was.offset] for was, t in pairs if was.offset in old.averaged})


def today(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a pickle in the form of this version, whichever version wrote it."""
    state = {"name": "sequential", "_input": None, "_encoder": None, **state}  # which earlier versions did not have
    state = {_RENAMED.get(name, name): value for name, value in state.items() if name not in _GONE}
    if "data_known" not in state:
        state["data_known"] = {new: state.pop(old) for old, new in _KNOWN.items() if old in state}
        position = state["position"]
        state["position"] = (position.epoch, position.batch)
    if isinstance(state["_engine"], Engine):
        state["_engine"] = _of_pickled(state["_engine"])
    return state


def _of_pickled(engine: Engine) -> dict[str, Any]:
    """The result of `of_engine` for a pickle of version 0.1.0: an engine, packed for the CPU that wrote it.

    Its running statistics continue with the averages of that version.
    """
    built: Program = engine.program
    vars(engine).setdefault("base", 0)
    if "averaged" not in vars(engine):
        offsets = [tensor.offset for tensor in built.tensors if tensor.name == "moving_mean"]
        engine.averaged = dict.fromkeys(offsets, STEADY) if engine.step else {}
    return of_engine(engine)


def _matrices(built: Program, flat: Array) -> list[Array]:
    return [built.unpack(flat, tensor) for tensor in built.tensors]


def _by_tensor(engine: Engine) -> dict[int, int]:
    """The batches in running statistics, by the number of the tensor with their means."""
    places = enumerate(tensor.offset for tensor in engine.program.tensors)
    found = {number: engine.averages_at(place) for number, place in places}
    return {number: batches for number, batches in found.items() if batches}
