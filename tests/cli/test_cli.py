"""The command line as a whole, and `info`, `cache` and `download`. Every mistake is one line on stderr."""

import signal

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._compiling import cache as _cache
from fastmlp._compiling import jit, threads
from fastmlp.cli import cache, parser
from fastmlp.datasets.catalog import DOWNLOADABLE

from ..shared.command_line import TINY, clusters
from ..shared.processes import run_python, started

# ---------------------------------------------------------------- the whole


def test_version_of_the_module_and_of_the_program():
    with started("-W", "error", "-m", "fastmlp", "--version") as process:
        assert process.communicate() == (f"fastmlp {fm.__version__}\n", "")


def test_help_loads_neither_numba_nor_data_sets():
    code = (
        "import sys; from fastmlp.cli import main; main(['train', '--help']); "
        "sys.exit(bool({'numba', 'llvmlite', 'fastmlp.datasets'} & set(sys.modules)))"
    )
    run_python(code)


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "info", "cache", "download", "benchmark"])
def test_help_of_every_command(succeed, command):
    assert f"usage: fastmlp {command}" in succeed(command, "--help")


def test_no_command_is_wrong_usage(fail):
    assert "COMMAND" in fail(2)


def test_unknown_command(fail):
    assert "invalid choice: 'trian'" in fail(2, "trian")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="pipes break otherwise here")
def test_broken_pipe_is_silent():
    process = started("-m", "fastmlp", "info")
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait() == 1


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (MemoryError("40 GB"), "not enough memory (40 GB)"),
        (PermissionError(13, "Permission denied", "model.npz"), "model.npz: Permission denied"),
        (OSError("odd"), "odd"),
        (fm.ArgumentError("no"), "no"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "the output cannot show 'é'; set PYTHONIOENCODING=utf-8"),
    ],
)
def test_errors_are_one_line(fail, monkeypatch, error, shown):
    def broken(args):
        raise error

    monkeypatch.setattr("fastmlp.cli.info.run", broken)
    assert fail(1, "info") == f"fastmlp: error: {shown}\n"


def test_a_bug_is_not_hidden(run, monkeypatch):
    def broken(args):
        raise IndexError

    monkeypatch.setattr("fastmlp.cli.info.run", broken)
    with pytest.raises(IndexError):
        run("info")


# ---------------------------------------------------------------- info, cache, download


def test_info(succeed):
    facts = dict(line.split(":", 1) for line in succeed("info").splitlines())
    assert facts["fastmlp"].strip() == fm.__version__
    assert facts["numpy"].strip() == np.__version__
    assert int(facts["threads in use"]) == threads.get_num_threads()
    assert facts["threading layer"].split()[0] in ("tbb", "omp", "workqueue", "default", "unknown")
    assert {"CPU features", "lanes", "tile", "kernel cache", "cached kernels", "digits", *DOWNLOADABLE} <= set(facts)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A kernel cache of the test's own; the choice of the folder is made anew."""
    monkeypatch.setattr(_cache, "_places", None)
    monkeypatch.setenv("FASTMLP_CACHE_DIR", str(tmp_path / "kernels"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "kernels"


@pytest.mark.filterwarnings("always")
def test_info_with_a_cache_that_cannot_be_written(run, own_cache):
    own_cache.write_text("a file is in the way")
    code, out, err = run("info")
    assert code == 0
    assert "kernel cache:" in out
    assert len(err.splitlines()) == 1
    assert err.startswith("fastmlp: warning: the kernel cache folder cannot be used (")
    assert "; kernels are cached in " in err


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("command", [["info"], ["cache", "--path"]])
def test_no_cache_at_all(run, own_cache, monkeypatch, command):
    own_cache.write_text("a file is in the way")
    monkeypatch.setattr("tempfile.tempdir", str(own_cache))
    code, out, err = run(*command)
    assert (code, "compiled in every process" in err) == (int(command != ["info"]), True)
    assert "kernel cache:      none" in out or command != ["info"]


def test_cache_path_and_clear(succeed, own_cache):
    assert succeed("cache", "--path") == f"{own_cache}\n"
    folder = own_cache / _cache.cache_key()
    (folder / "some.kernel").write_bytes(bytes(2**20))
    assert succeed("cache", "--clear") == "freed 1.0 MB\n"
    assert not folder.exists()


def test_warm_says_what_it_did(succeed, monkeypatch):
    warmed = []

    def variant(name, dtype, parallel):
        warmed.append((name, dtype, parallel))
        jit.compilations.append(name)

    monkeypatch.setattr(jit, "compilations", ["before"])
    monkeypatch.setattr(cache, "kernel_variant", variant)
    if jit.jit_disabled():
        assert "NUMBA_DISABLE_JIT is set" in succeed("cache", "--warm")
        return
    lines = succeed("cache", "--warm").splitlines()
    wanted = cache.first_kernels(["float32"])
    assert len(lines) == len(wanted) + 2
    assert lines[0].startswith("compiled shuffle (float64, serial) in ")
    assert lines[-2].startswith(f"compiled {len(wanted)} kernels, loaded 0, in ")
    assert warmed == wanted
    count = len(cache.first_kernels(["float32", "float64"]))
    assert f"\ncompiled {count} kernels" in succeed("cache", "--warm", "--dtype", "all")


@pytest.mark.needs_jit
def test_a_first_run_needs_no_other_kernels_than_the_warm_ones(succeed, data, monkeypatch):
    used = set()
    original = jit.Kernel.variant

    def variant(self, dtype, *, parallel):
        used.add((self.__name__, np.dtype(dtype).name, parallel))
        return original(self, dtype, parallel=parallel)

    monkeypatch.setattr(jit.Kernel, "variant", variant)
    np.save("new.npy", clusters()[0])
    succeed("train", data, *TINY, "--validation-split", "0.2", "--output", "model.npz")
    succeed("predict", "model.npz", "new.npy")
    assert used <= set(cache.first_kernels(["float32"]))
    assert len(used) == 4


@pytest.mark.needs_jit
def test_warm_loads_what_is_there(succeed):
    succeed("cache", "--warm")
    count = len(cache.first_kernels(["float32"]))
    assert f"\ncompiled 0 kernels, loaded {count}, in " in succeed("cache", "--warm")


def test_wrong_usage_of_cache(fail):
    assert "one of the arguments --warm --clear --path is required" in fail(2, "cache")
    assert "not allowed with" in fail(2, "cache", "--warm", "--clear")
    assert "--dtype is for --warm" in fail(2, "cache", "--path", "--dtype", "float64")


def test_download(succeed, monkeypatch, tmp_path):
    def download(name, destination, *, progress):
        for done in (1_000_000, 2_000_000):
            progress("train-images.gz", done, 2_000_000)
        return destination or tmp_path / name

    monkeypatch.setattr("fastmlp.datasets.download", download)
    assert succeed("download", "Fashion-MNIST").splitlines() == [
        "train-images.gz  2.0 of 2.0 MB",
        f"fashion_mnist is in {tmp_path / 'fashion_mnist'}",
        "use it with: fastmlp train fashion_mnist",
    ]
    assert "use it with: fastmlp train here\n" in succeed("download", "mnist", "--to", "here")


def test_download_that_fails(fail, monkeypatch, tmp_path):
    assert "invalid choice: 'cifar'" in fail(2, "download", "cifar")
    (tmp_path / "file").touch()
    assert "expected a folder that can be written" in fail(1, "download", "mnist", "--to", "file/folder")


def test_names_of_data_sets_are_those_of_the_library():
    assert parser._DOWNLOADABLE == DOWNLOADABLE
