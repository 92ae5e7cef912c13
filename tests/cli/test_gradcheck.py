"""The command that checks gradients: its table, its exit codes, and what it refuses."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._engine.engine import Engine

QUICK = ["--rows", "6", "--samples", "4"]


@pytest.fixture
def run(run):
    """Run the command; returns its exit code, stdout and stderr."""
    return lambda *argv: run("gradcheck", *argv)


@pytest.fixture
def wrong_bias(monkeypatch):
    """Backpropagation that is one percent off in the biases."""
    right = Engine.gradient

    def wrong(self, *args):
        loss, gradient = right(self, *args)
        for tensor in self.program.tensors:
            if tensor.name == "bias":
                gradient[tensor.span(self.program.panel)] *= 1.01
        return loss, gradient

    monkeypatch.setattr(Engine, "gradient", wrong)


def tensors_of(out):
    """Name, number of elements looked at, and whether it is wrong, from each line of the table."""
    lines = [line.split() for line in out.splitlines() if line[0].isdigit()]
    return [(" ".join(words[:3]), int(words[3]), words[-1] == "WRONG") for words in lines]


def saved(loss="categorical_crossentropy", last=None, **settings):
    """A file of a small model for the four features of `flowers`."""
    last = last or fm.Dense(3, activation="softmax")
    model = fm.Sequential([fm.Dense(5, activation="gelu"), fm.LayerNormalization(), last], seed=0, **settings)
    model.compile(loss=loss)
    model.build(4)
    model.save("model.npz")
    return "model.npz"


@pytest.fixture
def flowers():
    """A CSV file of three classes."""
    rng = np.random.default_rng(0)
    rows = [",".join([*map(str, rng.normal(size=4).round(3)), str(k % 3)]) for k in range(12)]
    with open("flowers.csv", "w") as file:
        file.write("\n".join(["a,b,c,d,label", *rows]) + "\n")
    return "flowers.csv"


def test_help_says_what_the_exit_code_means(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "usage: fastmlp gradcheck [DATA] [options]" in out
    assert "The exit code is 1 if a gradient is wrong" in out


@pytest.mark.needs_jit
def test_a_new_model_on_the_built_in_digits(run):
    code, out, err = run("--layers", "7", "--activation", "tanh", *QUICK)
    assert code == 0, err
    assert out.splitlines()[0] == "data: digits, 6 rows of 784 features (uint8)"
    names = ["0 Dense kernel", "0 Dense bias", "1 Dense kernel", "1 Dense bias"]
    assert tensors_of(out) == [(name, 4, False) for name in names]
    assert "the gradients are right" in out


@pytest.mark.needs_jit
def test_a_model_file_on_rows_of_a_csv_file(run, flowers):
    code, out, err = run(flowers, "--model", saved(), "--samples", "100")
    assert code == 0, err
    assert out.startswith("data: flowers.csv, 12 rows of 4 features (")
    assert tensors_of(out) == [
        ("0 Dense kernel", 20, False),
        ("0 Dense bias", 5, False),
        ("1 LayerNormalization gamma", 5, False),
        ("1 LayerNormalization beta", 5, False),
        ("2 Dense kernel", 15, False),
        ("2 Dense bias", 3, False),
    ]


@pytest.mark.needs_jit
def test_the_loss_is_that_of_the_file(run, flowers):
    _, crossentropy, _ = run(flowers, "--model", saved(), *QUICK)
    code, squares, err = run(flowers, "--model", saved("mse", fm.Dense(3)), *QUICK)
    assert code == 0, err
    assert crossentropy.splitlines()[-1] != squares.splitlines()[-1]


@pytest.mark.needs_jit
def test_a_wrong_gradient_ends_with_1(run, wrong_bias):
    code, out, err = run("--layers", "7", "--activation", "tanh", *QUICK)
    assert (code, err) == (1, "")
    assert [name for name, _, is_wrong in tensors_of(out) if is_wrong] == ["0 Dense bias", "1 Dense bias"]
    assert "the gradients are WRONG" in out


@pytest.mark.needs_jit
def test_the_tolerance_decides(run, wrong_bias):
    code, out, _ = run("--layers", "7", "--activation", "tanh", *QUICK, "--tolerance", "0.1")
    assert code == 0
    assert not any(is_wrong for _, _, is_wrong in tensors_of(out))


@pytest.mark.needs_jit
def test_the_same_seed_gives_the_same_table(run):
    lines = ["--layers", "7", *QUICK, "--seed"]
    first, again, other = run(*lines, "3"), run(*lines, "3"), run(*lines, "4")
    assert first == again
    assert first[1] != other[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "model.npz", "--layers", "5"], "--layers: with --model, these are as they are in model.npz"),
        (["--model", "m.npz", "--activation", "relu", "--layers", "5"], "--layers, --activation: with --model"),
        (["--activation", "swash"], "--activation: it must be one of"),
        (["--rows", "0"], "must be at least 1, not 0"),
        (["--step", "-1"], "greater than 0"),
        (["--label", "kind"], "--label is for CSV files, and digits is not one"),
    ],
)
def test_wrong_usage(run, options, message):
    code, out, err = run(*options)
    assert (code, out) == (2, "")
    assert message in err


def test_what_cannot_be_checked_is_one_line(run, flowers):
    for argv, message in [
        (["--model", "none.npz"], "none.npz"),
        (["digits", "--model", saved()], "digits: rows have 784 features, but the model was trained on 4"),
    ]:
        code, out, err = run(*argv)
        assert (code, out) == (1, "")
        assert err.startswith("fastmlp: error: ")
        assert message in err
        assert len(err.splitlines()) == 1


def test_labels_that_are_all_the_same(run):
    with open("same.csv", "w") as file:
        file.write("a,label\n1.5,0\n2.5,0\n")
    code, _, err = run("same.csv")
    assert code == 1
    assert "same.csv: all labels are the same; there is nothing to learn" in err
