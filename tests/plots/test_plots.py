"""Plots hold the data they were given, on the axes they were given, and leave everything else alone."""

import itertools
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgba  # noqa: E402

from fastmlp import History, plots  # noqa: E402
from fastmlp._base.errors import ArgumentError, ArgumentTypeError, MissingExtraError  # noqa: E402
from fastmlp.plots import _style  # noqa: E402

NAN = math.nan
EPOCHS = {
    "loss": [1.0, 0.5, 0.4],
    "accuracy": [0.5, 0.7, 0.8],
    "val_loss": [1.1, 0.7, 0.8],
    "val_accuracy": [0.4, 0.6, 0.5],
}
IMAGES = np.arange(6 * 4, dtype=np.uint8).reshape(6, 4)
PLANE = np.array([[0.0, 0.0], [1.0, 1.0], [0.2, 0.9], [0.9, 0.1]])


class Function:
    """A model that is a function of its input."""

    def __init__(self, function, **attributes):
        self.predict = function
        self.__dict__.update(attributes)


class Kernels:
    """A model with kernels alone; its last layer has none."""

    def __init__(self, *kernels):
        self.layers = [*(SimpleNamespace(kernel=kernel) for kernel in kernels), SimpleNamespace()]


def two_classes(x):
    """Class 1 right of 0.5, the surer the farther."""
    one = 1 / (1 + np.exp(-20 * (np.asarray(x, float)[:, :1] - 0.5)))
    return np.hstack([1 - one, one])


def record(**changes):
    fields = {"history": EPOCHS, "epoch": [0, 1, 2], "batches": {"loss": [2.0, 1.0, 0.5], "accuracy": [0.1, 0.5, 1.0]}}
    return History(**fields | changes)


def range_test(**changes):
    fields = {"rates": [1e-3, 1e-2, 1e-1], "losses": [2.0, 1.0, 1.5], "smoothed": [2.0, 1.5, 1.4], "suggestion": 1e-2}
    return SimpleNamespace(**fields | changes)


ONE_PANEL = {
    "learning_rate": lambda **ax: plots.learning_rate(range_test(), **ax),
    "gradient_norms": lambda **ax: plots.gradient_norms({"first": [1.0, 0.1], "last": [2.0, 0.0]}, **ax),
    "confusion_matrix": lambda **ax: plots.confusion_matrix([[8, 2], [1, 9]], **ax),
    "class_errors": lambda **ax: plots.class_errors([0, 0, 1, 1], [0, 1, 1, 1], **ax),
    "decision_boundary": lambda **ax: plots.decision_boundary(Function(two_classes), PLANE, [0, 1, 1, 1], **ax),
    "regression": lambda **ax: plots.regression([0, 1, 2], [0, 2, 4], Function(lambda x: 2 * x), **ax),
}
PANELS = {
    "history": (4, lambda **axes: plots.history(record(), **axes)),
    "samples": (6, lambda **axes: plots.samples(IMAGES, [0, 1, 0, 1, 0, 1], [0] * 6, **axes)),
    "weights": (3, lambda **axes: plots.weights(Kernels(np.eye(4)[:, :3]), **axes)),
    "sweep": (2, lambda **axes: plots.sweep([{"name": "a", "val_accuracy": 0.5, "history": record()}], **axes)),
}
EVERY = ONE_PANEL | {name: draw for name, (_, draw) in PANELS.items()}


def test_every_plot_is_here():
    assert sorted(EVERY) == sorted(plots.__all__)


@pytest.fixture(params=sorted(EVERY))
def draw(request):
    return EVERY[request.param]


# ---------------------------------------------------------------- figures, settings, the extra


def test_a_plot_makes_one_figure_and_changes_no_setting(draw, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("shown"))
    settings, own = dict(matplotlib.rcParams), plt.figure()
    made = np.atleast_1d(np.asarray(draw(), dtype=object))
    assert all(isinstance(ax, plt.Axes) for ax in made.flat)
    (figure,) = {ax.figure for ax in made.flat}
    assert [plt.figure(number) for number in plt.get_fignums()] == [own, figure]
    figure.canvas.draw()  # warnings are errors
    assert dict(matplotlib.rcParams) == settings
    assert own.axes == []


@pytest.mark.parametrize("name", ONE_PANEL)
def test_a_plot_uses_the_axes_it_is_given(name):
    _, (left, right) = plt.subplots(1, 2)
    assert ONE_PANEL[name](ax=right) is right
    assert right.has_data()
    assert not left.has_data()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", ONE_PANEL)
