"""What tests of this room share."""

import numpy as np
import pytest

from fastmlp.cli import main

from ..shared.command_line import clusters, write_csv


@pytest.fixture(autouse=True)
def in_own_folder(own_folder):
    """Commands read and write in the working directory."""


@pytest.fixture
def data():
    """An NPZ data set of ordinary numbers."""
    x, y = clusters()
    np.savez("data.npz", x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])
    return "data.npz"


@pytest.fixture
def pixels(tmp_path):
    """A CSV data set of whole numbers of 0 to 255."""
    x, y = clusters()
    return write_csv(tmp_path / "pixels.csv", np.clip(x * 20 + 100, 0, 255).astype(np.uint8), y)


@pytest.fixture
def flowers(tmp_path):
    """A CSV data set whose labels are words, in a column that must be named."""
    return write_csv(tmp_path / "flowers.csv", *clusters(), name="kind", words=True)


@pytest.fixture
def run(capsys):
    """Run a command line; returns its exit code, stdout and stderr."""

    def call(*argv):
        code = main([str(argument) for argument in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture
def succeed(run):
    """Run a command line that must succeed without a word on stderr, but for the compiler's; returns stdout."""

    def call(*argv):
        code, out, err = run(*argv)
        assert code == 0, err
        assert [line for line in err.splitlines() if "fastmlp: compiling" not in line] == []
        return out

    return call


@pytest.fixture
def fail(run):
    """Run a command line that must fail with an exit code; returns stderr."""

    def call(code, *argv):
        came, _, err = run(*argv)
        assert came == code, err
        assert "error: " in err
        return err

    return call
