"""Counts the fields of an ONNX file before they are parsed: two bytes of it can become a hundred bytes in memory.

A file in the format of Protocol Buffers is a sequence of fields: a number with a type, and a value, which may be a
message, that is a sequence of fields again. The table names the messages that a network of layers has, and those that
it does not have: graphs inside of nodes, sparse tensors, functions and the like.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MOST_FIELDS = 500_000
_DEEPEST = 20
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class _Message(NamedTuple):
    inner: dict[int, str] = {}  # fields that are messages  # noqa: RUF012  # nobody changes it
    strange: dict[int, str] = {}  # noqa: RUF012


_MESSAGES = {
    "model": _Message(
        {7: "graph", 8: "plain", 14: "plain"}, {20: "training", 25: "functions", 26: "configurations of devices"}
    ),
    "graph": _Message(
        {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 16: "plain"},
        {14: "quantized tensors", 15: "sparse tensors"},
    ),
    "node": _Message({5: "attribute", 9: "plain"}, {10: "configurations of devices"}),
    "attribute": _Message(
        {5: "tensor"},
        {
            6: "graphs",
            10: "lists of tensors",
            11: "graphs",
            14: "types",
            15: "types",
            22: "sparse tensors",
            23: "sparse tensors",
        },
    ),
    "tensor": _Message({3: "plain", 13: "plain", 16: "plain"}),
    "value": _Message({2: "type", 4: "plain"}),
    "type": _Message({1: "tensor type", 4: "element", 5: "map"}),
    "tensor type": _Message({2: "shape"}),
    "shape": _Message({1: "plain"}),
    "element": _Message({1: "type"}),
    "map": _Message({2: "type"}),
    "plain": _Message(),
}


def what_is_wrong(content: bytes) -> str | None:
    """Why a file is not parsed; None if nothing speaks against it."""
    open_messages, count = [(_MESSAGES["model"], _fields(content, 0, len(content)))], 0
    while open_messages:
        message, fields = open_messages[-1]
        for number, begin, stop in fields:
            count += 1
            if begin < 0:
                return "it ends in the middle of a field, or is no such file"
            if count > MOST_FIELDS:
                return f"it has more than {MOST_FIELDS:,} fields, as in no network of layers"
            if number in message.strange:
                return f"it has {message.strange[number]}, which fastmlp does not read"
            if len(open_messages) > _DEEPEST:
                return "its parts are nested too deeply"
            if number in message.inner and stop >= 0:
                open_messages.append((_MESSAGES[message.inner[number]], _fields(content, begin, stop)))
                break
        else:
            open_messages.pop()
    return None


def _fields(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The number of each field and the place of its bytes (stop −1: it has none); begin −1 if it is broken."""
    while at < end:
        tag, at = _varint(content, at, end)
        number, kind = tag >> 3, tag & 7
        begin, stop = at, -1
        if kind == _BYTES:
            length, begin = _varint(content, at, end)
            at = stop = begin + length
        elif kind == _VARINT:
            _, at = _varint(content, at, end)
        else:
            at += {_EIGHT: 8, _FOUR: 4}.get(kind, end)
        is_broken = at > end or begin > end
        yield number, -1 if is_broken else begin, stop
        if is_broken:
            return


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """A whole number, and the place behind it, which is beyond ``end`` if it is broken."""
    value = shift = 0
    while at < end and shift < 70:
        byte = content[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    return 0, end + 1
