"""The suffix of a path chooses the format; what cannot be written is refused before a file changes."""

import importlib
import json
import os

import pytest

import fastmlp as fm
from fastmlp._exporting import export

from ..shared.models import built


def test_each_format_has_a_module_with_its_options():
    for suffix, module in export.FORMATS.items():
        assert suffix == suffix.lower()
        assert callable(importlib.import_module(f"fastmlp._exporting.{module}").content)


def test_both_spellings_write_the_same(tmp_path):
    model = built()
    model.export(tmp_path / "a.json")
    fm.export(model, os.fspath(tmp_path / "b.JSON"))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.JSON").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == model.config()


@pytest.mark.parametrize("name", ["model", "model.h5", "model.json.gz", ".json"])
def test_other_suffixes_are_refused_with_those_that_there_are(name, tmp_path):
    with pytest.raises(fm.ArgumentError, match=r"path must end in .*\.json"):
        built().export(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_is_no_model_path_or_option_is_refused(tmp_path):
    with pytest.raises(fm.ArgumentTypeError, match="model must be a fastmlp"):
        fm.export(3, tmp_path / "a.json")
    with pytest.raises(fm.ArgumentTypeError, match="path must be the name of a file"):
        built().export(3)
    with pytest.raises(fm.ArgumentTypeError, match=r"the format \.json has no option 'fold': it has no options"):
        built().export(tmp_path / "a.json", fold=True)
    (tmp_path / "b.json").mkdir()
    with pytest.raises(IsADirectoryError):
        built().export(tmp_path / "b.json")
    with pytest.raises(FileNotFoundError, match="folder does not exist"):
        built().export(tmp_path / "c" / "a.json")


@pytest.mark.parametrize("suffix", sorted(set(export.FORMATS) - {".json"}))
def test_a_model_without_weights_leaves_the_file_as_it_was(suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    path.write_text("before")
    with pytest.raises((fm.NotBuiltError, fm.MissingExtraError)):
        fm.mlp([2], classes=2).export(path)
    assert path.read_text() == "before"
