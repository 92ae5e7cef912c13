"""What is registered is in all tests, on the pages, and beside its peers: because it is registered, or this fails."""

import ast
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import (
    activations,
    callbacks,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    reference,
    regularizers,
    trackers,
)
from fastmlp._base import tables
from fastmlp._engine import program
from fastmlp.metrics import catalog
from fastmlp.schedules import compose

from .. import examples
from ..examples import ELEMENTWISE, FOR_KERNELS, KINDS, LOSSES, ONE_LAYER, ONE_LOSS, ONE_METRIC, RULES
from ..peers import WITHOUT_PEER
from ..peers import test_layers as of_layers
from ..peers import test_losses as of_losses
from ..peers import test_metrics as of_metrics
from ..schedules import test_schedules
from ..shared import own
from ..shared.torch_twin import ACTIVATION_PEERS, OPTIMIZERS, Twin

ROOT = Path(fm.__file__).parents[1]
ROWS = np.random.default_rng(0).normal(size=(12, 4))


def names(objects):
    return {type(one).__name__ for one in objects}


# ---------------------------------------------------------------- in the tests

# What is compared with the twins and with finite differences: all that tests/examples.py holds.


def test_there_is_an_example_of_each_type():
    assert names(ONE_LAYER.values()) == set(layers.TYPES)
    assert names(ONE_LOSS.values()) == set(losses.TYPES) == names(loss for loss, _ in LOSSES.values())
    assert {type(rule).__name__.lower() for rule in RULES} == set(optimizers.TYPES)
    assert names(ONE_METRIC.values()) == set(catalog.TYPES)
    assert names(schedule for schedule, _ in test_schedules.BY_HAND) == set(compose.TYPES)


def test_every_operation_loss_and_rule_of_the_kernels_is_in_a_comparison():
    """By its number: whatever is added to the tables of the kernels without a declaration is missing here too."""
    ops, goals = set(), set()
    for stack in FOR_KERNELS.values():
        built = program.build(stack, 20, np.dtype("float64"), kernels.panel_width("float64"), fuse=False)
        ops |= set(built.operations["code"].tolist())
    for loss, activation in LOSSES.values():
        goals |= {loss.hits(activation, units) for units in (1, 7)}
    assert ops == set(range(tables.LAST_OP + 1))
    assert goals == {tables.NO_HITS, tables.LARGEST, tables.ABOVE_HALF, tables.ABOVE_ZERO}
    assert set(KINDS.values()) == set(reference.activations._FUNCTIONS) == set(reference.activations._SLOPES)
    assert {code for code, _ in ELEMENTWISE.values()} == set(reference.losses._ELEMENTWISE)
    assert {rule.kernel_code for rule in examples.UPDATES} == set(reference.optimizers._RULES)
    assert {rule.kernel_code for rule in RULES} == set(tables.STATE_SLOTS)


def test_kernels_take_no_number_that_is_not_in_a_comparison():
    for name, known in (("activation_forward", KINDS.values()), ("elementwise_loss", dict(ELEMENTWISE.values()))):
        arrays = [np.ones((2, 3)) for _ in inspect.signature(getattr(kernels, name)).parameters][:-2]
        if name == "elementwise_loss":
            arrays = [np.ones(2), *arrays[1:-1]]
        for kind in range(-2, 60):
            rest = (kind, 0.5) if name == "activation_forward" else (kind, 0.5, 1.0)
            if kind in known:
                getattr(kernels, name)(*arrays, *rest)
            else:
                with pytest.raises(fm.ArgumentError, match="kind"):
                    getattr(kernels, name)(*arrays, *rest)


# ---------------------------------------------------------------- in descriptions and files


@pytest.mark.parametrize("layer", ONE_LAYER.values(), ids=ONE_LAYER)
def test_layers_come_back_from_their_description(layer):
    again = layers.from_config(json.loads(json.dumps(layer.config())))
    assert again == layer
    assert type(again) is type(layer)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_optimizers_come_back_from_their_description(rule):
    again = optimizers.get(json.loads(json.dumps(rule.config())))
    assert again == rule
    assert type(again) is type(rule)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_come_back_from_their_description(name):
    loss, _ = LOSSES[name]
    description = json.loads(json.dumps(loss.config()))
    if isinstance(loss, losses.Custom):  # tests/model/test_custom.py has its way back
        with pytest.raises(fm.ArgumentError, match="a function of your own"):
            losses.get(description)
        return
    again = losses.get(description)
    assert again == loss
    assert type(again) is type(loss)


