"""Models with activations and losses of one's own: training, files, other processes and threads."""

import copy
import json
import pickle

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels
from fastmlp._base import tables as t
from fastmlp._compiling import jit
from fastmlp._exporting.description import described
from fastmlp.cli import main
from fastmlp.kernels.network import verify

from ..shared import own
from ..shared.models import bits, data, state_bits
from ..shared.processes import FORK, in_threads, needs_fork, needs_jit, run_python

X, LABELS = data(rows=300, features=7, classes=3)
TARGETS = np.stack([np.sin(X.sum(axis=1)), X[:, 0]], axis=1)


def model_with(activation=own.BELL, loss=own.CAUCHY, dtype="float32", **settings):
    layers = [fm.Dense(19, activation, kernel_initializer="glorot_uniform"), fm.Dense(11), fm.BatchNormalization()]
    model = fm.Sequential([*layers, fm.Activation(activation), fm.Dense(2)], seed=3, dtype=dtype)
    model.compile("adam", loss, **settings)
    model.build(7)
    return model


# ---------------------------------------------------------------- training


@numba.njit
def silu(x):
    return x * fm.math.sigmoid(x)


@numba.njit
def silu_slope(x):
    s = fm.math.sigmoid(x)
    return s * (x * (1.0 - s) + 1.0)


@numba.njit
def squares(output, target):
    d = output - target
    return d * d


@numba.njit
def squares_slope(output, target):
    d = output - target
    return d + d


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_arithmetic_of_built_in_ones_gives_their_bits(dtype):
    """The same operations in the same order, whether LLVM made vectors of them or we did."""
    found = []
    weights = np.linspace(0.5, 2, len(X))
    for activation, loss in (
        (fm.activations.Custom(silu, silu_slope, "own silu"), fm.losses.Custom(squares, squares_slope, "own mse")),
        ("silu", "mse"),
    ):
        model = model_with(activation, loss, dtype)
        model.fit(X, TARGETS, epochs=2, batch_size=37, sample_weight=weights, verbose=0)
        found.append((state_bits(model), model.predict(X).tobytes(), tuple(model.evaluate(X, TARGETS))))
    if not jit.jit_disabled():  # NumPy's functions differ from ours
        assert found[0] == found[1]


def test_a_loss_is_its_formula():
    model = model_with(dtype="float64", metrics=["mae"])
    weights = np.linspace(0.5, 2, len(X))
    result = model.evaluate(X, TARGETS, sample_weight=weights)
    rows = np.log1p((model.predict(X) - TARGETS) ** 2).mean(axis=1)
    assert result.loss == pytest.approx((rows * weights).sum() / weights.sum(), rel=1e-12)


def test_gradients_are_right():
    model = model_with()
    assert model.gradient_check(X[:20], TARGETS[:20]).passed
    labels = fm.Sequential([fm.Dense(5, own.SWISHY), fm.Dense(3, "softmax")], seed=0)
    labels.compile(loss=own.CAUCHY)
    labels.build(7)
    assert labels.gradient_check(X[:20], LABELS[:20]).passed
    assert "accuracy" in dict(labels.evaluate(X, LABELS))


def test_nothing_depends_on_threads_or_on_other_rows():
    found, times = set(), 1 if jit.jit_disabled() else 40
    x, y = np.tile(X, (times, 1)), np.tile(TARGETS, (times, 1))
    for n_threads in (1, 2):
        model = model_with()
        model.fit(x, y, epochs=1, batch_size=150 * times, n_threads=n_threads, verbose=0)
        found.add(state_bits(model) + model.predict(x, n_threads=n_threads).tobytes())
    assert len(found) == 1
    whole = model.predict(X)
    for rows in (slice(0, 1), slice(5, 12), slice(100, 300)):
        assert model.predict(X[rows]).tobytes() == whole[rows].tobytes()
    assert np.allclose(model.folded().predict(X), whole, atol=1e-5)


@needs_jit
def test_an_error_in_a_function_ends_the_training():
    @numba.njit
    def strict(x):
        if x > 20:
            raise ValueError("too large")
        return x

    model = fm.Sequential(
        [fm.Dense(9), fm.Activation(fm.activations.Custom(strict, lambda x: 1.0)), fm.Dense(2)], seed=0
    )
    model.compile("sgd", "mse")
    model.fit(X, TARGETS, epochs=1, verbose=0)
    before = bits(model)
    with pytest.raises(fm.DivergenceError):
        model.fit(X * 1000, TARGETS, epochs=1, verbose=0)
    assert np.isfinite(model.predict(X)).all()
    assert bits(model) == before
    with pytest.raises(fm.ArgumentError, match=r"output 0 is NaN, .* activation 'strict' of your own gives NaN"):
        model.predict(X * 1000)