def test_axes_of_a_subfigure_will_do(name):
    part = plt.figure(layout="constrained").subfigures(1, 2)[0]
    ax = part.subplots()
    assert ONE_PANEL[name](ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", PANELS)
def test_panels_are_those_that_are_given(name):
    count, draw = PANELS[name]
    figure, given = plt.subplots(1, count)
    returned = draw(axes=list(given))
    assert list(returned) == list(given)
    assert all(ax.has_data() for ax in given)
    assert figure.texts == []
    assert len(plt.get_fignums()) == 1


def test_dark_styles_apply(draw):
    with plt.style.context("dark_background"):
        ax = np.atleast_1d(np.asarray(draw(), dtype=object)).flat[0]
        assert to_rgba(ax.xaxis.label.get_color()) != to_rgba("black")
        assert to_rgba(ax.figure.get_facecolor()) == to_rgba("black")


def test_without_matplotlib_the_error_names_the_extra(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r'extra "plot".*pip install "fastmlp\[plot\]"'):
        draw()


@pytest.mark.parametrize("name", ONE_PANEL)
def test_what_is_no_axes_is_refused(name):
    _, several = plt.subplots(1, 2)
    with pytest.raises(ArgumentTypeError, match="ax must be a matplotlib Axes"):
        ONE_PANEL[name](ax=several)


@pytest.mark.parametrize("axes", [[], [1, 2, 3, 4]])
@pytest.mark.parametrize("name", PANELS)
def test_what_are_no_panels_is_refused(name, axes):
    with pytest.raises(ArgumentTypeError, match="axes must be matplotlib Axes"):
        PANELS[name][1](axes=axes)


BAD = {
    "history must be a fastmlp.History": lambda: plots.history({"loss": [1.0]}),
    "axes must be 4 matplotlib Axes, not 1": lambda: plots.history(record(), axes=plt.gca()),
    r"lacks \['smoothed', 'suggestion'\]": lambda: plots.learning_rate(SimpleNamespace(rates=[1], losses=[1])),
    "losses has 1 rows, but rates has 3": lambda: plots.learning_rate(range_test(losses=[1])),
    "curve.rates must be above 0": lambda: plots.learning_rate(range_test(rates=[0, 1, 2])),
    "curve.suggestion must be a finite number greater": lambda: plots.learning_rate(range_test(suggestion=0)),
    "norms must be a dict": lambda: plots.gradient_norms([1.0]),
    "must be at least 0, but holds -1": lambda: plots.gradient_norms({"a": [NAN, -1]}),
    r"norms\['a'\] must not be empty": lambda: plots.gradient_norms({"a": []}),
    r"matrix must have the shape \(classes, classes\), not \(2, 3\)": lambda: plots.confusion_matrix(np.ones((2, 3))),
    "matrix must hold counts of at least 0": lambda: plots.confusion_matrix([[1, -1], [0, 1]]),
    "normalize must be True or False": lambda: plots.confusion_matrix([[1]], normalize=1),
    "names must be 2, one for each class, not 1": lambda: plots.confusion_matrix([[1, 0], [0, 1]], names=["a"]),
    "names must be a list of texts, not 'ab'": lambda: plots.class_errors([0, 1], [0, 1], names="ab"),
    "predictions has 1 rows, but targets has 2": lambda: plots.class_errors([0, 1], [0]),
    r"targets\[1\] is -1": lambda: plots.class_errors([0.0, -1.0], [0, 0]),
    r"targets\[0\] is 0.5": lambda: plots.class_errors([0.5, 1], [0, 0]),
    r"targets\[0\] is 1e\+09": lambda: plots.class_errors([1e9, 1], [0, 0]),
    "NaN among its scores": lambda: plots.class_errors([0], [[NAN, 1.0]]),
    r"targets must have the shape \(rows,\) or \(rows, 1\)": lambda: plots.class_errors(np.ones((1, 2, 2)), [0]),
    "labels must not be empty": lambda: plots.samples(IMAGES, [], []),
    "x must have 2 dimensions": lambda: plots.samples([1, 2], [0, 0], [0, 0]),
    "x has 3 numbers in each row.*give image_shape": lambda: plots.samples(np.ones((1, 3)), [0], [0]),
    "image_shape must be .height, width. or": lambda: plots.samples(IMAGES, [0] * 6, [0] * 6, image_shape=[4]),
    "count must be at least 1": lambda: plots.samples(IMAGES, [0] * 6, [0] * 6, count=0),
    "layer must be less than 2": lambda: plots.weights(Kernels(np.eye(4)), 2),
    "layer 1 has no kernel": lambda: plots.weights(Kernels(np.eye(4)), 1),
    "the kernel of layer 0, transposed, has 12 numbers": lambda: plots.weights(Kernels(np.ones((12, 2)))),
    r"image_shape must be \(height, width\), not": lambda: plots.weights(
        Kernels(np.ones((12, 2))), image_shape=(2, 2, 3)
    ),
    r"x must have the shape \(rows, 2\)": lambda: plots.decision_boundary(None, np.ones((3, 3)), [0, 0, 0]),
    "y has 1 rows, but x has 4": lambda: plots.decision_boundary(None, PLANE, [0]),
    "y must hold classes below 2": lambda: plots.decision_boundary(Function(two_classes), PLANE, [0, 1, 2, 0]),
    "resolution must be at least 2": lambda: plots.decision_boundary(None, PLANE, [0] * 4, resolution=1),
    "margin must be a finite number at least 0": lambda: plots.decision_boundary(None, PLANE, [0] * 4, margin=-1),
    "x must be finite": lambda: plots.regression([0, NAN], [0, 1], None),
    r"x must have the shape \(rows,\) or \(rows, 1\)": lambda: plots.regression(PLANE, [0] * 4, None),
    "y must have the shape": lambda: plots.regression([0, 1, 2, 3], PLANE, None),
    "model must have one output": lambda: plots.regression([0, 1], [0, 1], Function(two_classes)),
    "table must be a list of runs": lambda: plots.sweep("runs"),
    "none of its 0 rows has a value": lambda: plots.sweep([]),
    "table must have a 'name' in each row": lambda: plots.sweep([{"val_accuracy": 1}]),
    "none of its 1 rows has a value": lambda: plots.sweep([{"name": "a"}]),
    "val_accuracy must be a number": lambda: plots.sweep([{"name": "a", "val_accuracy": "good"}]),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_refused_before_a_figure_is_made(message):
    before = plt.get_fignums()
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        BAD[message]()
    assert len(plt.get_fignums()) == len(before) + ("Axes, not 1" in message)


# ---------------------------------------------------------------- training


def line(ax, label):
    (found,) = [item for item in ax.lines if item.get_label() == label]
    return found


def said(ax):
    return " ".join(text.get_text() for text in ax.texts)


def twin(ax):
    (found,) = [other for other in ax.figure.axes if other is not ax and other.bbox.bounds == ax.bbox.bounds]
    return found


def test_history_draws_all_its_values():
    loss, batches, validation, accuracy = plots.history(record()).flat
    for ax, name in ((loss, "loss"), (accuracy, "accuracy")):
        for label, key in (("training", name), ("validation", f"val_{name}")):
            np.testing.assert_array_equal(line(ax, label).get_xydata(), np.c_[[1, 2, 3], EPOCHS[key]])
    np.testing.assert_array_equal(line(batches, "loss").get_xydata(), np.c_[[1, 2, 3], [2, 1, 0.5]])
    np.testing.assert_array_equal(line(twin(batches), "accuracy").get_ydata(), [0.1, 0.5, 1])
    np.testing.assert_array_equal(line(validation, "loss").get_ydata(), EPOCHS["val_loss"])
    np.testing.assert_array_equal(line(twin(validation), "accuracy").get_ydata(), EPOCHS["val_accuracy"])
    assert [ax.get_xlabel() for ax in (loss, batches, validation, accuracy)] == ["epoch", "batch", "epoch", "epoch"]
    assert [ax.get_ylabel() for ax in (batches, twin(batches))] == ["loss", "accuracy"]


def test_many_batches_have_a_moving_mean():
    values = np.arange(200.0)
    ax = plots.history(record(batches={"loss": values.tolist()})).flat[1]
    raw, mean = ax.lines
    np.testing.assert_array_equal(raw.get_ydata(), values)
    assert mean.get_label() == "loss, mean of 10 batches"
    np.testing.assert_allclose(mean.get_ydata()[100], values[95:105].mean())
    assert ax.get_title() == "Batches: loss (pale: each batch)"


def test_a_gap_in_the_batches_is_no_hole_in_their_mean():
    values = [1.0] * 50 + [NAN] + [1.0] * 50
    mean = plots.history(record(batches={"loss": values})).flat[1].lines[1]
    np.testing.assert_array_equal(mean.get_ydata(), np.ones(101))


def test_very_many_batches_are_drawn_as_means():
    values = np.tile([0.0, 1.0, 2.0], 20_000)
    ax = plots.history(record(batches={"loss": values})).flat[1]
    raw = ax.lines[0].get_xydata()
    assert (raw == np.c_[np.arange(3, 60_001, 3), np.ones(20_000)]).all()
    assert "pale: means of 3 batches" in ax.get_title()


def test_panels_say_what_is_missing():
    loss, batches, validation, accuracy = plots.history(History(history={"loss": [1.0]}, epoch=[0])).flat
    assert len(loss.lines) == 1
    assert said(batches) == "no batches were recorded"
    assert said(validation) == "no validation was recorded"
    assert said(accuracy) == "no accuracy of epochs was recorded"
    assert all(said(ax) for ax in plots.history(History()).flat)


def test_one_of_a_pair_has_no_second_scale():
    axes = plots.history(record(history={"val_accuracy": [0.5, 0.6, 0.7]}, batches={}))
    assert axes.flat[2].get_ylabel() == "accuracy"
    assert axes.flat[2].get_title() == "Validation: accuracy"
    assert len(axes.flat[0].figure.axes) == 4


def test_a_history_of_one_epoch_shows_both_its_points():
    axes = plots.history(History(history={name: values[:1] for name, values in EPOCHS.items()}, epoch=[0]))
    axes.flat[0].figure.canvas.draw()
    for ax in (axes.flat[0], axes.flat[2], axes.flat[3]):
        assert [tick for tick in ax.get_xticks() if 0.5 <= tick <= 1.5] == [1]
    below, above = axes.flat[2], twin(axes.flat[2])
    heights = [ax.transData.transform((1, ax.lines[0].get_ydata()[0]))[1] for ax in (below, above)]
    assert heights[1] - heights[0] > 20  # pixels


def test_points_between_nan_are_marked_even_in_long_histories():
    values = [NAN, 1.0, NAN, 1.0, 1.0] * 20
    axes = plots.history(History(history={"loss": values, "val_loss": [NAN] * 100}, epoch=list(range(100))))
    (only,) = axes.flat[0].lines
    assert only.get_markevery() == [1 + 5 * place for place in range(20)]
    assert said(axes.flat[2]) == "no validation was recorded"


def test_a_resumed_or_unfinished_history_keeps_its_epochs():
    history = record(epoch=[5, 6, 7], partial=True)
    ax = plots.history(history).flat[0]
    assert line(ax, "training").get_xdata().tolist() == [6, 7, 8]
    assert ax.get_xlabel() == "epoch (the last one is not complete)"


def test_validation_between_epochs_is_drawn_where_it_was():
    often = {"epoch": [0, 0, 1], "batch": [2, 4, 2], "val_loss": [3.0, 2.0, 1.0]}
    history = SimpleNamespace(history=EPOCHS, epoch=[0, 1], batches={"loss": [1.0] * 8}, validations=often)
    axes = plots.history(history)
    np.testing.assert_array_equal(line(axes.flat[0], "validation").get_xydata(), [[0.5, 3], [1, 2], [1.5, 1]])
    np.testing.assert_array_equal(line(axes.flat[2], "loss").get_xdata(), [0.5, 1, 1.5])
    assert line(axes.flat[3], "validation").get_ydata().tolist() == EPOCHS["val_accuracy"]  # of epochs alone
    history.validations = {"val_loss": [3.0, 2.0]}  # without their places
    assert line(plots.history(history).flat[0], "validation").get_ydata().tolist() == EPOCHS["val_loss"]


def test_range_test_marks_its_suggestion():
    ax = plots.learning_rate(range_test())
    raw, smoothed, _, mark = ax.lines
    assert ax.get_xscale() == "log"
    np.testing.assert_array_equal(raw.get_xydata(), np.c_[[1e-3, 1e-2, 1e-1], [2, 1, 1.5]])
    np.testing.assert_array_equal(smoothed.get_ydata(), [2, 1.5, 1.4])
    np.testing.assert_allclose(mark.get_xydata(), [[1e-2, 1.5]])
    assert mark.get_label() == "suggestion: 0.01"


@pytest.mark.parametrize("none", [None, NAN])
def test_range_test_without_a_suggestion_says_so(none):
    labels = plots.learning_rate(range_test(suggestion=none)).get_legend_handles_labels()[1]
    assert labels == ["loss", "smoothed", "no suggestion"]


def test_range_test_is_not_flattened_by_its_diverging_end():
    ax = plots.learning_rate(range_test(losses=[2, 1, 1e6], smoothed=[2, 1.5, 5e5]))
    assert 2 < ax.get_ylim()[1] < 3
    assert plots.learning_rate(range_test()).get_ylim()[0] < 1
    assert said(plots.learning_rate(range_test(losses=[NAN] * 3, smoothed=[NAN] * 3))) == "no loss is finite"


def test_gradient_norms_are_on_a_log_scale():
    ax = plots.gradient_norms({"first": [1.0, 0.1], "last": [2.0, 0.0], "dead": [0.0, 0.0]})
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 1], [2, 0.1]])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [2, NAN])
    assert [item.get_label() for item in ax.lines] == ["first", "last (0 in 1 of 2 steps)", "dead (all 0)"]


