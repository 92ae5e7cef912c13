"""Saving: a whole file or none, with the permissions of any new file."""

import inspect
import os
import stat

import numpy as np
import pytest

import fastmlp as fm

from ..shared.models import bits
from ..shared.tiny import built


@pytest.mark.parametrize("place", ["missing/model.npz", "file/model.npz", "."])
def test_saving_where_no_file_can_be_names_the_path_that_was_asked_for(place, tmp_path):
    (tmp_path / "file").write_text("x")
    path = tmp_path / place
    with pytest.raises(OSError) as caught:  # noqa: PT011  # which one depends on the place
        built().save(path)
    assert str(path) in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is unwritable for root")
def test_saving_into_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            built().save(tmp_path / "model.npz")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("function", ["replace", "fsync"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(function, saved, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    saved[0].save(path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="space"):
        built().save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.npz"]


def test_saving_replaces_an_older_file(saved, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"old" * 10_000)
    saved[0].save(str(path))
    assert bits(fm.load(path)) == bits(saved[0])
    assert os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_saved_file_has_the_permissions_of_any_new_file(saved, tmp_path):
    saved[0].save(tmp_path / "model.npz")
    (tmp_path / "plain").write_text("x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("model.npz", "plain")]
    assert modes[0] == modes[1]


def test_every_setting_of_a_model_is_saved(tmp_path):
    settings = {"dtype": "float64", "uint8_scale": 0.25, "seed": 7, "classes": ["no", "yes"], "name": "doors"}
    declared = {p.name for p in inspect.signature(fm.Sequential).parameters.values() if p.kind == p.KEYWORD_ONLY}
    assert set(settings) == declared  # a new one is to be saved too
    model = fm.Sequential([fm.Dense(2, "softmax")], **settings)
    model.compile(fm.SGD(0.5))
    model.fit(np.array([[1, 255], [0, 7]], np.uint8), ["no", "yes"], epochs=2, verbose=0)
    model.learning_rate = 0.125
    model.save(tmp_path / "model.npz")
    again = fm.load(tmp_path / "model.npz")
    for name in (*settings, "learning_rate", "optimizer", "loss", "metrics", "position", "feature_names", "input_kind"):
        assert np.array_equal(getattr(again, name), getattr(model, name)), name
    assert again.history == model.history
