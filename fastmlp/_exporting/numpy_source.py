"""Writes a network as a Python file that needs NumPy alone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import limits, texts
from . import numpy_parts as parts
from .description import Activation, Affine, LayerNorm, Residual, ScaleShift, Step, described

if TYPE_CHECKING:
    from pathlib import Path

    from .._base.types import Array
    from .._network.network import Network
    from .description import Description

_FEW = 64  # numbers in a tensor that are written as a list to read; more are written as base64
_WIDTH = 116  # of lines of base64


def source(net: Description, name: str) -> str:
    """The text of a Python module of this name; see `fastmlp.export`."""
    body = _Body()
    body.add(net.steps)
    pieces = [
        _head(net, name, body),
        _constants(net),
        _PREDICT.format(lines="\n        ".join(body.lines)),
        *parts.answers(net),
        parts.rows(net, is_centered=body.center is not None),
        *(parts.ACTIVATIONS[kind] for kind in sorted(body.kinds)),
        *[parts.LAYER_NORM] * body.has_layer_norm,
        *[parts.ARRAY] * body.has_bytes,
        "\n# " + "-" * 64 + " weights\n\n" + "\n".join(body.tensors),
        parts.main(net),
    ]
    return "\n".join(pieces)


class _Body:
    """The lines of `predict`, and the tensors that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tensors: list[str] = []
        self.kinds: set[str] = set()  # of activations
        self.has_layer_norm = False
        self.has_bytes = False  # whether a tensor is written as base64
        self.center: Array | None = None  # subtracted from the features before the first line
        self._number = 0
        self._depth = 0

    def add(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Residual):
                self._depth += 1
                kept = f"kept_{self._depth}"
                self.lines.append(f"{kept} = x")
                self.add(step.steps)
                self.lines.append(f"x = {kept} + x")
                self._depth -= 1
            else:
                self._number += 1
                self.lines.append(f"x = {self._formula(step)}")

    def _formula(self, step: Step) -> str:
        if isinstance(step, Affine):
            return f"x @ {self._tensor('KERNEL', step.kernel)}{self._added('BIAS', step.bias)}"
        if isinstance(step, Activation):
            self.kinds.add(step.kind)
            return f"_{step.kind}({', '.join(['x', *map(repr, step.numbers.values())])})"
        if isinstance(step, LayerNorm):
            self.has_layer_norm = True
            factors = f"_layer_norm(x, {step.epsilon!r}) * {self._tensor('GAMMA', step.gamma)}"
            return factors + self._added("BETA", step.beta)
        assert isinstance(step, ScaleShift)
        x = "x"
        if step.is_centered_first:
            self.center = step.center
            self.tensors.append(f"CENTER = {self._array(step.center, 'np.float64')}\n")
        elif step.center.any():
            x = f"(x - {self._tensor('CENTER', step.center)})"
        return f"{x} * {self._tensor('FACTORS', step.factors)}{self._added('OFFSETS', step.offsets)}"

    def _added(self, kind: str, value: Array) -> str:
        return f" + {self._tensor(kind, value)}" if value.any() else ""

    def _tensor(self, kind: str, value: Array) -> str:
        """The name of a tensor, which is written too."""
        name = f"{kind}_{self._number}"
        self.tensors.append(f"{name} = {self._array(value, 'DTYPE')}\n")
        return name

    def _array(self, value: Array, dtype: str) -> str:
        """An expression for an array: readable if it is small."""
        if value.size <= _FEW:
            return f"np.array({_listed(value)}, {dtype})"
        self.has_bytes = True
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        text = base64.b64encode(little.tobytes()).decode("ascii")
        lines = "\n".join(text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH))
        return f'_array({value.shape!r}, {dtype}, """\n{lines}\n""")'


def _listed(value: Any) -> str:
    if value.ndim:
        return f"[{', '.join(map(_listed, value))}]"
    short = repr(float(str(value)))  # as NumPy shows it, "0.1" instead of "0.10000000149011612"
    return short if value.dtype.type(float(short)) == value else repr(float(value))


# ---------------------------------------------------------------- what surrounds the weights


def _head(net: Description, name: str, body: _Body) -> str:
    uses = [f"outputs = {name}.predict(x)  # x: an array of shape (rows, {net.n_features})"]
    if net.outputs.are_probabilities:
        uses.append(f"shares = {name}.predict_proba(x)")
    if net.outputs.choose_one:
        uses.append(f"answers = {name}.predict_classes(x)")
    modules = ["base64"] * body.has_bytes + ["csv"] + ["math"] * ("gelu" in body.kinds) + ["os", "sys"]
    imports = "\n".join(f"import {module}" for module in modules)
    return _HEAD.format(name=name, uses="\n    ".join(uses), imports=imports)


_HEAD = '''\
"""A neural network in one file, which needs NumPy alone. fastmlp wrote it.

    import {name}

    {uses}

This writes the answers for the rows of a CSV file:

    python {name}.py rows.csv > answers.csv
"""

{imports}

import numpy as np
'''

_PREDICT = '''
def predict(x):
    """The outputs, an array of shape (rows, N_OUTPUTS); x is an array or a table of shape (rows, N_FEATURES)."""
    x = _rows(x)
    with np.errstate(over="ignore", invalid="ignore"):
        {lines}
    if not np.isfinite(x).all():
        raise ValueError("x must not be so large: the outputs overflow")
    return x
'''


def _constants(net: Description) -> str:
    lines = [f"DTYPE = np.{net.dtype}", f"N_FEATURES, N_OUTPUTS = {net.n_features}, {net.n_outputs}"]
    if net.feature_names is not None:
        lines.append(f"FEATURES = [{', '.join(map(ascii, net.feature_names))}]")
    if net.classes is not None:
        lines.append(f"CLASSES = [{', '.join(map(ascii, net.classes.tolist()))}]")
    if net.pixel_scale is not None:
        lines.append(f"PIXEL_SCALE = {net.pixel_scale!r}")
    return "\n".join(lines) + "\n"


def content(network: Network, path: Path, fold: bool = True) -> bytes:
    """The bytes of the file.

    Parameters
    ----------
    network : Network
    path : Path
        Names the module.
    fold : bool, default True
        Whether to write what `fastmlp.Sequential.folded` gives, in which batch normalisation is part of dense layers.
    """
    limits.refuse_large(network, path)
    net = described(network, fold=fold)
    return source(net, texts.identifier(path.stem)).encode("ascii")