@pytest.mark.parametrize("name", initializers.RULES)
def test_initializers_come_back_from_their_description(name):
    rule = getattr(initializers, name)()
    assert initializers.get(json.loads(json.dumps(rule.config())), "kernel_initializer") == rule
    assert initializers.get(name, "kernel_initializer") == rule


@pytest.mark.parametrize("name", regularizers.RULES)
def test_regularizers_come_back_from_their_description(name):
    rule = getattr(regularizers, name)()
    assert regularizers.get(json.loads(json.dumps(rule.config())), "kernel_regularizer") == rule
    assert regularizers.get(name, "kernel_regularizer") == rule


def saved(model, folder):
    model.save(folder / "model.npz")
    again = fm.load(folder / "model.npz", custom_objects=own.OBJECTS)
    assert again.declarations == model.declarations
    assert (again.optimizer, again.loss, again.metrics) == (model.optimizer, model.loss, model.metrics)
    assert again.predict(ROWS).tobytes() == model.predict(ROWS).tobytes()
    return again


def built(stack, rule="sgd", loss="mse", chosen=()):
    model = fm.Sequential([fm.Normalization() if layer == fm.Normalization() else layer for layer in stack], seed=0)
    model.compile(rule, loss, list(chosen))
    model.build(ROWS.shape[1])
    return model


@pytest.mark.parametrize("name", ONE_LAYER)
def test_each_layer_is_saved(name, tmp_path):
    saved(built([ONE_LAYER[name], fm.Dense(3)]), tmp_path)


@pytest.mark.parametrize("name", activations.NAMES)
def test_each_activation_is_saved(name, tmp_path):
    saved(built([fm.Dense(3, name), fm.Activation(name), fm.Dense(3)]), tmp_path)


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_saved(name, tmp_path):
    loss, activation = LOSSES[name]
    if name != "crossentropy of sigmoids":  # for kernels alone
        saved(built([fm.Dense(3, activation)], loss=loss), tmp_path)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_each_optimizer_goes_on_from_a_file(rule, tmp_path):
    model = built([fm.Dense(3, "tanh"), fm.Dense(2)], rule)
    if rule.kernel_code == tables.NO_UPDATE:  # it trains with `fit` alone
        saved(model, tmp_path)
        return
    model.partial_fit(ROWS, ROWS[:, :2], batch_size=5)
    again = saved(model, tmp_path)
    for each in (model, again):
        each.partial_fit(ROWS, ROWS[:, :2], batch_size=5)
    assert again.predict(ROWS).tobytes() == model.predict(ROWS).tobytes()


@pytest.mark.parametrize("metric", ONE_METRIC.values(), ids=ONE_METRIC)
def test_each_metric_is_saved(metric, tmp_path):
    again = saved(built([fm.Dense(6, "softmax")], chosen=[metric]), tmp_path)
    targets = np.eye(6)[np.arange(12) % 6]
    assert again.evaluate(ROWS, targets)[metric.name] == pytest.approx(metric(targets, again.predict(ROWS)), rel=1e-5)


# ---------------------------------------------------------------- public, and on the pages


@pytest.mark.parametrize(
    ("registered", "module"),
    [
        (layers.TYPES.values(), fm),
        (optimizers.TYPES.values(), fm),
        (losses.TYPES.values(), losses),
        (catalog.TYPES.values(), metrics),
        (compose.TYPES.values(), fm.schedules),
    ],
    ids=["layers", "optimizers", "losses", "metrics", "schedules"],
)
def test_each_can_be_imported(registered, module):
    for kind in registered:
        assert getattr(module, kind.__name__) is kind
        assert kind.__name__ in module.__all__


