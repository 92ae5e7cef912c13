"""Checkpoints: their names, which are saved, and that training goes on from them."""

import math
from types import SimpleNamespace

import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, callbacks

from ..shared.models import bits
from ..shared.short_fits import PLAN, VALIDATION, fit, network


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_are_named_by_epoch_and_logs(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch:03d}-{val_loss:.4f}.npz")
    history = fit(callbacks=[checkpoint], validation_data=VALIDATION)
    expected = [f"{epoch + 1:03d}-{loss:.4f}.npz" for epoch, loss in enumerate(history["val_loss"])]
    assert names_in(tmp_path) == expected == [path.name for path in checkpoint.saved]


def test_training_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path):
    whole = network()
    fit(whole, callbacks=[callbacks.ModelCheckpoint(tmp_path, save_freq=4)])
    assert names_in(tmp_path) == [f"epoch_{epoch:03d}_batch_00004.npz" for epoch in (1, 2, 3)]
    for name in names_in(tmp_path):
        model = fm.load(tmp_path / name)
        fit(model, resume=True)
        assert bits(model) == bits(whole)
        assert model.history["loss"] == whole.history["loss"]


def test_only_the_best_are_saved(tmp_path):
    saved = []
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "best.npz", save_best_only=True)
    values = [3.0, 4.0, 2.0, 2.0, math.nan, 1.0]
    checkpoint.model = SimpleNamespace(save=lambda path: saved.append(checkpoint._epoch))
    checkpoint.on_train_begin(PLAN)
    for epoch, value in enumerate(values):
        checkpoint.on_epoch_begin(epoch)
        checkpoint.on_epoch_end(epoch, {"val_loss": value})
    assert saved == [0, 2, 5]
    assert checkpoint.best == 1.0
    assert checkpoint.saved == [tmp_path / "best.npz"]


def test_every_second_epoch_is_saved_and_the_last_are_kept(tmp_path):
    folder = tmp_path / "runs" / "first"
    checkpoint = callbacks.ModelCheckpoint(folder, every_epochs=2, keep_last=2)
    fit(epochs=7, callbacks=[checkpoint])
    assert names_in(folder) == ["epoch_004.npz", "epoch_006.npz"]


def test_the_best_by_batches(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path, save_best_only=True, save_freq=2)
    fit(epochs=1, callbacks=[checkpoint], validation_data=VALIDATION, validation_batches=4)
    assert names_in(tmp_path) == ["epoch_001_batch_00004.npz"]
    with pytest.raises(ArgumentError, match="validation_batches"):
        fit(callbacks=[checkpoint], validation_data=VALIDATION)


def test_an_epoch_without_validation_has_nan_in_its_name(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.1f}.npz")
    fit(epochs=1, callbacks=[checkpoint], validation_data=VALIDATION, validation_freq=2)
    assert names_in(tmp_path) == ["1-nan.npz"]


@pytest.mark.parametrize("name", ["{epoch", "{}", "{0}", "{epoch.real}", "{epoch[0]}"])
def test_a_template_that_is_none_is_refused_at_once(name):
    with pytest.raises(ArgumentError, match="path"):
        callbacks.ModelCheckpoint(name + ".npz")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("{val_loss}.npz", "{val_loss}, but this training knows only epoch, batch, loss, accuracy"),
        ("{f1}.npz", "{f1}, but"),
        ("{loss:d}.npz", "cannot be filled in"),
        ("{epoch:{width}}.npz", "cannot be filled in"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused_before_training(name, shown, tmp_path):
    model = network()
    with pytest.raises(ArgumentError) as caught:
        fit(model, callbacks=[callbacks.ModelCheckpoint(tmp_path / name)])
    assert shown in str(caught.value)
    assert model.history is None
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", 5),
        ("path", ""),
        ("save_freq", "batch"),
        ("save_freq", 0),
        ("every_epochs", 0),
        ("keep_last", 0),
        ("save_best_only", "yes"),
        ("monitor", None),
        ("mode", None),
    ],
)
def test_wrong_settings_of_checkpoints_are_refused(name, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        callbacks.ModelCheckpoint(**{"path": "x.npz", name: value})
