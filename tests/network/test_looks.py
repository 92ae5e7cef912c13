"""What a prompt and a notebook show: a few lines, always the same, and no arrays."""

import math

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import datasets, metrics
from fastmlp.history import History
from fastmlp.sweeps import SweepResult, SweepRun

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)).astype(np.float32), RNG.integers(0, 3, 60)
HOSTILE = "<img src=x onerror=alert(1)>"


def without_seconds(text):
    """Durations differ from run to run."""
    return text.replace(text.split(" s,")[0].rpartition(" ")[2] + " s,", "T s,")


def test_a_model_says_what_it_is_made_of():
    model = fm.Sequential([fm.Dense(8, "relu"), fm.Dropout(0.5), fm.Dense(3, "softmax")], seed=0)
    assert repr(model).splitlines() == [
        "Sequential: 3 layers, float32, not built: fit or build(n_features) makes its parameters",
        "  0 Dense    dense    relu     (rows, 8)  ?",
        "  1 Dropout  dropout           (rows, 8)  ?",
        "  2 Dense    dense_1  softmax  (rows, 3)  ?",
        "not compiled",
    ]
    model.compile(loss=fm.losses.CategoricalCrossentropy(label_smoothing=0.1))
    assert repr(model).splitlines()[-2:] == [
        "compiled with Adam(learning_rate=0.001), CategoricalCrossentropy(label_smoothing=0.1), metrics: accuracy",
        "not trained",
    ]
    history = model.fit(X, Y, epochs=2, verbose=0)
    lines = repr(model).splitlines()
    assert lines[0] == "Sequential: 3 layers, 4 features, 67 parameters in float32"
    assert lines[1] == "  0 Dense    dense    relu     (rows, 8)  40"
    assert lines[-1] == f"trained for 2 epochs, 4 batches, loss {history['loss'][-1]:.4f}"


def test_a_deep_model_is_shown_in_part():
    model = fm.mlp([2] * 50, 3)
    assert "and 40 more layers: model.summary()" in repr(model)
    assert len(repr(model).splitlines()) == 15
    assert model._repr_html_().count("<tr>") == 52
    assert repr(fm.Sequential()).startswith("Sequential: 0 layers")


def test_a_notebook_shows_a_table_of_the_layers():
    model = fm.mlp([8], ["cat", "dog", "owl"], seed=0)
    page = model._repr_html_()
    assert page.count("<tr>") == 3
    assert ">(rows, 8)<" in page
    assert "compiled with" in page


def test_the_summary_is_the_same_table():
    model, lines = fm.mlp([8], 3), []
    model.build(4)
    model.summary(lines.append)
    assert lines == [
        "layer    name     activation  output     parameters",
        "0 Dense  dense    relu        (rows, 8)          40",
        "1 Dense  dense_1  softmax     (rows, 3)          27",
        "parameters: 67 (0.00 MB in float32)",
    ]


LAYERS = {
    fm.Dense(8): "Dense(8)",
    fm.Dense(8, "relu"): "Dense(8, activation='relu')",
    fm.Dense(8, "selu", use_bias=False, max_norm=2): "Dense(8, activation='selu', use_bias=False, max_norm=2.0)",
    fm.Dense(8, "relu", kernel_initializer="zeros"): (
        "Dense(8, activation='relu', kernel_initializer=Initializer(name='zeros', scale=1.0))"
    ),
    fm.Dropout(0.5): "Dropout(0.5)",
    fm.BatchNormalization(): "BatchNormalization()",
    fm.BatchNormalization(0.9): "BatchNormalization(momentum=0.9)",
    fm.Activation("gelu"): "Activation('gelu')",
    fm.Residual([fm.Dense(8), fm.Scale(use_bias=False)]): "Residual([Dense(8), Scale(use_bias=False)])",
}


@pytest.mark.parametrize(("layer", "text"), LAYERS.items(), ids=LAYERS.values())
def test_a_layer_says_what_is_unusual(layer, text):
    assert repr(layer) == text


def test_statistics_are_counted_and_not_printed():
    layer = fm.Normalization()
    assert repr(layer) == "Normalization()"
    layer.adapt(np.ones((3, 1000)))
    assert repr(layer) == "<Normalization of 1000 features>"


def recorded():
    values = {"loss": [0.5, 0.25, 0.375], "accuracy": [0.5, 1.0, 1.0], "val_loss": [math.nan] * 3, "seconds": [0.5] * 3}
    history = History(history=values, epoch=[0, 1, 2], stopped="callback")
    history.add_batches(loss=[0.5] * 1000)
    return history


def test_a_history_says_how_it_went():
    assert repr(recorded()).splitlines() == [
        "History: 3 epochs, 1,000 batches, 1.5 s, stopped by a callback",
        "            last    best  in epoch",
        "loss      0.3750  0.2500         2",
        "accuracy  1.0000  1.0000         2",
        "val_loss",
    ]
    assert repr(History()) == "History: 0 epochs, 0 batches, finished"
    assert "(the last one unfinished)" in repr(History(history={"loss": [1.0]}, epoch=[0], partial=True))