def test_gradient_norms_that_are_all_0_are_said():
    ax = plots.gradient_norms({"dead": [0.0, 0.0]})
    assert said(ax) == "no norm is above 0"


def test_many_layers_have_a_legend_of_some_beside_the_panel():
    ax = plots.gradient_norms({f"layer {place}": [1.0, 2.0] for place in range(60)})
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "18 of 60"
    assert [text.get_text() for text in legend.get_texts()][::17] == ["layer 0", "layer 59"]
    ax.figure.canvas.draw()
    assert legend.get_window_extent().x0 >= ax.get_window_extent().x1


# ---------------------------------------------------------------- classes


def cells(ax):
    return {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in ax.texts}


def test_confusions_are_counted():
    ax = plots.confusion_matrix(
        ([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]), names=["cat", "dog", "a bird of great length and beauty"]
    )
    expected = [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert cells(ax) == {(i, j): str(expected[i][j]) for i in range(3) for j in range(3)}
    correct, errors = (image.get_array() for image in ax.images)
    np.testing.assert_array_equal(correct.filled(0), np.diag([1, 1, 2]))
    np.testing.assert_array_equal(errors.filled(0), [[0, 1, 0], [0, 0, 0], [1, 0, 0]])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog", "a bird of great length…"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title() == "Confusion matrix\n4 of 6 correct (66.67 %)"


def test_scores_and_one_hot_rows_are_class_numbers():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    ref = plots.confusion_matrix(([0, 1, 1], [0, 1, 0]))
    for targets, predictions in [(np.eye(2)[[0, 1, 1]], scores), ([[0], [1], [1]], [[0.3], [0.5], [0.4]])]:
        assert cells(plots.confusion_matrix((targets, predictions))) == cells(ref)


def test_a_matrix_is_no_pair_and_its_numbers_are_kept():
    assert cells(plots.confusion_matrix([[1200, 0], [0.25, 3]])) == {
        (0, 0): "1,200",
        (0, 1): "0",
        (1, 0): "0.25",
        (1, 1): "3",
    }


def test_percentages_are_of_the_true_class_and_never_rounded_to_all_or_none():
    ax = plots.confusion_matrix([[3, 1, 0], [0, 0, 0], [1, 0, 99_999]], normalize=True)
    assert cells(ax) == {
        (0, 0): "75.0", (0, 1): "25.0", (0, 2): "0",
        (1, 0): "", (1, 1): "", (1, 2): "",
        (2, 0): "<0.1", (2, 1): "0", (2, 2): ">99.9",
    }  # fmt: skip
    assert "over 99.99 %" in plots.confusion_matrix([[99_999, 1], [0, 0]]).get_title()
    assert ax.get_xlabel() == "predicted class (in % of the true class)"


def test_numbers_can_be_read_on_their_cells():
    for text in (ax := plots.confusion_matrix([[1000, 50], [1, 10]])).texts:
        column, row = (int(place) for place in text.get_position())
        image = ax.images[row != column]
        background = np.array(image.cmap(image.norm(image.get_array()[row, column]))[:3])
        luminance = [
            float(np.dot(color, (0.299, 0.587, 0.114))) for color in (to_rgba(text.get_color())[:3], background)
        ]
        assert abs(luminance[0] - luminance[1]) > 0.4


def test_one_error_in_a_thousand_is_pale():
    ax = plots.confusion_matrix([[1000, 1], [0, 999]])
    assert ax.images[1].norm(1) < 0.1


def test_very_many_classes_have_a_colour_bar_and_some_names():
    ax = plots.confusion_matrix(np.eye(150, dtype=int) + 1, names=[f"class number {i}" for i in range(150)])
    assert not ax.texts
    assert len(ax.figure.axes) == 2
    assert len(ax.get_yticks()) < 100
    assert all(label.get_fontsize() >= 5 for label in ax.get_yticklabels())


def test_class_errors_are_rates_with_counts():
    targets, predictions = [0, 0, 0, 0, 1, 1, 3], [0, 1, 1, 3, 1, 0, 3]
    ax = plots.class_errors(targets, predictions, names=["a", "b", "c", "d"])
    assert [bar.get_width() for bar in ax.patches] == [0.75, 0.5, 0, 0]
    assert [text.get_text() for text in ax.texts] == ["3 of 4, mostly as b", "1 of 2, as a", "no samples", "0 of 1"]
    assert ax.lines[0].get_xdata()[0] == 4 / 7
    assert ax.get_title() == "4 of 7 wrong (57.14 %)\nmost frequent confusion: a taken for b (2 times)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first class on top
    assert max(ax.get_xticks()) <= 1


def test_no_class_errors():
    ax = plots.class_errors([0, 1], [0, 1])
    assert ax.get_title() == "none of 2 wrong"
    assert ax.get_xlim()[1] > 0


# ---------------------------------------------------------------- images


def test_samples_have_marks_and_names():
    axes = plots.samples(IMAGES, [0, 1, 0, 1, 0, 1], [0, 1, 1, 1, 0, 1], names=["cat", "a dog of some size"])
    assert axes.shape == (2, 3)
    titles = [ax.get_title() for ax in axes.flat]
    assert titles[0] == "✓ cat (cat)"
    assert titles[2] == "✗ a dog of some s…\n(cat)"
    colors = {title[0]: to_rgba(ax.title.get_color()) for ax, title in zip(axes.flat, titles, strict=True)}
    assert colors == {"✓": to_rgba(_style.GREEN), "✗": to_rgba(_style.RED)}
    for ax, row in zip(axes.flat, IMAGES, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), row.reshape(2, 2))
        assert ax.images[0].get_clim() == (0, 23)
    assert axes.flat[0].figure.texts[0].get_text() == "6 of 6 samples: predicted (true)"