@needs_jit
def test_no_kernel_is_compiled_for_a_function():
    model_with().fit(X, TARGETS, epochs=1, verbose=0)
    before = list(jit.compilations)
    variants = {name: len(getattr(kernels, name)._variants) for name in kernels.__all__}
    made = [fm.activations.Custom(lambda x, a=a: x * 0.5 * a + x, lambda x, a=a: 1 + 0.5 * a, f"{a}") for a in (1, 2)]
    for activation in made:
        model = model_with(activation, fm.losses.Custom(squares, squares_slope, "own"))
        model.fit(X, TARGETS, epochs=1, verbose=0)
        model.predict(X)
    assert jit.compilations == before
    assert {name: len(getattr(kernels, name)._variants) for name in kernels.__all__} == variants
    assert made[0].index != made[1].index


# ---------------------------------------------------------------- what is shown


def test_descriptions_name_functions():
    model = model_with()
    lines = []
    model.summary(lines.append)
    assert "bell" in "\n".join(lines)
    assert model.layers[0].activation == "bell"
    assert "Custom(name='cauchy')" in repr(model)
    with pytest.raises(fm.ArgumentError, match=r"jitted\(\) cannot take an activation of your own"):
        model.jitted()
    with pytest.raises(fm.ArgumentError, match="'bell' cannot be exported: it is your own code"):
        described(model)
    relu = model_with("relu")
    assert len(relu.jitted()) == 3  # a loss does not matter there
    assert fm.mlp([5, 4], classes=3, activation=own.BELL).layers[1].activation == "bell"
    assert fm.mlp([5, 4], classes=3, activation=[own.BELL, "relu"], batch_norm=True).layers[2].activation == "bell"


# ---------------------------------------------------------------- files


def test_a_file_holds_names_and_needs_the_functions(tmp_path):
    model = model_with()
    model.fit(X, TARGETS, epochs=1, verbose=0)
    path = tmp_path / "model.npz"
    model.save(path)
    with np.load(path) as file:
        config = json.loads(bytes(file["config"]))
    assert config["layers"][0]["activation"] == {"type": "Custom", "name": "bell"}
    assert config["loss"] == {"type": "Custom", "name": "cauchy", "reduction": "sum_over_batch_size"}
    again = fm.load(path, custom_objects=own.OBJECTS)
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    assert again.loss is own.CAUCHY
    assert again.declarations == model.declarations
    for each in (again, model):
        each.fit(X, TARGETS, epochs=3, resume=True, verbose=0)
    assert state_bits(again) == state_bits(model)
    model.save_weights(tmp_path / "weights.npz")
    fresh = model_with()
    fresh.load_weights(tmp_path / "weights.npz")
    assert fresh.predict(X).tobytes() == model.predict(X).tobytes()


