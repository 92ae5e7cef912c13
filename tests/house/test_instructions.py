"""The program that counts instructions, without counting any."""

import json
import sys

import pytest

from benchmarks import instructions


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A function that puts a program of this name in front of all others, which writes a text to its error output."""
    if sys.platform == "win32":
        pytest.skip("needs a shell")

    def make(name, text):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return make


def test_growth_is_reported_and_gains_are_not():
    reference = {"a": 100, "b": 100, "c": 100}
    assert instructions.compare({"a": 102, "b": 100.9, "c": 50, "new": 1}, reference, 0.01) == ["a: +2.00%"]


def test_perf_is_read(fake):
    fake("perf", "123456,,instructions:u,99,100.00,,")
    assert instructions.perf_count(["true"]) == 123456
    assert instructions.usable_counters()[0] == "perf"


def test_perf_without_a_counter_is_not_used(fake):
    fake("perf", "<not supported>,,instructions:u,0,100.00,,")
    assert instructions.perf_count(["true"]) is None
    assert "perf" not in instructions.usable_counters()


def test_dumps_are_read_in_the_order_of_their_numbers(tmp_path):
    for number in (1, 2, 10):
        (tmp_path / f"out.{number}").write_text(f"version: 1\nevents: Ir\nsummary: {number}000\n")
    assert [instructions.total(file) for file in instructions.dumps(tmp_path)] == [1000, 2000, 10000]


def test_the_counted_build_does_not_depend_on_the_caller(monkeypatch):
    monkeypatch.setenv("FASTMLP_LANES", "4")
    monkeypatch.setenv("NUMBA_OPT", "1")
    found = instructions.environment()
    assert not {"FASTMLP_LANES", "NUMBA_OPT"} & found.keys()
    assert "+avx2" in found["NUMBA_CPU_FEATURES"]


@pytest.mark.parametrize("same", [True, False])
def test_a_reference_counts_for_the_same_compiler_alone(same, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(instructions.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(instructions, "usable_counters", lambda: ["callgrind"])
    monkeypatch.setattr(instructions, "measure", lambda counter: {"a": 102})
    circumstances = instructions.circumstances("callgrind") | ({} if same else {"numba": "0.1"})
    file = tmp_path / "reference.json"
    file.write_text(json.dumps({"circumstances": circumstances, "instructions": {"a": 100}}))
    monkeypatch.setattr(sys, "argv", ["instructions", "--compare", str(file)])
    if same:
        with pytest.raises(SystemExit, match=r"a: \+2.00%"):
            instructions.main()
    else:
        instructions.main()
        assert "Not compared" in capsys.readouterr().out
