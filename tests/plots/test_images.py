"""Pictures of samples and of weights."""

import numpy as np
import pytest

from fastmlp import plots
from fastmlp.plots import _style

from ..shared.matplotlib import plt, to_rgba
from ..shared.pictures import IMAGES, Kernels, said


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
