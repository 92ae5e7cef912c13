"""Pictures of the runs of a sweep."""

import itertools
from types import SimpleNamespace

import numpy as np

from fastmlp import History, plots
from fastmlp.plots import _style

from ..shared.matplotlib import plt, to_rgba
from ..shared.pictures import NAN, line, said


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
