"""The data set "mnist", as Keras spells it."""

from typing import Any

from ._images import Images, image_pairs

__all__ = ["load_data"]


def load_data(path: Any = None) -> tuple[Images, Images]:
    """Read ``(x_train, y_train), (x_test, y_test)`` from files: uint8 images of 28 x 28, and uint8 class numbers.

    It downloads nothing: see `fastmlp.datasets.load` for the folders that it searches, such as FASTMLP_DATA, and
    `fastmlp.datasets.download`.

    Parameters
    ----------
    path : path-like, optional
        A file or folder in place of those. The name "mnist.npz", which Keras's scripts write, means none.
    """
    return image_pairs("mnist", path)
