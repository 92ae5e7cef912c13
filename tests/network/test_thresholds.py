"""Thresholds: tuned on rows for a metric, kept with the model, and used wherever it chooses."""

import copy
import json
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, NotBuiltError

from ..shared.models import through_a_file

pytestmark = pytest.mark.needs_jit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 4)).astype(np.float32)
Y = (X[:, 0] + RNG.normal(size=600) > 1.4).astype(int)  # one row in six
LABELS = (X[:, :3] + RNG.normal(size=(600, 3)) > [0.5, 1, 1.5]).astype(int)
FROM_LOGITS = {"from_logits": True}
FORMS = {
    "two": (fm.Dense(2, "softmax"), "categorical_crossentropy", Y),
    "two logits": (fm.Dense(2), fm.losses.CategoricalCrossentropy(**FROM_LOGITS), Y),
    "one": (fm.Dense(1, "sigmoid"), "binary_crossentropy", Y),
    "one logit": (fm.Dense(1), fm.losses.BinaryCrossentropy(**FROM_LOGITS), Y),
    "labels": (fm.Dense(3, "sigmoid"), "binary_crossentropy", LABELS),
    "labels as logits": (fm.Dense(3), fm.losses.BinaryCrossentropy(**FROM_LOGITS), LABELS),
}


def trained(form, dtype="float32", metrics=None):
    last, loss, y = FORMS[form]
    metrics = ["accuracy", fm.metrics.F1(multi_label="labels" in form)] if metrics is None else metrics
    model = fm.Sequential([fm.Dense(6, "tanh"), last], seed=0, dtype=dtype)
    model.compile(loss=loss, metrics=metrics)
    model.fit(X, y, epochs=4, verbose=0)
    return model, y


def choices(model, form):
    return model.predict_labels(X) if "labels" in form else model.predict_classes(X)[:, None]


def by_definition(model, form):
    shares = model.predict_proba(X)
    return (shares if "labels" in form else shares[:, 1:]) > model.thresholds


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_a_model_chooses_by_its_thresholds_and_tuning_finds_what_it_says(form, dtype):
    model, y = trained(form, dtype)
    found = model.tune_threshold(X, y)
    y = y.reshape(len(y), -1)
    answers = choices(model, form)
    assert (answers == by_definition(model, form)).all()
    for column, of_column, threshold in zip(y.T, answers.T, found.thresholds, strict=True):
        value = fm.metrics.f1(column, of_column.astype(int), "binary")
        assert value == pytest.approx(threshold.value, rel=1e-12)
        assert threshold.value >= threshold.usual
    assert any(one.value > one.usual for one in found.thresholds)
    assert model.thresholds.tolist() == [one.threshold for one in found.thresholds]


@pytest.mark.parametrize("form", FORMS)
def test_copies_files_and_folded_models_choose_alike(form, tmp_path):
    model, y = trained(form)
    model.tune_threshold(X, y, "balanced_accuracy")
    wanted = choices(model, form)
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), through_a_file(model, tmp_path), model.folded()]
    for other in others:
        assert (choices(other, form) == wanted).all()
        assert other.data_known.tuned_for == "balanced_accuracy"
        assert not other.data_known.has_old_thresholds


@pytest.mark.parametrize("form", FORMS)
def test_scores_at_the_thresholds_are_those_of_the_choices_and_say_so(form):
    model, y = trained(form)
    usual = model.evaluate(X, y)
    assert usual.thresholds is None
    model.tune_threshold(X, y)
    again, tuned = model.evaluate(X, y), model.evaluate(X, y, thresholds="tuned")
    assert dict(again.items()) == dict(usual.items())
    assert again.thresholds == (0.5,) * len(model.thresholds)
    for scores in (tuned, tuned.copy(), copy.copy(tuned), pickle.loads(pickle.dumps(tuned))):
        assert scores.thresholds == tuple(model.thresholds)
    assert f"{tuned.thresholds[0]:.4g}" in repr(tuned)
    assert tuned["loss"] == usual["loss"]
    share = np.mean(choices(model, form) == y.reshape(len(y), -1))
    assert tuned["accuracy"] == pytest.approx(share)
    at_numbers = model.evaluate(X, y, thresholds=list(model.thresholds))
    assert dict(at_numbers.items()) == dict(tuned.items())


