"""Every kernel against its twin: names, signatures, values, the same bits at any number of threads."""

import copy
import inspect

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError, kernels, reference
from fastmlp._base import tables
from fastmlp._engine import program
from fastmlp.layers import Dense
from fastmlp.optimizers import SGD

from .. import cases
from ..cases import CASES, form_of
from ..shared.jitted import read_only

NETWORK = ("train_batches", "evaluate_batches", "predict_batches")


def outputs_of(name, args):
    """The arguments that a kernel overwrites, scratch space left out."""
    chosen = [p for p in getattr(kernels, name).parameters if p.is_output]
    scratch = {"workspace", "sums"} | ({"row_losses", "row_correct", "gradients"} if name == "train_batches" else set())
    return {p.name: value for p, value in zip(chosen, args, strict=False) if p.name not in scratch}


def argument(args, name, kernel="train_batches"):
    """The argument of that name."""
    return args[[p.name for p in getattr(kernels, kernel).parameters].index(name)]


def plan_of(args):
    return argument(args, "plan").view(tables.PLAN)[0]


def ops_of(args):
    return argument(args, "ops").view(tables.OP)[:, 0]


def in_float64(args):
    wide = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for a in args]
    return copy.deepcopy(wide)


def assert_close(comp, ref, tolerance, name):
    assert np.array_equal(np.isnan(comp), np.isnan(ref)), name
    scale = max(1.0, float(np.max(np.abs(ref), initial=0.0, where=np.isfinite(ref))))
    np.testing.assert_allclose(comp, ref, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def compare(name, args, dtype, tolerance=None):
    ref, comp = in_float64(args), copy.deepcopy(args)
    returned_ref = getattr(reference, name)(*ref)
    returned_comp = form_of(name, args)(*comp)
    assert returned_comp == returned_ref
    tolerance = CASES[name].tolerance[str(dtype)] if tolerance is None else tolerance
    expected = outputs_of(name, ref)
    for output, value in outputs_of(name, comp).items():
        assert_close(value, expected[output], tolerance, f"{name}: {output}")


def test_lists_name_the_same_kernels():
    assert sorted(kernels.__all__) == sorted(reference.__all__)
    assert sorted(kernels.__all__) == sorted(CASES)


@pytest.mark.parametrize("name", kernels.__all__)
def test_twins_have_the_same_signature(name):
    fast, slow = inspect.signature(getattr(kernels, name)), inspect.signature(getattr(reference, name))
    assert list(fast.parameters) == list(slow.parameters)


@pytest.mark.parametrize(("name", "shape"), [(n, s) for n in CASES for s in CASES[n].shapes])
def test_kernel_equals_twin(name, shape, dtype):
    compare(name, CASES[name].arguments(shape, dtype), dtype)


@pytest.mark.parametrize(
    "options",
    [{"pixels": True}, {"soft": True}, {"use_bias": False}, {"hidden": "softmax"}, {"hidden": "linear"}],
    ids=str,
)
@pytest.mark.parametrize("name", NETWORK)
def test_network_options_equal_twin(name, options, dtype):
    shape = (13, 40, 20, 33, 17, 7) if name == "train_batches" else (40, 20, 33, 17, 7)
    args = CASES[name].build(np.random.default_rng(1), dtype, *shape, **options)
    compare(name, args, dtype)


def test_sgd_network_equals_twin(dtype):
    args = cases.train_batches(np.random.default_rng(1), dtype, 13, 40, 20, 33, 7, optimizer=SGD(0.1))
    compare("train_batches", args, dtype)


def test_batch_longer_than_the_workspace_gives_the_same_bits(dtype):
    whole = cases.train_batches(np.random.default_rng(1), dtype, 150, 150, 20, 33, 7)
    parts = cases.train_batches(np.random.default_rng(1), dtype, 150, 150, 20, 33, 7, most_blocks=1)
    assert plan_of(parts).blocks == 1 < plan_of(whole).blocks
    kernels.train_batches(*whole)
    kernels.train_batches(*parts)
    for index in (0, 1, 6):
        assert np.array_equal(whole[index], parts[index])


def test_padding_stays_zero_through_training(dtype):
    args = cases.train_batches(np.random.default_rng(0), dtype, 7, 30, 5, 3, 2)
    kernels.train_batches(*args)
    layers = [Dense(3, "relu"), Dense(2, "softmax")]
    built = program.build(layers, 5, dtype, kernels.panel_width(dtype), fuse=True)
    for flat in (args[0], args[1][: built.size], args[1][built.size :], args[2]):
        hidden = flat.copy()
        for tensor in built.tensors:
            assert np.any(built.unpack(flat, tensor))
            built.pack(hidden, tensor, np.zeros(tensor.shape))
        assert not hidden.any()


def test_training_stops_before_the_update_when_the_loss_is_not_finite(dtype):
    args = cases.train_batches(np.random.default_rng(0), dtype, 4, 16, 5, 3, 2)
    argument(args, "x")[argument(args, "order")[9]] = np.nan  # a row of the third batch
    before = copy.deepcopy(args)
    assert kernels.train_batches(*args) == 2
    names = [p.name for p in kernels.train_batches.parameters]
    for name in ("losses", "correct", "learning_rates"):
        before[names.index(name)] = before[names.index(name)][:2]
    assert kernels.train_batches(*before) == 2
    assert np.array_equal(args[0], before[0])


# ---------------------------------------------------------------- threads

BIG = {
    "exp": (20_001,),
    "log": (20_001,),
    "pack_panels": (301, 105, 16),
    "unpack_panels": (301, 105, 16),
    "dense_forward": (1003, 67, 35),
    "dense_backward_inputs": (1003, 67, 35),
    "dense_backward_parameters": (1003, 167, 35),
    "sparse_forward": (1003, 67, 35),
    "sparse_backward_weights": (1003, 167, 35),
    "sgd_update": (20_001,),
    "adam_update": (20_001,),
    "optimizer_update": (20_001,),
    "train_batches": (128, 1000, 67, 131, 35, 10),
    "evaluate_batches": (1000, 67, 35, 10),
    "predict_batches": (1000, 67, 35, 10),
    "predict_rows": (1000, 67, 35, 10),
    "network_update": (167, 435, 10),
}


@pytest.mark.needs_jit
@pytest.mark.parametrize("name", [n for n in CASES if n not in ("philox_words", "shuffle")])
def test_same_bits_at_any_number_of_threads(name, dtype):
    shape = BIG.get(name, (20_000, 7))
    options = {"n_threads": 2} if name in NETWORK else {}
    args = CASES[name].build(np.random.default_rng(0), dtype, *shape, **options)
    kernel = getattr(kernels, name)
    serial = copy.deepcopy(args)
    kernel.run(dtype, 1, *serial)
    expected = outputs_of(name, serial)
    for n_threads in (1, 2):
        for _ in range(20 if n_threads == 2 else 1):
            comp = copy.deepcopy(args)
            kernels_run(kernel, dtype, n_threads, comp)
            for output, value in outputs_of(name, comp).items():
                assert np.array_equal(value, expected[output]), (n_threads, output)


def kernels_run(kernel, dtype, n_threads, args):
    """The parallel form, also on one thread."""
    import numba

    from fastmlp._compiling import threads

    assert n_threads <= numba.config.NUMBA_NUM_THREADS or pytest.skip("this machine has one core")
    threads.launch(kernel.variant(dtype, parallel=True), n_threads, tuple(args))


# ---------------------------------------------------------------- gradients against finite differences


def numerical_gradient(function, x, indices=None, step=1e-6):
    """Central differences of function() with respect to the elements of ``x``, or to some of them."""
    indices = list(np.ndindex(x.shape)) if indices is None else indices
    gradient = np.empty(len(indices))
    for i, index in enumerate(indices):
        kept = x[index]
        x[index] = kept + step
        high = function()
        x[index] = kept - step
        low = function()
        x[index] = kept
        gradient[i] = (high - low) / (2 * step)
    return gradient


def assert_gradient(analytic, numerical):
    scale = np.abs(numerical).max()
    assert np.abs(analytic.ravel() - numerical).max() <= 1e-6 * max(scale, 1e-3)


def weighted_output(forward, shape, weights):
    y = np.empty(shape)

    def value():
        forward(y)
        return float((y * weights).sum())

    return value


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (7, 17, 3)])
def test_dense_gradients(shape, rng):
    batch, fan_in, units = shape
    x, w, b = rng.normal(size=(batch, fan_in)), rng.normal(size=(fan_in, units)), rng.normal(size=units)
    dy = rng.normal(size=(batch, units))
    value = weighted_output(lambda y: kernels.dense_forward(y, x, w, b), dy.shape, dy)
    dx, dw, db = np.empty_like(x), np.empty_like(w), np.empty_like(b)
    kernels.dense_backward_inputs(dx, dy, w)
    kernels.dense_backward_parameters(dw, db, x, dy)
    for analytic, variable in ((dx, x), (dw, w), (db, b)):
        assert_gradient(analytic, numerical_gradient(value, variable))


