"""Models come back from .safetensors files with the same bits; malformed files are refused with the reason."""

import json
import struct

import numpy as np
import pytest

import fastmlp as fm

from ..shared import steps
from ..shared.models import adapted, clusters

safetensors = pytest.importorskip("safetensors.numpy")


@pytest.mark.parametrize("name", steps.STACKS)
def test_every_layer_comes_back_with_the_same_bits(name, dtype, tmp_path):
    model = steps.trained(steps.STACKS[name], str(dtype), classes=list("abcdefg"))
    model.compile("sgd", "categorical_crossentropy")
    model.export(tmp_path / "a.safetensors")
    again = fm.import_model(tmp_path / "a.safetensors")
    assert again.predict(steps.rows()).tobytes() == model.predict(steps.rows()).tobytes()
    assert [w.tobytes() for w in again.get_weights()] == [w.tobytes() for w in model.get_weights()]
    assert again.config() == model.config()
    assert again.predict_classes(steps.rows()).tolist() == model.predict_classes(steps.rows()).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_large_first_mean_keeps_its_digits(dtype, tmp_path):
    x = 1.6e9 + np.random.default_rng(0).normal(size=(60, 4))
    model = fm.Sequential([fm.Normalization(), fm.Dense(3, "softmax")], dtype=dtype, seed=0)
    model.compile()
    model.fit(x, np.arange(60) % 3, verbose=0)
    model.export(tmp_path / "a.safetensors")
    again = fm.import_model(tmp_path / "a.safetensors")
    assert again.predict(x).tobytes() == model.predict(x).tobytes()
    assert again.predict(x).std() > 0.01


def test_statistics_stay_when_training_goes_on(tmp_path):
    x, y = clusters()
    model = fm.Sequential([adapted(x), fm.Dense(3, "softmax")], seed=0)
    model.compile()
    model.fit(x, y, verbose=0)
    model.export(tmp_path / "a.safetensors")
    again = fm.import_model(tmp_path / "a.safetensors")
    again.fit(x + 100, y, verbose=0)
    assert (again.layers[0].mean == model.layers[0].mean).all()


def test_equal_models_give_equal_files_of_named_tensors(tmp_path):
    model = steps.trained([fm.Dense(3), fm.BatchNormalization(), fm.Residual([fm.Dense(3, "tanh")]), fm.Dense(2)])
    for name in ("a", "b"):
        model.export(tmp_path / f"{name}.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    there = safetensors.load_file(tmp_path / "a.safetensors")
    assert sorted(there)[:3] == ["layers.0.bias", "layers.0.kernel", "layers.1.beta"]
    assert (there["layers.2.kernel"] == model.layers[2].kernel).all()


# ---------------------------------------------------------------- malformed files


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "a.safetensors"
    steps.trained([fm.Normalization(), fm.Dense(3), fm.BatchNormalization(), fm.Dense(2)]).export(path)
    return path.read_bytes()


def parts(content):
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_tensor(name, **changes):
    def change(header, data):
        header[name] = {**header.get(name, {}), **changes}
        return joined(header, data)

    return change


def with_value(name, value):
    def change(header, data):
        start, end = header[name]["data_offsets"]
        count = (end - start) // 4
        return joined(header, data[:start] + np.full(count, value, "<f4").tobytes() + data[end:])

    return change


def with_config(**changes):
    def change(header, data):
        config = {**json.loads(header["__metadata__"]["fastmlp"]), **changes}
        return joined({**header, "__metadata__": {"fastmlp": json.dumps(config)}}, data)

    return change


def without(name):
    return lambda header, data: joined({k: v for k, v in header.items() if k != name}, data)


def doubled(header, data):
    text = json.dumps(header).encode()
    return joined(text[:-1] + b', "layers.1.bias": ' + json.dumps(header["layers.1.bias"]).encode() + b"}", data)


def overlapping(header, data):  # which of the two is named, or none, depends on the order of a hash table
    header["layers.3.kernel"]["data_offsets"] = header["layers.1.kernel"]["data_offsets"]
    return joined(header, data)


MALFORMED = {
    "nothing": (lambda header, data: b"", "announces a header of 0 bytes"),
    "a huge header": (lambda header, data: struct.pack("<Q", 2**62) + data, "announces a header of 4,6"),
    "cut": (lambda header, data: joined(header, data[:-5]), "not a readable safetensors file"),
    "too long": (lambda header, data: joined(header, data + b"abc"), "not a readable safetensors file"),
    "no text": (lambda header, data: joined(b"\xff" * 20, data), "no JSON text"),
    "no JSON": (lambda header, data: joined(b"{" * 20, data), "no JSON text"),
    "a list": (lambda header, data: joined(b"[1, 2]", data), "does not describe tensors"),
    "a name twice": (doubled, "twice"),
    "overlapping": (overlapping, "not a readable safetensors file.*offset"),
    "a huge tensor": (with_tensor("layers.1.kernel", shape=[2**40, 2**20]), "should be F32 .20, 3., not F32 .10995"),
    "a negative shape": (with_tensor("layers.1.kernel", shape=[-20, -3]), "should be F32 .20, 3., not F32"),
    "another type": (with_tensor("layers.1.kernel", dtype="F16"), "should be F32 .20, 3., not F16"),
    "a type of no kind": (with_tensor("layers.1.kernel", dtype=3), "should be F32"),
    "places of no kind": (with_tensor("layers.1.kernel", data_offsets=["a"]), "not a readable safetensors file"),
    "places far away": (with_tensor("layers.1.kernel", data_offsets=[2**50, 2**51]), "not a readable"),
    "a strange tensor": (with_tensor("layers.9.kernel", dtype="F32", shape=[0], data_offsets=[0, 0]), "should be none"),
    "a missing tensor": (without("layers.1.bias"), r"'layers\.1\.bias' should be F32 \[3\], not none"),
    "no architecture": (without("__metadata__"), r"holds tensors \('.*\) and no architecture"),
    "NaN": (with_value("layers.1.kernel", np.nan), "must be finite"),
    "a negative variance": (with_value("layers.2.moving_variance", -1), "moving_variance.*at least 0"),
    "a mean that contradicts": (with_value("layers.0.mean", 3), "contradicts the mean"),
    "no width": (with_config(n_features=None), "not built"),
    "another width": (with_config(n_features=21), r"should be F32 \[21"),
    "a huge width": (with_config(n_features=2**31 - 1), r"should be F32 \[2147483647"),
    "other layers": (with_config(layers=[{"type": "Dense", "units": 10**9}]), "damaged"),
    "no layers": (with_config(layers=3), "does not hold the description of a model"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_files_are_refused_with_the_reason(kind, good, write):
    change, message = MALFORMED[kind]
    content = change(*parts(good))
    assert content != good
    with pytest.raises(fm.ModelFileError, match=message):
        fm.import_model(write(content, "a.safetensors"))


def test_a_file_of_another_program_is_refused(tmp_path):
    safetensors.save_file({"0.weight": np.ones((2, 3), "f4")}, tmp_path / "a.safetensors", {"format": "pt"})
    with pytest.raises(fm.ModelFileError, match=r"holds tensors \('0\.weight'\) and no architecture"):
        fm.import_model(tmp_path / "a.safetensors")