def section(page, heading):
    """The lines of a page below a heading."""
    path = ROOT / "docs" / page
    if not path.is_file():
        pytest.skip("installed without its documentation")
    found = re.search(rf"^##? {heading}\n(.*?)(?=^## |\Z)", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    return found[1]


def table(page, heading):
    """Cells of the first table below a heading, without its head."""
    lines = [line for line in section(page, heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def quoted(rows, column):
    """The texts in quotation marks of a column."""
    return {name for row in rows for name in re.findall(r'"([\w]+)"', row[column])}


def called(rows, column):
    """Names of what is called in a column."""
    return {name for row in rows for name in re.findall(r"`(?:[a-z]\w*\.)*([A-Z]\w*)", row[column])}


def subclasses(module, base):
    found = {name: getattr(module, name) for name in module.__all__}
    return {n: kind for n, kind in found.items() if isinstance(kind, type) and issubclass(kind, base) and kind != base}


CALLBACKS = {**subclasses(callbacks, callbacks.Callback), **subclasses(trackers, trackers.Tracker)}
TABLES = {
    "layers": ("layers.md", "Layers", 0, layers.TYPES),
    "losses": ("layers.md", "Losses", 1, losses.TYPES),
    "optimizers": ("layers.md", "Optimisers", 1, {kind.__name__: kind for kind in optimizers.TYPES.values()}),
    "metrics": ("metrics.md", "Metrics", 1, catalog.TYPES),
    "schedules": ("schedules.md", "Schedules", 0, compose.TYPES),
    "callbacks": ("callbacks.md", "Callbacks and experiment trackers", 0, CALLBACKS),
}
NAMED = {
    "activations": ("layers.md", "Activations", activations.NAMES),
    "initializers": ("layers.md", "Initialisers", initializers.RULES),
    "losses": ("layers.md", "Losses", losses.NAMES),
    "optimizers": ("layers.md", "Optimisers", optimizers.TYPES),
}


@pytest.mark.parametrize("kind", TABLES)
def test_each_type_stands_in_its_table(kind):
    page, heading, column, registered = TABLES[kind]
    assert called(table(page, heading), column) == set(registered)


@pytest.mark.parametrize("kind", NAMED)
def test_each_name_stands_in_its_section_and_no_other_in_its_table(kind):
    page, heading, registered = NAMED[kind]
    assert quoted(table(page, heading), 0) <= set(registered) <= quoted([[section(page, heading)]], 0)


def test_each_activation_has_the_initial_weights_of_its_table():
    for row in table("layers.md", "Activations"):
        for name in quoted([row], 0):
            assert fm.Dense(3, name).kernel_initializer.name == row[2].strip('`"')


COUNTS = re.findall(
    r"\w+", "none one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
)


@pytest.mark.parametrize(("what", "registered"), [("activations", activations.RULES), ("optimisers", optimizers.TYPES)])
def test_counts_in_the_readme_are_right(what, registered):
    if not (ROOT / "README.md").is_file():
        pytest.skip("installed without its documentation")
    words = re.findall(rf"(\w+)\s+{what}", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {COUNTS.index(word) for word in words if word in COUNTS} <= {len(registered)}


@pytest.mark.parametrize("kind", TABLES)
def test_settings_in_a_table_are_those_of_the_type(kind):
    """In calls such as `Adam(learning_rate=0.001, …)`, and of callbacks in the column of their arguments."""
    page, heading, column, registered = TABLES[kind]
    for row in table(page, heading):
        calls = re.findall(r"`(?:[a-z]\w*\.)*([A-Z]\w*)\((.*?)\)`", row[column])
        if kind == "callbacks":
            calls = [(*called([row], column), ", ".join(re.findall(r"`(\w+=[^`…]+)`", row[2])))]
        for name, settings in calls:
            defaults = {p.name: p.default for p in inspect.signature(registered[name]).parameters.values()}
            for setting in settings.split(", ") if settings else ():
                key, _, value = setting.partition("=")
                assert setting == "…" or key in defaults, f"{name} has no {key}"
                if value:
                    assert ast.literal_eval(value) == defaults[key], f"{page} has another {key} of {name}"


# ---------------------------------------------------------------- beside peers


@pytest.mark.parametrize(
    ("registered", "compared"),
    [
        (activations.NAMES, set(ACTIVATION_PEERS)),
        (losses.TYPES, names(losses.get(case[0]) for case in of_losses.LOSSES.values())),
        (TABLES["optimizers"][-1], names(case[0] for case in OPTIMIZERS.values())),
        (layers.TYPES, {name[1:] for name in vars(Twin)} | {"Residual"}),
        (metrics.METRICS, set(of_metrics.METRIC_PEERS)),
        (compose.TYPES, names(case[0] for case in test_schedules.PEERS)),
    ],
    ids=["activations", "losses", "optimizers", "layers", "metrics", "schedules"],
)
def test_each_has_a_peer_or_a_reason_to_have_none(registered, compared):
    lonely = set(registered) - compared - set(WITHOUT_PEER)
    assert not lonely, f"tests/peers has neither a peer of {lonely} nor a reason in WITHOUT_PEER"


def test_layers_stand_beside_their_peers_in_a_network():
    stacks = of_layers.STACKS.values()
    found = {type(layer).__name__ for stack in stacks for layer in [*stack, *layers.leaves(stack)]}
    assert found == set(layers.TYPES)
