"""The bytes of files, and model files with something else in them."""

import io
import json

import numpy as np


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def edited(path, source, settings=None, *, without=(), **arrays):
    """A copy of a model file with other settings, without some, and with other entries; None removes an entry."""
    with np.load(source) as file:
        entries = dict(file)
    config = {**json.loads(entries["config"].tobytes()), **(settings or {})}
    kept = {name: value for name, value in config.items() if name not in without}
    entries["config"] = np.frombuffer(json.dumps(kept).encode(), np.uint8)
    entries.update(arrays)
    np.savez(path, **{name: array for name, array in entries.items() if array is not None})
    return path
