"""The diagnosis of training: what it finds, and what it leaves alone."""

import io
import math

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, callbacks

from ..shared.models import bits
from ..shared.short_fits import CLASSES, FEATURES, PLAN, X, Y, fit, network


def diagnosed(model, x=X, y=Y, *, sample=True, **settings):
    stream = io.StringIO()
    diagnosis = callbacks.Diagnosis(stream=stream, **({"x": x, "y": y} if sample else {}))
    fit(model, x, y, callbacks=[diagnosis], **settings)
    assert stream.getvalue().count("diagnosis, epoch") == len(diagnosis.findings)
    return diagnosis


def kinds(diagnosis):
    return [(finding.kind, finding.layer) for finding in diagnosis.findings]


def separable(rows=60):
    y = np.arange(rows) % CLASSES
    return (np.eye(CLASSES)[y] + np.random.default_rng(0).normal(0, 0.1, (rows, CLASSES))).astype(np.float32), y


def test_healthy_training_has_no_findings():
    diagnosis = diagnosed(network(16, 8), *separable(), epochs=6)
    assert diagnosis.findings == []
    assert [layer.layer for layer in diagnosis.layers] == [0, 1, 2]
    assert all(1e-5 < layer.update_ratio < 0.1 for layer in diagnosis.layers)
    assert math.isnan(diagnosis.layers[2].dead_units)


def test_diagnosis_changes_no_bit():
    plain, watched = network(), network()
    fit(plain)
    diagnosed(watched)
    assert bits(watched) == bits(plain)


def test_figures_of_layers_are_those_of_their_definition():
    model = network(2)
    model.build(FEATURES)
    model.layers[0].kernel = [[1, 1], [0, 1], [0, 1]]
    model.layers[0].bias = [0, -100]
    x = np.array([[1, 0, 0], [2, 1, 1]], np.float32)
    before = model.layers[1].kernel
    diagnosis = diagnosed(model, x, [0, 1], batch_size=2, epochs=1)
    after = model.layers[1].kernel
    first, second = diagnosis.layers
    assert first.dead_units == 0.5
    assert second.update_ratio == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before))
    assert second.weight_norm == pytest.approx(np.linalg.norm(after))
    assert second.growth == pytest.approx(np.linalg.norm(after) / np.linalg.norm(before))


def test_dead_units_are_counted_in_each_layer():
    model = network(4, 3)
    model.build(FEATURES)
    model.layers[1].bias = [-1000, -1000, 5]
    diagnosis = diagnosed(model, epochs=2)
    assert [layer.dead_units for layer in diagnosis.layers][1] == pytest.approx(2 / 3)
    assert ("dead", 1) in kinds(diagnosis)
    assert "67 % of its 3 ReLU units" in str(diagnosis.findings[0])
    assert kinds(diagnosis).count(("dead", 1)) == 1  # each thing once
    assert not [kind for kind, _ in kinds(diagnosed(model, sample=False)) if kind == "dead"]


def test_uint8_samples_are_scaled_as_in_training():
    x = np.arange(60, dtype=np.uint8).reshape(20, 3)
    model = network(2)
    model.build(3)
    model.layers[0].kernel = np.ones((3, 2))
    model.layers[0].bias = [-0.5, -1]  # sums of pixels are from 3 to 174, divided by 255
    diagnosis = diagnosed(model, x, np.arange(20) % 3, epochs=1, batch_size=20)
    assert diagnosis.layers[0].dead_units == 0.5


def test_stalling_near_chance_is_said():
    model = network(rate=1e-9)
    model.build(FEATURES)
    model.layers[1].bias = [1, 0, 0]  # always the first class
    diagnosis = diagnosed(model, epochs=3, x=X / 1000)
    assert ("chance", None) in kinds(diagnosis)
    message = next(str(finding) for finding in diagnosis.findings if finding.kind == "chance")
    assert "guessing one class reaches 34.78 %" in message
    assert "divided by 255" in message
    assert "larger learning rate" in message  # the updates are tiny


def test_stalling_with_updates_of_a_usual_size_asks_for_smaller_ones():
    (finding,) = told([2.0, 2.0], [0.33, 0.33]).findings
    assert "try a smaller learning rate" in str(finding)


def test_the_first_update_of_adam_may_be_large():
    model = fm.mlp([4], classes=3, seed=0)
    model.compile(fm.Adam(learning_rate=0.2))
    first = diagnosed(model, epochs=1)
    assert max(layer.update_ratio for layer in first.layers) > 0.1
    assert first.findings == []
    assert ("large updates", 0) in kinds(diagnosed(model, epochs=1))


