"""The suffix of a path, or the library of an object, chooses the reader; and architectures come back from files."""

import importlib
import json
import os

import pytest

import fastmlp as fm
from fastmlp._importing import importing, json_file

from ..shared import steps
from ..shared.models import built


def test_each_kind_has_a_module():
    for module in (*importing.FILES.values(), *importing.LIBRARIES.values()):
        assert callable(importlib.import_module(f"fastmlp._importing.{module}").model)


def test_a_saved_model_is_a_file_too(tmp_path):
    model = built()
    model.save(tmp_path / "model.npz")
    assert (fm.import_model(tmp_path / "model.npz").predict([[1, 2, 3]]) == model.predict([[1, 2, 3]])).all()


def test_what_is_no_kind_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(fm.ArgumentError, match=r"name ends in .*\.json.*not '\.pt'"):
        fm.import_model(tmp_path / "model.pt")
    for suffix in (".h5", ".keras", ".HDF5"):
        with pytest.raises(fm.ArgumentError, match=r"not be a file of Keras.* load it with Keras"):
            fm.import_model(tmp_path / f"model{suffix}")
    with pytest.raises(fm.ArgumentTypeError, match=r"source must be the name of a file.*not 3"):
        fm.import_model(3)
    with pytest.raises(fm.ArgumentTypeError, match=r"no option 'fold'.*there are custom_objects"):
        fm.import_model(tmp_path / "model.json", fold=True)


# ---------------------------------------------------------------- .json


@pytest.mark.parametrize("name", steps.STACKS)
def test_every_layer_comes_back_from_json(name, dtype, tmp_path):
    model = fm.Sequential(steps.STACKS[name], dtype=str(dtype), seed=2)
    model.compile()
    model.build(steps.FEATURES)
    model.export(tmp_path / "a.json")
    again = fm.import_model(tmp_path / "a.json")
    assert again.config() == model.config()
    assert again.predict(steps.rows()).tobytes() == model.predict(steps.rows()).tobytes()


def test_a_model_that_is_not_built_comes_back_as_such(tmp_path):
    fm.mlp([3], classes=["é", "\U0001f600\u2028</script>"]).export(tmp_path / "a.json")
    again = fm.import_model(tmp_path / "a.json")
    assert not again.is_built
    assert again.classes.tolist() == ["é", "\U0001f600\u2028</script>"]


def good(**changes):
    return json.dumps({**built().config(), **changes})


WIDE = {"type": "Dense", "units": 10**6}
MALFORMED = {
    "nothing": ("", "no JSON text"),
    "no text": (b"\xff\xfe", "it is no text"),
    "cut": (good()[:-9], "no JSON text"),
    "a list": ("[]", "config must be a dict"),
    "doubles": (good()[:-1] + ', "seed": 3}', "twice"),
    "endless": ("[" * 10**5, "RecursionError|no JSON text"),
    "no number": (good(uint8_scale=float("nan")), "uint8_scale"),
    "a bomb": ("[" + "{}," * 6_000_000 + "0]", "more items than text"),
    "no width": (good(n_features=-1), "n_features must be at least 1"),
    "another width": (good(n_features="3"), "n_features must be a whole number"),
    "gigabytes": (
        good(layers=[WIDE, WIDE], optimizer=None),
        r"take 4,000\.0 GB: if you trust it, use fastmlp",
    ),
    "a residual that does not fit": (
        good(layers=[{"type": "Residual", "layers": [WIDE]}, WIDE], optimizer=None),
        "the layers of a Residual give 1000000 units",
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_texts_are_refused_with_the_reason(kind, write):
    content, message = MALFORMED[kind]
    with pytest.raises(fm.ModelFileError, match=message):
        fm.import_model(write(content, "a.json"))


def test_files_that_are_none_are_refused(tmp_path, monkeypatch, write):
    with pytest.raises(fm.ModelFileError, match="no such model file"):
        fm.import_model(tmp_path / "none.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(fm.ModelFileError, match="a folder"):
        fm.import_model(tmp_path / "folder.json")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.json")
        with pytest.raises(fm.ModelFileError, match="a pipe"):
            fm.import_model(tmp_path / "pipe.json")
    monkeypatch.setattr(json_file, "MOST_BYTES", 100)
    with pytest.raises(fm.ModelFileError, match="has at most 100"):
        fm.import_model(write(good(), "long.json"))


def test_warnings_name_the_caller(tmp_path):
    config = {**fm.mlp([2], classes=2).config(), "own_schedule": "Mine"}
    (tmp_path / "a.json").write_text(json.dumps(config))
    with pytest.warns(UserWarning, match="schedule Mine") as caught:
        fm.import_model(tmp_path / "a.json")
    assert caught[0].filename == __file__