def test_marks_are_in_every_font():
    with plt.rc_context({"font.family": ["STIXGeneral"]}):
        axes = plots.samples(IMAGES[:2], [0, 1], [0, 0])
        axes.flat[0].figure.canvas.draw()  # a glyph that is missing would be a warning


def test_only_wrong_samples():
    axes = plots.samples(IMAGES, [0, 1, 0, 1, 0, 1], [1, 1, 1, 1, 1, 1], only_wrong=True)
    shown = [ax.images[0].get_array().ravel().tolist() for ax in axes.flat if ax.images]
    assert shown == IMAGES[::2].tolist()
    assert axes.flat[0].figure.texts[0].get_text() == "3 of 3 wrong predictions, of 6: predicted (true)"
    assert not axes.flat[3].axison  # the fourth of 2 x 2 has no image
    (none,) = plots.samples(IMAGES, [0] * 6, [0] * 6, only_wrong=True).flat
    assert said(none) == "none of 6 predictions is wrong"


def test_samples_are_chosen_by_the_seed():
    x, y = np.arange(100).reshape(100, 1), np.zeros(100, int)

    def chosen(**options):
        return [ax.images[0].get_array().item() for ax in plots.samples(x, y, y, count=5, **options).flat if ax.images]

    assert chosen() == chosen(seed=0) == sorted(set(chosen()))
    assert len(chosen()) == 5
    assert chosen() != chosen(seed=1)


