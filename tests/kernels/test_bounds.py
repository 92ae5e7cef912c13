"""Public kernels write inside of their outputs alone: whatever does not fit is refused before anything is written."""

import contextlib
import copy
import itertools

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, kernels
from fastmlp._base import tables

from .. import cases
from ..cases import CASES, form_of
from ..examples import UPDATES
from ..fuzz import kernel_calls
from ..fuzz.kernel_calls import Guarded
from .test_kernels import argument

REFUSED = (ArgumentError, ArgumentTypeError)
FLOATS = np.dtype("float32")


def arguments(name, seed=0):
    case = CASES[name]
    return case.arguments(case.shapes[min(2, len(case.shapes) - 1)], "float32", seed)


def refuses(name, args, message):
    """The call is refused with a message that says what is wrong, and changes nothing."""
    before = copy.deepcopy(args)
    with pytest.raises(REFUSED, match=message):
        form_of(name, args)(*args)
    for value, old in zip(args, before, strict=True):
        assert not isinstance(value, np.ndarray) or value.tobytes() == old.tobytes()


def with_changes(name, args, **changes):
    """The arguments with some replaced, or made from the ones there."""
    args, names = list(args), [p.name for p in getattr(kernels, name).parameters]
    for key, change in changes.items():
        place = names.index(key)
        args[place] = change(args[place]) if callable(change) else change
    return args


# ---------------------------------------------------------------- sizes that depend on others


@pytest.mark.parametrize("size", [0, 1, 7, 9, 16])
def test_panels_have_the_size_of_their_matrix(size):
    refuses("pack_panels", [np.zeros(size), np.ones((2, 3)), 2], r"panels must have the shape .* = \(8,\)")
    refuses("unpack_panels", [np.zeros((2, 3)), np.ones(size), 2], r"panels must have the shape .* = \(8,\)")


@pytest.mark.parametrize("width", [0, -1, -(2**63), 2**62, 2**63, 10**5000], ids=range(6))
def test_panels_have_a_width(width):
    with pytest.raises(ArgumentError, match=r"panel_width must|panels must have the shape"):
        kernels.pack_panels(np.zeros(8), np.ones((2, 3)), width)
    with pytest.raises(ArgumentError, match=r"panel_width must|panels must have the shape"):
        kernels.unpack_panels(np.zeros((2, 3)), np.ones(8), width)


@pytest.mark.parametrize("rule", UPDATES, ids=str)
def test_state_has_the_slots_of_its_optimizer(rule):
    args = cases.optimizer_update(np.random.default_rng(0), FLOATS, 33, rule=rule)
    kernels.optimizer_update(*copy.deepcopy(args))
    for size in {0, 1, 32, 33, 65, 66, 67, 99} - {33 * rule.slots}:
        refuses("optimizer_update", with_changes("optimizer_update", args, state=np.zeros(size, FLOATS)), "state must")


@pytest.mark.parametrize("code", [-1, tables.NO_UPDATE, tables.NO_UPDATE + 1, 2**40])
def test_an_optimizer_is_one_that_there_is(code):
    args = arguments("optimizer_update")
    message, fields = f"optimizer must be from 0 to {tables.NO_UPDATE - 1}", tables.SETTINGS_FIELDS
    refuses("optimizer_update", with_changes("optimizer_update", args, optimizer=code), message)
    settings = with_changes("optimizer_update", args, settings=lambda s: s[:-1])
    refuses("optimizer_update", settings, rf"settings must have the shape \({fields},\), not \({fields - 1},\)")


