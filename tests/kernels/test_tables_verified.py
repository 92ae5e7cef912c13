"""Tables of networks are verified: all that a program writes is fine, and what is altered is refused or harmless."""

import contextlib

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, jitted, kernels, losses
from fastmlp._base import tables as t
from fastmlp._compiling.jit import jit_disabled
from fastmlp.kernels.network import verify

from .. import cases
from ..cases import form_of
from ..fuzz.kernel_calls import RULES, STACKS, Guarded
from .test_operations import LAYERS

REFUSED = (ArgumentError, ArgumentTypeError)
FLOATS = np.dtype("float32")
NAMES = [p.name for p in kernels.train_batches.parameters]
SPARSE = 7 if jit_disabled() else 1  # plain Python takes so long that some numbers must be enough
EXTREMES = (-2, 0, 10**6, 2**62, -(2**63))


def training(layers, rule=RULES[0], rows=40, batch=13):
    is_softmax = getattr(layers[-1], "activation", "") == "softmax"
    options = {"layers": list(layers), "loss": None if is_softmax else losses.MeanSquaredError(), "optimizer": rule}
    return cases.train_batches(np.random.default_rng(0), FLOATS, batch, rows, 20, **options)


def fault_of(args, purpose=verify.TRAINING, **changes):
    v = {**dict(zip(NAMES, args, strict=True)), **changes}
    sizes = (v["parameters"].size, v["workspace"].size, kernels.panel_width(FLOATS), purpose)
    return verify.described(kernels.program_fault(v["ops"], v["strips"], v["stages"], v["plan"], *sizes))


# ---------------------------------------------------------------- what programs write


@pytest.mark.parametrize("layers", [*LAYERS.values(), *STACKS], ids=range(len(LAYERS) + len(STACKS)))
def test_what_a_program_writes_is_fine(layers):
    for rule in RULES:
        args = training(layers, rule)
        for purpose in (verify.PREDICTION, verify.EVALUATION, verify.TRAINING):
            assert fault_of(args, purpose) is None
    net = cases.network(np.random.default_rng(0), FLOATS, [20], 1, layers=list(layers))
    sizes = (net.built.size, 20, net.built.classes, net.built.panel)
    assert verify.described(kernels.network_fault(net.built.network(), *sizes)) is None


