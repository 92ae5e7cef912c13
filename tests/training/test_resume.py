"""Stopping and going on: training that was cut anywhere gives the bits of training that never stopped."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._training import trainer

from ..shared.models import bits, data, network, state_bits, through_a_file
from ..shared.processes import needs_jit
from ..shared.runs import EPOCHS, RULES, deep, same_as


class StopAfter(fm.callbacks.Callback):
    def __init__(self, stretches):
        self.left = stretches

    def on_batches_end(self, batch, logs):
        self.left -= 1
        self.model.stop_training = self.left <= 0


def one_batch_only(model, x, y, **settings):
    return model.fit(x, y, max_time=1e-9, **settings)  # the first kernel call is one batch


@pytest.fixture(params=itertools.product(["float32", "float64"], ["adam", "sgd"]), ids="-".join)
def never_stopped(request):
    dtype, optimizer = request.param
    x, y = data(200)

    def make():
        return network(dtype=dtype, optimizer=optimizer)

    model = make()
    model.fit(x, y, **EPOCHS)
    return x, y, make, model


@needs_jit
@pytest.mark.parametrize("way", ["the same process", "a file", "pickle", "deepcopy"])
@pytest.mark.parametrize("stop", ["max_time", "callback", "epochs"])
def test_resumed_training_equals_training_that_never_stopped(never_stopped, stop, way, tmp_path):
    x, y, make, whole = never_stopped
    model = make()
    if stop == "max_time":
        history = one_batch_only(model, x, y, **EPOCHS)
        assert (history.stopped, history.partial, model.position.batch) == ("max_time", True, 1)
    elif stop == "callback":
        assert model.fit(x, y, callbacks=[StopAfter(1)], **EPOCHS).stopped == "callback"
    else:
        model.fit(x, y, **{**EPOCHS, "epochs": 2})
    ways = {
        "the same process": lambda m: m,
        "a file": lambda m: through_a_file(m, tmp_path),
        "pickle": lambda m: pickle.loads(pickle.dumps(m)),
        "deepcopy": copy.deepcopy,
    }
    model = ways[way](model)
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


@pytest.fixture
def one_batch_a_call(monkeypatch):
    """Callbacks see every batch, as with large ones."""
    monkeypatch.setattr(trainer, "CALL_SECONDS", 1e-12)


@needs_jit
@pytest.mark.usefixtures("one_batch_a_call")
@pytest.mark.parametrize("batches", [2, 7, 20, 28, 29, 30])
def test_training_resumed_at_any_batch_equals_training_that_never_stopped(never_stopped, batches, tmp_path):
    x, y, make, whole = never_stopped  # 29 batches an epoch, the last of 4 rows
    model = make()
    model.fit(x, y, callbacks=[StopAfter(batches)], **EPOCHS)
    model = through_a_file(model, tmp_path)
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


@needs_jit
def test_training_stopped_after_every_stretch_equals_training_that_never_stopped(never_stopped, tmp_path):
    x, y, make, whole = never_stopped
    model = make()
    one_batch_only(model, x, y, **EPOCHS)
    for _ in range(3):
        model = through_a_file(model, tmp_path)
        one_batch_only(model, x, y, resume=True, **EPOCHS)
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


def test_two_fits_of_two_epochs_equal_one_of_four(never_stopped):
    x, y, make, whole = never_stopped
    model = make()
    losses = [loss for _ in range(2) for loss in model.fit(x, y, **{**EPOCHS, "epochs": 2})["loss"]]
    assert state_bits(model) == state_bits(whole)
    assert losses == whole.history["loss"]


@needs_jit
@pytest.mark.usefixtures("one_batch_a_call")
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_a_checkpoint_saved_by_a_callback_resumes_to_the_same_bits(hook, tmp_path):
    x, y = data(200)
    whole, files = network(), []

    def save(*arguments):
        files.append(tmp_path / f"{len(files)}.npz")
        whole.save(files[-1])

    callback = fm.callbacks.Callback()
    setattr(callback, hook, save)
    whole.fit(x, y, callbacks=[callback], **EPOCHS)
    assert len(files) >= 4
    for file in files[:: max(1, len(files) // 15)]:
        model = fm.load(file)
        model.fit(x, y, resume=True, **EPOCHS)
        same_as(model, whole)


def test_a_fit_after_an_unfinished_one_begins_a_new_epoch():
    x, y = data(200)
    model = network()
    one_batch_only(model, x, y, **EPOCHS)
    assert model.fit(x, y, **EPOCHS).epoch == [0, 1, 2, 3]
    assert (model.position.epoch, model.position.batch) == (5, 0)


def test_resume_without_an_earlier_run_is_refused():
    x, y = data(20)
    with pytest.raises(fm.ArgumentError, match="resume"):
        network().fit(x, y, resume=True, verbose=0)


def test_resume_keeps_counting_from_the_first_epoch_of_the_run():
    x, y = data(50)
    model = network()
    model.fit(x, y, initial_epoch=5, epochs=7, verbose=0)
    assert model.fit(x, y, epochs=10, resume=True, verbose=0).epoch == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("first", [False, True], ids=["without first", "with first"])
def test_validation_may_differ_between_a_run_and_its_continuation(first, tmp_path):
    x, y = data(50)
    model = network()
    settings = {"epochs": 4, "batch_size": 7, "verbose": 0}
    for run in range(3):
        if run:
            one_batch_only(model, x, y, resume=True, **settings)
        validation = (x, y) if first == (run == 0) else None
        one_batch_only(model, x, y, resume=run > 0, validation_data=validation, **settings)
    history = model.fit(x, y, resume=True, **settings)
    assert history.epoch == [0, 1, 2, 3]
    assert len(history["loss"]) == 4
    history.write_csv(tmp_path / "history.csv")
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_of_a_model_trains_on_by_itself(copied, dtype):
    x, y = data()
    model = network(dtype=dtype)
    assert copied(model).is_built is False
    model.fit(x, y, verbose=0)
    other, before = copied(model), bits(model)
    other.fit(x, y, verbose=0)
    assert bits(model) == before != bits(other)
    assert len(model.history.epoch) == 1
    model.fit(x, y, verbose=0)
    assert bits(model) == bits(other)


def test_max_time_stops_training_and_says_so():
    x, y = data()
    model = network()
    history = model.fit(x, y, epochs=10**9, max_time=0.2, verbose=0)
    assert history.stopped == "max_time"
    assert np.isfinite(model.evaluate(x, y)["loss"])


@needs_jit
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_any_training_goes_on_from_any_batch_with_the_same_bits(rule, tmp_path):
    x, y = data(200, 7, 5)

    class StopAt(fm.callbacks.Callback):
        every_batches = 4

        def on_batches_end(self, batch, logs):
            self.model.stop_training = True

    whole, parts = deep(rule), deep(rule)
    whole.fit(x, y, batch_size=16, epochs=3, verbose=0)
    parts.fit(x, y, batch_size=16, epochs=3, callbacks=[StopAt()], verbose=0)
    for _ in range(20):
        parts.save(tmp_path / "model.npz")
        parts = fm.load(tmp_path / "model.npz")
        if parts.position.epoch == 3:
            break
        parts.fit(x, y, batch_size=16, epochs=3, callbacks=[StopAt()], verbose=0, resume=True)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert whole.engine.state.tobytes() == parts.engine.state.tobytes()
    assert whole.history["loss"] == parts.history["loss"]