def test_philox_takes_four_words_and_two():
    for words, counter, key in itertools.product((3, 4, 5), (3, 4, 5), (1, 2, 3)):
        if (words, counter, key) != (4, 4, 2):
            args = [np.zeros(words, np.int64), np.zeros(counter, np.int64), np.zeros(key, np.int64)]
            refuses("philox_words", args, "must have the shape")
    refuses("philox_words", [np.zeros(4, np.int64), [0, 0, 0, 2**32], [0, 0]], "counter must be from 0 to 4294967295")
    refuses("philox_words", [np.zeros(4, np.int64), [0, 0, 0, 0], [0, -1]], "key must be from 0")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("activation_forward", {"kind": tables.ACTIVATION_KINDS}, "kind must be from 0 to .*, but is"),
        ("activation_backward", {"kind": -1}, "kind must be from 0 to .*, but is -1"),
        ("elementwise_loss", {"kind": 0}, "kind must be from 1 to .*, but is 0"),
        ("elementwise_loss", {"kind": tables.LOSS_CODES}, "kind must be from 1 to"),
        ("dropout", {"rate": 1.0}, "rate must be at least 0 and less than 1, but is 1.0"),
        ("dropout", {"rate": float("nan")}, "rate must be"),
        ("dropout", {"first": -1}, "first must be from 0"),
        ("gaussian_noise", {"deviation": -1}, "rate must be"),  # the builder is that of dropout
        ("shuffle", {"seed": -1}, "seed must be at least 0"),
        ("shuffle", {"epoch": 2**32}, "epoch must be from 0 to 4294967295"),
        ("adam_update", {"step": 0}, "step must be at least 1"),
        ("adam_update", {"beta_1": 1.0}, "beta_1 must be at least 0 and less than 1"),
        ("adam_update", {"step": 2**63}, "step must fit 64 bits"),
        ("adam_update", {"epsilon": "1e-8"}, "epsilon must be a number, not '1e-8'"),
        ("adam_update", {"epsilon": np.ones(1)}, "epsilon must be a number"),
        ("dense_forward", {"x": np.ones((7, 0)), "weights": np.ones((0, 31))}, "dense_forward needs fan_in > 0"),
        ("relu_forward", {"x": [[1.0, 2.0], [3.0]]}, "x cannot be made into an array"),
        ("relu_forward", {"x": np.ma.masked_array(np.ones((3, 7)), np.eye(3, 7))}, "not a masked"),
        ("relu_forward", {"y": np.ma.masked_array(np.ones((3, 7), FLOATS))}, "y is written in place .* masked"),
        ("relu_forward", {"y": lambda y: kernel_calls.unaligned(y)}, "y is written in place .* unaligned"),
        ("softmax_forward", {"y": lambda y: y.astype(">f4")}, "y must be a float32|y is written in place"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else value,
)
def test_numbers_that_choose_a_place_or_a_rule_are_in_range(name, changes, message):
    if name == "gaussian_noise":
        changes = {"deviation": "much"}
        message = "deviation must be a number"
    args = with_changes(name, arguments(name), **changes)
    with pytest.raises(REFUSED, match=message):
        getattr(kernels, name)(*args)


def test_inputs_that_are_not_aligned_are_copied():
    x = kernel_calls.unaligned(np.arange(21, dtype=FLOATS).reshape(3, 7))
    y = np.empty((3, 7), FLOATS)
    kernels.relu_forward(y, x)
    assert np.array_equal(y, x)


# ---------------------------------------------------------------- whole networks


def shorter(array):
    return array[:-1].copy()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": lambda order: order + 1}, "order must hold row numbers from 0 to"),
        ({"order": lambda order: order - 1}, "order must hold row numbers from 0 to"),
        ({"order": lambda order: order[:0]}, "learning_rates has .* but the epoch has 0 batches"),
        ({"first_batch": 1}, "learning_rates has 4 numbers, but the epoch has 4 batches and first_batch is 1"),
        ({"first_batch": 2**62}, "first_batch is"),
        ({"first_batch": -1}, "first_batch must be at least 0"),
        ({"x": shorter}, "order must hold row numbers|labels must have"),
        ({"x": lambda x: x[:, :-1]}, "x and pixels must have|pixels must have the shape"),
        ({"x": lambda x: np.ones((40, 19), FLOATS), "pixels": np.empty((0, 19), np.uint8)}, "the 20 columns that the"),
        ({"labels": lambda labels: labels + 7}, r"labels must be from 0 to 6 \(classes is 7\)"),
        ({"labels": lambda labels: labels - 7}, "labels must be from 0 to 6"),
        ({"labels": shorter}, "labels must have 40 rows like the data, or none, not 39"),
        ({"labels": lambda labels: labels[:0]}, "labels or targets must have a row for each"),
        ({"targets": lambda targets: np.ones((39, 7), FLOATS)}, "targets must have 40 rows"),
        ({"row_weights": np.ones(39)}, "row_weights must have 40 rows"),
        ({"pixels": np.zeros((40, 20), np.uint8)}, "only one of x, pixels and starts may have rows"),
        ({"workspace": shorter}, "the workspace is too small"),
        ({"parameters": shorter, "gradients": shorter}, "tensor lies outside of the parameters|state must have"),
        ({"gradients": shorter}, "gradients must have the shape"),
        ({"state": shorter}, "state must have 2 numbers for each of the"),
        ({"sums": shorter}, "sums must have the shape"),
        ({"row_losses": shorter, "row_correct": shorter}, "row_losses and row_correct must have 13 numbers"),
        ({"outputs": np.zeros((39, 7), FLOATS)}, "outputs must have 40 rows, or none, not 39"),
        ({"outputs": np.zeros((0, 6), FLOATS), "targets": np.zeros((0, 6))}, "labels must be|must have 7 columns"),
        ({"settings": shorter}, "settings must have the shape"),
        ({"step": -1}, "step must be from 0"),
        ({"seed": -5}, "seed must be at least 0"),
    ],
    ids=lambda value: str(list(value)) if isinstance(value, dict) else None,
)
def test_training_stays_in_its_data_and_buffers(changes, message):
    args = cases.train_batches(np.random.default_rng(0), FLOATS, 13, 40, 20, 33, 7)
    refuses("train_batches", with_changes("train_batches", args, **changes), message)