def test_large_programs_are_fine():
    net = cases.network(np.random.default_rng(0), FLOATS, [784, 1024, 1024, 10], 1)
    for batch, threads in ((1, 1), (128, 2), (60_000, 2)):
        plan = net.built.new_plan(batch, threads, training=True)
        how = plan.view(t.PLAN)[0]
        net.loss.fill_plan(plan, net.activation, net.built.classes)
        fm.Adam().fill_plan(plan)
        workspace = int(how.blocks * how.block_size)
        tables = (net.built.ops, net.built.strips, net.built.stages, plan)
        assert kernels.program_fault(*tables, net.built.size, workspace, net.built.panel, verify.CORE_TRAINING) == 0
        assert kernels.program_fault(*tables, net.built.size, workspace - 1, net.built.panel, verify.CORE_TRAINING) > 0
        assert kernels.program_fault(*tables, net.built.size // 2, workspace, net.built.panel, verify.TRAINING) > 0


# ---------------------------------------------------------------- each rule


RECORDS = {"ops": t.OP, "strips": t.STRIP, "stages": t.STAGE, "plan": t.PLAN}


def altered(table, *changes):
    """A copy with numbers at some places replaced."""
    table = table.copy()
    for place, value in changes:
        table[place] = value
    return table


def refilled(table, record_type, *changes):
    """A copy with fields of records replaced, each told by its row and its name; by its name where there is one row."""
    table = table.copy()
    records = table.reshape(-1).view(record_type)
    for place, value in changes:
        row, name = place if isinstance(place, tuple) else (0, place)
        records[name][row] = value
    return table


DENSE, NORM, RELU, LAYER, OUT = 0, 1, 2, 3, 4  # the operations of the network below; a fused softmax is the last


@pytest.fixture(scope="module")
def args():
    norms = [fm.BatchNormalization(), fm.Activation("relu"), fm.LayerNormalization()]
    return training([fm.Dense(33), *norms, fm.Dense(7, "softmax")])


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        ("ops", [((RELU, "code"), t.LAST_OP + 1)], r"ops\[2\]: there is no operation of this code"),
        ("ops", [((RELU, "code"), -1)], r"ops\[2\]: there is no operation of this code"),
        ("ops", [((DENSE, "fan_out"), 0), ((NORM, "fan_in"), 0)], r"ops\[0\]: a width"),
        ("ops", [((DENSE, "fan_out"), 2**40), ((NORM, "fan_in"), 2**40)], r"ops\[0\]: a width"),
        ("ops", [((NORM, "fan_out"), 32), ((RELU, "fan_in"), 32)], r"ops\[1\]: a width"),
        ("ops", [((OUT, "fan_in"), 34)], r"ops\[4\]: its input"),
        ("ops", [((NORM, "x"), 0)], r"ops\[1\]: its input"),
        ("plan", [("input", 32)], r"ops\[0\]: its input"),
        ("ops", [((NORM, "y"), 10**6), ((RELU, "x"), 10**6)], r"ops\[1\]: columns lie outside"),
        ("ops", [((NORM, "y"), -1), ((RELU, "x"), -1)], r"ops\[1\]: columns lie outside"),
        ("ops", [((LAYER, "other"), -1)], r"ops\[3\]: columns lie outside"),
        ("ops", [((OUT, "dx"), 10**6)], r"ops\[4\]: columns lie outside"),
        ("ops", [((RELU, "dy"), -1)], r"ops\[2\]: columns lie outside"),
        ("plan", [("columns", 32)], r"ops\[0\]: columns lie outside"),
        ("ops", [((DENSE, "weights"), 2**62)], r"ops\[0\]: a tensor lies outside"),
        ("ops", [((DENSE, "weights"), -1)], r"ops\[0\]: a tensor lies outside"),
        ("ops", [((DENSE, "bias"), -2)], r"ops\[0\]: a tensor lies outside"),
        ("ops", [((NORM, "variances"), 2**63 - 1)], r"ops\[1\]: a tensor lies outside"),
        ("ops", [((NORM, "means"), -1)], r"ops\[1\]: a tensor lies outside"),
        ("ops", [((NORM, "other"), 10**6)], r"ops\[1\]: a tensor lies outside"),
        ("ops", [((NORM, "d_other"), -1)], r"ops\[1\]: a tensor lies outside"),
        ("ops", [((LAYER, "weights"), 10**7)], r"ops\[3\]: a tensor lies outside"),
        ("ops", [((RELU, "code"), t.ACTIVATION), ((RELU, "kind"), t.ACTIVATION_KINDS)], r"ops\[2\]: its kind or alpha"),
        ("ops", [((RELU, "code"), t.DROPOUT), ((RELU, "alpha"), 1.0)], r"ops\[2\]: its kind or alpha"),
        ("ops", [((RELU, "code"), t.DROPOUT), ((RELU, "alpha"), np.nan)], r"ops\[2\]: its kind or alpha"),
        ("ops", [((RELU, "trained"), 1)], r"ops\[2\]: it is trained, but"),
        ("ops", [((NORM, "kind"), 0)], r"ops\[1\]: it is trained, but"),
        ("plan", [("trained_ops", 0)], "trained_ops"),
        ("plan", [("trained_ops", 7)], "trained_ops"),
        ("plan", [("panel", 1)], "panel"),
        ("plan", [("block_rows", 0)], "workspace is too small"),
        ("plan", [("block_rows", 14), ("capacity", 13)], "workspace is too small"),
        ("plan", [("capacity", 2**40)], "workspace is too small"),
        ("plan", [("blocks", 2)], "workspace is too small"),
        ("plan", [("blocks", 0)], "workspace is too small"),
        ("plan", [("block_size", 2**62), ("blocks", 4)], "workspace is too small"),  # the product is 0 in 64 bits
        ("plan", [("logits", 10**6)], "logits"),
        ("plan", [("dlogits", -1)], "logits"),
        ("plan", [("loss_code", t.LOSS_CODES)], "unknown loss"),
        ("plan", [("hits", 4)], "unknown loss, rule"),
        ("plan", [("optimizer", 8)], "unknown loss, rule for right answers or optimiser"),
        ("plan", [("optimizer", t.NO_UPDATE)], "unknown loss"),
        ("plan", [("accumulated", 0)], "accumulated"),
        ("plan", [("batch_size", -1)], "batch_size"),
        ("strips", [((0, "op"), 9)], r"strips\[0\]"),
        ("strips", [((0, "op"), -1)], r"strips\[0\]"),
        ("strips", [((1, "panel"), 0)], r"strips\[1\]"),
        ("strips", [((0, "rows"), 21)], r"strips\[0\]"),
        ("strips", [((0, "rows"), 3)], r"strips\[0\]"),
        ("strips", [((0, "row"), 2**62)], r"strips\[0\]"),
        ("stages", [((0, "kind"), 3)], r"stages\[0\]"),
        ("stages", [((0, "forward_to"), 9)], r"stages\[0\]"),
        ("stages", [((0, "forward_to"), 2)], r"stages\[0\]"),
        ("stages", [((1, "statistics_op"), 0)], r"stages\[1\]"),
        ("stages", [((1, "statistics_op"), -1)], r"stages\[1\]"),
        ("stages", [((2, "forward_from"), 0)], r"stages\[2\]"),
        ("stages", [((2, "backward_from"), 2**62)], r"stages\[2\]"),
        ("stages", [((2, "backward_to"), -1)], r"stages\[2\]"),
    ],
)
def test_each_rule_names_what_is_altered(args, table, changes, message):
    changed = list(args)
    changed[NAMES.index(table)] = refilled(args[NAMES.index(table)], RECORDS[table], *changes)
    with pytest.raises(ArgumentError, match=message):
        kernels.train_batches_full(*changed)


