"""Model files that want more than they hold: refused as damaged, before memory is set aside or time is spent."""

import json
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ModelFileError, layers
from fastmlp._base import archive as _archive
from fastmlp._engine.program import Tensor
from fastmlp._network import network
from fastmlp.cli import trained

from ..shared.files import npy

FREE = 48 << 20  # bytes that may be taken for any file
X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
Y = np.arange(8) % 2
OTHER = fm.Sequential([fm.Dense(2)])
OTHER.build(3)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """What the file of a trained model with all kinds of layers holds."""
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    block = fm.Residual([fm.LayerNormalization(), fm.Dense(4)])
    parts = [fm.Normalization(), fm.Flatten(), fm.Dense(4, "relu"), fm.BatchNormalization(), block, fm.Dropout(0.1)]
    model = fm.Sequential(
        [*parts, fm.GaussianNoise(0.1), fm.Activation("tanh"), fm.Scale(), fm.Dense(2, "softmax")], seed=0
    )
    assert {type(layer) for layer in [*layers.leaves(model.declarations), block]} == set(layers.TYPES.values())
    model.compile(fm.Adam(gradient_accumulation_steps=3))
    model.fit(X, Y, batch_size=2, verbose=0)
    model.save(path)
    with np.load(path) as file:
        return dict(file)


def config_of(arrays, **changes):
    return {**json.loads(arrays["config"].tobytes()), **changes}


def text(value):
    value = value if isinstance(value, (str, bytes)) else json.dumps(value)
    return np.frombuffer(value.encode() if isinstance(value, str) else value, np.uint8)


def members(arrays):
    return {f"{name}.npy": npy(array) for name, array in arrays.items()}


def header(descr="'<f4'", order="False", shape="(1,)", version=b"\x01\x00"):
    line = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + len(line).to_bytes(2 if version[0] == 1 else 4, "little") + line


def write(path, contents, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def refuse(path, match=None):
    """All readers refuse the file, and take little memory for it."""
    for read in (fm.load, trained.load, OTHER.load_weights):
        tracemalloc.start()
        try:
            with pytest.raises(ModelFileError, match=None if read == OTHER.load_weights else match):
                read(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < FREE + 4 * path.stat().st_size


@pytest.fixture
def no_engine(monkeypatch):
    """Memory for a network must not be set aside."""

    def engine(*_):
        raise AssertionError("memory was set aside before the file was looked at")

    monkeypatch.setattr(network, "Engine", engine)


# ---------------------------------------------------------------- layers that the arrays do not bear out


LARGE = {
    "normalisations behind a wide layer": [fm.Dense(1_000_000), *[fm.BatchNormalization()] * 500],
    "layer normalisations": [fm.Dense(1_000_000), *[fm.LayerNormalization()] * 500],
    "normalisations of features": [*[fm.Normalization()] * 500, fm.Dense(1)],
    "a residual block": [fm.Dense(1_000_000), fm.Residual([fm.LayerNormalization()] * 500)],
    "wide layers": [fm.Dense(2**31 - 1), fm.Dense(2**31 - 1)],
    "biases": [fm.Dense(2**31 - 1)] * 3,
}


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("n_features", [1, 1_000_000])
def test_layers_that_the_file_does_not_hold_take_no_memory(kind, n_features, arrays, no_engine, tmp_path):
    config = config_of(arrays, layers=[layer.config() for layer in LARGE[kind]], n_features=n_features)
    first = {"parameters/0/kernel": np.zeros((1, 2)), "parameters/0/bias": np.zeros(2)}
    path = tmp_path / "model.npz"
    np.savez(path, config=text(config), **first)
    refuse(path, r"is damaged: the array '.*' (should have the shape|is missing)|not a readable")


def test_every_array_is_looked_at_before_memory_is_set_aside(arrays, no_engine, tmp_path):
    path = tmp_path / "model.npz"
    for name, array in arrays.items():
        for other in (None, np.zeros((*array.shape, 1), np.float32), np.zeros(np.array(array.shape) + 1)):
            if name != "config" and (name, other is None) != ("input/mean", True):  # which older files do not have
                changed = {**arrays, name: other}
                np.savez(path, **{key: value for key, value in changed.items() if value is not None})
                with pytest.raises(ModelFileError, match=name):
                    fm.load(path)


def test_the_state_of_another_optimizer_is_not_made_room_for(arrays, no_engine, tmp_path):
    for changes in ({"optimizer": {"type": "Adam", "ema_momentum": 0.5}}, {"optimizer": None}, {"has_state": False}):
        np.savez(tmp_path / "model.npz", **{**arrays, "config": text(config_of(arrays, **changes))})
        with pytest.raises(ModelFileError):
            fm.load(tmp_path / "model.npz")


def test_arrays_of_no_layer_are_refused(arrays, tmp_path):
    for name in ("parameters/99/kernel", "parameters/0/kernel", "optimizer/7/1/kernel", "optimizer/0"):
        np.savez(tmp_path / "model.npz", **{**arrays, name: np.zeros(1)})
        with pytest.raises(ModelFileError, match=f"no layer has the array '{name}'"):
            fm.load(tmp_path / "model.npz")


@pytest.mark.parametrize("layer", [fm.Normalization(), fm.BatchNormalization(), fm.Dense(1), fm.Dropout(0.1)], ids=str)
def test_loading_takes_time_in_proportion_to_the_layers(layer, tmp_path):
    def calls(count):
        model = fm.Sequential([fm.Dense(1), *[layer] * count, fm.Dense(1)], seed=0)
        model.build(1)
        model.save(tmp_path / "model.npz")
        steps = 0

        def note(frame, event, argument):
            nonlocal steps
            steps += event in ("line", "call")
            return note

        before = sys.gettrace()  # that of a measurement of coverage
        sys.settrace(note)
        try:
            fm.load(tmp_path / "model.npz")
            model.load_weights(tmp_path / "model.npz")
            model.summary(lambda line: None)
        finally:
            sys.settrace(before)
        return steps

    assert calls(200) < 2.3 * calls(100)


# ---------------------------------------------------------------- archives


def test_an_archive_that_is_packed_again_loads(arrays, tmp_path):
    np.savez_compressed(tmp_path / "model.npz", **arrays)
    other = {name: np.asfortranarray(a).astype(a.dtype.newbyteorder(">")) for name, a in arrays.items()}
    np.savez(tmp_path / "other.npz", **other)
    models = [fm.load(tmp_path / name) for name in ("model.npz", "other.npz")]
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))


