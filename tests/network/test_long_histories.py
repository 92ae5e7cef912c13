"""Files and pickles of long histories are small, and training goes on from them as if nothing was left out."""

import copy
import math
import pickle
import tracemalloc

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._network import history as module
from fastmlp.history import History

from ..shared.models import state_bits
from ..shared.runs import without_seconds


def counted(batches):
    history = History()
    history.add_batches(loss=[float(number) for number in range(batches)], accuracy=[0.5] * batches)
    return history


def through_a_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("batches", [0, 1, 10_000, 11_000])
def test_short_histories_keep_every_batch(batches):
    history = through_a_pickle(counted(batches))
    assert history.thinned_at == 0
    assert history.batches["loss"] == history.batch_numbers == list(range(batches))
    assert "thinned_at" not in history.config()


@pytest.mark.parametrize(("batches", "step"), [(11_001, 2), (12_000, 2), (12_001, 4), (100_000, 128)])
def test_the_latest_batches_stay_and_few_of_the_others(batches, step):
    history = through_a_pickle(counted(batches))
    expected = [*range(0, batches - 10_000, step), *range(batches - 10_000, batches)]
    assert history.batch_numbers == expected == history.batches["loss"]  # each loss is its batch's number
    assert len(expected) <= 11_000
    assert (history.batch_count, history.latest_batches, history.thinned_at) == (batches, 10_000, batches)


def test_what_is_left_depends_on_the_number_of_batches_alone():
    often = counted(11_500)
    for _ in range(5):
        often = through_a_pickle(often)
        start = often.batch_count
        often.add_batches(loss=[float(start + number) for number in range(7_000)], accuracy=[0.5] * 7_000)
    assert often.batch_count == 46_500
    assert through_a_pickle(often).batches == through_a_pickle(counted(46_500)).batches
    assert History.from_config(often.config()).batches == through_a_pickle(often).batches


def test_the_history_in_memory_and_its_copies_keep_all():
    history = counted(20_000)
    pickle.dumps(history)
    history.config()
    for one in (history, copy.copy(history), copy.deepcopy(history)):
        assert len(one.batches["loss"]) == 20_000
    assert copy.deepcopy(history).batches["loss"] is not history.batches["loss"]


def test_a_small_model_after_a_long_training_pickles_small():
    model = fm.mlp([3], classes=3, seed=0)
    model.build(3)
    model.history = History()
    values = np.random.default_rng(0).random(100_000).tolist()  # numbers with all digits
    model.history.add_batches(loss=values, accuracy=values)
    assert len(pickle.dumps(model)) < 300_000


@pytest.fixture
def short(monkeypatch):
    """Ten values stay, and three of the earlier ones."""
    monkeypatch.setattr(module, "LATEST", 10)
    monkeypatch.setattr(module, "_MOST_EARLIER", 3)


LAYERS = [fm.Dense(5), fm.BatchNormalization(0.99), fm.Activation("relu"), fm.Dense(3, activation="softmax")]


@pytest.mark.parametrize("at", [7, 23, 25, 40])  # in the first and in the second of epochs of 25 batches
@pytest.mark.parametrize("way", ["file", "pickle"])
def test_training_goes_on_with_the_same_bits(short, tmp_path, at, way):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 4)).astype(np.float32), rng.integers(0, 3, 100)

    def new(**settings):
        model = fm.Sequential(LAYERS, seed=1)
        model.compile(fm.Adam(0.01))
        model.fit(x, y, batch_size=4, epochs=3, verbose=0, **settings)
        return model

    class Stop(fm.callbacks.Callback):
        every_batches = 1
        done = 0

        def on_batches_end(self, batch, logs):
            self.done += 1
            self.model.stop_training = self.done == at

    whole, cut = new(), new(callbacks=[Stop()])
    if way == "file":
        cut.save(tmp_path / "cut.npz")
        cut = fm.load(tmp_path / "cut.npz")
    else:
        cut = through_a_pickle(cut)
    assert len(cut.history.batches["loss"]) == (at if at <= 10 else 10 + len(module._earlier(at)))
    cut.fit(x, y, batch_size=4, epochs=3, verbose=0, resume=True)
    assert state_bits(cut) == state_bits(whole)
    assert without_seconds(cut.history) == without_seconds(whole.history)
    assert through_a_pickle(cut).history.batches == through_a_pickle(whole).history.batches
    assert cut.history.batch_count == 75


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"thinned_at": -1}, ArgumentError),
        ({"thinned_at": "many"}, ArgumentTypeError),
        ({"thinned_at": 2**53}, ArgumentError),
        ({"thinned_at": 21_000}, ArgumentError),
        ({"so_far": []}, ArgumentTypeError),
        ({"so_far": {"loss": 1.0}}, ArgumentTypeError),
        ({"so_far": {"loss": math.nan, "rows": 1, "correct": 1, "batches": 1}}, ArgumentError),
        ({"so_far": {"loss": 1.0, "rows": 1.5, "correct": 1, "batches": 1}}, ArgumentTypeError),
    ],
)
def test_a_file_with_other_numbers_is_refused(change, error):
    config = counted(11_001).config()
    assert History.from_config(config).batch_count == 11_001
    with pytest.raises(error, match=r"thinned_at|so_far"):
        History.from_config({**config, **change})


def test_what_is_added_needs_no_room_for_what_is_there():
    history = counted(100_000)
    history.history, history.epoch = {"loss": [0.5] * 100_000}, list(range(100_000))
    tracemalloc.start()
    try:
        for number in range(2):  # the first one makes the lists longer than they need to be
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            history.add_batches(loss=[0.5], accuracy=[0.5])
            history.add_epoch(100_000 + number, {"loss": 0.5}, partial=False)
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most - before < 50_000


def test_pictures_show_each_value_at_its_batch():
    pytest.importorskip("matplotlib")
    from fastmlp.plots.training import _Record

    curve = _Record.of(through_a_pickle(counted(100_000))).batch_curve("loss")
    assert curve.x[-1] == 100_000
    assert (np.diff(curve.x) > 0).all()
    assert np.abs(curve.y - curve.x)[-100:].max() < 200  # each loss is its batch's number
