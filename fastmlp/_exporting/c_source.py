"""Writes a network as a C file, C99 and C++, that needs no library but libm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import c_parts as parts
from . import limits, texts
from .description import Activation, Affine, LayerNorm, Residual, ScaleShift, Step, described
from .outputs import ABOVE, LARGEST, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from .._base.types import Array
    from .._network.network import Network
    from .description import Description

MOST_ON_STACK = 64 * 1024  # bytes of scratch space that a function takes from the stack
_LONG = 500  # bytes of a text that are written as an array; compilers must take literals of 4,095
_IN_A_LINE = 8  # numbers


def source(net: Description, name: str) -> str:
    """The text of a C file whose functions begin with this name; see `fastmlp.export`."""
    body, tables = _Body(net), _tables(net, name)
    readers = _readers(net, body)
    declared = [reader.signature(body.is_large) + ";" for reader in readers]
    declared += ["int @P_choice(const @T *out);"] * net.outputs.choose_one + [table.declaration for table in tables]
    pieces = [
        _head(net, body, readers, declared),
        *(table.definition for table in tables),
        parts.COPY,
        *body.functions.values(),
        *body.tensors,
        *([] if body.center is None else [table_of_numbers("static const double center", body.center)]),
        parts.RUN.replace("@LINES", body.text()),
        *(_function(reader, body) for reader in readers),
        *([_choice(net)] if net.outputs.choose_one else []),
        _main(net, readers[-1], body),
    ]
    is_float = net.dtype == np.float32
    words = {"@T": "float" if is_float else "double", "@F": "f" if is_float else "", "@f": "f" if is_float else ""}
    words |= {"@P": name, "@M": name.upper(), "@N": str(net.n_features), "@K": str(net.n_outputs)}
    return re.sub("|".join(words), lambda mark: words[mark.group()], "\n".join(pieces))


def _head(net: Description, body: _Body, readers: list[_Reader], declared: list[str]) -> str:
    outputs = net.outputs
    notes = [f"@P_{reader.name} reads {reader.note}." for reader in readers if reader.note]
    notes += [f"out gets {_MEANINGS.get((outputs.are_probabilities, outputs.link), 'the outputs')}."]
    if net.outputs.choose_one:
        notes.append("@P_choice gives the number of the class that outputs choose, and -1 if they are NaN.")
    if body.is_large:
        notes.append(f"scratch must have room for @M_SCRATCH ({body.scratch}) numbers, which are overwritten.")
    else:
        notes.append(f"A call takes {body.scratch * net.dtype.itemsize} bytes of the stack.")
    scratch = f"#define @M_SCRATCH {body.scratch}\n" if body.is_large else ""
    words = {"@SHOWN": "\n".join(f" *     {line}" for line in declared), "@DECLARED": "\n".join(declared)}
    words |= {"@NOTES": "\n".join(f" * {note}" for note in notes), "@SCRATCH": scratch}
    return _with(parts.HEAD, words)


def _function(reader: _Reader, body: _Body) -> str:
    space = "" if body.is_large else f"    @T scratch[{body.scratch}];\n"
    return _with(
        parts.FUNCTION,
        {"@SIGNATURE": reader.signature(body.is_large), "@SPACE": space, "@FEATURE": reader.feature},
    )


def _main(net: Description, reader: _Reader, body: _Body) -> str:
    checked = parts.CHECK_PIXEL if net.pixel_scale is not None else ""
    scratch = f"    static @T scratch[{body.scratch}];\n" if body.is_large else ""
    shown = parts.SHOW_NUMBER if net.classes is None else parts.SHOW_LABEL
    words = {"@KIND": reader.kind, "@READER": reader.name, "@SPACE": scratch, "@CHECK": checked}
    words |= {"@ARGUMENTS": "x, out, scratch" if body.is_large else "x, out"}
    words |= {"@HELPER": parts.SHOW if shown == parts.SHOW_LABEL and net.outputs.choose_one else ""}
    words |= {"@SHOW": shown if net.outputs.choose_one else "", "@DIGITS": "9" if net.dtype == np.float32 else "17"}
    return _with(parts.MAIN, words)


def _with(text: str, words: dict[str, str]) -> str:
    """A piece with its marks replaced."""
    for mark, value in words.items():
        text = text.replace(mark, value)
    return text


# ---------------------------------------------------------------- the network


class _Body:
    """The lines of `run`, the functions that they call, the tensors that they name, and the scratch space."""

    def __init__(self, net: Description) -> None:
        self.net = net
        self.functions: dict[str, str] = {}
        self.tensors: list[str] = []
        self.center: Array | None = None  # subtracted from the features before `run`, in double precision
        widths = [step.kernel.shape[1] for step in net.all_steps() if isinstance(step, Affine)]
        self._widest = max(net.n_features, *widths)
        self.scratch = 2 * self._widest  # numbers: two vectors of the widest layer, and what residuals keep
        self._kept = 0  # numbers that residuals keep at this step
        self._pointers = ["*const a = s", f"*const b = s + {self._widest}"]
        self._lines: list[str] = []
        self._x, self._y = "a", "b"  # the present vector, and the other one
        self._width = net.n_features
        self._number = 0
        self._add(net.steps)

    @property
    def is_large(self) -> bool:
        """Whether the scratch space is too large for the stack."""
        return bool(self.scratch * self.net.dtype.itemsize > MOST_ON_STACK)

    def text(self) -> str:
        """The lines of `run`."""
        lines = [f"@T {', '.join(self._pointers)};", *self._lines, f"copy(out, {self._x}, @K);"]
        return "\n".join(f"    {line}" for line in lines)

    def _add(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._number += 1
            if isinstance(step, Residual):
                self._residual(step)
            else:
                self._lines.append(self._call(step))

    def _residual(self, step: Residual) -> None:
        kept, width = f"kept_{self._number}", self._width
        self._pointers.append(f"*const {kept} = s + {2 * self._widest + self._kept}")
        self._kept += width
        self.scratch = max(self.scratch, 2 * self._widest + self._kept)
        self.functions["add"] = parts.ADD
        self._lines.append(f"copy({kept}, {self._x}, {width});")
        self._add(step.steps)
        self._lines.append(f"add({self._x}, {kept}, {width});")
        self._kept -= width

    def _call(self, step: Step) -> str:
        if isinstance(step, Affine):
            return self._affine(step)
        if isinstance(step, Activation):
            return self._activation(step)
        if isinstance(step, LayerNorm):
            self.functions["layer_norm"] = parts.LAYER_NORM
            tensors = f"{self._tensor('gamma', step.gamma)}, {self._tensor('beta', step.beta)}"
            return f"layer_norm({self._x}, {self._width}, {self._literal(step.epsilon)}, {tensors});"
        assert isinstance(step, ScaleShift)
        center = step.center
        if step.is_centered_first:  # in float64: `predict` does it before it rounds
            self.center = center
            center = np.zeros_like(step.factors)
        self.functions["scale_shift"] = parts.SCALE_SHIFT
        named = {"center": center, "factors": step.factors, "offsets": step.offsets}
        tensors = ", ".join(self._tensor(name, value) for name, value in named.items())
        return f"scale_shift({self._x}, {self._width}, {tensors});"

    def _affine(self, step: Affine) -> str:
        self.functions["affine"] = parts.AFFINE
        rows, self._width = step.kernel.shape
        tensors = f"{self._tensor('kernel', step.kernel)}, {self._tensor('bias', step.bias)}"
        self._x, self._y = self._y, self._x
        return f"affine({self._x}, {self._y}, {rows}, {self._width}, {tensors});"

    def _activation(self, step: Activation) -> str:
        names = "".join(f", @T {name}" for name in step.numbers)
        if step.kind == "softmax":
            function = parts.SOFTMAX
        else:
            body = parts.ACTIVATIONS[step.kind]
            function = parts.ACTIVATION.replace("@NAME", f"act_{step.kind}").replace("@BODY", body)
        self.functions[step.kind] = function.replace("@NUMBERS", names)
        numbers = "".join(f", {self._literal(value)}" for value in step.numbers.values())
        return f"act_{step.kind}({self._x}, {self._width}{numbers});"

    def _literal(self, value: float) -> str:
        return literals([self.net.dtype.type(value)], self.net.dtype)[0]

    def _tensor(self, kind: str, value: Array) -> str:
        """The name of a tensor, which is written too."""
        name = f"{kind}_{self._number}"
        self.tensors.append(table_of_numbers(f"static const @T {name}", value))
        return name


def literals(values: Any, dtype: np.dtype[Any]) -> list[str]:
    """Numbers as constants of C from which compilers read the same bits."""
    shape, suffix = ("%.9g", "f") if dtype == np.float32 else ("%.17g", "")
    found = [shape % value for value in values]
    return [text + suffix if "." in text or "e" in text else f"{text}.0{suffix}" for text in found]


def table_of_numbers(declaration: str, value: Array) -> str:
    """The definition of an array of numbers."""
    found = literals(value.ravel().tolist(), value.dtype)
    lines = [", ".join(found[at : at + _IN_A_LINE]) for at in range(0, len(found), _IN_A_LINE)]
    return f"{declaration}[{value.size}] = {{\n" + ",\n".join(lines) + "\n};\n"


# ---------------------------------------------------------------- labels and names


@dataclass(frozen=True)
class _Table:
    """An array of texts that users of the file can read."""

    declaration: str
    definition: str


def _tables(net: Description, name: str) -> list[_Table]:
    known = {"classes": (texts.of_labels(net.classes), "the class"), "features": (net.feature_texts, "the feature")}
    return [
        table
        for what, (values, called) in known.items()
        if values is not None
        for table in _table(f"{name}_{what}", [texts.utf8(value, called) for value in values])
    ]


def _table(name: str, values: list[bytes]) -> Iterator[_Table]:
    declaration = f"extern const char *const {name}[{len(values)}];"
    long = {number: value for number, value in enumerate(values) if len(value) > _LONG}
    arrays = [
        f"static const char {name}_{number}[] = {{{texts.c_characters(value)}}};" for number, value in long.items()
    ]
    items = [f"{name}_{number}" if number in long else texts.c_literal(value) for number, value in enumerate(values)]
    definition = f"const char *const {name}[{len(values)}] = {{\n    " + ",\n    ".join(items) + "\n};\n"
    yield _Table(declaration, "\n".join([*arrays, definition]))
    if any(0 in value for value in values):
        sizes = f"const size_t {name}_sizes[{len(values)}]"  # as texts seem to end at their first null character
        counts = ", ".join(str(len(value)) for value in values)
        yield _Table(f"extern {sizes};", f"{sizes} = {{{counts}}};\n")


# ---------------------------------------------------------------- the functions of the file


@dataclass(frozen=True)
class _Reader:
    """A function that reads features of one type."""

    name: str
    kind: str  # of the features
    feature: str  # as the network's number
    note: str = ""

    def signature(self, is_large: bool) -> str:
        scratch = ", @T *scratch" if is_large else ""
        return f"void @P_{self.name}(const {self.kind} *x, @T *out{scratch})"


def _readers(net: Description, body: _Body) -> list[_Reader]:
    """The functions; the last one reads what the program reads."""
    centered = "" if body.center is None else " - (@T)center[i]"
    found = [_Reader("predict", "@T", f"x[i]{centered}")]
    if net.pixel_scale is not None:
        scale = literals([net.dtype.type(net.pixel_scale)], net.dtype)[0]
        found[0] = _Reader("predict", "@T", f"x[i]{centered}", f"pixels times {scale}")
        found.append(
            _Reader("predict_pixels", "unsigned char", f"(@T)x[i] * {scale}{centered}", "pixels from 0 to 255")
        )
    elif body.center is not None and net.dtype == np.float32:
        found.append(_Reader("predict_double", "double", "(@T)(x[i] - center[i])", "large numbers keep their digits"))
    return found


_MEANINGS = {
    (True, None): "probabilities",
    (True, "softmax"): "logits, of which a softmax makes probabilities",
    (True, "sigmoid"): "logits, of which a sigmoid makes probabilities",
}


def _choice(net: Description) -> str:
    if net.outputs.choice == LARGEST:
        return parts.CHOICE_LARGEST
    compared = {(ABOVE, False): "out[0]", (SECOND, False): "out[1]", (SECOND, True): "out[1] - out[0]"}
    number = compared[net.outputs.choice, net.outputs.subtracts]
    threshold = literals(np.array(net.outputs.thresholds), net.dtype)[0]
    return parts.CHOICE_ABOVE.replace("@NUMBER", number).replace("@THRESHOLD", threshold)


def content(network: Network, path: Path, fold: bool = True) -> bytes:
    """The bytes of the file.

    Parameters
    ----------
    network : Network
    path : Path
        Names the functions.
    fold : bool, default True
        Whether to write what `fastmlp.Sequential.folded` gives, in which batch normalisation is part of dense layers.
    """
    limits.refuse_large(network, path)
    net = described(network, fold=fold)
    return source(net, texts.identifier(path.stem)).encode("ascii")
