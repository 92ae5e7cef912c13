"""Whole networks with every operation, loss and rule: against the twin, finite differences, and other threads."""

import copy

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels, losses, reference, regularizers
from fastmlp._base import tables
from fastmlp._compiling.jit import jit_disabled
from fastmlp.layers import (
    BatchNormalization,
    Dense,
    Dropout,
    LayerNormalization,
)

from .. import cases
from ..cases import CASES, form_of
from ..examples import ELEMENTWISE, KINDS, LOSSES, RULES, UPDATES
from ..examples import FOR_KERNELS as LAYERS
from .test_kernels import (
    argument,
    assert_close,
    assert_gradient,
    compare,
    kernels_run,
    numerical_gradient,
    ops_of,
    plan_of,
)

TOLERANCE = {"float32": 5e-4, "float64": 1e-11}


@pytest.fixture(params=["float64"] if jit_disabled() else ["float32", "float64"])
def dtype(request):
    """One of them is enough where the same Python runs for both, and slowly."""
    return np.dtype(request.param)


def training(dtype, *shape, **options):
    # Plain SGD: Adam would blow up the rounding of gradients that are 0, such as of a bias before a normalisation.
    options.setdefault("optimizer", fm.SGD(0.5))
    return cases.train_batches(np.random.default_rng(1), np.dtype(dtype), *shape, **options)


def compare_training(args, dtype):
    wide = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for a in args]
    ref, comp = copy.deepcopy(wide), copy.deepcopy(args)
    assert reference.train_batches(*ref) == form_of("train_batches", args)(*comp)
    for name in ("parameters", "state", "losses", "correct", "outputs"):
        assert_close(argument(comp, name), argument(ref, name), TOLERANCE[str(dtype)], name)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_layers_train_like_the_twin(layers, dtype):
    compare_training(training(dtype, 13, 40, 20, layers=layers, with_outputs=True), dtype)


