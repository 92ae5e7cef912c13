"""What the losses and the penalties of a batch are divided by: like the twin, and like finite differences."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels, losses, regularizers
from fastmlp._base import tables
from fastmlp.kernels.network import verify
from fastmlp.layers import BatchNormalization, Dense

from ..cases import form_of
from .test_kernels import argument, plan_of
from .test_operations import compare_training, dtype, training  # noqa: F401 - a fixture

EXACT = losses.CategoricalCrossentropy(reduction="mean_with_sample_weight")
SHARED = regularizers.l1_l2(0.02, 0.05, per_batch=True)
MIXED = [
    Dense(33, "relu", kernel_regularizer=SHARED, bias_regularizer="l2"),
    Dense(17, "tanh", kernel_regularizer="l1", bias_regularizer=SHARED),
    Dense(7, "softmax", kernel_regularizer=SHARED),
]
RULES = {
    "sgd": fm.SGD(0.5),
    "clipped": fm.SGD(0.5, clipvalue=0.01),
    "all": fm.SGD(0.5, clipnorm=0.2),
    "accumulated": fm.SGD(0.5, gradient_accumulation_steps=3),
    "accumulated, clipped": fm.SGD(0.5, global_clipnorm=0.2, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("loss", [None, EXACT], ids=["rows", "weights"])
@pytest.mark.parametrize("rule", RULES)
def test_divisors_train_like_the_twin(rule, loss, weighted, dtype):  # noqa: F811
    for layers in (None, MIXED):
        options = {"layers": layers, "loss": loss, "weighted": weighted, "optimizer": RULES[rule]}
        compare_training(training(dtype, 7, 40, 20, 33, 17, 7, **options), dtype)


def test_rounds_of_a_long_batch_train_like_the_twin(dtype):  # noqa: F811
    for loss in (None, EXACT):
        for rule in (fm.SGD(0.5), fm.SGD(0.5, gradient_accumulation_steps=2)):
            options = {"layers": MIXED, "loss": loss, "weighted": True, "optimizer": rule}
            compare_training(training(dtype, 150, 300, 20, most_blocks=1, **options), dtype)


@pytest.mark.parametrize("norm", [False, True], ids=["", "batch norm"])
def test_a_batch_without_weight_changes_nothing_and_costs_nothing(norm, dtype):  # noqa: F811
    norms = [BatchNormalization()] if norm else []
    layers = [MIXED[0], *norms, Dense(7, "softmax", kernel_regularizer=SHARED)]
    layers[0] = Dense(33, "relu", kernel_regularizer=SHARED)
    for rule in (fm.SGD(0.5), fm.SGD(0.5, gradient_accumulation_steps=2)):
        args = training(dtype, 10, 40, 20, layers=layers, loss=EXACT, weighted=True, optimizer=rule)
        argument(args, "row_weights")[argument(args, "order")[10:20]] = 0.0
        compare_training(args, dtype)
        form_of("train_batches", args)(*args)
        assert argument(args, "losses")[1] == 0.0
        assert (argument(args, "losses")[[0, 2, 3]] > 0).all()


def test_each_weights_bits_are_the_same_for_all_threads():
    for loss in (None, EXACT):
        found = []
        for threads in (1, 2):
            rule = fm.SGD(0.1, gradient_accumulation_steps=2)
            args = training("float32", 700, 2_000, 20, layers=MIXED, loss=loss, weighted=True, optimizer=rule)
            form_of("train_batches", args).run(np.dtype(np.float32), threads, *args)
            found.append((argument(args, "parameters").tobytes(), argument(args, "losses").tobytes()))
        assert found[0] == found[1]


def test_the_core_form_divides_by_rows_alone():
    args = training("float32", 7, 40, 20, 7, loss=EXACT)
    assert form_of("train_batches", args) is kernels.train_batches_full
    v = {p.name: value for p, value in zip(kernels.train_batches.parameters, args, strict=True)}
    sizes = (v["parameters"].size, v["workspace"].size, kernels.panel_width(np.dtype(np.float32)))
    given = (v["ops"], v["strips"], v["stages"], v["plan"], *sizes, verify.CORE_TRAINING)
    assert "only `train_batches_full` can train by it" in verify.described(kernels.program_fault(*given))
    plan_of(args).by_weights = 0
    assert kernels.program_fault(*given) == 0
    assert "by_weights" in tables.PLAN.names
