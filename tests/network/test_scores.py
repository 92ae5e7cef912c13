"""What `evaluate` and its like give: a dict of names that unpacks to its values."""

import copy
import csv
import io
import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._network.history import History
from fastmlp._network.scores import Scores
from fastmlp.datasets import Chunks
from fastmlp.search.cross_validation import CrossValidation

PLAIN = {"loss": 0.25, "accuracy": 0.75}


@pytest.fixture
def scores():
    return Scores(PLAIN)


@pytest.fixture(scope="module")
def task():
    x = np.random.default_rng(0).uniform(-1, 1, (120, 2))
    return x, (x[:, 0] > 0).astype(int)


def compiled(metrics=("accuracy",)):
    model = fm.Sequential([fm.Dense(4, activation="relu"), fm.Dense(2, activation="softmax")], seed=0)
    model.compile(metrics=list(metrics))
    return model


JUDGES = {
    "evaluate": lambda model, x, y: model.evaluate(x, y),
    "evaluate chunks": lambda model, x, y: model.evaluate(Chunks.from_arrays(x, y, 50)),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "partial_fit": lambda model, x, y: model.partial_fit(x, y),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_a_result_unpacks_to_its_values_and_keeps_their_names(judge, task):
    model = compiled(["f1", "accuracy"])
    model.build(2)
    result = judge(model, *task)
    loss, f1, accuracy = result
    assert isinstance(result, Scores)
    assert list(result.keys()) == ["loss", "f1", "accuracy"]
    assert (loss, f1, accuracy) == (result["loss"], result["f1"], result["accuracy"])
    assert (loss, f1, accuracy) == (result.loss, result.f1, result.accuracy)
    assert all(type(value) is float for value in result)


def test_the_scores_of_folds_are_of_the_same_kind(task):
    result = fm.cross_validate(compiled(), *task, folds=2)
    for scores in (*result.scores, result.mean, result.std):
        loss, accuracy = scores
        assert (loss, accuracy) == (scores.loss, scores.accuracy)
    plain = CrossValidation((PLAIN, PLAIN), (History(), History()), np.zeros((2, 2)), np.array([0, 1]))
    assert plain.mean == PLAIN
    assert "accuracy" in str(plain)


def test_to_go_through_it_gives_values(scores):
    assert list(scores) == [0.25, 0.75]
    assert list(reversed(scores)) == [0.75, 0.25]
    assert (sorted(scores), max(scores), tuple(scores)) == ([0.25, 0.75], 0.75, (0.25, 0.75))
    assert (scores[0], scores[1], scores[-1]) == (0.25, 0.75, 0.75)


def test_names_are_asked_for_as_of_any_dict(scores):
    assert "loss" in scores
    assert 0.25 not in scores
    assert "los" not in scores
    assert len(scores) == 2
    assert list(scores.keys()) == ["loss", "accuracy"]
    assert list(scores.items()) == list(PLAIN.items())
    assert scores.get("f1") is None
    assert scores == PLAIN
    assert scores == Scores(PLAIN)
    assert scores != {"loss": 0.25}
    assert scores != (0.25, 0.75)
    assert isinstance(scores, dict)
    assert scores.keys() >= {"loss"}
    with pytest.raises(TypeError):
        hash(scores)


def named(**values):
    return values


COPIES = {
    "dict": dict,
    "stars": lambda scores: {**scores},
    "arguments": lambda scores: named(**scores),
    "or": lambda scores: scores | {},
    "or, from the right": lambda scores: {} | scores,
    "update": lambda scores: [target := {}, target.update(scores)][0],
    "OrderedDict": lambda scores: dict(OrderedDict(scores)),
    "items": lambda scores: dict(scores.items()),
    "json": lambda scores: json.loads(json.dumps(scores)),
    "json, in lines": lambda scores: json.loads(json.dumps({"a": scores}, indent=1))["a"],
    "json, sorted": lambda scores: json.loads(json.dumps(scores, sort_keys=True)),
    "comprehension": lambda scores: {name: value for name, value in scores.items()},  # noqa: C416
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_dicts_of_it_hold_names_and_values(make, scores):
    assert make(scores) == PLAIN
    assert type(make(scores)) is dict


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_copies_are_of_the_same_kind(scores, protocol):
    again = pickle.loads(pickle.dumps(scores, protocol))
    for one in (again, copy.copy(scores), copy.deepcopy(scores), scores.copy(), Scores(scores)):
        assert type(one) is Scores
        assert one == scores
        assert list(one) == [0.25, 0.75]
        assert one is not scores


def test_tables_take_names_as_columns(scores):
    file = io.StringIO()
    csv.DictWriter(file, list(scores.keys())).writerow(scores)
    assert file.getvalue().strip() == "0.25,0.75"
    pandas = pytest.importorskip("pandas")
    for frame in (pandas.DataFrame([scores, scores]), pandas.DataFrame(scores, index=[0, 1])):
        assert list(frame.columns) == ["loss", "accuracy"]
        assert frame["accuracy"].tolist() == [0.75, 0.75]
    assert pandas.Series(scores).to_dict() == PLAIN


def test_it_reads_well():
    scores = Scores(loss=1.5e-9, accuracy=0.97891, mse=1e12, auc=float("nan"), r2=0.0)
    assert repr(scores) == str(scores) == "loss 1.500e-09  accuracy 0.9789  mse 1.000e+12  auc nan  r2 0.0000"
    assert f"{scores}" == repr(scores)


def test_a_wrong_name_is_answered_with_the_right_ones(scores):
    with pytest.raises(AttributeError, match=r"no score 'acuracy': there are 'loss', 'accuracy': did you mean 'accur"):
        _ = scores.acuracy
    with pytest.raises(KeyError, match="there are 'loss', 'accuracy'"):
        _ = scores["mse"]
    with pytest.raises(KeyError):
        _ = scores[2]
    with pytest.raises(AttributeError):
        scores.loss = 3.0
    assert {"loss", "accuracy", "keys"} <= set(dir(scores))


def test_what_dicts_have_keeps_its_name(task):
    count = fm.metrics.Custom(lambda targets, outputs: len(targets), name="items")
    spaced = fm.metrics.Custom(lambda targets, outputs: 1.0, name="my score")
    model = compiled([count, spaced])
    model.build(2)
    result = model.evaluate(*task)
    assert result["items"] == 120.0
    assert callable(result.items)
    assert dict(result.items())["items"] == 120.0
    assert result["my score"] == getattr(result, "my score") == 1.0
    with pytest.raises(fm.ArgumentError, match="'loss'"):  # of which there is one already
        compiled([fm.metrics.Custom(lambda targets, outputs: 0.0, name="loss")])


def test_callbacks_get_plain_dicts(task):
    seen = []
    note = fm.callbacks.Lambda(on_epoch_end=lambda epoch, logs: seen.append((type(logs), list(logs))))
    compiled().fit(*task, validation_split=0.5, callbacks=[note], verbose=0)
    assert seen[0][0] is dict
    assert {"loss", "accuracy", "val_loss"} <= set(seen[0][1])
