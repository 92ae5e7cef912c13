"""The fuzzing program: some tries of each attack, those that once found a fault, and what the program reports."""

import json
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from tests.fuzz import kills, runner

from ..shared.models import built

pytestmark = pytest.mark.needs_jit  # it trains a lot

FOUND = json.loads((Path(runner.__file__).parent / "found.json").read_text())
FIRST = 5000  # beside those that the program makes


@pytest.mark.parametrize("name", runner.attacks())
def test_some_tries_of_each_attack_find_nothing(name):
    for number in range(FIRST, FIRST + 40):
        try:
            runner.one_try(name, 0, number)
        except BaseException as error:
            raise AssertionError(runner.Fault(name, 0, number, repr(error))) from error


@pytest.mark.parametrize("entry", FOUND, ids=lambda entry: f"{entry['attack']}-{entry['seed']}-{entry['number']}")
def test_what_found_a_fault_once_finds_it_no_more(entry):
    runner.one_try(entry["attack"], entry["seed"], entry["number"])


def test_tries_are_the_same_whenever_they_are_made():
    numbers = [runner.generator("a", 1, 2).integers(1000, size=5).tolist() for _ in range(2)]
    assert numbers[0] == numbers[1]
    assert numbers[0] != runner.generator("b", 1, 2).integers(1000, size=5).tolist()


FOREIGN = {
    "classes of a list": lambda: built().classes_of([1.0, 2.0]),
    "classes of a set": lambda: built().classes_of({1}),
    "classes of other outputs": lambda: built().classes_of(np.eye(5)),
    "classes of nothing": lambda: built().classes_of(np.empty((3, 0))),
    "a metric that is not text": lambda: fm.metrics.larger_is_better(3),
    "a line on a number": lambda: fm.callbacks.ProgressLine(live=False, stream=1),
    "a bar on a name": lambda: fm.callbacks.ProgressBar(stream="out.txt"),
    "a fraction that is a text": lambda: fm.datasets.train_test_split([[1.0]] * 4, [0, 1] * 2, test_fraction="0.5"),
    "rows of different lengths": lambda: fm.datasets.train_test_split([[1.0], [1.0, 2.0]], [0, 1]),
    "a matrix of different lengths": lambda: fm.datasets.standardize([[1.0], [1.0, 2.0]]),
    "a record for a dtype": lambda: fm.Sequential(dtype=[1]),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_public_calls_raise_errors_of_ours(kind):
    with pytest.raises(fm.FastMLPError):
        FOREIGN[kind]()


# ---------------------------------------------------------------- what is reported


ATTACKS = {
    "nothing": "pass",
    "an error": "raise IndexError('foreign')",
    "a crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "an end": "import sys; sys.exit(3)",
    "a hang": "import time; time.sleep(1000)",
    "memory": "x = bytearray(600 << 20); x[::4096] = x[::4096]",
    "much memory": "bytearray(20 << 30)",
}
REPORTS = {
    "nothing": "0 faults in 2 tries",
    "an error": "IndexError: foreign",
    "a crash": "the process ended with -11",
    "an end": "the process ended with 3",
    "a hang": "no end after",
    "memory": "MB of memory were taken, of 128 MB allowed",
    "much memory": "MemoryError",
}


@pytest.fixture
def attack_of(tmp_path, monkeypatch):
    """Lets the program find a module whose attack is some code."""

    def make(code):
        (tmp_path / "made_up.py").write_text(f"def attack(random, folder):\n{textwrap.indent(code, '    ')}\n")
        monkeypatch.setattr("tests.fuzz.__path__", [*sys.modules["tests.fuzz"].__path__, str(tmp_path)])
        start = f"import tests.fuzz; tests.fuzz.__path__.append({str(tmp_path)!r}); from tests.fuzz import __main__"
        monkeypatch.setattr(runner, "COMMAND", [sys.executable, "-c", start])
        monkeypatch.setattr(runner, "SECONDS", 2.0)
        monkeypatch.setattr(runner, "PATIENCE", 2)

    yield make
    sys.modules.pop("tests.fuzz.made_up", None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured as on Linux")
@pytest.mark.parametrize("kind", ATTACKS)
def test_all_kinds_of_faults_are_reported_with_what_repeats_them(kind, attack_of, capsys):
    attack_of(ATTACKS[kind])
    code = runner.run(["made_up"], seed=7, first=3, tries=2 if kind == "nothing" else 1, deadline=None)
    said = capsys.readouterr().out
    assert REPORTS[kind] in said
    assert code == int(kind != "nothing")
    assert ("again: python -m tests.fuzz --only made_up --seed 7 --first 3 --tries 1" in said) == (kind != "nothing")


def test_modules_with_an_attack_are_found(attack_of):
    assert {"model_files", "public_calls", "saved_loads"} <= set(runner.attacks())
    assert not {"runner", "kills"} & set(runner.attacks())
    attack_of("pass")
    assert "made_up" in runner.attacks()


# ---------------------------------------------------------------- kills


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="signals as on POSIX")
@pytest.mark.parametrize("scene", [scene for scene in kills.SCENES if scene != "cache"])
def test_a_killed_process_leaves_what_can_be_read(scene, tmp_path):
    random = np.random.default_rng(0)
    for _ in range(2):
        kills.kill_once(scene, random, tmp_path)


@pytest.mark.needs_jit
def test_a_killed_process_leaves_a_cache_that_can_be_read(tmp_path):
    kills.kill_once("cache", np.random.default_rng(0), tmp_path)
