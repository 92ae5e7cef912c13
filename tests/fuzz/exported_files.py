"""Files of other programs' formats with changes of all kinds: bits, texts, headers, nodes, shapes.

A file is refused with a ModelFileError, or it is a model: then that predicts, goes on training, and can be saved.
Formats whose library is not installed are left out.
"""

import contextlib
import functools
import importlib.util
import json
import struct
import tempfile
import warnings
from pathlib import Path

import numpy as np

import fastmlp as fm
from fastmlp import ArgumentError, ModelFileError
from fastmlp._importing import json_file

from . import model_files, saved_loads
from .model_files import changed_bytes, one_of, place

json_file.MOST_IN_MEMORY = 16 << 20  # a text may ask for more than a try may take
FORMATS = {".json": None, ".safetensors": "safetensors", ".onnx": "onnx"}
OPERATORS = [
    "Relu",
    "Add",
    "Mul",
    "Sub",
    "Gemm",
    "MatMul",
    "Softmax",
    "Erf",
    "Identity",
    "Cast",
    "Reshape",
    "Concat",
    "If",
]
EXTENTS = [-1, 0, 1, 2, 3, 4, 7, 2**31 - 1, 2**31, 2**62]


def attack(random, folder):
    """Change a file and read it."""
    warnings.simplefilter("error", RuntimeWarning)
    suffix, content = one_of(random, bases())
    for _ in range(int(random.integers(1, 3))):
        change = changed_raw if random.integers(4) == 0 else CHANGES[suffix]
        content = change(random, content)
    path = folder / f"a{suffix}"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of schedules that files do not hold
        with contextlib.suppress(ModelFileError):
            model = fm.import_model(path)
            if model.is_built and is_compiled(model):
                model_files.use(model, folder, random)


def is_compiled(model):
    """Whether the model can be trained: for numbers, if the file says nothing, unless no loss takes its last layer."""
    if not model.is_compiled:
        with contextlib.suppress(ArgumentError):
            model.compile("sgd", "mse")
    return model.is_compiled


@functools.cache
def bases():
    """Suffixes and contents of good files."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix, library in FORMATS.items():
            if library is not None and importlib.util.find_spec(library) is None:
                continue
            for network in saved_loads.NETWORKS:
                model = saved_loads.new(network, "float32")
                model.build(saved_loads.FEATURES)
                path = Path(folder) / f"model{suffix}"
                model.export(path, **({"fold": False} if suffix == ".onnx" else {}))
                found.append((suffix, path.read_bytes()))
    return found


# ---------------------------------------------------------------- changes


def changed_raw(random, content):
    if random.integers(3) == 0:
        return content[: random.integers(len(content) + 1)]
    return changed_bytes(random, content)


def changed_json(random, content):
    with contextlib.suppress(ValueError):
        value = json.loads(content)
        for _ in range(random.integers(1, 4)):
            place(random, value)
        return json.dumps(value).encode()
    return content


def changed_safetensors(random, content):
    """Odd values in the header, or in the description that it holds."""
    with contextlib.suppress(ValueError, struct.error, KeyError, TypeError, AttributeError):
        length = struct.unpack("<Q", content[:8])[0]
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        if random.integers(2):
            text = header["__metadata__"]["fastmlp"]
            header["__metadata__"]["fastmlp"] = changed_json(random, text.encode()).decode()
        else:
            place(random, header)
        text = json.dumps(header).encode()
        length = len(text) if random.integers(8) else int(random.choice([0, 1, len(text) - 1, 2**31, 2**63]))
        return struct.pack("<Q", length) + text + data
    return content


def changed_onnx(random, content):
    """A node, a tensor or a shape of the graph."""
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:  # after a change of bytes
        return content
    graph = model.graph
    names = [*(t.name for t in graph.initializer), *(name for node in graph.node for name in node.output), "x", "", "?"]
    if random.integers(2) and graph.node:
        change_node(random, graph, one_of(random, graph.node), names)
    elif graph.initializer:
        change_tensor(random, one_of(random, graph.initializer), names)
    return model.SerializeToString()


def change_node(random, graph, node, names):
    kind = random.integers(7)
    if kind == 0:
        node.op_type = one_of(random, OPERATORS)
    elif kind == 1 and node.input:
        node.input[int(random.integers(len(node.input)))] = one_of(random, names)
    elif kind == 2:
        node.input.append(one_of(random, names))
    elif kind == 3 and node.output:
        node.output[0] = one_of(random, names)
    elif kind == 4 and node.attribute:
        attribute = one_of(random, node.attribute)
        attribute.f, attribute.i = float(random.choice([0, -1, 2, np.nan, 1e30])), int(random.choice(EXTENTS))
    elif kind == 5:
        graph.node.insert(int(random.integers(len(graph.node))), node)
    else:
        graph.node.remove(node)


def change_tensor(random, tensor, names):
    kind = random.integers(6)
    if kind == 0 and tensor.dims:
        tensor.dims[int(random.integers(len(tensor.dims)))] = int(random.choice(EXTENTS))
    elif kind == 1:
        tensor.dims.append(int(random.choice(EXTENTS)))
    elif kind == 2:
        tensor.data_type = int(random.integers(20))
    elif kind == 3:
        count = len(tensor.raw_data) // 4
        tensor.raw_data = np.full(count, random.choice([0, -1, 1e30, 1e-30, np.inf, np.nan]), "<f4").tobytes()
    elif kind == 4:
        tensor.name = one_of(random, names)
    else:
        tensor.raw_data = changed_bytes(random, tensor.raw_data)


CHANGES = {".json": changed_json, ".safetensors": changed_safetensors, ".onnx": changed_onnx}
