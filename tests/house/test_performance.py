"""How docs/performance.md is made of measurements: no figure is measured here."""

import numpy as np
import pytest

from benchmarks import inference, memory, scaling, targets, time_to_accuracy, training
from benchmarks.report import best_peer, find, plural, results_of, table
from fastmlp._contest import WORKLOADS, Result
from fastmlp._contest.contestants import CONTESTANTS, OURS


def result(name, seconds, mine=1.0, **fields):
    times = [seconds, 0.9 * seconds, 1.1 * seconds]
    return Result(name, times, [t / mine for t in times], 2 * seconds, 1e-6, **fields).as_dict()


def results():
    return [
        result(OURS, 1.0),
        result("fastmlp, uint8 rows", 0.5, counts=False),
        result("JAX, scan", 2.0),
        result("PyTorch", 5.0),
        result("scikit-learn", 1.5, counts=False, note="not the same arithmetic"),
        Result("onnxruntime", note="it crashed").as_dict(),
    ]


@pytest.fixture
def sections():
    """Everything that targets and tables read, for one thread and two."""
    by_workload = {name: results() for name in WORKLOADS}
    by_rows = {str(rows): [*results()[:-1], result("onnxruntime", 3.0)] for rows in inference.ROWS}
    run = {"first_fit": 0.5, "compiled": 0, "new_network": 0.004, "recompiled": 0}
    curve = {"1": {str(size): [size * 1e-6] for size in (10, 100, 1000)}}
    return {
        "training": {
            "results": {"1": by_workload, "2": by_workload},
            "workloads": {name: {**workload.__dict__} for name, workload in WORKLOADS.items()},
        },
        "inference": {"results": {"1": by_rows, "2": by_rows}},
        "start": {"imports": {"fastmlp": 0.1, "numba": 0.2, "jax": 0.5}, "cold": {"first_fit": 9.0}, "warm": [run]},
        "memory": {"points": {"W1": {"data": 188_000_000, "peak": 380_000_000}}},
        "baseline": {"sample": 0.5},
        "scaling": {"curves": {"rows": curve, "parameters": curve}},
    }


def verdicts(sections):
    return {row[0]: row[-1] for row in (target.row(sections) for target in targets.TARGETS)}


def test_targets(sections):
    found = verdicts(sections)
    assert found["W1, all threads: ≤ 0.38 × JAX scan"] == "missed by 32%"  # 0.5
    assert found["W1, all threads: ≤ 0.25 × PyTorch"] == "met"
    assert found["W1, all threads: ≤ 0.14 × scikit-learn"] == "not compared: other arithmetic"
    assert found["60,000 rows, all threads: ≥ 1.2 × onnxruntime"] == "met"
    assert found["cold: import, compilation and first fit ≤ 8 s"] == "missed by 12%"
    assert found["peak memory of W1 training: ≤ data set + 200 MB"] == "met"
    assert found["new architecture, batch size, optimiser setting: 0 compilations"] == "met"


def test_what_limits_is_said_of_missed_targets_alone(sections):
    for name in targets.LIMITS:
        assert any(target.what.startswith(name) for target in targets.TARGETS)
    text = "\n".join(targets.lines(sections))
    missed = [what for what, verdict in verdicts(sections).items() if verdict.startswith("missed")]
    assert missed
    for name in targets.LIMITS:
        assert (f"- {name}: " in text) == any(what.startswith(name) for what in missed)


def test_targets_without_measurements():
    assert set(verdicts({}).values()) == {""}


def test_best_peer_did_the_same_and_is_not_us():
    found = results_of(results())
    assert best_peer(found).name == "JAX, scan"
    assert find(found, "scikit-learn") is None
    assert find(found, "onnxruntime") is None


def test_sections_render(sections):
    text = "\n".join(training.lines(sections["training"]) + inference.lines(sections["inference"]))
    assert "**2.00 s (1.80 s–2.20 s)**" in text
    assert "- onnxruntime: it crashed" in text
    assert "fastmlp would take 9.38 s for 60,000 rows" in text  # W3 has 6,400


def test_time_to_accuracy_renders():
    answers = {
        OURS: [{"seconds": s, "epochs": 2, "first_call": 0.1} for s in (1.0, 2.0, 3.0)],
        "NumPy": [{"seconds": 8.0, "epochs": 3, "first_call": 0.1}, {"note": "accuracy 0.9 after 15 epochs"}],
    }
    text = "\n".join(time_to_accuracy.lines({"accuracy": 0.97, "threads": 2, "answers": answers}))
    assert "| fastmlp | 2.00 s (1.00 s–3.00 s) | 2, 2, 2 | 1.0 | 100 ms |" in text
    assert "| NumPy | 8.00 s (8.00 s–8.00 s) | 3 | 4.0 | 100 ms |" in text


def test_line_through_times():
    sizes = np.array([1e4, 1e5, 1e6, 1e7])
    line = scaling.fit_line(sizes, 0.002 + 1e-7 * sizes)
    assert (line.constant, line.slope) == pytest.approx((0.002, 1e-7))
    assert line.deviation < 1e-9
    steep = scaling.fit_line(sizes, sizes**1.5)
    assert steep.constant == 0.0
    assert steep.power == pytest.approx(1.5)
    assert steep.deviation > 0.15


def test_parameters_span_three_decades():
    counts = list(scaling.CURVES["parameters"])
    assert counts[0] == pytest.approx(1e4, rel=0.05)
    assert counts[-1] == pytest.approx(1e7, rel=0.05)


def test_targets_name_contestants_that_exist():
    for name in ("JAX, scan", "PyTorch", "scikit-learn", "onnxruntime", OURS, "fastmlp in numba code"):
        assert name in CONTESTANTS


def test_peak_memory_grows():
    before = memory.peak_bytes()
    block = np.ones(30_000_000)
    assert memory.peak_bytes() >= before + 0.5 * block.nbytes or before > 2 * block.nbytes


def test_tables():
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "| --- | ---: |", "| 1 | 2 |"]
    assert plural(1, "thread") == "1 thread"
