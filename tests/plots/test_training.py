"""Pictures of training: histories, rates, norms of gradients."""

from types import SimpleNamespace

import numpy as np
import pytest

from fastmlp import History, plots

from ..shared.matplotlib import matplotlib  # noqa: F401  # without it these tests are skipped
from ..shared.pictures import EPOCHS, NAN, line, range_test, record, said


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
