"""``.safetensors``: the tensors by layer and name, and the architecture as one JSON text in the metadata.

`fastmlp._importing.safetensors_file` reads it back.
"""

import json
from pathlib import Path

import numpy as np

from .._base.extras import library
from .._network import architecture
from .._network.network import Network
from .description import refuse_ruined

CONFIG = "fastmlp"  # the one entry of the metadata: the order of several would change from process to process
CENTER = "input.mean"  # the mean of a first Normalization in float64, if its tensor holds it rounded


def name_of(layer: int, tensor: str) -> str:
    """The name of a tensor of one of `Sequential.layers`."""
    return f"layers.{layer}.{tensor}"


def content(network: Network, path: Path) -> bytes:
    """The bytes of the file; equal models give equal bytes."""
    program = network.engine.program
    numpy_format = library("safetensors.numpy", "safetensors", "writing .safetensors files")
    refuse_ruined(network)
    tensors = {
        name_of(tensor.layer, tensor.name): np.ascontiguousarray(value)
        for tensor, value in zip(program.tensors, network.get_weights(), strict=True)
    }
    center = network.reader().center
    if center is not None and network.dtype != np.float64:
        tensors[CENTER] = np.ascontiguousarray(center, np.float64)
    text = json.dumps(architecture.config_of(network), allow_nan=False)
    found: bytes = numpy_format.save(tensors, metadata={CONFIG: text})
    return found
