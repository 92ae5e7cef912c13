"""Pictures of functions: regions of classes, and regression."""

import numpy as np
import pytest

from fastmlp import plots
from fastmlp.plots import _style

from ..shared.matplotlib import to_rgba
from ..shared.pictures import PLANE, Function, two_classes


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