def test_many_metrics_are_shown_in_part():
    history = History(history={f"metric{number}": [0.5] for number in range(20)}, epoch=[0])
    assert len(repr(history).splitlines()) == 11
    assert repr(history).endswith("and 12 more: history.keys()")


def test_values_that_nobody_can_rank_have_no_best():
    assert repr(History(history={"mystery": [1.0, 2.0]}, epoch=[0, 1])).splitlines()[-1] == "mystery  2.0000"


def test_a_notebook_shows_curves():
    page = recorded()._repr_html_()
    assert page.count("<svg") == 2  # the loss and the accuracy; no validation is known
    assert page.count("<tr>") == 4
    assert ">batch<" not in page
    one = History(history={"loss": [0.5]}, epoch=[0])
    one.add_batches(loss=[0.6, 0.5])
    assert ">batch<" in one._repr_html_()
    assert len(History()._repr_html_()) < 200


def some_results():
    model = fm.mlp([4], 3, seed=0)
    model.fit(X, Y, epochs=2, verbose=0)
    settings = {"epochs": 1, "verbose": 0}
    return {
        "model": model,
        "layers": model.layers[0],
        "history": model.history,
        "scores": model.evaluate(X, Y),
        "check": model.gradient_check(X[:5], Y[:5]),
        "tensor": model.gradient_check(X[:5], Y[:5]).tensors[0],
        "rates": fm.find_learning_rate(model, X, Y),
        "folds": fm.cross_validate(model, X, Y, folds=30, **settings),
        "report": metrics.classification_report(np.arange(100), np.arange(100)),
        "chunks": datasets.Chunks.from_arrays(X, Y, 20),
        "standardizer": datasets.Standardizer.fit(X),
        "diagnosis": fm.callbacks.Diagnosis(x=X, y=Y),
        "stopping": fm.callbacks.EarlyStopping(),
        "runs": SweepResult(tuple(SweepRun(f"run {number}", {}, model=model) for number in range(100))),
        "run": SweepRun("small", {"layers": [4]}, "finished", metrics={"loss": 0.5}, history=model.history),
        "jitted": model.jitted(),
    }


@pytest.fixture(scope="module")
def results():
    return some_results()


def test_everything_is_shown_in_a_few_lines(results):
    for name, result in results.items():
        text = repr(result)
        assert len(text.splitlines()) <= 15, name
        assert len(text) <= 1_200, name
        assert "array(" not in text, name
        assert " at 0x" not in text, name


def test_the_same_run_looks_the_same(results):
    again = some_results()
    for name in set(results) - {"folds"}:
        assert without_seconds(repr(again[name])) == without_seconds(repr(results[name])), name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("standardizer", "<Standardizer of 4 columns>"),
        ("diagnosis", "<Diagnosis: nothing found>"),
        ("stopping", "<EarlyStopping>"),
        ("run", "<SweepRun small  loss 0.5000  2 epochs in 0.0 s>"),
    ],
)
def test_small_results(results, name, text):
    assert repr(results[name]) == text


def test_tables_of_results_are_shown_in_part(results):
    assert "... 22 more" in repr(results["folds"])
    assert repr(results["folds"]).splitlines()[-1].startswith("std")
    assert len(str(results["folds"]).splitlines()) == 33
    assert "... 87 more" in repr(results["runs"])
    assert len(str(results["runs"]).splitlines()) == 101


def test_notebooks_show_tables_whole(results):
    for name, rows in (("folds", 33), ("runs", 101), ("report", 104)):
        assert results[name]._repr_html_().count("<tr>") == rows
    assert results["rates"]._repr_html_().count("<svg") == 1


def test_names_of_users_are_escaped():
    def wild(targets, outputs):
        return 0.5

    wild.__name__ = HOSTILE
    model = fm.Sequential([fm.Dense(3, "softmax")], seed=0)
    model.compile(metrics=[metrics.Custom(wild, name=HOSTILE)])
    history = model.fit(X, Y, epochs=2, verbose=0)
    folds = fm.cross_validate(model, X, Y, folds=2, verbose=0)
    report = metrics.classification_report(Y, Y, names=[HOSTILE, "b", "c"])
    runs = SweepResult((SweepRun(HOSTILE, {}, "failed", reason=HOSTILE),))
    for thing in (model, history, folds, report, runs):
        page = thing._repr_html_()
        assert "<img" not in page
        assert "&lt;img" in page


def test_a_table_says_what_it_holds(tmp_path):
    (tmp_path / "table.csv").write_text("a,b,kind\n1,2,x\n3,4,y\n")
    assert (
        repr(datasets.load_csv(tmp_path / "table.csv", label="kind"))
        == "<Table of 2 rows, 2 features, label 'kind', 2 classes>"
    )


def test_findings_are_named():
    diagnosis = fm.callbacks.Diagnosis()
    diagnosis.findings = [fm.callbacks.Finding(0, "dead", 1, "..."), fm.callbacks.Finding(0, "chance", None, "...")]
    assert repr(diagnosis) == "<Diagnosis: dead (layer 1), chance>"