@pytest.mark.parametrize("name", ["relu", "softmax"])
@pytest.mark.parametrize("shape", [(1, 2), (3, 7), (2, 19)])
def test_activation_gradients(name, shape, rng):
    x, dy = rng.normal(size=shape), rng.normal(size=shape)
    forward, backward = getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward")
    y, dx = np.empty(shape), np.empty(shape)
    forward(y, x)
    backward(dx, dy, y)
    assert_gradient(dx, numerical_gradient(weighted_output(lambda y: forward(y, x), shape, dy), x))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("shape", [(1, 2), (3, 7), (2, 19)])
def test_loss_gradients(sparse, shape, rng):
    batch, classes = shape
    goal = rng.integers(0, classes, batch) if sparse else cases.probabilities(rng, np.float64, *shape)
    logits, losses, dlogits, unused = rng.normal(size=shape), np.empty(batch), np.empty(shape), np.empty(shape)
    fused = getattr(kernels, "sparse_softmax_crossentropy" if sparse else "softmax_crossentropy")
    fused(losses, dlogits, logits, goal, 1 / batch)

    def value():
        fused(losses, unused, logits, goal, 1.0)
        return float(losses.mean())

    assert_gradient(dlogits, numerical_gradient(value, logits))


@pytest.mark.parametrize("hidden", ["relu", "softmax", "linear"])
@pytest.mark.parametrize("soft", [False, True])
def test_network_gradient(hidden, soft):
    options = {"optimizer": SGD(1e-300), "hidden": hidden, "soft": soft}
    in_rounds = {"n_threads": 2, "most_blocks": 1}  # only then the whole gradient is kept
    args = cases.train_batches(np.random.default_rng(3), np.dtype("float64"), 9, 9, 4, 5, 3, **options, **in_rounds)
    parameters, gradients, losses = args[0], args[2], args[6]
    kernels.train_batches(*args)
    analytic = gradients.copy()

    def value():
        kernels.train_batches(*args)
        return float(losses[0])

    used = np.flatnonzero(parameters)
    assert_gradient(analytic[used], numerical_gradient(value, parameters, used))