def test_metrics_with_a_threshold_or_without_choices_are_as_before():
    kinds = ["auc", fm.metrics.TruePositives(0.3, name="own"), fm.metrics.TruePositives(), "mse", "ece"]
    model, y = trained("one", metrics=kinds)
    usual, other = model.evaluate(X, y), model.evaluate(X, y, thresholds=0.1)
    same = [name for name in usual.keys() if usual[name] == other[name]]
    assert same == ["loss", "auc", "own", "mse", "ece"]
    assert other["true_positives"] == Y[model.predict(X)[:, 0] > 0.1].sum()


def test_labels_of_the_users_stay_labels():
    model = fm.mlp([6], classes=["ok", "fraud"], seed=0)
    y = np.array(["ok", "fraud"])[Y]
    model.fit(X, y, epochs=4, verbose=0)
    table = model.tune_threshold(X, y)
    assert table.names == ("fraud",)
    assert table.support == (Y.sum(),)
    assert set(model.predict_classes(X)) == {"ok", "fraud"}
    assert ((model.predict_classes(X) == "fraud") == (model.predict_proba(X)[:, 1] > model.thresholds[0])).all()


def test_weights_of_rows_count():
    model, y = trained("one")
    weights = np.where(np.arange(600) < 300, 1.0, 0.0)
    model.tune_threshold(X, y, sample_weight=weights)
    one = model.thresholds.copy()
    model.tune_threshold(X[:300], y[:300])
    assert (one == model.thresholds).all()


@pytest.mark.parametrize("form", ["one", "two"])
def test_training_keeps_thresholds_and_the_model_says_that_they_are_older(form, capsys):
    model, y = trained(form)
    model.tune_threshold(X, y)
    before = model.thresholds
    assert "tuned for f1" in repr(model)
    assert "before the weights" not in repr(model)
    model.fit(X, y, verbose=0)
    assert (model.thresholds == before).all()
    model.summary()
    for text in (repr(model), capsys.readouterr().out):
        assert f"threshold: {before[0]:.4g}, tuned for f1, before the weights last changed" in text
    model.tune_threshold(X, y)
    assert "before the weights" not in repr(model)
    for change in (
        lambda: model.set_weights(model.get_weights()),
        lambda: model.train_on_batch(X, y),
        lambda: model.apply_gradients(model.gradients(X, y)[1]),
    ):
        model.tune_threshold(X, y)
        change()
        assert model.data_known.has_old_thresholds


def test_own_thresholds_are_not_tuned_and_never_old():
    model, y = trained("labels")
    model.thresholds = 0.3
    assert model.thresholds.tolist() == [0.3] * 3
    model.thresholds = [0.1, 0.2, 0.3]
    model.fit(X, y, verbose=0)
    assert "thresholds: 0.1, 0.2, 0.3" in repr(model)
    assert "tuned" not in repr(model)
    model.thresholds = None
    assert model.thresholds is None
    assert (model.predict_labels(X) == (model.predict_proba(X) > 0.5)).all()


def test_a_description_has_them_as_those_of_other_weights():
    model, y = trained("two")
    model.tune_threshold(X, y)
    new = fm.Sequential.from_config(json.loads(json.dumps(model.config())))
    assert (new.thresholds == model.thresholds).all()
    assert new.data_known.has_old_thresholds
    config = model.config()
    for name in ("thresholds", "tuned_for"):
        del config[name]  # of an earlier version
    assert fm.Sequential.from_config(config).thresholds is None
    with pytest.raises(ArgumentError, match="probabilities, from 0 to 1"):
        fm.Sequential.from_config({**model.config(), "thresholds": [7]})


def test_other_last_layers_forget_them_and_parts_share_them():
    model, y = trained("one")
    model.tune_threshold(X, y)
    part = model[1:]
    assert (part.thresholds == model.thresholds).all()
    assert model[:1].thresholds is None
    del part
    model.pop()
    model.add(fm.Dense(1, "sigmoid"))
    assert model.thresholds is None


def test_new_copies_for_folds_have_none():
    model, y = trained("two")
    model.tune_threshold(X, y)
    result = fm.cross_validate(model, X, y, folds=2)
    assert all(scores.thresholds is None for scores in result.scores)


