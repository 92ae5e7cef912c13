"""The benchmark: who is compared with whom, on what, and what happens to those who fail."""

import contextlib
import json
import math
import time

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._contest import WORKLOADS, Arena, Job, Result, Workload, contest, machine, phases, table, workloads
from fastmlp._contest.contestants import CONTESTANTS, OURS, Contestant, NotApplicable, numpy_mlp, ours
from fastmlp._contest.worker import Worker
from fastmlp.cli import benchmark, main

TINY = Workload("tiny", (6, 5, 3), batch_size=8, rows=30, epochs=2, data="synthetic")
BOTH = [CONTESTANTS[OURS], CONTESTANTS["NumPy"]]


# ---------------------------------------------------------------- contestants that go wrong


class Doctored(numpy_mlp.Float32):
    """Reports a loss that is nearly right."""

    def train_epoch(self):
        return 1.002 * super().train_epoch()


class Crashing(numpy_mlp.Float32):
    """Its process ends without a word."""

    def train_epoch(self):
        raise SystemExit(3)


class Hanging(numpy_mlp.Float32):
    """Never answers."""

    def train_epoch(self):
        time.sleep(60)
        return 0.0


class Raising(numpy_mlp.Float32):
    """Fails after its first turn."""

    def train_epoch(self):
        if self.epoch >= TINY.epochs:
            raise ValueError("no more\nof this")
        return super().train_epoch()


def bad(cls):
    return Contestant(cls.__name__, f"{__name__}:{cls.__name__}", "numpy", "numpy")


@pytest.fixture
def task(tmp_path):
    workloads.write(TINY, 0, tmp_path)
    return workloads.Task(TINY, 0, 1, tmp_path)


# ---------------------------------------------------------------- workloads


@pytest.mark.parametrize(("name", "rows", "gflop"), [("W1", 60_000, 27.3), ("W3", 60_000, 574), ("W4", 20_000, 0.61)])
def test_work_of_an_epoch(name, rows, gflop):
    workload = Workload(name, WORKLOADS[name].widths, 128, rows)
    assert workload.gflop == pytest.approx(gflop, rel=5e-3)


def test_flops_are_those_of_the_products():
    assert Workload("", (7, 5, 3), 1, rows=2).flops == {"forward": 2 * 2 * 50, "dX": 2 * 2 * 15, "dW": 2 * 2 * 50}


def test_parameters_are_those_of_the_model():
    workload = WORKLOADS["W1"]
    assert workload.parameters == sum(array.size for array in workloads.initial_weights(workload, 0))


def test_a_task_is_what_a_model_with_its_seed_does(task):
    model = fm.mlp(TINY.widths[1:-1], classes=TINY.widths[-1], seed=0)
    history = model.fit(task.x, task.y, TINY.batch_size, epochs=2, verbose=0)
    network = numpy_mlp.Reference(task)
    np.testing.assert_allclose([network.train_epoch(), network.train_epoch()], history.history["loss"], rtol=1e-5)


def test_rows_are_repeated_where_there_are_too_few():
    (x, y), _ = workloads.make_data(Workload("", (784, 10), 128, rows=60_010))
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x[60_000:], x[:10])
    np.testing.assert_array_equal(y[60_000:], y[:10])


@pytest.mark.parametrize("cls", [ours.Float32, numpy_mlp.Float32])
def test_start_forgets_everything(task, cls):
    network = cls(task)
    first = [network.train_epoch(), network.train_epoch()]
    network.start()
    assert [network.train_epoch(), network.train_epoch()] == first


def test_uint8_rows_are_the_same_numbers(tmp_path):
    workload = Workload("", (784, 10), 64, rows=128)
    workloads.write(workload, 0, tmp_path)
    task = workloads.Task(workload, 0, 1, tmp_path)
    assert ours.Uint8(task).train_epoch() == pytest.approx(ours.Float32(task).train_epoch(), rel=1e-5)


# ---------------------------------------------------------------- the contest


@pytest.mark.parametrize("rows", [None, 4])
def test_same_arithmetic(rows):
    with Arena(BOTH, threads=1) as arena:
        results = arena.run(Job(TINY, rows), rounds=3)
    assert [result.name for result in results] == [OURS, "NumPy"]
    for result in results:
        assert result.note == ""
        assert len(result.seconds) == len(result.ratios) == 3
        assert result.deviation < 1e-5
    assert results[0].ratio == 1.0


def test_whoever_goes_wrong_is_a_note():
    names = [Doctored, Crashing, Hanging, Raising]
    with Arena([BOTH[1], *map(bad, names)], threads=1, timeout=5) as arena:
        right, *wrong = arena.run(Job(TINY), rounds=2)
    assert (right.note, right.counts) == ("", True)
    assert [result.counts for result in wrong] == [False] * 4
    doctored, crashing, hanging, raising = (result.note for result in wrong)
    assert "not the same arithmetic" in doctored
    assert "ended with code 3" in crashing
    assert "no answer within 5 s" in hanging
    assert raising == "ValueError: no more of this"
    assert wrong[0].deviation == pytest.approx(2e-3, rel=0.01)


def test_a_contestant_that_cannot_be_loaded():
    with Arena([Contestant("lost", "no_such_module:Class", "numpy", "numpy")], threads=1) as arena:
        for _ in range(2):
            (result,) = arena.run(Job(TINY), rounds=1)
            assert result.note.startswith("ModuleNotFoundError")


