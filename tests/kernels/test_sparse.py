"""Zeros of the input are skipped, in every form of it, with the bits of the dense products."""

import contextlib

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, kernels, reference
from fastmlp._base import tables

from .. import cases
from ..cases import form_of
from ..shared.processes import needs_jit

DENSITIES = (0.0, 0.02, 0.2, 0.6, 1.0)
SHAPES = {  # batch, rows, widths: panels of all kinds, rows and columns that fill none, one piece or several
    "wide": (13, 40, 300, 67, 7),
    "narrow": (150, 170, 20, 3),
    "even": (64, 128, 256, 128, 10),
    "one unit": (5, 9, 1, 1, 2),
    "many units": (40, 70, 200, 300, 3),
}
KINDS = {"floats": {}, "pixels": {"pixels": True}, "sparse rows": {"sparse": True}}
NAMES = [p.name for p in kernels.train_batches.parameters]


def training(shape, dtype, density=0.2, kind="floats", **options):
    rng = np.random.default_rng(1)
    return cases.train_batches(rng, np.dtype(dtype), *shape, density=density, **KINDS[kind], **options)


def results(args, n_threads=1, name="train_batches"):
    """What a kernel writes, besides scratch space."""
    kernel = form_of(name, args)
    kernel.run(args[0].dtype, n_threads, *args)
    scratch = ("workspace", "sums", "row_losses", "row_correct", "gradients", "timers")
    named = zip(kernel.parameters, args, strict=True)
    return {p.name: array.tobytes() for p, array in named if p.is_output and p.name not in scratch}


def dense_kind(kind):
    return "pixels" if kind == "pixels" else "floats"


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", ["narrow", *(pytest.param(s, marks=needs_jit) for s in SHAPES if s != "narrow")])
def test_training_has_the_bits_of_the_dense_products(shape, kind, density, dtype):
    dense = results(training(SHAPES[shape], dtype, density, dense_kind(kind)))
    args = training(SHAPES[shape], dtype, density, kind, skips=True)
    assert form_of("train_batches", args) is kernels.train_batches_sparse
    assert results(args) == dense


OPTIONS = {
    "momentum": {"optimizer": fm.SGD(0.1, momentum=0.9)},
    "clipped": {"optimizer": fm.Adam(global_clipnorm=0.1)},
    "accumulated": {"optimizer": fm.Adam(gradient_accumulation_steps=2)},
    "averaged": {"optimizer": fm.Adam(ema_momentum=0.9)},
    "in rounds": {"most_blocks": 1},
    "weighted": {"weighted": True},
    "no bias": {"use_bias": False},
    "penalties": {"layers": [fm.Dense(9, "relu", kernel_regularizer=fm.regularizers.l2(0.1)), fm.Dense(3, "softmax")]},
    "limited": {"layers": [fm.Dense(70, "tanh", max_norm=0.5), fm.Dense(3, "softmax")]},
    "normalised": {"layers": [fm.Dense(9), fm.BatchNormalization(), fm.Dense(3, "softmax")]},
    "fixed": {"layers": [fm.Dense(9, "relu", trainable=False), fm.Dense(3, "softmax")]},
    "alone": {"layers": [fm.Dense(3, "softmax")]},
}


@needs_jit
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_all_ways_of_training_have_the_bits_of_the_dense_products(option, kind, dtype):
    shape, options = (70, 150, 150, 40, 3), OPTIONS[option]
    dense = results(training(shape, dtype, 0.2, dense_kind(kind), **options))
    assert results(training(shape, dtype, 0.2, kind, skips=True, **options)) == dense


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", [fm.Normalization, lambda: fm.Dropout(0.3), lambda: fm.Residual([fm.Dense(20)])])
def test_sparse_rows_become_dense_blocks_where_the_first_layer_is_another(layer, kind, dtype):
    options = {"layers": [layer(), fm.Dense(3, "softmax")]}
    args = training((13, 40, 20), dtype, 0.2, kind, **options)
    assert results(args) == results(training((13, 40, 20), dtype, 0.2, dense_kind(kind), **options))


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["evaluate_batches", "predict_batches"])
def test_forward_passes_have_the_bits_of_the_dense_products(name, kind, density, dtype):
    def arguments(kind, **options):
        rng = np.random.default_rng(1)
        return cases.CASES[name].build(rng, dtype, 70, 300, 67, 7, density=density, **KINDS[kind], **options)

    args = arguments(kind, skips=True)
    assert form_of(name, args) is getattr(kernels, f"{name}_sparse")
    assert results(args, name=name) == results(arguments(dense_kind(kind)), name=name)


@pytest.mark.parametrize("name", ["train_batches", "evaluate_batches", "predict_batches"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_agree_with_their_twins(name, kind, dtype):
    shape = (13, 40, 50, 9, 3) if name == "train_batches" else (40, 50, 9, 3)
    one, other = (
        cases.CASES[name].build(np.random.default_rng(2), dtype, *shape, density=0.2, skips=True, **KINDS[kind])
        for _ in range(2)
    )
    form_of(name, one)(*one)
    getattr(reference, name)(*other)
    for parameter, a, b in zip(getattr(kernels, name).parameters, one, other, strict=True):
        if parameter.name in ("parameters", "state", "losses", "outputs"):
            np.testing.assert_allclose(a, b, atol=1e-5 if dtype == np.float32 else 1e-12)


@needs_jit
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(150, 170, 300, 300, 3), (150, 170, 700, 20, 3)], ids=str)
def test_any_number_of_threads_gives_the_same_bits(shape, kind, dtype):
    runs = [results(training(shape, dtype, 0.1, kind, skips=True, n_threads=2), threads) for threads in (1, 2)]
    assert runs[0] == runs[1]