@pytest.mark.parametrize("scale", [1, 255, -3.0])
def test_images_with_colours(scale):
    x = np.random.default_rng(0).random((2, 3, 2, 3)) * scale
    x = x.astype(np.uint8) if scale == 255 else x
    for given, shape in ((x, None), (x.reshape(2, -1), (3, 2, 3))):
        shown = plots.samples(given, [0, 1], [0, 1], image_shape=shape).flat[0].images[0].get_array()
        assert shown.shape == (3, 2, 3)
        expected = (x[0] - x.min()) / (x.max() - x.min()) if scale < 0 else x[0]
        np.testing.assert_allclose(shown, expected)


def test_images_of_one_channel_are_grey():
    assert plots.samples(np.ones((1, 3, 2, 1)), [0], [0]).flat[0].images[0].get_array().shape == (3, 2)


def test_weights_are_columns_on_one_symmetric_scale():
    kernel = np.arange(-4.0, 14).reshape(6, 3)
    axes = plots.weights(Kernels(np.eye(4), kernel), 1, image_shape=(2, 3))
    assert axes.shape == (2, 2)
    for unit, ax in enumerate(axes.flat[:3]):
        np.testing.assert_array_equal(ax.images[0].get_array(), kernel[:, unit].reshape(2, 3))
        assert ax.images[0].get_clim() == (-13, 13)
        assert ax.get_title() == f"unit {unit}"
    assert not axes.flat[3].axison
    assert axes.flat[0].figure.texts[0].get_text() == "Kernel of layer 1: 3 of 3 units"
    assert plots.weights(Kernels(np.zeros((4, 9))), count=2).shape == (1, 2)