NEEDED = (
    r"the activation 'bell' is a function of your own.*pass custom_objects=\{'bell': \.\.\.\} with a fastmlp.activat"
)
MISTAKES = {
    "none": (None, fm.ModelFileError, NEEDED),
    "others": ({"swishy": own.SWISHY}, fm.ModelFileError, NEEDED),
    "no loss": ({"bell": own.BELL}, fm.ModelFileError, "the loss 'cauchy' is a function of your own"),
    "another name": ({"bell": own.SWISHY}, fm.ArgumentError, r"custom_objects\['bell'\] has the name 'swishy'"),
    "a loss": (
        {"bell": fm.losses.Custom(own.cauchy, own.cauchy_slope, "bell")},
        fm.ModelFileError,
        r"with a fastmlp.activations.Custom of this name, not losses.Custom\('bell'\)",
    ),
    "another reduction": (
        {
            "bell": own.BELL,
            "cauchy": fm.losses.Custom(own.cauchy, own.cauchy_slope, reduction="mean_with_sample_weight"),
        },
        fm.ModelFileError,
        "the loss 'cauchy' was .*give the same settings",
    ),
    "a function": (
        {"bell": own.bell},
        fm.ArgumentTypeError,
        r"custom_objects\['bell'\] must be a fastmlp.activations.C",
    ),
    "no dict": ([own.BELL], fm.ArgumentTypeError, "custom_objects must be a dict"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_functions_that_do_not_fit_a_file_are_refused(name, tmp_path):
    given, kind, message = MISTAKES[name]
    model = model_with()
    model.save(tmp_path / "model.npz")
    with pytest.raises(kind, match=message):
        fm.load(tmp_path / "model.npz", custom_objects=given)
    model.export(tmp_path / "model.json")
    with pytest.raises(kind, match=message):
        fm.import_model(tmp_path / "model.json", custom_objects=given)
    with pytest.raises(fm.ArgumentError if kind is fm.ModelFileError else kind, match=message):
        fm.Sequential.from_config(model.config(), custom_objects=given)


def test_descriptions_come_back_with_the_functions(tmp_path):
    model = fm.Sequential([fm.Residual([fm.Residual([fm.Activation(own.BELL)])]), fm.Dense(2, own.SWISHY)], seed=1)
    model.compile("sgd", own.CAUCHY)
    model.build(7)
    model.export(tmp_path / "model.json")
    for again in (
        fm.Sequential.from_config(json.loads(json.dumps(model.config())), own.OBJECTS),
        fm.import_model(tmp_path / "model.json", custom_objects=own.OBJECTS),
    ):
        assert again.config() == model.config()
        assert again.predict(X).tobytes() == model.predict(X).tobytes()


def test_two_functions_of_one_name_are_not_saved(tmp_path):
    other = fm.activations.Custom(own.swishy, own.swishy_slope, name="bell")
    model = fm.Sequential([fm.Dense(3, own.BELL), fm.Residual([fm.Activation(other)])], seed=0)
    model.build(2)
    with pytest.raises(fm.ArgumentError, match="two different functions of your own with the name 'bell'"):
        model.save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_the_command_line_says_what_it_cannot_load(tmp_path, capsys):
    path = str(tmp_path / "model.npz")
    model_with().save(path)
    np.savez(tmp_path / "data.npz", x_train=X, y_train=LABELS)
    assert main(["evaluate", path, str(tmp_path / "data.npz")]) == 1
    assert "the activation 'bell' is a function of your own" in capsys.readouterr().err


# ---------------------------------------------------------------- verification


def test_tables_must_name_functions_that_there_are():
    """Kernels call what a table of the process holds, so an index outside of it would run anything."""
    built = model_with().engine.program
    plan = built.new_plan(8, 1, training=True)
    own.CAUCHY.fill_plan(plan, "linear", 2)
    fm.SGD(0.1).fill_plan(plan)
    workspace = built.workspace(plan).size

    def fault(ops, plan):
        sizes = (built.size, workspace, built.panel, verify.TRAINING)
        return verify.described(kernels.program_fault(ops, built.strips, built.stages, plan, *sizes))

    def network_fault(ops):
        network = built.network()
        network[t.NETWORK_HEAD + t.PLAN_FIELDS :] = ops.ravel()
        return verify.described(kernels.network_fault(network, built.size, built.fan_in, built.classes, built.panel))

    assert fault(built.ops, plan) is None
    assert network_fault(built.ops) is None
    places = [number for number, op in enumerate(built.operations) if op.code == t.CUSTOM]
    assert len(places) == 2
    for wrong in (-1, -(2**63), 2**62, int(own.BELL.kind.table.count[0])):
        for place in places:
            ops = built.ops.copy()
            ops.view(t.OP)["kind"][place] = wrong
            assert "is the index of no activation of a user's" in fault(ops, plan)
            assert "is the index of no activation of a user's" in network_fault(ops)
    for wrong in (-1, -(2**63), 2**62, int(own.CAUCHY.kind.table.count[0])):
        changed = plan.copy()
        changed.view(t.PLAN)["loss_function"] = wrong
        assert "loss_function is the index of no loss" in fault(built.ops, changed)
    for name, arrays in (
        ("custom_forward", (X.copy(), X.copy(), X)),
        ("custom_loss", (X[:, 0].copy(), X.copy(), X, X)),
    ):
        for wrong in (-1, 10**6):
            with pytest.raises(fm.ArgumentError, match=f"index of one of the .* functions .* not {wrong}"):
                getattr(kernels, name)(*arrays, wrong, *([1.0] if name == "custom_loss" else []))


# ---------------------------------------------------------------- copies, processes, threads


def test_copies_and_pickles_train_alike():
    model = model_with()
    model.fit(X, TARGETS, epochs=1, verbose=0)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert state_bits(again) == state_bits(model)
        again.fit(X, TARGETS, epochs=1, verbose=0)
    cross = fm.cross_validate(lambda: model_with(), X, TARGETS, folds=2, epochs=1, verbose=0)
    assert len(cross.scores) == 2


def test_sweeps_and_estimators_take_functions(tmp_path):
    settings = {"layers": [[5]], "activation": [own.BELL, own.SWISHY], "epochs": 1}
    result = fm.sweep(settings, X, LABELS, folder=tmp_path, verbose=0)
    assert sorted(run.name.split("=")[2].split(",")[0] for run in result) == ["bell", "swishy"]
    tested = fm.sweeps.evaluate(tmp_path, X, LABELS, custom_objects=own.OBJECTS)
    assert all("test_loss" in run.metrics for run in tested)
    failed = fm.sweeps.evaluate(tmp_path, X, LABELS)
    assert all("custom_objects" in run.reason for run in failed)
    pytest.importorskip("sklearn")
    estimator = fm.MLPClassifier((5,), activation=own.BELL, tol=10.0, random_state=0)
    assert copy.deepcopy(estimator).fit(X, LABELS).predict(X).shape == (300,)


def test_threads_predict_at_once():
    model, results = model_with(), []
    wanted = model.predict(X).tobytes()
    in_threads(lambda _: results.append(model.predict(X).tobytes()), range(8))
    assert results == [wanted] * 8


OWN = """
import numba, pickle, sys
import numpy as np
import fastmlp as fm

@numba.njit
def bump(x):
    return fm.math.exp(-x * x) + x

@numba.njit
def bump_slope(x):
    return -2 * x * fm.math.exp(-x * x) + 1

@numba.njit
def gap(output, target):
    return abs(output - target) ** 2

@numba.njit
def gap_slope(output, target):
    return 2 * (output - target)
"""
WORKERS = f"""{OWN}
import concurrent.futures, multiprocessing

def trained(model, x, y):
    model.fit(x, y, epochs=1, verbose=0)
    return model.predict(x).tobytes()

if __name__ == "__main__":
    for _ in range(3):  # so that indices differ between the processes
        fm.activations.Custom(lambda x: x + 0.0, lambda x: 1.0, "first")
    act, loss = fm.activations.Custom(bump, bump_slope), fm.losses.Custom(gap, gap_slope)
    model = fm.Sequential([fm.Dense(9, act), fm.Dense(1)], seed=0)
    model.compile("adam", loss)
    model.build(3)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("f4")
    y = x.sum(axis=1)
    context = multiprocessing.get_context(sys.argv[1] if len(sys.argv) > 1 else "spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        found = [pool.submit(trained, model, x, y).result() for _ in range(2)]
    print(len(set(found)), found[0] == trained(model, x, y))
"""


@needs_jit
def test_spawned_processes_train_alike(tmp_path):
    assert run_python(WORKERS, folder=tmp_path) == "1 True"


@needs_jit
@needs_fork
def test_forked_children_train_alike():
    code = f"""{FORK}
{OWN}
act, loss = fm.activations.Custom(bump, bump_slope), fm.losses.Custom(gap, gap_slope)
model = fm.Sequential([fm.Dense(9, act), fm.Dense(10)], seed=0)
model.compile("adam", loss)
model.build(64)
wanted = model.predict(x, n_threads=1).tobytes()
def work_of_our_own():
    work()
    other = fm.Sequential([fm.Dense(9, fm.activations.Custom(lambda x: x * 2.0, lambda x: 2.0, "new")), fm.Dense(1)])
    other.build(64)
    other.predict(x)
print(in_child(work_of_our_own))
"""
    assert run_python(code, "-W", "ignore::DeprecationWarning") == "0"


def test_without_the_compiler_the_results_are_the_same(tmp_path):
    code = f"""{OWN}
act, loss = fm.activations.Custom(bump, bump_slope), fm.losses.Custom(gap, gap_slope)
model = fm.Sequential([fm.Dense(9, act), fm.Dense(1)], seed=0, dtype="float64")
model.compile("adam", loss)
x = np.random.default_rng(0).normal(size=(64, 3))
history = model.fit(x, x.sum(axis=1), epochs=2, verbose=0)
print(*history["loss"], *model.predict(x[:3]).ravel())
"""
    found = [np.array(run_python(code, NUMBA_DISABLE_JIT=off).split(), float) for off in ("0", "1")]
    np.testing.assert_allclose(*found, rtol=1e-9)
