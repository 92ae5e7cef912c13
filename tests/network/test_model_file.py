"""Model files: whatever is no whole file of ours is refused, and what was saved comes back."""

import contextlib
import gc
import io
import os
import sys
import warnings
import zipfile

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentTypeError, ModelFileError, NotBuiltError

from ..shared.files import edited, npy, npz
from ..shared.models import bits
from ..shared.processes import run_python
from ..shared.tiny import CLASSES, FEATURES, X, Y, built, short


@pytest.fixture(scope="module")
def content(saved):
    return saved[1].read_bytes()


def refused(path):
    with pytest.raises(ModelFileError) as caught:
        fm.load(path)
    assert str(path) in str(caught.value)


def test_a_file_cut_short_anywhere_is_refused(content, tmp_path):
    path = tmp_path / "cut.npz"
    for length in [*range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path)


def test_a_file_that_is_refused_is_closed(content, tmp_path):
    path = tmp_path / "cut.npz"
    path.write_bytes(content[: len(content) // 2])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ModelFileError):
            fm.load(path)
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_a_file_with_a_wrong_bit_is_refused_or_loads(content, tmp_path):
    path = tmp_path / "bit.npz"
    generator = np.random.default_rng(0)
    directory = len(content) - content.index(b"PK\x01\x02")
    for trial in range(400):
        damaged = bytearray(content)
        place = len(content) - 1 - generator.integers(directory) if trial % 2 else generator.integers(len(content))
        damaged[place] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        with contextlib.suppress(ModelFileError):
            fm.load(path)


@pytest.mark.parametrize("field", [b"\x02\x00", b"\x01\x00"], ids=["compression method", "encryption flag"])
def test_a_zip_that_cannot_be_unpacked_is_refused(field, content, tmp_path):
    damaged = bytearray(content)
    entry = content.index(b"PK\x01\x02")
    if field == b"\x02\x00":
        damaged[entry + 10 : entry + 12] = b"\x63\x00"
    else:
        damaged[entry + 8 : entry + 10] = field
    path = tmp_path / "model.npz"
    path.write_bytes(damaged)
    refused(path)


class Planted:
    """What a hostile file would run."""

    def __reduce__(self):
        return os.mkdir, ("planted",)


def zipped(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in entries.items():
            file.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


OTHER_FILES = {
    "empty": b"",
    "text": b"hello world",
    "npy": npy(X),
    "pickled npy": npy(np.array([Planted()], object)),
    "pickle": npy(np.array([Planted()], object))[128:],
    "npy magic": b"\x93NUMPY",
    "zip magic": b"PK\x03\x04",
    "empty zip": zipped(),
    "other zip": zipped(hello="x"),
    "zip with a config": zipped(config="x"),
    "zip with a config that is no array": zipped(config_npy="x"),
    "other npz": npz(a=X),
    "npz with a pickled config": npz(config=np.array([Planted()], object)),
    "npz with a text config": npz(config=np.array("{}")),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_another_kind_of_file_is_refused_and_never_run(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.npz"
    path.write_bytes(OTHER_FILES[kind])
    refused(path)
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("place", ["missing.npz", ".", "file/model.npz", "missing/model.npz"])
def test_a_file_that_is_not_there_is_refused(place, tmp_path):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / place)


@pytest.mark.parametrize("path", [None, 5])
def test_a_path_that_is_none_is_refused(path):
    for use in (fm.load, built().save):
        with pytest.raises(ArgumentTypeError, match="path"):
            use(path)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"5", b"null", b"NaN", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"format": "other"}'],
    ids=lambda text: repr(text[:10]),
)
def test_a_config_that_is_not_ours_is_refused(text, saved, tmp_path):
    refused(edited(tmp_path / "model.npz", saved[1], config=np.frombuffer(text, np.uint8)))


@pytest.mark.parametrize("version", [0, 4, "1", None])
def test_another_format_version_is_refused_with_the_way_out(version, saved, tmp_path):
    path = edited(tmp_path / "model.npz", saved[1], {"format_version": version})
    with pytest.raises(ModelFileError, match=rf"format version {version!r}.*reads versions up to 3.*fastmlp '"):
        fm.load(path)


WRONG_CONFIG = {
    "dtype": ["float16", 5, None, "x"],
    "n_features": [0, -1, "5", 4, 1.5, None, 10**30],
    "uint8_scale": ["x", None, -1],
    "seed": ["x", -1, 1.5],
    "layers": [[], None, 5, [5], [{}], [{"type": "Foo"}], [{"type": "Dense"}], [{"type": ["x"]}]],
    "optimizer": [5, "foo", {"type": "x"}, {"type": "Adam", "surprise": 1}],
    "loss": [5, None, "x", {}],
    "metrics": [5, None, "accuracy", ["x"]],
    "step": ["x", None, -5, 2**70, float("inf")],
    "position": [5, None, [1], [1, 2, 3], ["a", "b"], [-1, 0], [0, -3], [0, 2**70], [0.5, 0]],
    "history": [
        5,
        {"surprise": 1},
        {"history": 5},
        {"epoch": "abc"},
        {"epoch": [0, 1], "history": {"loss": []}},
        {"partial": True},
        {"batches": {"loss": "x"}},
    ],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG_CONFIG.items() for v in values], ids=short)
def test_a_config_with_a_wrong_value_is_refused_when_it_is_loaded(name, value, saved, tmp_path):
    refused(edited(tmp_path / "model.npz", saved[1], {name: value}))


KERNEL = "parameters/0/kernel"


def test_weights_alone_are_read_from_both_kinds_of_files(tmp_path):
    model, others = built(), [fm.Sequential(built().declarations, seed=9) for _ in range(2)]
    model.save(tmp_path / "model.npz")
    model.save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as file:
        assert all(name.startswith("parameters/") for name in file.files)
    for other, name in zip(others, ("model.npz", "weights.npz"), strict=True):
        other.compile()
        other.build(X.shape[1])
        assert bits(other) != bits(model)
        other.load_weights(tmp_path / name)
        assert bits(other) == bits(model)


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    model, other = built(), fm.mlp([7, 7, 7], classes=CLASSES, seed=1)
    other.build(X.shape[1])
    before = bits(model)
    other.save_weights(tmp_path / "other.npz")
    np.savez(tmp_path / "alien.npz", a=np.ones(3))
    (tmp_path / "text.npz").write_text("no archive")
    for name, message in (
        (
            "other.npz",
            "does not hold the weights of a model with these layers: its .parameters",
        ),
        ("alien.npz", "and the model's have the shapes none and"),
        ("text.npz", "not a complete .npz archive"),
        ("missing.npz", "there is no such model file"),
    ):
        with pytest.raises(ModelFileError, match=message):
            model.load_weights(tmp_path / name)
        assert bits(model) == before
    with pytest.raises(fm.NotBuiltError):
        fm.mlp([4], classes=2).load_weights(tmp_path / "other.npz")


def test_statistics_in_the_middle_are_loaded_too(tmp_path):
    middle = fm.Normalization()
    middle.adapt(np.random.default_rng(0).normal(2, 3, (50, 4)))
    layers = [fm.Dense(4, "tanh"), middle, fm.Dense(CLASSES, "softmax")]
    models = [fm.Sequential(layers, seed=0), fm.Sequential([layers[0], fm.Normalization(), layers[2]], seed=1)]
    for model in models:
        model.compile()
        model.build(X.shape[1])
    models[0].save_weights(tmp_path / "weights.npz")
    given = models[1].declarations[1]
    models[1].load_weights(tmp_path / "weights.npz")
    assert given.mean is None
    models[1].fit(X, Y, verbose=0)
    np.testing.assert_array_equal(models[1].layers[1].mean, models[0].layers[1].mean)


def test_loaded_statistics_are_not_taken_anew(tmp_path):
    models = [fm.Sequential([fm.Normalization(), fm.Dense(CLASSES, "softmax")], seed=seed) for seed in (0, 1)]
    for model in models:
        model.compile()
    models[0].fit(X, Y, verbose=0)
    models[0].save_weights(tmp_path / "weights.npz")
    models[1].build(X.shape[1])
    models[1].load_weights(tmp_path / "weights.npz")
    models[1].fit(X + 5, Y, verbose=0)
    np.testing.assert_array_equal(models[1].layers[0].mean, models[0].layers[0].mean)


@pytest.mark.parametrize("group", ["parameters", "optimizer/0", "optimizer/1"])
@pytest.mark.parametrize(
    "change",
    [
        lambda a: None,
        lambda a: a.T,
        lambda a: a.ravel(),
        lambda a: a.astype(int),
        lambda a: a.astype(str),
        lambda a: a.astype(object),
        lambda a: a * np.nan,
        lambda a: a.astype(np.float64) + 1e300,
    ],
    ids=["missing", "transposed", "flat", "int", "text", "objects", "NaN", "inf in float32"],
)
def test_a_tensor_that_does_not_fit_is_refused(group, change, saved, tmp_path):
    name = f"{group}/0/kernel"
    with np.load(saved[1]) as file:
        array = file[name]
    refused(edited(tmp_path / "model.npz", saved[1], **{name: change(array)}))


@pytest.mark.parametrize(
    "header",
    [
        "{",
        "((((",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-5, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 4), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (5, 4), }",
    ],
)
def test_an_array_with_a_false_header_is_refused(header, saved, tmp_path):
    path = edited(tmp_path / "model.npz", saved[1], **{KERNEL: None})
    head = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(f"{KERNEL}.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(80))
    refused(path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory through RLIMIT_AS")
def test_a_file_that_claims_a_trillion_features_is_refused_before_memory_is_taken(saved, tmp_path):
    path = edited(tmp_path / "model.npz", saved[1], {"n_features": 10**12})
    code = (
        "import resource, fastmlp as fm\n"
        f"fm.load({str(saved[1])!r})\n"  # whatever loading needs is there
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + (256 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size, size))\n"
        f"try: fm.load({str(path)!r})\n"
        "except fm.ModelFileError: print('refused')\n"
    )
    assert run_python(code) == "refused"


def test_a_model_comes_back_as_it_was(saved):
    model, path = saved
    again = fm.load(path)
    assert bits(again) == bits(model)
    assert again.engine.state.tobytes() == model.engine.state.tobytes()
    assert again.history == model.history
    assert (again.seed, again.position, again.metrics) == (model.seed, model.position, model.metrics)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_model_that_was_never_compiled_or_trained_can_be_saved(tmp_path):
    model = fm.Sequential([fm.Dense(CLASSES, "softmax")], seed=0)
    model.build(FEATURES)
    model.save(tmp_path / "model.npz")
    again = fm.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    with pytest.raises(NotBuiltError, match="compile"):
        again.evaluate(X, Y)