def test_a_library_that_ends_the_process(tmp_path, monkeypatch):
    (tmp_path / "fatal.py").write_text("import os; os._exit(7)")
    monkeypatch.syspath_prepend(tmp_path)
    with Arena([Contestant("fatal", "fatal:Class", "numpy", "numpy")], threads=1) as arena:
        (result,) = arena.run(Job(TINY), rounds=1)
    assert "ended with code 7" in result.note


def test_a_library_that_is_not_there():
    missing = Contestant("missing", ".missing:Missing", "missing", "no_such_library")
    with Arena([missing], threads=1) as arena:
        (result,) = arena.run(Job(TINY), rounds=1)
    assert (result.seconds, result.note) == ([], "missing is not installed")


def test_loss_that_is_no_number_does_not_agree():
    result = Result("")
    contest._compare_loss(result, math.nan, {"loss": 1.0})
    assert not result.counts


def test_nobody_counts_without_a_reference():
    result = Result("")
    contest._compare_loss(result, 1.0, {"note": "no answer"})
    assert not result.counts
    assert "the reference failed: no answer" in result.note


def test_one_thread_is_one_cpu():
    assert len(contest.cpus_for(1)) == 1
    assert contest.environment(1)["OMP_NUM_THREADS"] == "1"


# ---------------------------------------------------------------- a worker, in this process


def test_worker_answers(task):
    worker = Worker(BOTH[1])
    worker.load()
    trained = worker.train(task)
    assert trained["first_call"] > 0
    assert worker.measure()["seconds"] > 0
    predicted = worker.predict(task, 4)
    assert predicted["loss"] > 0
    assert worker.measure()["seconds"] < 0.05


def test_worker_reaches_an_accuracy(task):
    worker = Worker(BOTH[1])
    worker.load()
    worker.train(task)
    assert worker.reach(task, 0.2, 5)["accuracy"] >= 0.2
    with pytest.raises(NotApplicable, match="after 1 epochs"):
        worker.reach(task, 1.1, 1)


# ---------------------------------------------------------------- what is shown


def test_table():
    results = [Result("good", [0.001, 0.003], [1.0, 1.0], 2.0, 1e-7), Result("bad", note="it broke")]
    header, _, job, good, broken = table.lines([("a job", results)])
    assert header.split() == ["median", "spread", "x", "fastmlp", "first", "call", "loss", "differs"]
    assert job == "a job"
    assert good.split() == ["good", "2.00", "ms", "1.00", "ms", "-", "3.00", "ms", "1.00", "2.00", "s", "1e-07"]
    assert broken.split() == ["bad", "-", "it", "broke"]


def test_machine():
    facts = machine.facts(BOTH)
    assert f"fastmlp {fm.__version__}" in facts["versions"]
    assert "lanes" in facts["vectors"]


def test_short_form():
    assert [str(job) for job in benchmark.jobs(100)] == [
        "W1: 784-128-64-10, batch 128, 100 rows",
        "W4: 20-64-64-2, batch 32, 100 rows",
        "predict 1 row, 784-128-64-10",
        "predict 64 rows, 784-128-64-10",
        "predict 100 rows, 784-128-64-10",
    ]


@pytest.mark.needs_jit
def test_command(capsys, tmp_path):
    file = tmp_path / "results.json"
    command = ["benchmark", "--only", "numpy", "--rows", "70", "--rounds", "1", "--threads", "1", "--json", str(file)]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "predict 70 rows" in shown
    assert shown.count("  NumPy") == len(benchmark.jobs(70))
    results = json.loads(file.read_text())["results"]
    assert [result["note"] for found in results.values() for result in found] == [""] * 10


def test_command_refuses_strangers(capsys):
    assert main(["benchmark", "--only", "Caffe"]) == 2
    assert "there is no 'Caffe'; there are: fastmlp; " in capsys.readouterr().err


# ---------------------------------------------------------------- phases, and the command without processes


def test_phases_add_up_to_the_epoch():
    found = phases.measure(TINY, 1, epochs=1)
    assert tuple(found) == phases.PHASES
    assert all(found[phase] > 0 for phase in phases.PHASES[:-1])
    assert sum(found.values()) < 60_000


def test_command_prints_phases(capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "_trained", lambda rows: [TINY])
    assert main(["benchmark", "--phases", "--threads", "1", "--rounds", "1"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in (*phases.PHASES, "all"))
    assert main(["benchmark", "--phases", "--only", "numpy"]) == 2
    assert "--phases goes with" in capsys.readouterr().err


def test_command_writes_what_was_measured(capsys, monkeypatch, tmp_path):
    class Measured(contextlib.nullcontext):
        def __init__(self, chosen, threads, timeout, report):
            super().__init__(self)
            self.names = [contestant.name for contestant in chosen]

        def run(self, job, rounds):
            return [Result(name, [1.0] * rounds, [1.0] * rounds) for name in self.names]

    monkeypatch.setattr(benchmark, "Arena", Measured)
    file = tmp_path / "results.json"
    assert main(["benchmark", "--only", "numpy", "--rounds", "2", "--json", str(file)]) == 0
    assert capsys.readouterr().out.count("  NumPy ") == len(benchmark.jobs(None))
    found = json.loads(file.read_text())["results"]
    assert [result["seconds"] for results in found.values() for result in results] == [[1.0, 1.0]] * 2 * len(found)
