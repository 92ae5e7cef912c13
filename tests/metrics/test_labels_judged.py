"""Metrics and plots of the labels that `predict_classes` gives: texts, and whole numbers of one's own."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import metrics

TRUE, CHOSEN = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 2, 0, 2])
TWO_TRUE, TWO_CHOSEN = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
LABELS = {
    "texts": np.array(["cat", "dog", "owl"]),
    "bytes": np.array([b"cat", b"dog", b"owl"]),
    "objects": np.array(["cat", "dog", "owl"], object),
    "negative": np.array([-7, 3, 12]),
    "negative objects": np.array([-7, 3, 12], object),
    "large": np.array([2**40, 2**41, 2**61 + 1]),
    "large, close": np.array([2**62, 2**62 + 1, 2**62 + 2], np.uint64),
}
if hasattr(np.dtypes, "StringDType"):  # from NumPy 2.0
    LABELS["numpy's own texts"] = LABELS["texts"].astype(np.dtypes.StringDType())
DECISIONS = [
    metrics.accuracy,
    metrics.precision,
    metrics.recall,
    metrics.f1,
    lambda targets, outputs: metrics.f1(targets, outputs, "weighted"),
    lambda targets, outputs: metrics.recall(targets, outputs, average="micro"),
    metrics.F1(),
    metrics.Accuracy(),
    lambda targets, outputs: metrics.classification_report(targets, outputs).macro,
    lambda targets, outputs: metrics.confusion_matrix(targets, outputs).tolist(),
]


@pytest.fixture(params=LABELS.values(), ids=LABELS)
def labels(request):
    return request.param


@pytest.mark.parametrize("metric", DECISIONS)
def test_labels_mean_the_classes_that_they_name(metric, labels):
    expected = metric(TRUE, CHOSEN)
    assert metric(labels[TRUE], labels[CHOSEN]) == expected
    assert metric(labels[TRUE].tolist(), labels[CHOSEN][:, None]) == expected


@pytest.mark.parametrize("metric", [metrics.precision, metrics.recall, metrics.f1])
@pytest.mark.parametrize("two", [["no", "yes"], [3, 7], [-1, 1], [1, 2], [0, 1]], ids=str)
def test_of_two_the_larger_is_class_1(metric, two):
    two = np.array(two)
    expected = metric(TWO_TRUE, TWO_CHOSEN, average="binary")
    assert metric(two[TWO_TRUE], two[TWO_CHOSEN], average="binary") == expected


def test_two_of_three_columns_are_not_two_classes():
    with pytest.raises(fm.ArgumentError, match="average='binary' is for two classes, but there are 3"):
        metrics.f1([0, 1], [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], average="binary")
    with pytest.raises(fm.ArgumentError, match="but there are 3"):
        metrics.f1(["a", "b", "c"], ["a", "b", "b"], average="binary")


def test_the_order_of_labels_may_be_given():
    true, chosen = ["cat", "owl", "cat"], ["cat", "cat", "cat"]
    assert metrics.confusion_matrix(true, chosen).tolist() == [[2, 0], [1, 0]]
    assert metrics.confusion_matrix(true, chosen, classes=["owl", "dog", "cat"]).tolist() == [
        [0, 0, 1],
        [0, 0, 0],
        [0, 0, 2],
    ]
    assert metrics.confusion_matrix([3, 7, 7], [3, 7, 3], classes=np.array([7, 3])).tolist() == [[1, 1], [0, 1]]
    report = metrics.classification_report(true, chosen, names=["owl", "dog", "cat"])
    assert (report.names, report.support) == (("owl", "dog", "cat"), (1, 0, 2))
    report = metrics.classification_report([3, 7, 7], [3, 7, 3], names=[3, 7])
    assert (report.names, report.support, report.accuracy) == (("3", "7"), (1, 2), 2 / 3)


def test_reports_name_the_labels(labels):
    report = metrics.classification_report(labels[TRUE], labels[CHOSEN])
    texts = tuple(item.decode() if isinstance(item, bytes) else str(item) for item in labels.tolist())
    assert report.names == texts
    assert report.support == (2, 2, 3)


def test_names_of_class_numbers_stay_names():
    for names in (["cat", "dog", "owl"], [2020, 2021, 2022], range(3)):
        report = metrics.classification_report(TRUE, CHOSEN, names=names)
        assert report.names == tuple(map(str, names))
        assert report.support == (2, 2, 3)
    assert metrics.confusion_matrix(TRUE, np.eye(3)[CHOSEN], classes=["a", "b", "c"]).tolist() == [
        [1, 1, 0],
        [0, 2, 0],
        [1, 0, 2],
    ]


def test_columns_go_with_labels_whose_order_is_given():
    scores = np.eye(3)[CHOSEN]
    words = LABELS["texts"]
    expected = metrics.confusion_matrix(TRUE, CHOSEN).tolist()
    assert metrics.confusion_matrix(words[TRUE], scores, classes=words).tolist() == expected
    assert metrics.classification_report(words[TRUE], scores, names=words).support == (2, 2, 3)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: metrics.accuracy(["a", "b"], [0, 1]),
            "targets holds texts, but outputs holds numbers: give labels of",
        ),
        (lambda: metrics.accuracy([0, 1], ["a", "b"]), "outputs holds texts, but targets holds numbers"),
        (lambda: metrics.f1(["a", "b"], np.eye(2)), r"columns take class numbers, \(y\[:, None\] == model.classes\)"),
        (lambda: metrics.recall(["a", "b"], [0.1, 0.9]), "targets holds texts, but outputs holds numbers"),
        (
            lambda: metrics.accuracy(["a", None], ["a", "b"]),
            r"targets must hold a label for each row, but targets\[1\]",
        ),
        (lambda: metrics.accuracy(["a", 1], np.array(["a", 1], object)), r"each row, but outputs\[1\] is 1"),
        (lambda: metrics.accuracy(["a"], ["a", "b"]), "targets has 1 rows, but outputs has 2"),
        (
            lambda: metrics.confusion_matrix(["a", "c"], ["a", "b"], classes=["a", "b"]),
            r"targets\[1\] is 'c', but the labels are 'a', 'b'",
        ),
        (
            lambda: metrics.confusion_matrix([3, 9], [3, 7], classes=[3, 7]),
            r"targets\[1\] is 9, but the labels are 3, 7",
        ),
        (lambda: metrics.classification_report(["a"], ["a"], names=["a", "a"]), "labels must be different"),
        (lambda: metrics.confusion_matrix([3], [3], classes=[3, 3]), r"must be different ones, .* not \[3, 3\]"),
        (lambda: metrics.confusion_matrix(["a"], ["a"], classes=[]), r"must be different ones, .* not \[\]"),
        (lambda: metrics.confusion_matrix([3], [3], classes=[]), "the number of classes must be"),
        (lambda: metrics.confusion_matrix([3], [3], classes=[2**64]), "a label must be at most"),
        (lambda: metrics.confusion_matrix(["a"], ["b"], classes=3), "classes must be 2, not 3"),
        (lambda: metrics.auc(["a", "b"], [0.1, 0.9]), "targets must hold numbers"),
        (lambda: metrics.mean_squared_error(["1"], [1.0]), "targets must hold numbers"),
        (
            lambda: metrics.accuracy(np.ma.masked_equal([-3, 5], 5), [-3, 5]),
            "targets has masked elements",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(use, message):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        use()


def test_they_are_what_a_model_gives():
    x = np.random.default_rng(0).normal(size=(200, 2))
    for labels in (["down", "up"], [3, 7], [-1, 1]):
        y = np.array(labels)[(x[:, 0] > 0).astype(int)]
        model = fm.mlp([8], classes=2, seed=0)
        model.fit(x, y, epochs=2, verbose=0)
        chosen = model.predict_classes(x)
        assert metrics.accuracy(y, chosen) == model.evaluate(x, y).accuracy
        assert metrics.confusion_matrix(y, chosen, classes=model.classes).sum() == 200
        assert metrics.confusion_matrix(y, model.predict(x), classes=model.classes).tolist() == (
            metrics.confusion_matrix(y, chosen, classes=model.classes).tolist()
        )


# ---------------------------------------------------------------- plots


@pytest.fixture
def plots():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    return fm.plots


def tick_texts(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_plots_name_the_labels(plots, labels):
    texts = [item.decode() if isinstance(item, bytes) else str(item) for item in labels.tolist()]
    ax = plots.confusion_matrix((labels[TRUE], labels[CHOSEN]))
    assert tick_texts(ax.xaxis) == texts
    assert "5 of 7 correct" in ax.get_title()
    ax = plots.class_errors(labels[TRUE], labels[CHOSEN])
    assert tick_texts(ax.yaxis) == texts
    assert "2 of 7 wrong" in ax.get_title()
    axes = plots.samples(np.zeros((7, 4)), labels[TRUE], labels[CHOSEN])
    assert axes.flat[1].get_title().replace("\n", " ").startswith(f"✗ {texts[1][:15]}")


def test_plots_take_their_order_from_names(plots):
    ax = plots.confusion_matrix((["cat", "owl"], ["cat", "cat"]), names=["owl", "dog", "cat"])
    assert tick_texts(ax.xaxis) == ["owl", "dog", "cat"]
    ax = plots.confusion_matrix(([3, 7, 7], [3, 7, 3]), names=np.array([3, 7]))
    assert tick_texts(ax.yaxis) == ["3", "7"]
    with pytest.raises(fm.ArgumentError, match=r"predictions\[0\] is 'bird', but the labels are 'cat'"):
        plots.class_errors(["cat"], ["bird"], names=["cat"])
    with pytest.raises(fm.ArgumentTypeError, match="labels holds texts, but predictions holds numbers"):
        plots.samples(np.zeros((1, 4)), ["cat"], [0])


@pytest.mark.parametrize("labels", [["down", "up"], [3, 7]])
def test_decision_boundaries_take_the_models_labels(plots, labels):
    x = np.random.default_rng(0).normal(size=(40, 2))
    numbers = (x[:, 0] > 0).astype(int)
    y, model = np.array(labels)[numbers], fm.mlp([4], classes=2, seed=0)
    model.fit(x, y, verbose=0)
    right = int((model.predict_classes(x) == y).sum())
    assert f"{right} of 40" in plots.decision_boundary(model, x, y, resolution=5).get_title()
    with pytest.raises(fm.FastMLPError, match=r"y.* is .*, but the model's classes are"):
        plots.decision_boundary(model, x, np.where(numbers, y, "left" if labels[0] == "down" else 5), resolution=5)