def test_numbers_that_count_as_zero_are_skipped_alike(dtype):
    x = np.array([[0.0, -0.0, 1e-310, 2.0], [1.0, 0.0, 0.0, -0.0]] * 20)
    found = []
    for skips in (False, True):
        args = training((10, 40, 4, 5, 2), dtype, None, skips=skips)
        args[NAMES.index("x")] = x.astype(dtype)
        found.append(results(args))
    assert found[0] == found[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_have_outputs_that_are_nan(bad, dtype):
    args = cases.predict_batches(np.random.default_rng(1), dtype, 70, 30, 5, 3, density=0.2, sparse=True, skips=True)
    starts, values = (args[[p.name for p in kernels.predict_batches.parameters].index(n)] for n in ("starts", "values"))
    values[starts[11]] = bad
    kernels.predict_batches_sparse(*args)
    assert np.isnan(args[0]).all(axis=1).nonzero()[0].tolist() == [11]


@pytest.mark.parametrize("name", ["sparse_forward", "sparse_backward_weights"])
def test_kernels_for_sparse_rows_have_the_bits_of_those_for_dense_ones(name, dtype):
    args = cases.CASES[name].build(np.random.default_rng(0), dtype, 61, 33, 17)
    getattr(kernels, name)(*args)
    x = fm._base.sparse.SparseRows(*args[1:4], 33).dense()
    dense, bias = np.empty_like(args[0]), np.empty(17, dtype)
    if name == "sparse_forward":
        kernels.dense_forward(dense, x, *args[4:])
    else:
        kernels.dense_backward_parameters(dense, bias, x, args[4])
    assert dense.tobytes() == args[0].tobytes()


# ---------------------------------------------------------------- what is refused


def with_changes(args, **changes):
    args = list(args)
    for name, value in changes.items():
        args[NAMES.index(name)] = value
    return args


ROWS = {  # 2 rows of 4 columns
    "fine": ([0, 1, 3], [2, 0, 3], None),
    "a part": ([1, 1, 3], [2, 0, 3], None),
    "falling starts": ([0, 3, 1], [2, 0, 3], "starts must rise"),
    "too many": ([0, 1, 4], [2, 0, 3], "starts must rise"),
    "below 0": ([-1, 1, 3], [2, 0, 3], "starts must rise"),
    "falling columns": ([0, 1, 3], [2, 3, 0], "columns must rise"),
    "equal columns": ([0, 1, 3], [2, 3, 3], "columns must rise"),
    "a column too large": ([0, 1, 3], [2, 0, 4], "columns must be from 0 to 3"),
    "a column below 0": ([0, 1, 3], [2, -1, 3], "columns must be from 0 to 3"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_sparse_rows_are_checked(kind):
    starts, columns, message = ROWS[kind]
    values = np.ones(len(columns))
    refusal = pytest.raises(ArgumentError, match=message) if message else contextlib.nullcontext()
    with refusal:
        kernels.sparse_forward(np.empty((2, 1)), starts, columns, values, np.ones((4, 1)), np.zeros(1))
    args = training((2, 2, 4, 3), "float64", 0.5, "sparse rows", skips=True)
    with refusal:
        kernels.train_batches_sparse(*with_changes(args, starts=starts, columns=columns, values=values))


def test_kernels_for_dense_rows_refuse_sparse_ones_and_their_plans():
    args = training((2, 6, 4, 3), "float64", 0.5, "sparse rows")
    with pytest.raises(ArgumentError, match="only the sparse forms"):
        kernels.train_batches(*args)
    with pytest.raises(ArgumentError, match="only the sparse forms"):
        kernels.train_batches_full(*training((2, 6, 4, 3), "float64", 0.5, skips=True))


@pytest.mark.parametrize("field", [f for f in tables.Plan._fields if f.startswith(("pair_", "sorted_"))])
@pytest.mark.parametrize("change", [1, 1 << 40])
def test_places_of_pairs_outside_of_the_block_are_refused(field, change):
    args = training((30, 40, 60, 300, 3), "float64", 0.5, skips=True)
    plan = args[NAMES.index("plan")].view(tables.PLAN)[0]
    plan[field] += change if change > 1 else plan.block_size - plan[field] - 1
    with pytest.raises(ArgumentError, match=r"room for its pairs|sparse forms|at most|must"):
        kernels.train_batches_sparse(*args)


def test_room_for_fewer_pairs_than_a_row_may_have_is_refused():
    args = training((30, 40, 60, 3), "float64", 0.5, skips=True)
    args[NAMES.index("plan")].view(tables.PLAN)[0].most_pairs -= 1
    with pytest.raises(ArgumentError, match="most_pairs must be 1800"):
        kernels.train_batches_sparse(*args)
