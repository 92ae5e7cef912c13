"""Zeros of the input are skipped, in every form of it, with the bits of the dense products."""

import numpy as np
import pytest

from fastmlp import kernels

from .. import cases
from ..cases import form_of

DENSITIES = (0.0, 0.02, 0.2, 0.6, 1.0)
SHAPES = {  # batch, rows, widths: panels of all kinds, rows and columns that fill none, one piece or several
    "wide": (13, 40, 300, 67, 7),
    "narrow": (150, 170, 20, 3),
    "even": (64, 128, 256, 128, 10),
    "one unit": (5, 9, 1, 1, 2),
    "many units": (40, 70, 200, 300, 3),
}
KINDS = {"floats": {}, "pixels": {"pixels": True}, "sparse rows": {"sparse": True}}


def arguments(shape, dtype, density, kind, **options):
    return cases.train_batches(
        np.random.default_rng(1), np.dtype(dtype), *shape, density=density, **KINDS[kind], **options
    )


def trained(args, n_threads=1):
    kernel = form_of("train_batches", args)
    kernel.run(args[0].dtype, n_threads, *args)
    return [array.tobytes() for array in (args[0], args[1], args[6], args[7])]


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_training_has_the_bits_of_the_dense_products(shape, kind, density, dtype):
    dense = trained(arguments(SHAPES[shape], dtype, density, "pixels" if kind == "pixels" else "floats"))
    args = arguments(SHAPES[shape], dtype, density, kind, skips=True)
    assert form_of("train_batches", args) is kernels.train_batches_sparse
    assert trained(args) == dense
