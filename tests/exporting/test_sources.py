"""What all exports to source code have in common."""

import numba
import pytest

import fastmlp as fm
from fastmlp._exporting import limits, texts

from ..shared import steps
from ..shared.processes import needs_jit
from .sources import HOSTILE

SUFFIXES = [".c", ".html", ".py"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_model_gives_the_same_bytes(suffix, tmp_path):
    model = steps.trained([fm.Dense(80, "relu"), fm.Dense(2, "softmax")])
    first, second = tmp_path / f"a{suffix}", tmp_path / "folder" / f"a{suffix}"
    second.parent.mkdir()
    model.export(first)
    model.export(second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().isascii()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_layers_may_stay_as_they_are(suffix, tmp_path):
    model = steps.trained([fm.Dense(9), fm.BatchNormalization(), fm.Activation("relu"), fm.Dense(2, "softmax")])
    sizes = []
    for fold in (True, False):
        model.export(tmp_path / f"model{suffix}", fold=fold)
        sizes.append((tmp_path / f"model{suffix}").stat().st_size)
    assert sizes[0] < sizes[1]
    with pytest.raises(fm.ArgumentTypeError, match="fold must be True or False"):
        model.export(tmp_path / f"model{suffix}", fold="no")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_cannot_be_written_leaves_the_file_as_it_was(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"model{suffix}"
    path.write_text("before")
    with pytest.raises(fm.NotBuiltError):
        fm.mlp([2], classes=2).export(path)
    ruined = steps.trained([fm.Dense(2)])
    ruined.engine.parameters[0] = float("nan")
    with pytest.raises(fm.DivergenceError, match="layer 0 holds NaN or infinity"):
        ruined.export(path)
    monkeypatch.setitem(limits.MOST_BYTES, suffix, 170)
    assert steps.trained([fm.Dense(2)]).export(path) is None
    path.write_text("before")
    monkeypatch.setitem(limits.MOST_BYTES, suffix, 160)
    with pytest.raises(fm.ArgumentError, match=rf"but a \{suffix} file takes at most 0 MB: export it to \.onnx"):
        steps.trained([fm.Dense(2)]).export(path)
    assert path.read_text() == "before"


@needs_jit
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_activations_of_the_users_are_refused_by_their_names(suffix, tmp_path):
    square = fm.activations.Custom(numba.njit(lambda x: x * x), numba.njit(lambda x: 2 * x), name="square")
    model = fm.Sequential([fm.Dense(2, square), fm.Dense(2)])
    model.build(3)
    with pytest.raises(fm.ArgumentError, match="the activation 'square' cannot be exported"):
        model.export(tmp_path / f"model{suffix}")


@pytest.mark.parametrize("text", [*HOSTILE, "int", "_x", "9", "ünï", "a" * 99])
def test_any_text_gives_an_identifier(text):
    name = texts.identifier(text)
    assert name.isidentifier()
    assert name.isascii()
    assert not name.startswith("_")
    assert len(name) <= 46


def test_literals_of_c_hold_plain_characters_and_octal_digits():
    found = texts.c_literal(bytes(range(256)))
    assert found.isascii()
    assert found.isprintable()
    assert not set(found[1:-1]) & set("\"'?%@")
    assert texts.c_literal(b"1\x012") == '"1\\0012"'
