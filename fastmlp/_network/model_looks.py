"""How a model is shown: in a few lines of text, and as a table in a notebook."""

from dataclasses import fields

from .._base import notebook, text_table
from ..layers import leaves
from ..losses import Loss
from . import deciding
from .bound import summary_rows
from .network import Network

_MOST_LAYERS = 12


def text(model: Network) -> str:
    """The layers with their shapes, how it is trained, and how long it was."""
    rows = summary_rows(model)[1:]
    shown = rows if len(rows) <= _MOST_LAYERS else rows[: _MOST_LAYERS - 1]
    lines = [f"  {line}" for line in text_table.aligned(shown, left=(0, 1, 2, 3)).splitlines()] if shown else []
    if len(shown) < len(rows):
        lines.append(f"  and {len(rows) - len(shown)} more layers: model.summary()")
    return "\n".join([_head(model), *lines, *_state(model)])


def html(model: Network) -> str:
    """The same for notebooks, with all layers."""
    table = notebook.table(summary_rows(model), left=(0, 1, 2, 3))
    return f"<div>{notebook.paragraphs([_head(model)])}{table}{notebook.paragraphs(_state(model))}</div>"


def _head(model: Network) -> str:
    count = len(list(leaves(model.declarations)))
    layers = f"{type(model).__name__}: {count} layer{'s' * (count != 1)}"
    if not model.is_built:
        how = "fit(table, y)" if model.reads_tables else "fit or build(n_features)"
        return f"{layers}, {model.dtype}, not built: {how} makes its parameters"
    program = model.engine.program
    return f"{layers}, {program.fan_in} features, {program.count:,} parameters in {model.dtype}"


def _state(model: Network) -> list[str]:
    """How it is trained, and how long it was."""
    if not model.is_compiled:
        return ["not compiled"]
    metrics = ", ".join(metric.name for metric in model.metrics)
    compiled = f"compiled with {model.optimizer!r}, {_short(model.loss)}" + f", metrics: {metrics}" * bool(metrics)
    return [compiled, _training(model), *deciding.described(model)]


def _short(loss: Loss) -> str:
    """A loss with the settings that differ from the usual ones."""
    given = [
        f"{f.name}={getattr(loss, f.name)!r}" for f in fields(loss) if f.repr and getattr(loss, f.name) != f.default
    ]
    return f"{type(loss).__name__}({', '.join(given)})"


def _training(model: Network) -> str:
    if not model.steps_done:
        return "not trained"
    epochs, history = model.position.epoch, model.history
    parts = [f"trained for {epochs} epoch{'s' * (epochs != 1)}"] if epochs else ["trained"]
    parts.append(f"{model.steps_done:,} batches")
    latest = [
        f"{name} {text_table.number(history[name][-1])}"
        for name in ("loss", "val_loss")
        if history is not None and history.epoch and name in history
    ]
    return ", ".join([*parts, *latest])