# ---------------------------------------------------------------- known answers and special values


def test_philox_gives_the_published_words():
    words = np.empty(4, np.int64)
    kernels.philox_words(words, [0, 0, 0, 0], [0, 0])
    assert [hex(w) for w in words] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    kernels.philox_words(words, [0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2)
    assert [hex(w) for w in words] == ["0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd"]
    kernels.philox_words(words, [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0])
    assert [hex(w) for w in words] == ["0xd16cfe09", "0x94fdcceb", "0x5001e420", "0x24126ea1"]


def test_shuffle_is_a_fair_permutation():
    counts = np.zeros((5, 5), int)
    order = np.empty(5, np.int64)
    for epoch in range(2000):
        kernels.shuffle(order, 1, epoch)
        assert sorted(order) == [0, 1, 2, 3, 4]
        counts[order, np.arange(5)] += 1
    assert abs(counts - 400).max() < 100


def test_loss_of_extreme_logits_is_finite(dtype):
    losses, dlogits = np.empty(3, dtype), np.empty((3, 2), dtype)
    kernels.sparse_softmax_crossentropy(losses, dlogits, [[1e30, -1e30], [-1e30, 1e30], [80, -80]], [0, 0, 1], 1.0)
    assert losses[0] == 0
    assert losses[1] == dtype.type(2e30)
    assert losses[2] == pytest.approx(160)
    assert np.isfinite(dlogits).all()


def test_relu_keeps_nan(dtype):
    """At any place: whole vectors and the rest of a row are computed by different lines."""
    x = np.resize([np.nan, -1, 2, 3, np.nan], (1, 101))
    y = np.empty(x.shape, dtype)
    kernels.relu_forward(y, x)
    assert np.array_equal(y, np.where(x < 0, 0, x), equal_nan=True)


# ---------------------------------------------------------------- inputs of every kind


@pytest.mark.parametrize("kind", ["F-ordered", "strided", "read-only", "float16", "int", "list"])
def test_inputs_of_every_kind(kind, dtype, rng):
    x = np.round(rng.normal(size=(6, 5)) * 4)
    made = {
        "F-ordered": lambda: np.asfortranarray(x),
        "strided": lambda: np.repeat(x, 2, axis=1)[:, ::2],
        "read-only": lambda: read_only(x),
        "float16": lambda: x.astype(np.float16),
        "int": lambda: x.astype(int),
        "list": lambda: x.tolist(),
    }[kind]()
    ref, comp = np.empty((6, 5)), np.empty((6, 5), dtype)
    reference.relu_forward(ref, x)
    kernels.relu_forward(comp, made)
    assert np.array_equal(comp, ref)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda y, x: kernels.relu_forward(y, x[:3]), ArgumentError, r"x must have the shape \(batch, units\)"),
        (lambda y, x: kernels.relu_forward(y, x[0]), ArgumentError, "x must have the shape"),
        (lambda y, x: kernels.relu_forward(y[:, ::2], x[:, ::2]), ArgumentTypeError, "y is written in place"),
        (lambda y, x: kernels.relu_forward(y.astype(int), x), ArgumentTypeError, "y must be a float32 or float64"),
        (lambda y, x: kernels.relu_forward(read_only(y), x), ArgumentTypeError, "read-only"),
        (lambda y, x: kernels.relu_forward(y, x.astype(str)), ArgumentTypeError, "x must hold numbers"),
        (lambda y, x: kernels.relu_forward(y), ArgumentTypeError, r"takes \(y, x\), not 1"),
        (lambda y, x: kernels.sgd_update(y[0], x[0], "fast"), ArgumentTypeError, "learning_rate must be a number"),
        (
            lambda y, x: kernels.sparse_softmax_crossentropy(y[:, 0].copy(), y, x, [0, 1, 2, 0.5], 1.0),
            ArgumentError,
            "labels must hold whole numbers",
        ),
        (
            lambda y, x: kernels.shuffle(np.empty(3, np.int64), 1, 0.5),
            ArgumentTypeError,
            "epoch must be a whole number",
        ),
        (
            lambda y, x: kernels.sparse_softmax_crossentropy(y[:, 0].copy(), y, x, [0, 1, 2, 9], 1.0),
            ArgumentError,
            r"labels must be from 0 to 4 \(classes is 5\), but holds 9",
        ),
        (
            lambda y, x: kernels.sparse_softmax_crossentropy(y[:, 0].copy(), y, x, [0, 1, 2, -1], 1.0),
            ArgumentError,
            "but holds -1",
        ),
    ],
)
def test_wrong_arguments_name_what_is_wrong(call, error, message, rng):
    with pytest.raises(error, match=message):
        call(np.empty((4, 5)), rng.normal(size=(4, 5)))


def test_empty_arrays_are_fine(dtype):
    kernels.relu_forward(np.empty((0, 3), dtype), np.empty((0, 3)))
    kernels.exp(np.empty(0, dtype), [])
    kernels.softmax_forward(np.empty((0, 3), dtype), np.empty((0, 3)))
