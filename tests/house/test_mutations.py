"""The program that plants faults says what became of each; and those that there are still fit the code."""

import itertools
from pathlib import Path

import pytest

import fastmlp
from tests.mutations import __main__ as program
from tests.mutations import runner
from tests.mutations.fault import DoesNotApply, Fault
from tests.mutations.faults import FAULTS, faults_in

PACKAGE, TESTS = Path(fastmlp.__file__).parent, Path(__file__).parents[1]
CODE = "def total(a, b):\n    return a + b  # both\n"
TEST = """
from fastmlp.adding import total

def test_nothing():
    assert total

def test_total():
    assert total(2, 3) == 5
"""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A copy of a package with one function, and two tests."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # pytest begins three times as fast
    for name, text in (("fastmlp/__init__.py", ""), ("fastmlp/adding.py", CODE), ("tests/test_adding.py", TEST)):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "root" / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")  # pytest looks no further up
    return runner.Bench(tmp_path / "bench", tmp_path / "root")


def fault(old, new, tests="test_adding.py"):
    return Fault("wrong", "adding.py", old, new, tests)


def test_a_fault_is_caught_by_a_test_and_taken_back(bench):
    verdict = bench.judge(fault("a + b", "a - b"))
    assert (verdict.is_caught, verdict.test) == (True, "tests/test_adding.py::test_total")
    assert str(verdict).startswith("adding.py: wrong: caught by tests/test_adding.py::test_total (")
    assert (bench.folder / "fastmlp" / "adding.py").read_text() == CODE
    assert runner.false_alarms([verdict], bench) == []
    (bench.folder / "fastmlp" / "adding.py").write_text(CODE.replace("+", "*"))  # as if it were wrong already
    assert runner.false_alarms([verdict], bench) == [verdict.test]


def test_a_case_that_only_the_fault_adds_is_no_false_alarm(bench):
    cases = "import pytest\nfrom fastmlp.adding import *\n\n@pytest.mark.parametrize('n', range(total(1, 1)))\n"
    (bench.folder / "tests" / "test_cases.py").write_text(f"{cases}def test_case(n):\n    assert n < 2\n")
    verdict = bench.judge(fault("a + b", "a + b + 1", "test_cases.py"))
    assert verdict.test == "tests/test_cases.py::test_case[2]"
    assert runner.false_alarms([verdict], bench) == []


def test_what_does_not_change_results_survives(bench):
    verdict = bench.judge(fault("a + b", "b + a"))
    assert (verdict.is_caught, verdict.outcome) == (False, "SURVIVED")
    (bench.folder / "tests" / "test_more.py").write_text("def test_more():\n    assert False\n")
    assert bench.judge(fault("a + b", "b + a"), all_tests=True).test == "tests/test_more.py::test_more"


@pytest.mark.parametrize("old", ["a * b", "a", "return"])
def test_a_fault_that_does_not_apply_is_told(bench, old):
    verdict = bench.judge(fault(old, "return" if old == "return" else "b"))
    assert not verdict.is_caught
    assert "DOES NOT APPLY" in str(verdict)


def test_tests_that_are_not_there_catch_nothing(bench):
    assert bench.judge(fault("a + b", "a - b", "test_total")).is_caught
    assert "has no file, folder or test test_other" in str(bench.judge(fault("a + b", "a - b", "test_other")))
    (bench.folder / "tests" / "test_adding.py").write_text("# none")
    verdict = bench.judge(fault("a + b", "a - b"))
    assert not verdict.is_caught
    assert "TESTS DID NOT RUN" in str(verdict)


def test_what_hangs_or_ends_the_process_is_caught(bench, monkeypatch):
    assert "SIGABRT" in bench.judge(fault("return a", "__import__('os').abort()\n    return a")).test
    monkeypatch.setattr(runner, "SECONDS", 2)
    assert "hung" in bench.judge(fault("return a", "while True: pass\n    return a")).test


def test_the_exit_code_tells_what_is_wrong(bench, monkeypatch, capsys):
    monkeypatch.setattr(runner, "ROOT", bench.folder)
    monkeypatch.setattr(program, "FAULTS", [fault("a + b", "a - b"), fault("both", "all of them")])
    assert program.main(["--only", "adding.py: w", "--tenth", "0"]) == 0
    assert program.main(["--jobs", "2"]) == 1
    assert "1 of 2 faults were caught" in capsys.readouterr().out
    assert program.main(["--only", "none"]) == 1


def test_ten_tenths_are_all_faults():
    assert len(set(map(str, FAULTS))) == len(FAULTS)
    parts = [program.chosen("", tenth) for tenth in range(10)]
    assert sorted(map(str, itertools.chain(*parts))) == sorted(map(str, FAULTS))


def test_a_text_that_is_no_fault_is_refused():
    for text in ("name\n- a\n+ b", "== a.py: test_a.py\n\nname", "== a.py: test_a.py\n\nname\n- a\n? b"):
        with pytest.raises(ValueError, match="no fault"):
            list(faults_in(text))


@pytest.mark.parametrize("each", FAULTS, ids=str)
def test_every_fault_fits_the_code(each):
    """Where this fails, the code has changed: change the fault's text in `tests/mutations` too."""
    assert each.applied((PACKAGE / each.file).read_text(encoding="utf-8"))
    assert each.tests_in(TESTS)


def test_a_fault_that_does_not_apply_says_so():
    with pytest.raises(DoesNotApply, match="has the old text 0 times"):
        fault("a", "b").applied("c")
