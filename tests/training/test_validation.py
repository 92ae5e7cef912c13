"""Validation between batches and every so many epochs."""

import math

import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, ModelFileError, callbacks
from fastmlp._network.history import History

from ..shared.models import bits
from ..shared.short_fits import FEATURES, VALIDATION, Recorder, fit, network


def test_validation_every_so_many_batches():
    recorder, model = Recorder(1), network()
    history = fit(model, epochs=2, validation_data=VALIDATION, validation_batches=4, callbacks=[recorder])
    assert history.validations["epoch"] == [0, 1]
    assert history.validations["batch"] == [4, 4]
    assert set(history.validations) == {"epoch", "batch", "val_loss", "val_accuracy"}
    assert len(history["val_loss"]) == 2


def test_a_validation_between_is_of_the_weights_of_its_batch():
    scores = {}

    def score(batch, logs):
        scores[batch] = (logs.get("val_loss"), note.model.evaluate(*VALIDATION)["loss"])

    note = callbacks.Lambda(on_batches_end=score, every_batches=1)
    history = fit(epochs=1, validation_data=VALIDATION, validation_batches=2, callbacks=[note])
    assert scores[1][0] is None
    for batch in (2, 4, 6):
        assert scores[batch][0] == scores[batch][1]
    assert scores[3][0] == scores[2][0]  # the latest that is known
    assert history.validations["val_loss"] == [scores[batch][0] for batch in (2, 4, 6)]
    assert history["val_loss"] == [scores[6][0]]  # evaluated once, not again for the epoch


def test_validation_changes_no_bit_of_training():
    plain, validated = network(), network()
    fit(plain)
    fit(validated, validation_data=VALIDATION, validation_batches=1, validation_freq=2)
    assert bits(validated) == bits(plain)


def test_validation_of_every_second_epoch():
    history = fit(epochs=5, validation_data=VALIDATION, validation_freq=2)
    assert [math.isnan(loss) for loss in history["val_loss"]] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("validation_freq", "validation_batches") for value in (0, -1, 1.5, "x", True)],
)
def test_a_wrong_frequency_is_refused_by_name(name, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        fit(validation_data=VALIDATION, **{name: value})


def test_validation_batches_need_validation_data():
    with pytest.raises(ArgumentError, match="validation_batches needs"):
        fit(validation_batches=2)


def test_validations_are_saved_and_go_on(tmp_path):
    settings = {"validation_data": VALIDATION, "validation_batches": 4}
    whole, model = network(), network()
    fit(whole, epochs=3, **settings)
    fit(model, epochs=2, **settings)
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert loaded.history.validations == model.history.validations
    fit(loaded, epochs=3, resume=True, **settings)
    assert loaded.history.validations == whole.history.validations


@pytest.mark.parametrize(
    "validations",
    [{"epoch": [0], "batch": []}, {"val_loss": [1.0]}, {"epoch": ["x"], "batch": [1]}, {"epoch": [-1], "batch": [1]}],
)
def test_a_file_whose_validations_contradict_themselves_is_refused(validations, tmp_path):
    model = network()
    model.build(FEATURES)
    model.history = History(validations=validations)
    model.save(tmp_path / "model.npz")
    with pytest.raises(ModelFileError):
        fm.load(tmp_path / "model.npz")