def test_updates_that_are_too_small_are_said():
    diagnosis = diagnosed(network(rate=1e-9), epochs=3)
    assert ("small updates", 0) in kinds(diagnosis)
    assert "larger learning rate" in str(diagnosis.findings[0])


def test_updates_that_are_too_large_and_weights_that_explode_are_said():
    diagnosis = diagnosed(network(rate=30.0), epochs=3)
    assert {("large updates", 0), ("exploding weights", 0)} <= set(kinds(diagnosis))
    assert "smaller learning rate" in str(diagnosis.findings[0])


def told(losses, accuracies=None, reason="finished", **settings):
    """A diagnosis that is fed with numbers of a model that does not change."""
    model = network()
    model.build(FEATURES)
    diagnosis = callbacks.Diagnosis(stream=io.StringIO(), **settings)
    diagnosis.model = model
    diagnosis.on_train_begin(PLAN)
    for epoch, loss in enumerate(losses):
        diagnosis.on_epoch_begin(epoch)
        diagnosis.on_epoch_end(epoch, {"loss": loss, "accuracy": accuracies[epoch] if accuracies else 1.0})
    diagnosis.on_train_end(reason)
    return diagnosis


@pytest.mark.parametrize(
    ("losses", "explodes"),
    [
        ([2.3, 0.3, 1.3], True),
        ([2.3, 0.3, 0.8], False),  # less than half of the first
        ([2.3, 0.9, 2.3], False),  # less than 3 times the least
        ([2.3, 2.2, 6.0], False),  # there was no promising start, and less than 3 times the first
        ([2.3, 2.2, 9.0], True),
        ([2.3, 1e-6, 1e-4], False),
    ],
)
def test_a_loss_that_explodes_after_a_promising_start(losses, explodes):
    assert (("exploding loss", None) in kinds(told(losses))) == explodes


def test_divergence_is_said():
    assert "explodes after a promising start, to NaN" in str(told([2.0, 1.0], reason="diverged").findings[-1])
    assert "explodes from the start, to NaN" in str(told([], reason="diverged").findings[-1])


@pytest.mark.parametrize(
    ("labels", "accuracies", "stalls"),
    [
        (None, [0.33, 0.35], True),
        (None, [0.33, 0.36], False),
        (None, [0.33, 0.5, 0.33], False),
        ([0] * 9 + [1], [0.9, 0.905], True),
        ([0] * 9 + [1], [0.92, 0.92], False),  # a tenth of what guessing does not reach is progress
        (np.eye(3)[[0, 0, 1]], [0.1, 0.66], True),
    ],
)
def test_chance_is_the_largest_class(labels, accuracies, stalls):
    found = kinds(told([2.0] * len(accuracies), accuracies, y=labels))
    assert (("chance", None) in found) == stalls


def test_wrong_settings_of_a_diagnosis_are_refused():
    with pytest.raises(ArgumentError, match="every"):
        callbacks.Diagnosis(0)
    with pytest.raises(ArgumentTypeError, match="y cannot be made into one array"):
        callbacks.Diagnosis(y=[[1], [1, 2]])
    with pytest.raises(ArgumentError, match="y must"):
        callbacks.Diagnosis(y=5)
    model = network()
    with pytest.raises(ArgumentError, match="x has 2 features"):
        fit(model, callbacks=[callbacks.Diagnosis(x=X[:, :2])])
    assert model.history is None


def test_dead_units_of_relus_that_are_layers_of_their_own():
    dense, relu = fm.Dense(4), fm.Activation("relu")
    layers = [dense, fm.BatchNormalization(), relu, fm.Residual([fm.Dense(6), relu, fm.Dense(4)])]
    model = fm.Sequential([*layers, fm.Dense(CLASSES, activation="softmax")], seed=0)
    model.compile()
    model.build(FEATURES)
    model.layers[1].beta = [-100, 0, -100, 0]
    model.layers[3].bias = [-1e4, -1e4, -1e4, 0, 0, 0]
    diagnosis = diagnosed(model, epochs=1)
    found = {layer.layer: layer.dead_units for layer in diagnosis.layers}
    assert (found[0], found[3]) == (0.5, 0.5)
    assert math.isnan(found[5])
    assert ("dead", 0) in kinds(diagnosis)