def test_a_label_without_rows_keeps_the_usual_threshold():
    model, y = trained("labels")
    empty = y.copy()
    empty[:, 1] = 0
    table = model.tune_threshold(X, empty)
    assert model.thresholds[1] == 0.5
    assert model.thresholds[0] != 0.5
    assert np.isnan(table.thresholds[1].value)
    assert str(table).splitlines()[2].split() == ["label", "1", "0.0000", "0.5000"]


def refused(words, model, *args, **settings):
    before = model.thresholds
    with pytest.raises(ArgumentError, match=words):
        model.tune_threshold(*args, **settings)
    assert before is model.thresholds is None


def test_what_cannot_be_tuned_is_refused_and_changes_nothing():
    model, y = trained("one")
    refused("no row of weight has the class 1", model, X, np.zeros(600))
    refused("no row of weight has the class 0", model, X, y, sample_weight=y)
    refused("metric must be one of", model, X, y, "auc")
    refused("precision alone is best where", model, X, y, "precision")
    refused("no threshold reaches at_least", model, X, y, at_least={"precision": 1, "recall": 1})
    nan = X.copy()
    nan[3, 1] = np.nan
    refused("x", model, nan, y)
    refused("cannot be used with data in chunks", model, fm.datasets.Chunks.from_arrays(X, y, rows_in_chunk=9), None)
    three = fm.mlp([4], classes=3, seed=0)
    three.build(4)
    refused("chooses among 3 classes", three, X, y)
    numbers = fm.mlp([4], task="regression", seed=0)
    numbers.build(4)
    refused("a probability of yes", numbers, X, y)
    with pytest.raises(NotBuiltError):
        fm.mlp([4], classes=2).tune_threshold(X, y)


@pytest.mark.parametrize(
    ("value", "words"),
    [([0.1, 0.2], "must be one number, not"), (1.5, "from 0 to 1"), (np.nan, "from 0 to 1"), ([[0.1]], "must be one")],
)
def test_thresholds_that_cannot_be_are_refused(value, words):
    model, _ = trained("one")
    with pytest.raises(ArgumentError, match=words):
        model.thresholds = value
    with pytest.raises(ArgumentError, match=words):
        model.evaluate(X, Y, thresholds=value)


def test_scores_at_thresholds_that_are_not_there_are_refused():
    model, y = trained("one")
    with pytest.raises(ArgumentError, match="no thresholds yet"):
        model.evaluate(X, y, thresholds="tuned")
    with pytest.raises(ArgumentError, match="must be 'tuned'"):
        model.evaluate(X, y, thresholds="best")
    with pytest.raises(ArgumentError, match="thresholds cannot be used with"):
        model.evaluate(fm.datasets.Chunks.from_arrays(X, y, rows_in_chunk=9), thresholds=0.2)
    with pytest.raises(ArgumentError, match="use predict_classes"):
        model.predict_labels(X)


def test_a_model_within_another_keeps_them_and_gives_them():
    inner = fm.mlp([4], classes=["no", "yes"], seed=0)
    inner.build(3)
    inner.thresholds = 0.3
    whole = fm.Sequential([fm.Dense(3, "relu"), inner])
    assert inner.thresholds == whole.thresholds == [0.3]


def test_a_part_keeps_them_when_layers_follow_and_gives_them_back():
    model, _ = trained("two")
    model.thresholds = 0.3
    part = model[1:]
    model.add(fm.Dense(2, "softmax"))
    assert part.thresholds == [0.3]
    assert model.thresholds is None
    model.pop()
    assert model.thresholds == [0.3]


def test_a_part_whose_outputs_may_be_logits_does_not_choose():
    model, _ = trained("two logits")
    model.thresholds = 0.3
    part = model[:]
    with pytest.raises(ArgumentError, match="with the loss for which they were set"):
        part.predict_classes(X)
    part.compile(loss=FORMS["two logits"][1])
    assert (part.predict_classes(X) == model.predict_classes(X)).all()


def test_a_model_for_scikit_learn_has_no_place_for_them():
    pytest.importorskip("sklearn")
    model = fm.mlp([4], classes=2, seed=0)
    model.fit(X, Y, verbose=0)
    model.thresholds = 0.2
    with pytest.raises(ArgumentError, match="FixedThresholdClassifier"):
        model.to_sklearn()
    model.thresholds = None
    model.to_sklearn()