# ---------------------------------------------------------------- functions


def test_regions_have_the_colour_of_their_class_and_are_paler_where_unsure():
    ax = plots.decision_boundary(Function(two_classes), PLANE, [0, 1, 0, 0], resolution=21, margin=0.1)
    image = ax.images[0].get_array()
    assert image.shape == (21, 21, 3)
    left, middle, right = image[0, 0], image[0, 10], image[0, 20]
    for shown, color in ((left, _style.BLUE), (right, _style.ORANGE)):
        np.testing.assert_allclose(shown, 1 - 0.45 * (1 - np.array(to_rgba(color)[:3])), atol=1e-3)
    assert middle.min() > 0.94
    np.testing.assert_allclose([*ax.get_xlim(), *ax.get_ylim()], [-0.1, 1.1, -0.1, 1.1])
    half = 1.2 / 20 / 2  # pixels' middles are on the limits
    np.testing.assert_allclose(ax.images[0].get_extent(), [-0.1 - half, 1.1 + half] * 2)
    assert ax.get_title() == "Decision regions: 3 of 4 samples correct"


def test_samples_are_on_top_and_wrong_ones_crossed():
    ax = plots.decision_boundary(Function(two_classes), PLANE, [0, 1, 0, 0], resolution=5)
    points = {item.get_label(): item.get_offsets().tolist() for item in ax.collections if item.get_label()[0] != "_"}
    assert points == {
        "class 0": PLANE[[0, 2, 3]].tolist(),
        "class 1": PLANE[[1]].tolist(),
        "wrong": PLANE[[3]].tolist(),
    }


