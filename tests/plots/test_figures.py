"""All plots: they hold to the axes they are given, and leave everything else alone."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fastmlp import plots
from fastmlp._base.errors import ArgumentError, ArgumentTypeError, MissingExtraError

from ..shared.matplotlib import matplotlib, plt, to_rgba
from ..shared.pictures import IMAGES, NAN, PLANE, Function, Kernels, range_test, record, two_classes

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


@pytest.fixture(params=sorted(EVERY))
def draw(request):
    return EVERY[request.param]


def test_every_plot_is_here():
    assert sorted(EVERY) == sorted(plots.__all__)


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