@pytest.mark.parametrize("name", ["evaluate_batches", "predict_batches"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": np.arange(40) + 1}, "order must hold row numbers from 0 to 39"),
        ({"order": np.arange(40) - 1}, "order must hold row numbers from 0 to 39"),
        ({"order": np.arange(41) % 40}, "order must have 40 numbers"),
        ({"x": shorter}, "the data has 39 rows, but 40 are asked for"),
        ({"x": np.ones((40, 19)), "pixels": np.ones((0, 19), np.uint8)}, "must have the 20 columns"),
        ({"workspace": shorter}, "the workspace is too small"),
        ({"parameters": shorter}, r"ops\[2\]: a tensor lies outside of the parameters"),
        ({"parameters": lambda parameters: parameters[:0]}, r"ops\[0\]: a tensor lies outside"),
    ],
    ids=lambda value: str(list(value)) if isinstance(value, dict) else None,
)
def test_forward_passes_stay_in_their_data_and_buffers(name, changes, message):
    args = CASES[name].build(np.random.default_rng(0), FLOATS, 40, 20, 33, 7)
    used = args[[p.name for p in getattr(kernels, name).parameters].index("ops")]
    end = max(used.view(tables.OP)["bias"].ravel()) + kernels.panel_width(FLOATS)
    args = with_changes(name, args, parameters=lambda parameters: parameters[:end].copy())
    refuses(name, with_changes(name, args, **changes), message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.ones((40, 19))}, "network: it was made for another"),
        ({"x": np.ones((40, 21))}, "network: it was made for another"),
        ({"outputs": np.zeros((40, 6), FLOATS)}, "network: it was made for another"),
        ({"outputs": np.zeros((40, 8), FLOATS)}, "network: it was made for another"),
        ({"outputs": np.zeros((41, 7), FLOATS)}, "x must have the shape"),
        ({"weights": shorter}, "network: it was made for another"),
        ({"outputs": np.zeros((40, 7))}, "panel width"),  # the panels are those of float32
        ({"network": lambda network: network[:3]}, "network: it comes from another version"),
        ({"network": lambda network: network[:0]}, "network: it comes from another version"),
    ],
    ids=lambda value: str(list(value)) if isinstance(value, dict) else None,
)
def test_predictions_of_rows_have_the_widths_of_the_network(changes, message):
    args = cases.predict_rows(np.random.default_rng(0), FLOATS, 40, 20, 33, 7)
    refuses("predict_rows", with_changes("predict_rows", args, **changes), message)


def test_timers_have_a_row_for_each_block():
    args = cases.train_batches(np.random.default_rng(0), FLOATS, 13, 40, 20, 33, 7)
    rows = 1 + max(int(argument(args, "plan").view(tables.PLAN)[0].blocks), len(argument(args, "strips")))
    for count, fits in ((rows * tables.PHASES, True), (rows * tables.PHASES - 1, False), (0, False)):
        timed = with_changes("train_batches", args, timers=np.zeros(count, np.int64))
        if fits:
            kernels.train_batches_timed(*copy.deepcopy(timed))
        else:
            with pytest.raises(ArgumentError, match=f"timers must have {rows} rows of 6 numbers"):
                kernels.train_batches_timed(*timed)


