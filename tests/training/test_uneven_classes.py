"""The worked case of the page about uneven classes, and class weights wherever they are taken."""

import re
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError

from ..shared.models import bits
from ..shared.processes import needs_jit

PAGE = Path(fm.__file__).parents[1] / "docs" / "uneven.md"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4)).astype(np.float32)
Y = (np.arange(200) % 10 == 0).astype(int)
WEIGHTS = 200 / (2 * np.bincount(Y))[Y]


def table():
    lines = [line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return [row for row in lines if len(row) == 6 and re.fullmatch(r"\d\.\d\d", row[1])]


@needs_jit
@pytest.mark.parametrize("row", table(), ids=lambda row: row[0].strip("`"))
def test_the_numbers_of_the_page_are_measured(row):
    """Other vector widths round otherwise, which training magnifies: hence some room."""
    names = {}
    exec(re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1], names)
    (x_val, y_val), (x_test, y_test) = (names["x_val"], names["y_val"]), (names["x_test"], names["y_test"])
    text = row[0].strip("`")
    model = names["trained"](**({} if text == "plain" else dict([text.replace('"', "").split("=")])))
    costs = np.array(names["costs"])

    def measured(thresholds):
        scores = model.evaluate(x_test, y_test, thresholds=thresholds)
        chosen = (model.predict_proba(x_test)[:, 1] > scores.thresholds[0]).astype(int)
        return costs[y_test, chosen].mean(), scores

    at_half = measured(0.5)
    model.tune_threshold(x_val, y_val, metric="cost", costs=costs)
    tuned = measured("tuned")
    balanced = [scores["balanced_accuracy"] for _, scores in (at_half, tuned)]
    found = [at_half[0], tuned[0], *balanced, at_half[1]["ece"]]
    np.testing.assert_allclose(found, [float(cell) for cell in row[1:]], atol=0.06)


def test_the_page_has_its_rows():
    assert len(table()) == 4


# ---------------------------------------------------------------- balanced weights


def two_units(y=Y):
    return fm.mlp([5], classes=2, seed=3), y


def one_unit(y=Y):
    model = fm.Sequential([fm.Dense(5, "relu"), fm.Dense(1, "sigmoid")], seed=3)
    model.compile(loss="binary_crossentropy")
    return model, y


def with_an_error_loss():
    model = fm.mlp([5], classes=2, seed=3)
    model.compile(loss="mse")
    return model, np.eye(2)[Y]


FORMS = {
    "two units": two_units,
    "one unit": one_unit,
    "one-hot rows": lambda: two_units(np.eye(2)[Y]),
    "labels": lambda: two_units(np.array(["a", "b"])[Y]),
    "a column": lambda: one_unit(Y[:, None].astype(float)),
    "one-hot rows of an error loss": with_an_error_loss,
}
WAYS = {
    "fit": lambda model, y, weights: model.fit(X, y, batch_size=50, verbose=0, **weights),
    "train_on_batch": lambda model, y, weights: model.train_on_batch(X, y, **weights),
    "partial_fit": lambda model, y, weights: model.partial_fit(X, y, **weights),
    "gradients": lambda model, y, weights: model.apply_gradients(model.gradients(X, y, **weights)[1]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", FORMS)
def test_balanced_classes_are_weights_of_rows(form, way):
    (one, y), (two, _) = FORMS[form](), FORMS[form]()
    WAYS[way](one, y, {"class_weight": "balanced"})
    WAYS[way](two, y, {"sample_weight": WEIGHTS})
    assert bits(one) == bits(two)
    plain, _ = FORMS[form]()
    WAYS[way](plain, y, {})
    assert bits(plain) != bits(one)


def test_folds_and_sweeps_balance_their_own_rows():
    model, _ = two_units()
    found = fm.cross_validate(model, X, Y, folds=2, class_weight="balanced", epochs=2)
    plain = fm.cross_validate(model, X, Y, folds=2, epochs=2)
    rows = found.fold != 0
    own = fm.mlp([5], classes=2)
    own.fit(X[rows], Y[rows], epochs=2, class_weight="balanced", seed=0, verbose=0)
    assert found.scores[0] == own.evaluate(X[~rows], Y[~rows])
    assert found.scores[0] != plain.scores[0]
    settings = [
        {"layers": [5], "name": name, **more} for name, more in (("b", {"class_weight": "balanced"}), ("p", {}))
    ]
    runs = fm.sweep(settings, X, Y, validation_split=0.2, verbose=0)
    alone = fm.mlp([5], classes=2)
    alone.fit(X, Y, validation_split=0.2, class_weight="balanced", seed=0, verbose=0)
    assert runs["b"].metrics["val_loss"] == alone.history["val_loss"][-1] != runs["p"].metrics["val_loss"]


def test_batches_by_class_are_settings_of_folds_and_sweeps():
    result = fm.cross_validate(two_units()[0], X, Y, folds=2, shuffle="stratified")
    assert len(result.scores) == 2
    runs = fm.sweep({"layers": [[5]], "shuffle": [True, "balanced"]}, X, Y, validation_split=0.2, verbose=0)
    assert len({run.metrics["loss"] for run in runs}) == 2
    with pytest.raises(ArgumentError, match="stratify"):
        fm.sweep({"layers": [[5]], "stratify": [True]}, X, Y, validation_split=0.2, verbose=0)


def test_what_has_no_one_class_or_is_not_all_there_is_refused():
    labels = fm.mlp([5], task="multilabel", outputs=2, seed=3)
    with pytest.raises(ArgumentError, match="class_weight needs targets that are class numbers"):
        labels.fit(X, RNG.integers(0, 2, (200, 2)), class_weight="balanced", verbose=0)
    chunks = fm.datasets.Chunks.from_arrays(X, Y, rows_in_chunk=60)
    with pytest.raises(ArgumentError, match="class_weight='balanced' cannot be used with data in chunks"):
        two_units()[0].fit(chunks, class_weight="balanced", verbose=0)
    two_units()[0].fit(chunks, class_weight={1: 9.0}, verbose=0)
