"""Batches by class: in proportion, or each class as often as the others; and a validation part by class."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._training.sampling import BALANCED, STRATIFIED, order_of

from ..shared.models import bits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = (np.arange(300) % 10 == 3).astype(int)  # a tenth


def network(**settings):
    return fm.mlp([6], classes=2, seed=1, **settings)


def same_weights(one, other):
    assert bits(one) == bits(other)


def shares(classes, order, batch_size):
    starts = range(0, len(order), batch_size)
    return [np.bincount(classes[order[i : i + batch_size]], minlength=classes.max() + 1) for i in starts]


CLASSES = st.lists(st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 3]), min_size=1, max_size=120).map(np.array)


@settings(deadline=None, derandomize=True)
@given(CLASSES, st.integers(1, 130), st.integers(0, 5))
def test_a_stratified_order_has_each_row_once_and_each_class_in_proportion(classes, batch_size, epoch):
    order = order_of(STRATIFIED, classes, min(batch_size, len(classes)), (7, epoch))
    assert sorted(order) == list(range(len(classes)))
    wanted = np.bincount(classes) / len(classes)
    for counts in shares(classes, order, min(batch_size, len(classes))):
        assert (abs(counts - wanted * counts.sum()) < 2).all()


@settings(deadline=None, derandomize=True)
@given(CLASSES, st.integers(1, 130), st.integers(0, 5))
def test_a_balanced_order_draws_each_class_equally_and_its_rows_in_turn(classes, batch_size, epoch):
    order = order_of(BALANCED, classes, min(batch_size, len(classes)), (7, epoch))
    present = np.unique(classes)
    drawn, rows = np.bincount(order, minlength=len(classes)), len(classes)
    for number in present:
        of_class = drawn[classes == number]
        assert of_class.sum() in (rows // len(present), -(-rows // len(present)))
        assert of_class.max() - of_class.min() <= 1  # no row is drawn again before all others of its class
    for counts in shares(classes, order, min(batch_size, len(classes))):
        assert (abs(counts[present] - counts.sum() / len(present)) < 2).all()


@pytest.mark.parametrize("kind", [STRATIFIED, BALANCED])
def test_orders_are_new_in_each_epoch_and_repeat_with_the_seed(kind):
    one, two = (order_of(kind, Y, 32, (5, epoch)) for epoch in (0, 1))
    assert (one == order_of(kind, Y, 32, (5, 0))).all()
    assert (one != two).any()
    assert (one != order_of(kind, Y, 32, (6, 0))).any()


def test_the_batches_that_get_the_rare_rows_change():
    """Ten rows for a hundred batches: over the epochs, all batches get one now and then."""
    classes = (np.arange(1000) < 10).astype(int)
    hits = sum(classes[order_of(STRATIFIED, classes, 10, (0, epoch))].reshape(100, 10).sum(1) for epoch in range(80))
    assert hits.sum() == 800
    assert 0 < hits.min() <= hits.max() < 25


def test_fit_draws_its_batches_from_the_training_rows():
    model = network()
    model.fit(X, Y, batch_size=30, validation_split=0.2, shuffle=STRATIFIED, verbose=0)
    twin = network()
    order = order_of(STRATIFIED, Y[:240], 30, (1, 0))
    twin.partial_fit(X[:240][order], Y[:240][order], batch_size=30)
    same_weights(model, twin)


@pytest.mark.parametrize("kind", [STRATIFIED, BALANCED])
def test_a_training_has_the_same_bits_at_any_number_of_threads_and_when_it_resumes(kind, tmp_path):
    whole, other, cut = network(), network(), network()
    settings = {"batch_size": 20, "shuffle": kind, "verbose": 0}
    whole.fit(X, Y, epochs=4, n_threads=1, **settings)
    other.fit(X, Y, epochs=4, n_threads=2, **settings)
    same_weights(whole, other)
    stop = fm.callbacks.Lambda(every_batches=4, on_batches_end=lambda batch, logs: setattr(cut, "stop_training", True))
    cut.fit(X, Y, epochs=4, callbacks=[stop], **settings)
    cut.save(tmp_path / "cut.npz")
    cut = fm.load(tmp_path / "cut.npz")
    cut.fit(X, Y, epochs=4, resume=True, **settings)
    same_weights(whole, cut)


@pytest.mark.needs_jit
def test_one_hot_rows_labels_and_one_unit_are_drawn_alike():
    models = [network(), network(), fm.mlp([6], classes=["no", "yes"], seed=1)]
    for model, y in zip(models, [Y, np.eye(2)[Y], np.array(["no", "yes"])[Y]], strict=True):
        model.fit(X, y, shuffle=BALANCED, verbose=0)
        same_weights(model, models[0])
    one = fm.Sequential([fm.Dense(1, activation="sigmoid")], seed=0)
    one.compile(loss="binary_crossentropy")
    one.fit(X, Y, shuffle=BALANCED, epochs=300, batch_size=30, verbose=0)
    assert 0.35 < one.predict(X).mean() < 0.65  # half of the drawn rows are 1


@pytest.mark.needs_jit
def test_weights_of_rows_stay_with_their_rows():
    """Rows without weight change nothing, so a training without their class is one of the other class alone."""
    weights = np.where(Y == 1, 0.0, 1.0)
    model = network()
    model.fit(X, Y, shuffle=STRATIFIED, sample_weight=weights, epochs=30, verbose=0)
    assert not model.predict_classes(X).any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shuffle": "by class"}, "'stratified' or 'balanced', not 'by class'"),
        ({"shuffle": BALANCED, "class_weight": BALANCED}, "would do it twice"),
        ({"stratify": True}, "validation_split, which is missing"),
    ],
)
def test_what_contradicts_itself_is_refused(settings, words):
    with pytest.raises(ArgumentError, match=words):
        network().fit(X, Y, verbose=0, **settings)


@pytest.mark.parametrize("value", [None, 2, 0.5, "", "no", [True]])
def test_shuffle_is_nothing_else(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="shuffle must be True"):
        network().fit(X, Y, shuffle=value, verbose=0)


def test_targets_without_one_class_for_each_row_are_refused():
    model = fm.mlp([4], task="multilabel", outputs=2, seed=0)
    with pytest.raises(ArgumentError, match="shuffle='stratified' needs targets"):
        model.fit(X, RNG.integers(0, 2, (300, 2)), shuffle=STRATIFIED, verbose=0)
    model = fm.mlp([4], task="regression", seed=0)
    with pytest.raises(ArgumentError, match="shuffle='balanced' needs targets"):
        model.fit(X, X[:, 0], shuffle=BALANCED, verbose=0)
    assert not model.is_built


def test_data_that_are_not_in_memory_and_steps_of_all_rows_are_refused():
    for source in (fm.datasets.Chunks.from_arrays(X, Y, rows_in_chunk=100), iter([(X, Y)])):
        with pytest.raises(ArgumentError, match="shuffle='stratified' cannot be used with"):
            network().fit(source, shuffle=STRATIFIED, verbose=0)
    model = network()
    model.compile("rprop")
    with pytest.raises(ArgumentError, match="takes all rows in one"):
        model.fit(X, Y, shuffle=STRATIFIED, verbose=0)


# ---------------------------------------------------------------- a validation part by class


def test_a_stratified_validation_part_has_each_class_in_proportion():
    seen = {}

    class Look(fm.callbacks.Callback):
        def on_train_begin(self, run_info):
            seen.update(run_info)

    model, weights = network(), np.arange(1.0, 301)
    count = fm.metrics.Custom(lambda y, outputs: np.sum(y), "ones")
    model.compile(metrics=[count])
    settings = {"validation_split": 0.2, "stratify": True, "sample_weight": weights, "callbacks": [Look()]}
    history = model.fit(X, Y, verbose=0, **settings)
    assert (seen["rows"], seen["validation_rows"]) == (240, 60)
    assert (history["ones"], history["val_ones"]) == ([24], [6])


def test_a_sorted_table_keeps_its_rare_class_on_both_sides():
    order = np.argsort(Y, kind="stable")
    model = network()
    model.compile(metrics=[fm.metrics.Recall(average="macro")])
    labels = np.array(["no", "yes"])[Y[order]]
    model.classes = ["no", "yes"]
    history = model.fit(X[order], labels, validation_split=0.1, stratify=True, epochs=1, verbose=0, seed=3)
    again = network()
    again.compile(metrics=[fm.metrics.Recall(average="macro")])
    again.classes = ["no", "yes"]
    same = again.fit(X[order], labels, validation_split=0.1, stratify=True, epochs=1, verbose=0, seed=3)
    assert history["val_loss"] == same["val_loss"]
    same_weights(model, again)


def test_weights_follow_their_rows_into_both_parts():
    """With weights that are 1 in one class and 0 in the other, the loss of each part is that of one class."""
    model = network()
    model.fit(X, Y, verbose=0)
    before = copy.deepcopy(model)
    model.compile(fm.SGD(1e-30))
    history = model.fit(X, Y, validation_split=0.3, stratify=True, sample_weight=Y * 1.0, epochs=1, verbose=0)
    ones = before.evaluate(X[Y == 1], Y[Y == 1])["loss"]
    mean = (history["loss"][-1] * 21 + history["val_loss"][-1] * 9) / 30
    assert mean == pytest.approx(ones, rel=1e-5)


def test_targets_to_come_near_to_are_refused():
    model = fm.mlp([4], task="regression", seed=0)
    with pytest.raises(ArgumentError, match="stratify=True needs class labels"):
        model.fit(X, X[:, 0], validation_split=0.2, stratify=True, verbose=0)