@pytest.mark.parametrize("content", [b" ", b"[", b"[],", b'"",', b"0"], ids=repr)
def test_a_deflated_config_does_not_unpack_to_a_thousand_times_its_size(content, tmp_path):
    long = np.frombuffer(content * (120_000_000 // len(content)), np.uint8)
    path = write(tmp_path / "model.npz", {"config.npy": npy(long)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1_000_000
    refuse(path, r"unpack to 1\d\d,\d+,\d+, which no model does: .*without compression")


def test_arrays_of_zeros_do_not_unpack_to_a_thousand_times_their_size(arrays, tmp_path):
    contents = members({"config": arrays["config"], "parameters/0/kernel": np.zeros(20_000_000, np.float32)})
    refuse(write(tmp_path / "model.npz", contents, zipfile.ZIP_DEFLATED), "which no model does")


def test_archives_that_are_mostly_a_list_of_entries_are_not_opened(tmp_path, monkeypatch):
    from fastmlp.datasets import load

    monkeypatch.setattr(_archive, "_FREE_DIRECTORY", 1000)
    path = write(tmp_path / "model.npz", {f"{number}.npy": b"" for number in range(70_000)})
    refuse(path, "over half of it is the list of its entries")
    with pytest.raises(fm.DataFileError, match="mostly a list of entries"):
        load(path)


def test_texts_of_brackets_are_not_read(tmp_path):
    for content in (b"[" + b"[]," * 2_000_000 + b"1]", b"[" + b"{}," * 2_000_000 + b"1]"):
        path = write(tmp_path / "model.npz", {"config.npy": npy(np.frombuffer(content, np.uint8))})
        refuse(path, "not a readable fastmlp model")


ITEMS = {
    "numbers": lambda count: "[" + ",".join(["1e1"] * count) + "]",
    "whole numbers": lambda count: "[" + ",".join(["999"] * count) + "]",
    "texts": lambda count: "[" + ",".join(['"aa"'] * count) + "]",
    "names": lambda count: "{" + ",".join(f'"{number:x}":0' for number in range(count)) + "}",
}


@pytest.mark.parametrize("items", ITEMS)
def test_texts_of_small_items_take_no_multiple_of_their_size(items, arrays, tmp_path):
    """Each becomes an object of Python's, of 32 to 200 bytes."""
    content = json.dumps(config_of(arrays))[:-1] + ', "surprise": ' + ITEMS[items](4_000_000) + "}"
    path = write(tmp_path / "model.npz", members({**arrays, "config": text(content)}))
    refuse(path, "not a readable fastmlp model")


def test_long_histories_and_many_names_are_not_small_items(tmp_path):
    count = 100_000
    model = fm.Sequential([fm.Dense(1)])
    model.build(count)
    model.feature_names = tuple((number, "a") for number in range(count))
    loss = [1 / (1 + number) for number in range(count)]
    model.history = fm.History(history={"loss": loss, "seconds": loss}, epoch=list(range(count)))
    model.save(tmp_path / "model.npz")
    assert fm.load(tmp_path / "model.npz").history.history["loss"] == loss


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_are_refused(method, arrays, tmp_path):
    """They say themselves how much memory it takes to unpack them."""
    refuse(write(tmp_path / "model.npz", members(arrays), method), "is packed in a way that numpy does not use")


def directory(content, field, value):
    """The archive with a field of the first entry of its directory changed."""
    changed, start = bytearray(content), content.index(b"PK\x01\x02")
    offset, kind = {"method": (10, "H"), "flags": (8, "H"), "packed": (20, "I"), "size": (24, "I"), "at": (42, "I")}[
        field
    ]
    struct.pack_into(f"<{kind}", changed, start + offset, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("field", "value"),
    [("method", 8), ("method", 99), ("flags", 1), ("packed", 2**31), ("size", 2**31), ("size", 2**32 - 1), ("size", 1),
     ("packed", 1), ("packed", 2**32 - 1), ("at", 2**31), ("at", 5), ("at", 2**32 - 1)],
)  # fmt: skip
def test_entries_that_lie_are_refused(field, value, arrays, tmp_path):
    path = write(tmp_path / "model.npz", members(arrays))
    path.write_bytes(directory(path.read_bytes(), field, value))
    refuse(path)


def test_entries_that_share_their_bytes_are_refused(arrays, tmp_path):
    """As in archives that are small, have many entries, and unpack to all of them."""
    kernel = np.zeros((200, 200), np.float32)
    path = write(tmp_path / "model.npz", members({f"parameters/{i}/kernel": kernel for i in range(10)}))
    content = path.read_bytes()
    first, start = 0, content.index(b"PK\x01\x02")
    end, body = content.index(b"PK\x05\x06"), content[: content.index(b"PK\x03\x04", 1)]
    entries = content[start:end].split(b"PK\x01\x02")[1:]
    moved = b"".join(b"PK\x01\x02" + entry[:38] + struct.pack("<I", first) + entry[42:] for entry in entries)
    tail = bytearray(content[end:])
    struct.pack_into("<II", tail, 12, len(moved), len(body))
    path.write_bytes(body + moved + bytes(tail))
    refuse(path, "its entries are longer than the file, or overlap")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice_is_refused(arrays, tmp_path):
    path = write(tmp_path / "model.npz", members(arrays))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.npy", npy(arrays["config"]))
    refuse(path, "its entry 'config.npy' is there twice")


# ---------------------------------------------------------------- headers of arrays


HEADERS = {
    "huge": header(shape="(4611686018427387904,)"),
    "beyond 64 bits": header(shape="(99999999999999999999,)"),
    "huge product": header(shape="(999999999999999999, 999999999999999999)"),
    "65 dimensions": header(shape=str((1,) * 65)),
    "negative": header(shape="(-1,)"),
    "float": header(shape="(1.0,)"),
    "objects": header("'|O'"),
    "records": header("[('a', '<f4')]"),
    "text": header("'<U100000000'"),
    "complex": header("'<c8'"),
    "whole numbers": header("'<i4'"),
    "dates": header("'<M8[ns]'"),
    "code": header("__import__('os')"),
    "nested": header("(" * 3000 + ")" * 3000),
    "long": header("'<f4'" + " " * 60_000),
    "longer than the file": header(version=b"\x02\x00")[:8] + b"\xff\xff\xff\xff",
    "another version": header(version=b"\x09\x00"),
    "version 2": header(version=b"\x02\x00", shape="(9,)"),
    "no header": b"\x93NUMPY\x01\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("name", ["parameters/1/kernel", "config", "command_line"])
def test_an_array_whose_header_lies_is_refused(kind, name, arrays, tmp_path):
    contents = {**members(arrays), f"{name}.npy": HEADERS[kind] + b"\0\0\0\0"}
    path = write(tmp_path / "model.npz", contents)
    with pytest.raises(ModelFileError):
        trained.load(path)
    if name != "command_line":
        refuse(path)


# ---------------------------------------------------------------- configs


@pytest.mark.parametrize(
    "edit",
    [
        lambda config: config.replace('"seed": 0', '"seed": 0, "seed": 1'),
        lambda config: config.replace('"step"', '"layers": [], "step"'),
        lambda config: config.replace('"rate": 0.1', '"rate": NaN'),
        lambda config: config.replace('"rate": 0.1', '"rate": 1' + "0" * 400),
        lambda config: config.replace('"rate": 0.1', '"rate": 1' + "0" * 5000),
        lambda config: config.replace('"seed": 0', '"seed": 1' + "0" * 400),
        lambda config: config.replace('"units": 2', '"units": 1' + "0" * 4000),
        lambda config: config.replace('"units": 2', '"units": 2.0'),
        lambda config: config.replace('"epoch": [0]', '"epoch": [-Infinity]'),
        lambda config: config[:-1] + ', "more": ' + "[" * 20_000 + "]" * 20_000 + "}",
        lambda config: (
            config.replace('"layers": [', '"layers": [' + '{"type": "Residual", "layers": [' * 2000, 1) + "]}" * 2000
        ),
        lambda config: config.replace('"history": {', '"history": {"surprise": 1, ', 1),
        lambda config: "\ufeff" + config,
    ],
)
def test_a_config_with_strange_numbers_or_nesting_is_refused(edit, arrays, tmp_path):
    before = arrays["config"].tobytes().decode()
    after = edit(before)
    assert after != before
    np.savez(tmp_path / "model.npz", **{**arrays, "config": text(after)})
    refuse(tmp_path / "model.npz")


def test_notes_of_the_command_line_are_checked(arrays, tmp_path):
    good = {"features": "uint8", "batch_size": 8, "validation_split": 0.5, "samples_per_epoch": None}
    np.savez(tmp_path / "model.npz", **arrays, command_line=text(good))
    assert trained.load(tmp_path / "model.npz")[1].batch_size == 8
    wrong = {
        "features": ["x", ["uint8"], None],
        "batch_size": ["8", -1, 10**400, True, None],
        "validation_split": ["0.5", 1, 10**400, None],
        "samples_per_epoch": [0, "x", 0.5],
    }
    for name, value in ((name, value) for name, values in wrong.items() for value in values):
        np.savez(tmp_path / "model.npz", **arrays, command_line=text({**good, name: value}))
        with pytest.raises(ModelFileError, match="its notes on the training data cannot be read"):
            trained.load(tmp_path / "model.npz")


def test_shapes_are_those_of_the_program(arrays):
    """The tensors that are compared with the file are those that memory is set aside for."""
    from fastmlp import kernels
    from fastmlp._engine import program

    model = fm.Sequential([layers.from_config(item) for item in config_of(arrays)["layers"]])
    model.build(3)
    found = program.tensors(model.declarations, 3, model.dtype, kernels.panel_width(model.dtype))
    assert all(isinstance(tensor, Tensor) for tensor in found)
    assert found == model.engine.program.tensors


def test_labels_that_only_differ_in_what_numpy_leaves_out_are_refused(arrays, tmp_path):
    path = write(tmp_path / "model.npz", members({**arrays, "config": text(config_of(arrays, classes=["a", "a\0"]))}))
    refuse(path, "null character")
    with pytest.raises(fm.ArgumentError, match="null character"):
        fm.mlp([2], classes=["a", "a\0"])