def test_units_and_stages_are_complete(args):
    v = dict(zip(NAMES, args, strict=True))
    assert fault_of(args) is None
    assert "strips[" in fault_of(args, strips=v["strips"][:-1])
    assert "strips[" in fault_of(args, strips=np.concatenate([v["strips"], v["strips"][-1:]]))
    assert "strips[" in fault_of(args, strips=v["strips"][::-1])
    for gone in range(3):
        assert "stages[" in fault_of(args, stages=np.delete(v["stages"], gone, axis=0))
    assert "stages[0]" in fault_of(args, stages=v["stages"][:0])


def test_a_batch_normalization_has_its_batch_at_once():
    args = training([fm.Dense(9), fm.BatchNormalization(), fm.Dense(7, "softmax")], rows=150, batch=150)
    plan = args[NAMES.index("plan")].view(t.PLAN)[0]
    assert plan.blocks > 1
    plan.blocks = 1
    with pytest.raises(ArgumentError, match="batch normalisation needs all 150 rows"):
        kernels.train_batches_full(*args)


# ---------------------------------------------------------------- every number of every table


@pytest.mark.parametrize("layers", STACKS, ids=range(len(STACKS)))
@pytest.mark.parametrize("table", ["ops", "strips", "stages", "plan"])
def test_an_altered_number_is_refused_or_harmless(table, layers):
    original = training(layers, RULES[5], rows=9, batch=4)
    kernel, place = form_of("train_batches", original), NAMES.index(table)
    for at in list(np.ndindex(original[place].shape))[::SPARSE]:
        for value in EXTREMES if not jit_disabled() else EXTREMES[sum(at) % 5 :][:1]:
            guarded = Guarded(kernel, original)
            changed = list(guarded.args)
            changed[place] = altered(changed[place], (at, value))
            before = guarded.noted(changed)
            with contextlib.suppress(*REFUSED):
                kernel(*changed)
            guarded.check(before)