def test_outputs_may_be_probabilities_or_logits_of_one_or_more_classes():
    def logits(x):
        return np.log(two_classes(x)) + 7

    def one(x):
        return two_classes(x)[:, 1]

    def one_logit(x):
        return logits(x)[:, 1:] - logits(x)[:, :1]

    y = [0, 1, 0, 1]
    ref = plots.decision_boundary(Function(two_classes), PLANE, y, resolution=9).images[0].get_array()
    for function in (logits, one, one_logit):
        comp = plots.decision_boundary(Function(function), PLANE, y, resolution=9).images[0].get_array()
        np.testing.assert_allclose(comp, ref, atol=1e-12)


def test_places_between_pixels_are_scaled_as_the_model_scales_pixels():
    def function(x):
        scaled = x / 255 if x.dtype == np.uint8 else x
        assert scaled.max() <= 1.2
        return two_classes(scaled)

    model = Function(function, uint8_scale=1 / 255)
    ax = plots.decision_boundary(model, (PLANE * 255).astype(np.uint8), [0, 1, 0, 1], resolution=8)
    ref = plots.decision_boundary(Function(two_classes), PLANE, [0, 1, 0, 1], resolution=8)
    np.testing.assert_allclose(ax.images[0].get_array(), ref.images[0].get_array(), atol=1e-12)
    assert ax.get_xlim() == pytest.approx((-25.5, 280.5))
    curve = plots.regression(
        np.uint8([0, 255]), [0, 1], Function(lambda x: x / 255 if x.dtype == np.uint8 else x, uint8_scale=1 / 255)
    )
    np.testing.assert_allclose(curve.lines[0].get_ydata(), curve.lines[0].get_xdata() / 255)


def test_a_constant_feature_has_room():
    ax = plots.decision_boundary(Function(two_classes), [[1, 2], [1, 2]], [1, 1], resolution=5)
    assert (*ax.get_xlim(), *ax.get_ylim()) == (0.5, 1.5, 1.5, 2.5)


def test_of_very_many_samples_some_are_shown_and_all_are_counted():
    x = np.random.default_rng(0).random((6000, 2))
    ax = plots.decision_boundary(Function(two_classes), x, (x[:, 0] > 0.5).astype(int), resolution=5)
    assert ax.get_title() == "Decision regions: 6,000 of 6,000 samples correct (5,000 are shown)"
    assert sum(len(item.get_offsets()) for item in ax.collections if item.get_label().startswith("class")) == 5000


def test_regression_shows_samples_and_the_curve():
    x, y = [0.0, 1, 2, 3], [0.0, 2, 4, 7]
    for given in (x, np.array(x)[:, None]):
        ax = plots.regression(given, y, Function(lambda x: 2 * x))
        np.testing.assert_array_equal(ax.collections[0].get_offsets(), np.c_[x, y])
        curve = ax.lines[0]
        np.testing.assert_allclose(curve.get_ydata(), 2 * curve.get_xdata())
        np.testing.assert_allclose(curve.get_xdata()[[0, -1]], [-0.06, 3.06])
        assert ax.get_title() == "Regression: mean squared error 0.25"


