"""Pictures of classes: confusions and errors."""

import numpy as np
import pytest

from fastmlp import ArgumentError, plots

from ..shared.matplotlib import to_rgba


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


def test_labels_that_are_no_tuple_are_refused_with_the_remedy():
    labels = np.array(["cat", "dog", "dog"])
    with pytest.raises(ArgumentError, match=r"as a tuple: confusion_matrix\(\(targets, predictions\)\)"):
        plots.confusion_matrix(labels, labels)
    ax = plots.confusion_matrix((labels, labels))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