# ---------------------------------------------------------------- networks in numba code


def model_of(layers):
    model = fm.Sequential(list(layers), seed=0)
    model.build(20)
    return model


@pytest.fixture(scope="module")
def compiled():
    if jit_disabled():
        return jitted.predict
    import numba

    @numba.njit
    def call(out, x, weights, network):
        jitted.predict(out, x, weights, network)

    return call


def has_own_functions(layers):
    """Whether a function of the user's is among the activations, which `jitted` refuses."""
    return any(isinstance(getattr(layer, "activation", None), fm.activations.Custom) for layer in layers)


@pytest.mark.parametrize("layers", [layers for layers in STACKS if not has_own_functions(layers)])
def test_an_altered_network_is_refused_or_harmless_in_numba_code(layers, compiled):
    model = model_of(layers)
    _, weights, network = model.jitted()
    x = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float32)
    args = [np.zeros_like(model.predict(x)), x, weights, network]
    refused, places = 0, range(0, network.size, SPARSE)
    for at in places:
        for value in EXTREMES if not jit_disabled() else EXTREMES[at % 5 :][:1]:
            guarded = Guarded(kernels.predict_rows, args)
            changed = list(guarded.args)
            changed[3] = altered(network, (at, value))
            before = guarded.noted(changed)
            try:
                compiled(*changed)
            except ValueError:  # ours are such errors too
                refused += 1
            guarded.check(before)
    assert refused > len(places) // 8
    compiled(*args)
    assert np.array_equal(args[0], model.predict(x))


@pytest.mark.parametrize("shape", ["one row", "rows"])
def test_a_damaged_network_from_a_file_says_so(shape, compiled, tmp_path):
    model = model_of(STACKS[0])
    _, weights, network = model.jitted()
    damaged = network.copy()
    damaged[t.NETWORK_HEAD + t.PLAN_FIELDS + t.place_of(t.OP, "weights")] = 10**12
    np.save(tmp_path / "network.npy", damaged)
    loaded = np.load(tmp_path / "network.npy")
    lead = () if shape == "one row" else (4,)
    out, x = np.zeros((*lead, 3), np.float32), np.ones((*lead, 20), np.float32)
    message = "network is damaged" if not jit_disabled() else "a tensor lies outside of the parameters"
    with pytest.raises(ValueError, match=message):
        compiled(out, x, weights, loaded)
    with pytest.raises(ArgumentError, match=r"predict_rows: ops\[0\]: a tensor lies outside of the parameters"):
        jitted.predict(out, x, weights, loaded)
    assert not out.any()
    compiled(out, x, weights, network)
    assert np.array_equal(np.atleast_2d(out), model.predict(np.atleast_2d(x)))


def test_a_network_takes_no_more_memory_than_its_operations_use():
    net = cases.network(np.random.default_rng(0), FLOATS, [20, 33, 7], 5)
    network = altered(net.built.network(), (t.NETWORK_HEAD + t.place_of(t.PLAN, "columns"), 2**30))
    with pytest.raises(ArgumentError, match="more columns than its operations use"):
        kernels.predict_rows(np.zeros((5, 7), FLOATS), net.features, net.parameters, network)


def test_a_network_for_rows_has_no_places_for_pairs():
    net = cases.network(np.random.default_rng(0), FLOATS, (20, 7), 3)
    network = altered(net.built.network(), (t.NETWORK_HEAD + t.place_of(t.PLAN, "pair_values"), 0))
    with pytest.raises(fm.ArgumentError, match=r"another version|out of range"):
        kernels.predict_rows(np.empty((3, 7)), net.features, net.parameters, network)