# ---------------------------------------------------------------- runs


def bars(ax):
    names = [label.get_text() for label in ax.get_yticklabels()]
    return {name: (bar.get_x(), bar.get_x() + bar.get_width()) for name, bar in zip(names, ax.patches, strict=True)}


def test_runs_are_sorted_and_the_best_is_named():
    table = [
        {"name": "poor", "acc": 0.2},
        {"name": "none", "acc": None},
        {"name": "nan", "acc": NAN},
        {"name": "good", "acc": 0.9},
    ]
    (ax,) = plots.sweep(table, "acc")
    assert bars(ax) == {"good": (0, 0.9), "poor": (0, 0.2), "none": (0, 0), "nan": (0, 0)}
    assert [text.get_text() for text in ax.texts] == ["0.9000", "0.2000", "no value", "no value"]
    assert ax.get_title() == "Best acc: 0.9000 (good)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_runs_of_a_grid_are_told_apart():
    same = "layers=64-64-64,epochs=50,optimizer=adam,loss=categorical_crossentropy"
    names = [f"{same},learning_rate={rate}" for rate in (0.1, 0.01)]
    (ax,) = plots.sweep([{"name": name, "acc": 0.5 + n / 10} for n, name in enumerate(names)], "acc")
    assert list(bars(ax)) == ["learning_rate=0.01", "learning_rate=0.1"]
    (ax,) = plots.sweep([{"name": same + end, "acc": 0.5} for end in "ab"], "acc")
    assert list(bars(ax)) == ["loss=categorical_crossentropya", "loss=categorical_crossentropyb"]


def test_less_is_better_for_losses():
    rows = [SimpleNamespace(name="a", val_loss=2.0), SimpleNamespace(name="b", val_loss=0.5)]
    (ax,) = plots.sweep(rows, "val_loss")
    assert list(bars(ax)) == ["b", "a"]


def test_bars_that_would_look_alike_start_elsewhere_and_say_so():
    (ax,) = plots.sweep([{"name": "a", "acc": 0.951}, {"name": "b", "acc": 0.957}], "acc")
    assert ax.get_xlabel() == "acc (the axis starts at 0.948)"
    np.testing.assert_allclose(ax.get_xlim()[0], 0.948)
    np.testing.assert_allclose(bars(ax)["b"], (0.948, 0.957))
    (ax,) = plots.sweep([{"name": "a", "r2": -0.5}, {"name": "b", "r2": 0.5}], "r2")
    assert bars(ax) == {"b": (0, 0.5), "a": (0, -0.5)}
    assert ax.get_xlim()[0] < -0.5


def test_histories_of_runs_are_curves():
    table = [
        {"name": "a", "history": History(history={"val_accuracy": [0.1, 0.2]}, epoch=[3, 4])},
        {"name": "b", "val_accuracy": 0.9, "history": {"val_accuracy": [0.3, 0.8, 0.7]}},
        {"name": "c", "val_accuracy": 0.5},
    ]
    left, right = plots.sweep(table)
    assert bars(left) == {"b": (0, 0.9), "c": (0, 0.5), "a": (0, 0.2)}  # of a: the last value
    np.testing.assert_array_equal(line(right, "a").get_xydata(), [[4, 0.1], [5, 0.2]])
    np.testing.assert_array_equal(line(right, "b").get_xydata(), [[1, 0.3], [2, 0.8], [3, 0.7]])
    assert to_rgba(line(right, "b").get_color()) == left.patches[0].get_facecolor()
    _, given = plt.subplots(1, 2)
    assert (
        said(plots.sweep([{"name": "c", "val_accuracy": 0.5}], axes=given)[1]) == "no history of val_accuracy was given"
    )


def test_of_fifty_runs_the_best_stands_out():
    table = [{"name": f"run {i}", "history": {"val_accuracy": [0.1, i / 50]}} for i in range(50)]
    left, right = plots.sweep(table)
    colors = [bar.get_facecolor() for bar in left.patches]
    assert colors == [to_rgba(_style.BLUE)] + [to_rgba(_style.PALE)] * 49
    assert right.get_legend_handles_labels()[1] == ["best: run 49"]
    left.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in left.get_yticklabels()]
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))


def test_names_are_no_formulas_and_not_too_long():
    (ax,) = plots.sweep([{"name": "cost $1 and $2", "val_accuracy": 1.0}, {"name": "x" * 99, "val_accuracy": 0.1}])
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert shown == [r"cost \$1 and \$2", "x" * 23 + "…" + "x" * 12]
