"""Settings of a declaration as a dict for files."""

from dataclasses import fields
from typing import Any

# Metadata of a field that later versions have added: descriptions have it only where it is not the default, so that
# they stay equal to those that earlier versions wrote and compare with.
ADDED_LATER = {"is_added_later": True}


def settings_of(declaration: Any) -> dict[str, Any]:
    """The fields of a dataclass and their values, in their order."""
    return {
        field.name: getattr(declaration, field.name)
        for field in fields(declaration)
        if not (field.metadata.get("is_added_later") and getattr(declaration, field.name) == field.default)
    }
