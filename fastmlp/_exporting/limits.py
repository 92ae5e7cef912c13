"""How large a network may be to be written as source code, which grows faster than its weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from .._base.errors import ArgumentError

if TYPE_CHECKING:
    from .._network.network import Network

# Bytes of weights in their dtype. In C a number takes 16 or 24 bytes of text, and gcc 280 bytes of memory for it (3.6
# million: 1 GB, a minute). Python and browsers read base64, 4 bytes for 3: 84 MB in 3 and 15 seconds.
MOST_BYTES = {".c": 2**24, ".py": 2**26, ".html": 2**26}


def refuse_large(network: "Network", path: Path) -> None:
    """Refuse networks too large for the format that a path names."""
    most = MOST_BYTES[path.suffix.lower()]
    size = network.engine.program.count * network.dtype.itemsize
    if size > most:
        raise ArgumentError(
            f"the model's weights take {size / 1e6:,.0f} MB, but a {path.suffix} file takes at most "
            f"{most / 1e6:,.0f} MB: export it to .onnx or .safetensors"
        )
