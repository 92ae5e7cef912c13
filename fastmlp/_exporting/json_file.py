"""``.json``: the architecture and the settings of a model, without weights."""

import json
from pathlib import Path

from .._network import architecture
from .._network.network import Network


def content(network: Network, path: Path) -> bytes:
    """The text of `Sequential.config`, also of a model that is not built."""
    return (json.dumps(architecture.config_of(network), indent=2, allow_nan=False) + "\n").encode()
