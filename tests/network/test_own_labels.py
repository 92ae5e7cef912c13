"""Whole numbers as labels of one's own, and who may be asked for classes."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, metrics
from fastmlp.cli import main
from fastmlp.datasets import Chunks

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 2))
TWO = np.where(X[:, 0] > 0, 7, 3)
THREE = np.array([-5, 0, 40])[np.digitize(X[:, 0], [-0.4, 0.4])]


def classifier(units=2, loss=None, **settings):
    last = fm.Dense(units, activation="softmax" if units > 1 else "sigmoid")
    model = fm.Sequential([fm.Dense(8, activation="tanh"), last], seed=0, **settings)
    model.compile(fm.Adam(0.05), loss or ("categorical_crossentropy" if units > 1 else "binary_crossentropy"))
    return model


def trained(model, y, **settings):
    model.fit(X, y, epochs=20, verbose=0, **settings)
    return model


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "kind", [list, lambda y: y.astype(object), lambda y: y.astype(float), lambda y: y[:, None], np.int8]
)
@pytest.mark.parametrize(("units", "y"), [(2, TWO), (1, TWO), (3, THREE), (1, 2 * TWO - 10)])
def test_numbers_as_many_as_classes_are_labels(units, y, kind):
    model = trained(classifier(units), kind(y))
    labels, numbers = np.unique(y, return_inverse=True)
    np.testing.assert_array_equal(model.classes, labels)
    assert model.history["loss"] == trained(classifier(units), numbers).history["loss"]
    assert (model.predict_classes(X) == y).mean() > 0.9
    assert model.evaluate(X, kind(y)).accuracy == np.mean(model.predict_classes(X) == y)


@pytest.mark.parametrize(
    ("units", "y"),
    [(8, TWO), (3, np.where(X[:, 0] > 0, 2, 0)), (2, np.ones(90, int)), (1, np.zeros(90, int)), (3, TWO % 2)],
)
def test_class_numbers_stay_class_numbers(units, y):
    """Of training data, some classes may be missing."""
    assert trained(classifier(units), y).classes is None


@pytest.mark.parametrize(
    ("units", "y"),
    [(3, TWO), (5, THREE), (2, THREE), (1, THREE), (2, np.full(90, 3)), (2, TWO + 0.5), (1, TWO + 0.5)],
)
def test_others_are_refused_with_the_remedy(units, y):
    model = classifier(units)
    for use in (lambda: trained(model, y), lambda: model.partial_fit(X, y), lambda: model.train_on_batch(X, y)):
        with pytest.raises(fm.ArgumentError, match=r"y must hold .* classes=\[\.\.\.\]"):
            use()
    assert model.classes is None
    assert model.history is None


def test_a_model_that_is_trained_does_not_rename_its_classes():
    model = trained(classifier(), (TWO == 7).astype(int))
    for y in (TWO, np.where(TWO == 7, "up", "down")):
        for use in (lambda y=y: trained(model, y), lambda y=y: model.partial_fit(X, y)):
            with pytest.raises(fm.FastMLPError, match=r"classes=\[\.\.\.\]"):
                use()
    assert model.classes is None


def test_a_stream_whose_first_rows_lack_a_label_is_refused():
    model = classifier()
    with pytest.raises(fm.ArgumentError, match=r"from 0 to 1, .* y\[0\] is 3 .*classes="):
        model.partial_fit(X[TWO == 3], TWO[TWO == 3])
    model = classifier(3)  # which first takes 1 and 2 for class numbers, and then sees a 3
    model.partial_fit(X, 1 + (TWO == 7))
    with pytest.raises(fm.ArgumentError, match=r"from 0 to 2, .* is 3"):
        model.partial_fit(X, 2 + (TWO == 7))


def test_streams_chunks_and_later_rows_agree():
    model = classifier()
    model.partial_fit(X, TWO)
    model.partial_fit(X[TWO == 3], TWO[TWO == 3])
    chunked = classifier()
    chunked.fit(Chunks.from_arrays(X, TWO, 30), verbose=0)
    assert model.classes.tolist() == chunked.classes.tolist() == [3, 7]
    with pytest.raises(fm.ArgumentError, match=r"y\[0\] is 4, but the model's classes are 3, 7"):
        model.evaluate(X[:1], [4])


def test_resumed_runs_and_files_agree(tmp_path):
    whole, parts = trained(classifier(), TWO), classifier()
    parts.fit(X, TWO, epochs=7, verbose=0)
    parts.save(tmp_path / "model.npz")
    again = trained(fm.load(tmp_path / "model.npz"), TWO, resume=True)
    assert again.classes.tolist() == [3, 7]
    np.testing.assert_array_equal(again.predict(X), whole.predict(X))


def test_weights_and_validation_are_of_labels():
    expected = trained(classifier(), (TWO == 7).astype(int), class_weight={1: 3.0}).history["loss"]
    assert trained(classifier(), TWO, class_weight={7: 3.0}).history["loss"] == expected
    with pytest.raises(fm.ArgumentError, match="class_weight has the class 1, but the model's classes are 3, 7"):
        trained(classifier(), TWO, class_weight={1: 3.0})
    with pytest.raises(fm.ArgumentError, match=r"validation_data\[1\]\[0\] is 1, but the model's classes are 3, 7"):
        trained(classifier(), TWO, validation_data=(X, TWO * 0 + 1))
    model = classifier()
    with pytest.raises(fm.ArgumentError):
        trained(model, TWO, class_weight={1: 3.0})
    assert model.classes is None  # of a training that did not begin


def test_folds_sweeps_and_searches_agree():
    result = fm.cross_validate(classifier(3), X, THREE, folds=3, epochs=20, batch_size=16)
    assert result.mean.accuracy > 0.8
    runs = fm.sweep({"layers": [[8]], "epochs": 20, "learning_rate": 0.05}, X, THREE, validation_split=0.3, verbose=0)
    model = runs.runs[0].load()
    assert (model.layers[-1].units, model.classes.tolist()) == (3, [-5, 0, 40])
    assert (model.predict_classes(X) == THREE).mean() > 0.8
    assert len(fm.find_learning_rate(classifier(3), X, THREE, batches=10, batch_size=4).losses)
    assert classifier(3).gradient_check(X, THREE).passed


def test_labels_that_are_given_are_those(tmp_path):
    model = trained(classifier(classes=[7, 3]), TWO)
    assert model.classes.tolist() == [7, 3]
    with pytest.raises(fm.ArgumentError, match="the model's classes are 7, 3"):
        trained(classifier(classes=[7, 3]), THREE)


# ---------------------------------------------------------------- the command line


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A CSV file of the labels 3 and 7, whose other columns have no names of their own."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{a:.4f},{b:.4f},{label}" for (a, b), label in zip(X.tolist(), TWO.tolist(), strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["x0,x1,label", *lines]) + "\n")
    (tmp_path / "new.csv").write_text("\n".join(["x0,x1", *(line.rpartition(",")[0] for line in lines)]) + "\n")


def test_the_command_line_makes_a_unit_for_each_label(table, capsys):
    arguments = ["--layers", "8", "--epochs", "30", "--learning-rate", "0.03", "--output", "model.npz"]
    assert main(["train", "data.csv", *arguments]) == 0
    out = capsys.readouterr().out
    assert "2 classes" in out
    assert "classes: 0 = 3, 1 = 7" in out
    model = fm.load("model.npz")
    assert (model.layers[-1].units, model.classes.tolist()) == (2, [3, 7])
    assert main(["evaluate", "model.npz", "data.csv"]) == 0
    assert main(["train", "data.csv", "--resume", "model.npz", "--epochs", "31", "--output", "more.npz"]) == 0
    assert main(["predict", "model.npz", "new.csv", "--classes"]) == 0
    chosen = capsys.readouterr().out.split("class\n")[-1].split()
    assert np.mean(np.array(chosen) == TWO.astype(str)) > 0.9
    assert main(["predict", "model.npz", "new.csv"]) == 0
    assert capsys.readouterr().out.startswith("3,7\n")


def test_so_do_its_sweeps_and_gradient_checks(table, tmp_path, capsys):
    (tmp_path / "sweep.json").write_text('{"layers": [[4]], "epochs": 2}')
    assert main(["sweep", "sweep.json", "data.csv", "--output", "runs", "--quiet"]) == 0
    (model,) = (tmp_path / "runs").rglob("*.npz")
    assert fm.load(model).classes.tolist() == [3, 7]
    assert main(["gradcheck", "data.csv", "--layers", "4", "--rows", "20"]) == 0
    assert "the gradients are right" in capsys.readouterr().out


# ---------------------------------------------------------------- who has classes


def network(units, activation, loss, y=None, **settings):
    model = fm.Sequential([fm.Dense(4, activation="tanh"), fm.Dense(units, activation=activation)], seed=0, **settings)
    model.compile(loss=loss)
    model.build(2)
    if y is not None:
        model.fit(X, y, verbose=0)
    return model


ONE, MANY = X[:, 0], np.hstack([X, X[:, :1]])
NUMBERS, ROWS = np.digitize(X[:, 0], [-0.4, 0.4]), np.eye(3)[np.digitize(X[:, 0], [-0.4, 0.4])]
REGRESSORS = {
    "one number": (1, "linear", "mse", ONE),
    "one number, absolute": (1, "linear", "mae", ONE),
    "a whole number": (1, "linear", "huber", NUMBERS),
    "a truth value": (1, "linear", "mse", TWO == 3),
    "a share": (1, "sigmoid", "mse", np.abs(np.tanh(ONE))),
    "several numbers": (3, "linear", "mse", MANY),
    "several, bounded": (3, "tanh", "rss", np.tanh(MANY)),
    "counts": (1, "softplus", "poisson", NUMBERS),
    "several counts": (3, "relu", "poisson", np.abs(np.round(MANY))),
    "logarithms of counts": (1, "linear", "poisson_deviance", NUMBERS),
    "quantile": (1, "linear", "quantile", ONE),
    "untrained": (3, "linear", "mse", None),
}


@pytest.mark.parametrize(("units", "activation", "loss", "y"), REGRESSORS.values(), ids=REGRESSORS)
def test_a_model_of_numbers_has_no_classes(units, activation, loss, y, tmp_path):
    model = network(units, activation, loss, y)
    model.save(tmp_path / "model.npz")
    for other in (model, fm.load(tmp_path / "model.npz")):
        for use in (lambda m=other: m.predict_classes(X), lambda m=other: m.classes_of(m.predict(X))):
            with pytest.raises(fm.ArgumentError, match=r"the model predicts numbers, as .* and no classes: use"):
                use()


CLASSIFIERS = {
    "class numbers": (3, "linear", "mse", NUMBERS),
    "class numbers, bounded": (3, "tanh", "rss", NUMBERS),
    "one-hot rows": (3, "linear", "mae", ROWS),
    "labels": (3, "linear", "mse", np.array([2, 5, 9])[NUMBERS]),
    "texts": (3, "linear", "mse", np.array(["a", "b", "c"])[NUMBERS]),
    "a sigmoid of truth values": (1, "sigmoid", "mse", TWO == 3),
    "a softmax": (3, "softmax", "mse", NUMBERS),
    "sigmoids, untrained": (3, "sigmoid", "mse", None),
}


@pytest.mark.parametrize(("units", "activation", "loss", "y"), CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_one_that_has_learned_classes_has(units, activation, loss, y, tmp_path):
    model = network(units, activation, loss, y)
    outputs = model.predict(X)
    numbers = outputs.argmax(axis=1) if units > 1 else (outputs[:, 0] > 0.5).astype(int)
    expected = numbers if y is None or units == 1 else np.unique(y if y.ndim == 1 else NUMBERS)[numbers]
    np.testing.assert_array_equal(model.predict_classes(X), expected)
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(fm.load(tmp_path / "model.npz").predict_classes(X), expected)


def test_the_command_line_refuses_too(tmp_path, capsys):
    network(1, "linear", "mse", ONE).save(tmp_path / "model.npz")
    (tmp_path / "new.csv").write_text("0.5,1\n1,2\n")
    assert main(["predict", str(tmp_path / "model.npz"), str(tmp_path / "new.csv"), "--classes"]) != 0
    assert "predicts numbers" in capsys.readouterr().err


def test_binary_accuracy_takes_two_labels():
    words, chosen = np.array(["no", "yes", "yes", "no"]), np.array(["no", "yes", "no", "no"])
    assert metrics.binary_accuracy(words, chosen) == 0.75
    assert metrics.binary_accuracy(np.where(words == "yes", 7, 3), np.where(chosen == "yes", 7, 3)) == 0.75
    assert metrics.binary_accuracy([1, 0, 1, 0], [4, -3, -1, -2], threshold=0) == 0.75  # logits, and no labels
    with pytest.raises(ArgumentError, match=r"must hold two labels, for no and yes, not 'a', 'b', 'c'"):
        metrics.binary_accuracy(["a", "b", "c"], ["a", "b", "b"])
