"""Writes names and labels of the user's into source code, so that no language takes them for code."""

from __future__ import annotations

import json
import re
from typing import Any

from .._base.errors import ArgumentError

_LONGEST_NAME = 40


def identifier(text: str) -> str:
    """A name for functions and modules, made of ASCII letters, digits and underscores; "model" if nothing is left.

    >>> identifier("my-net 2"), identifier("3 layers"), identifier("—")
    ('my_net_2', 'model_3_layers', 'model')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:_LONGEST_NAME]
    return name if name[:1].isalpha() else f"model_{name}".rstrip("_")


def utf8(text: str, what: str) -> bytes:
    """The bytes of a text; refuses half characters, which UTF-8 cannot hold."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            f"the model cannot be exported to this format: {what} {text!r:.60} holds half of a character (a "
            "surrogate), which UTF-8 cannot hold: rename it, or export to .py"
        ) from None


def c_literal(content: bytes) -> str:
    r"""A string literal of C and C++.

    >>> print(c_literal(b'say "hi??/"'))
    "say \042hi\077\077/\042"
    """
    return '"' + "".join(map(_c_character, content)) + '"'


def c_characters(content: bytes) -> str:
    """The values of an array of characters, with the null at the end."""
    return ", ".join([*(f"'{_c_character(byte)}'" for byte in content), "0"])


def _c_character(byte: int) -> str:
    """Itself if it has no other meaning anywhere in C; otherwise its octal form, which always ends after 3 digits."""
    character = chr(byte)
    is_plain = byte < 128 and (character.isalnum() or character in " _-+.,:;/()[]{}<>=*!#&^|~")
    return character if is_plain else f"\\{byte:03o}"


def json_in_html(value: Any) -> str:
    r"""JSON for the inside of a ``<script>`` element: ASCII alone, and nothing that ends or opens an element.

    >>> print(json_in_html(["</script>", "é"]))
    ["\u003c/script\u003e","\u00e9"]
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&"})


def of_labels(classes: Any) -> list[str] | None:
    """The labels of classes as texts."""
    return None if classes is None else [str(label) for label in classes.tolist()]