@pytest.mark.parametrize("soft", [False, True], ids=["labels", "rows"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_train_like_the_twin(name, soft, dtype):
    loss, activation = LOSSES[name]
    layers, rule = [Dense(33, "relu"), Dense(7, activation)], fm.SGD(0.5)
    if loss == losses.MeanAbsolutePercentageError():  # whose slope is up to 1e9, at the zeros of labels
        rule = fm.SGD(1e-3 if soft else 1e-9)
    options = {"layers": layers, "loss": loss, "soft": soft, "weighted": soft, "optimizer": rule}
    compare_training(training(dtype, 13, 40, 20, **options), dtype)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rules_train_like_the_twin(rule, dtype):
    compare_training(training(dtype, 7, 40, 20, 33, 17, 7, optimizer=rule), dtype)


def test_all_at_once_trains_like_the_twin(dtype):
    layers = [Dense(33, "relu", kernel_regularizer="l1_l2"), BatchNormalization(), Dense(7, "softmax", max_norm=0.5)]
    rule = fm.Adam(0.01, clipnorm=0.1, gradient_accumulation_steps=2)
    compare_training(training(dtype, 13, 40, 20, layers=layers, optimizer=rule, weighted=True), dtype)


def test_rounds_of_a_long_batch_train_like_the_twin(dtype):
    layers = [Dense(33, "relu"), LayerNormalization(), Dropout(0.3), Dense(7, "softmax")]
    compare_training(training(dtype, 150, 150, 20, layers=layers, most_blocks=1), dtype)


@pytest.mark.parametrize("name", ["evaluate_batches", "predict_batches", "predict_rows"])
@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_forward_passes_equal_the_twin(name, layers, dtype):
    options = {"with_outputs": True} if name == "evaluate_batches" else {}
    args = CASES[name].build(np.random.default_rng(1), dtype, 70, 20, layers=layers, **options)
    compare(name, args, dtype, TOLERANCE[str(dtype)])


@pytest.mark.parametrize("name", ["predict_batches", "predict_rows"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_rows_that_cannot_be_read_have_no_prediction(name, wrong, dtype):
    """In whatever column they are, and although ReLU would hide them; the other rows have theirs."""
    args = CASES[name].build(np.random.default_rng(1), dtype, 70, 20, layers=[Dense(3, "relu")])
    x = argument(args, "x", name)
    x[np.arange(5, 65, 3), np.arange(20)] = wrong
    compare(name, args, dtype, TOLERANCE[str(dtype)])
    form_of(name, args)(*args)
    assert np.isnan(args[0]).all(axis=1).sum() == np.isnan(args[0]).any(axis=1).sum() == 20


@pytest.mark.parametrize("name", LOSSES)
def test_losses_evaluate_like_the_twin(name, dtype):
    loss, activation = LOSSES[name]
    options = {"layers": [Dense(33, "relu"), Dense(7, activation)], "loss": loss, "weighted": True}
    args = cases.evaluate_batches(np.random.default_rng(1), dtype, 70, 20, **options)
    compare("evaluate_batches", args, dtype, TOLERANCE[str(dtype)])


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if not getattr(LOSSES[name][0], "label_smoothing", 0)])
def test_the_loss_of_a_row_is_the_mean_of_what_its_outputs_cost_or_their_sum(name):
    (loss, activation), (kind, alpha) = LOSSES[name], ELEMENTWISE[name]
    options = {"layers": [Dense(3, activation)], "loss": loss, "soft": True, "with_outputs": True}
    args = cases.evaluate_batches(np.random.default_rng(1), np.dtype("float64"), 5, 4, **options)
    kernels.evaluate_batches(*args)
    row_losses, outputs, goals = (argument(args, n, "evaluate_batches") for n in ("row_losses", "outputs", "targets"))
    sums, unused = np.empty(5), np.empty((5, 3))
    reference.elementwise_loss(sums, unused, outputs, goals, kind, alpha, 1.0)
    is_sum = isinstance(loss, (losses.SumOfSquares, losses.PoissonDeviance)) or getattr(loss, "sum_over_units", False)
    share = 1 / 2 if isinstance(loss, losses.HalfSquaredError) else 1 if is_sum else 1 / 3
    np.testing.assert_allclose(row_losses, share * sums)


@pytest.mark.parametrize(
    "name", [name for name, (loss, last) in LOSSES.items() if loss.hits(last, 3) != tables.NO_HITS]
)
def test_right_answers_are_those_of_the_predictions(name):
    loss, activation = LOSSES[name]
    x = np.random.default_rng(0).normal(size=(40, 4))
    # Mostly yes, so that another limit gives another share
    answers = np.random.default_rng(1).integers(0, 4, (40, 3)) > 0
    y = answers if loss.targets == losses.PROBABILITIES else np.eye(3)[np.arange(40) % 3]
    model = fm.Sequential([Dense(3, activation)], seed=0)
    try:
        model.compile(fm.SGD(1e-30), loss, ["accuracy"])
    except fm.ArgumentError:
        pytest.skip("a loss for kernels alone")
    history = model.fit(x, y, batch_size=7, verbose=0)
    p = model.predict(x)
    limit = 0.0 if getattr(loss, "from_logits", False) else 0.5
    are_independent = loss.targets == losses.PROBABILITIES and activation != "softmax"
    right = ((p > limit) == y).mean() if are_independent else (p.argmax(1) == y.argmax(1)).mean()
    assert history["accuracy"][-1] == pytest.approx(right)
    assert model.evaluate(x, y)["accuracy"] == pytest.approx(right)


# ---------------------------------------------------------------- gradients


def gradient_of(args):
    """Gradient of all parameters by the kernel, and the loss as a function of them."""
    kernel = kernels.train_batches_full

    def value():
        work = copy.deepcopy(args)
        kernel(*work)
        return float(argument(work, "losses")[0])

    work = copy.deepcopy(args)
    kernel(*work)
    return argument(work, "gradients"), value


SMOOTH = {name: layers for name, layers in LAYERS.items() if name != "penalties"}


@pytest.mark.needs_jit
@pytest.mark.parametrize("layers", SMOOTH.values(), ids=SMOOTH)
def test_gradients_of_layers(layers):
    check_gradient(training("float64", 9, 9, 20, layers=layers, optimizer=fm.optimizers.NoUpdate(1.0)))


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_losses(name):
    loss, activation = LOSSES[name]
    layers = [Dense(5, "tanh"), Dense(3, activation)]
    rule = fm.optimizers.NoUpdate(1.0)
    check_gradient(training("float64", 9, 9, 4, layers=layers, loss=loss, optimizer=rule, soft=True, weighted=True))


@pytest.mark.needs_jit
def test_gradients_with_penalties():
    penalty = regularizers.l1_l2(0.1, 0.2)
    layers = [Dense(5, "tanh", kernel_regularizer=penalty, bias_regularizer="l2"), Dense(3, "softmax")]
    check_gradient(training("float64", 9, 9, 4, layers=layers, optimizer=fm.optimizers.NoUpdate(1.0)))


def check_gradient(args):
    analytic, value = gradient_of(args)
    parameters, panel = argument(args, "parameters"), int(plan_of(args).panel)
    rng = np.random.default_rng(0)
    for op in ops_of(args):
        rows = op.fan_in if op.code == tables.DENSE else 1
        for place, height in ((op.weights, rows), (op.bias, 1)):
            if op.trained and place >= 0:
                at = place + rng.integers(0, height, 4) * panel + rng.integers(0, min(panel, op.fan_out), 4)
                found, expected = analytic[at], numerical_gradient(value, parameters, list(at))
                assert np.abs(found - expected).max() <= 2e-6 * max(1.0, np.abs(expected).max())


# ---------------------------------------------------------------- what holds for every network


@pytest.mark.needs_jit
@pytest.mark.parametrize("name", ["dropout", "noise", "batch norm", "layer norm", "residual", "penalties"])
def test_same_bits_at_any_number_of_threads(name, dtype):
    rule = fm.Adam(0.01, global_clipnorm=0.5, gradient_accumulation_steps=2)
    args = training(dtype, 1003, 5000, 20, layers=LAYERS[name], optimizer=rule, n_threads=2, weighted=True)
    kernel, serial = kernels.train_batches_full, copy.deepcopy(args)
    kernel.run(dtype, 1, *serial)
    one = training(dtype, 1003, 5000, 20, layers=LAYERS[name], optimizer=rule, n_threads=1, weighted=True)
    kernel.run(dtype, 1, *one)
    for _ in range(10):
        comp = copy.deepcopy(args)
        kernels_run(kernel, dtype, 2, comp)
        for output in ("parameters", "state", "losses", "correct"):
            assert np.array_equal(argument(comp, output), argument(serial, output)), output
            assert np.array_equal(argument(comp, output), argument(one, output)), output


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_padding_stays_zero(layers, dtype):
    args = training(dtype, 7, 30, 20, layers=layers, optimizer=fm.Adam(0.01, ema_momentum=0.5))
    form_of("train_batches", args)(*args)
    workspace, plan = argument(args, "workspace"), plan_of(args)
    panel = int(plan.panel)
    rows, capacity = min(7, 30 % 7 or 7), plan.capacity
    for op in ops_of(args)[: plan.trained_ops]:
        for c in range(op.fan_out, -(-op.fan_out // panel) * panel):
            at = (op.y + c // panel * panel) * capacity + c % panel + panel * np.arange(rows)
            assert not workspace[at].any(), (op.code, c)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 40)])
def test_activations_equal_the_twin(kind, shape, dtype):
    for name in ("activation_forward", "activation_backward"):
        build = getattr(cases, name)
        compare(name, build(np.random.default_rng(0), dtype, *shape, kind=kind), dtype, 16 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_activations_over_the_whole_range(kind, dtype):
    ends = np.array([0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan])
    x = np.concatenate([ends, np.linspace(-30, 30, 5000), np.geomspace(1e-20, 80, 500), -np.geomspace(1e-20, 80, 500)])
    x = x.astype(dtype)[None]
    y, dx = np.empty_like(x), np.empty_like(x)
    kernels.activation_forward(y, x, kind, 0.3)
    with np.errstate(all="ignore"):
        expected = np.empty(x.shape)
        reference.activation_forward(expected, x.astype(np.float64), kind, 0.3)
    finite = np.isfinite(x[0])
    # Relative to the larger of result and argument: near x·Φ(x) ≈ 0 the argument's own rounding counts.
    error = np.abs(y[0, finite] - expected[0, finite]) / np.maximum(np.abs(expected[0, finite]), 1e-2)
    assert error[np.abs(x[0, finite]) < 1e10].max() <= 40 * np.finfo(dtype).eps
    assert np.isnan(y[0, 8])
    kernels.activation_backward(dx, np.ones_like(x), x, y, kind, 0.3)
    assert np.isfinite(dx[0, finite][:1000]).all()


def test_activation_gradients(rng):
    for kind in KINDS.values():
        x, dy = rng.normal(size=(3, 7)), rng.normal(size=(3, 7))
        y, dx, unused = np.empty((3, 7)), np.empty((3, 7)), np.empty((3, 7))
        kernels.activation_forward(y, x, kind, 0.3)
        kernels.activation_backward(dx, dy, x, y, kind, 0.3)

        def value(kind=kind, x=x, dy=dy, unused=unused):
            kernels.activation_forward(unused, x, kind, 0.3)
            return float((unused * dy).sum())

        assert_gradient(dx, numerical_gradient(value, x))


@pytest.mark.parametrize(("kind", "alpha"), ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_elementwise_losses_equal_the_twin(kind, alpha, dtype):
    for shape in ((1, 1), (3, 7), (5, 101)):
        args = cases.elementwise_loss(np.random.default_rng(0), dtype, *shape, kind=kind, alpha=alpha)
        compare("elementwise_loss", args, dtype)


def test_log_cosh_keeps_its_digits_near_0_and_is_finite_far_from_it(dtype):
    d = np.array([0, 1e-15, -1e-8, 1e-4, -0.3, 0.999, 1.001, -5, 50, 1e4, -1e30, np.nan], dtype)[:, None]
    loss, slope = np.empty(len(d), dtype), np.empty_like(d)
    kernels.elementwise_loss(loss, slope, d, np.zeros_like(d), tables.LOG_COSH, 0.0, 1.0)
    wide = d[:9, 0].astype(float)
    expected = np.array([*np.log1p(2 * np.sinh(wide / 2) ** 2), 1e4 - np.log(2), 1e30, np.nan])
    np.testing.assert_allclose(loss, expected, rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(slope, np.tanh(d), rtol=8 * np.finfo(dtype).eps)


def test_percentages_are_of_the_size_of_targets_but_of_no_less_than_the_smallest(dtype):
    y, t = np.array([[3.0, 3.0, -1.0, 1e-8, 1.0, 1.0]], dtype), np.array([[2.0, -2.0, 0.0, 0.0, 1.0, np.nan]], dtype)
    loss, slope = np.empty((6, 1), dtype), np.empty((6, 1), dtype)
    kernels.elementwise_loss(loss[:, 0], slope, y.T, t.T, tables.ABSOLUTE_PERCENTAGE, 0.0, 1.0)
    np.testing.assert_allclose(loss[:, 0], [50, 250, 1e9, 10, 0, np.nan], rtol=1e-6)
    np.testing.assert_allclose(slope[:, 0], [50, 50, -1e9, 1e9, 0, np.nan], rtol=1e-6)


@pytest.mark.parametrize("rule", UPDATES, ids=str)
def test_optimizer_updates_equal_the_twin(rule, dtype):
    for step in (1, 7):
        args = cases.optimizer_update(np.random.default_rng(0), dtype, 101, rule=rule, step=step)
        compare("optimizer_update", args, dtype, 8 * np.finfo(dtype).eps)


def test_dropout_keeps_the_mean_and_depends_on_its_counters():
    x, first, again, other = np.ones((400, 64)), *(np.empty((400, 64)) for _ in range(3))
    kernels.dropout(first, x, 0.3, 7, 20, 1, 0)
    kernels.dropout(again, x, 0.3, 7, 20, 1, 0)
    assert np.array_equal(first, again)
    assert abs((first == 0).mean() - 0.3) < 0.01
    assert abs(first.mean() - 1) < 0.02
    for changed in ((8, 20, 1, 0), (7, 21, 1, 0), (7, 20, 2, 0), (7, 20, 1, 400)):
        kernels.dropout(other, x, 0.3, *changed)
        assert 0.4 < ((first == 0) == (other == 0)).mean() < 0.7  # 0.58 where they are independent
    part = np.empty((101, 64))
    kernels.dropout(part, x[:101], 0.3, 7, 20, 1, 50)  # rows 50 to 150 of the epoch, whatever block they are in
    assert np.array_equal(part, first[50:151])


def test_noise_is_normal():
    y = np.empty((2000, 50))
    kernels.gaussian_noise(y, np.zeros_like(y), 1.0, 3, 20, 0, 0)
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02
    assert abs((y**3).mean()) < 0.05
    assert abs((y**4).mean() - 3) < 0.1
    assert abs(np.corrcoef(y[::2].ravel(), y[1::2].ravel())[0, 1]) < 0.02