def test_the_core_form_refuses_what_it_would_leave_out():
    layers = [fm.Dense(9, "tanh"), fm.Dense(7, "softmax")]
    args = cases.train_batches(np.random.default_rng(0), FLOATS, 13, 40, 20, layers=layers)
    kernels.train_batches_full(*copy.deepcopy(args))
    with pytest.raises(ArgumentError, match=r"ops\[1\]: only `train_batches_full` has this operation"):
        kernels.train_batches(*args)
    args = cases.train_batches(np.random.default_rng(0), FLOATS, 13, 40, 20, 33, 7, optimizer=fm.Adam(clipvalue=1.0))
    with pytest.raises(ArgumentError, match="plan: only `train_batches_full` can train by it"):
        kernels.train_batches(*args)


# ---------------------------------------------------------------- all kernels


@pytest.mark.parametrize("name", kernels.__all__)
def test_a_dimension_off_by_one_is_refused_or_harmless(name):
    parameters = getattr(kernels, name).parameters
    for number, parameter in enumerate(parameters):
        for axis, change in itertools.product(range(len(parameter.dims or ())), (-1, 1, 33)):
            guarded = Guarded(getattr(kernels, name), arguments(name))
            args = list(guarded.args)
            shape = list(args[number].shape)
            shape[axis] = max(0, shape[axis] + change)
            args[number] = np.resize(args[number], shape) if args[number].size else np.zeros(shape, args[number].dtype)
            before = guarded.noted(args)
            with contextlib.suppress(*REFUSED):
                form_of(name, args)(*args)
            guarded.check(before)


@pytest.mark.parametrize("name", [n for n in CASES if any(p.in_place for p in getattr(kernels, n).parameters)])
def test_what_may_be_in_place_gives_the_same_bits_there(name):
    kernel = getattr(kernels, name)
    for number, parameter in enumerate(kernel.parameters):
        outputs = [i for i, p in enumerate(kernel.parameters) if p.is_output and p.dims == parameter.dims]
        for output in outputs if parameter.in_place else ():
            apart, together = arguments(name), arguments(name)
            if name.endswith("_update"):  # which read what they write
                apart[output] = apart[number].copy()
            together[output] = together[number]
            kernel(*apart)
            kernel(*together)
            for i, p in enumerate(kernel.parameters):
                assert not p.is_output or np.array_equal(apart[i], together[i], equal_nan=True), (
                    parameter.name,
                    p.name,
                )


@pytest.mark.parametrize("name", kernels.__all__)
def test_outputs_overlap_nothing_else(name):
    """Neither the same memory, where that is not marked, nor a shifted part of it."""
    kernel, args = getattr(kernels, name), arguments(name)
    arrays = [i for i, a in enumerate(args) if isinstance(a, np.ndarray) and a.size]
    for one, other in itertools.combinations(arrays, 2):
        first, second = kernel.parameters[one], kernel.parameters[other]
        if not first.is_output:
            continue
        both = args[one].nbytes + args[other].nbytes
        for shift in (0, 8):
            memory = np.zeros(both + shift, np.uint8)
            changed = list(args)
            changed[one] = memory[: args[one].nbytes].view(args[one].dtype).reshape(args[one].shape)
            end = memory[shift : shift + args[other].nbytes]
            changed[other] = end.view(args[other].dtype).reshape(args[other].shape)
            may = second.in_place and shift == 0 and args[one].nbytes == args[other].nbytes
            if may or args[one].nbytes <= shift:
                continue
            with pytest.raises(REFUSED, match=r"lies in the same memory|must|needs|order|network:|plan:"):
                form_of(name, changed)(*changed)
            if not second.is_output and name not in kernel_calls.NETWORKS and name != "optimizer_update":
                with pytest.raises(ArgumentError, match=f"{first.name} is overwritten, and {second.name} lies in"):
                    kernel(*changed)


def test_an_overlap_names_the_remedy():
    memory = np.ones(100)
    with pytest.raises(ArgumentError, match=r"exp: y is overwritten, and x lies in .* the same memory, or apart"):
        kernels.exp(memory[:50], memory[10:60])
    kernels.exp(memory[:50], memory[50:])
    kernels.exp(memory, memory)


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_a_short_attack(first, tmp_path):
    for seed in range(first, first + 100):
        kernel_calls.attack(np.random.default_rng(seed), tmp_path)
