"""What is said while a kernel is compiled, and that no figure of a training contains that time."""

import io
import json
import sys
import threading
import time

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels
from fastmlp._compiling import announcing, cache, jit, waiting


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of the times."""
    own = tmp_path / "kernels" / "version"
    own.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(cache, "_places", cache.Places(own))
    return own.parent


def said(monkeypatch, stream, kernel="train_batches", form="train_batches_float32_serial", seconds=0.0):
    """What is written while a kernel is compiled for some seconds."""
    monkeypatch.setattr(sys, "stderr", stream)
    with announcing.announced(kernel, "float32", form):
        time.sleep(seconds)
    monkeypatch.undo()
    return stream.getvalue()


def test_a_large_kernel_is_announced_with_an_estimate_and_then_with_its_time(folder, monkeypatch):
    places = cache._places
    first = said(monkeypatch, io.StringIO())
    assert first == (
        "fastmlp: compiling train_batches (training, float32, serial) for this CPU, once: about 12 s, an estimate\n"
    )
    kept = json.loads((folder / "compile_seconds.json").read_text())
    assert list(kept) == ["train_batches_float32_serial"]
    (folder / "compile_seconds.json").write_text('{"train_batches_float32_serial": 7.6}')
    monkeypatch.setattr(cache, "_places", places)
    assert said(monkeypatch, io.StringIO()).endswith(" for this CPU, once: took 8 s last time\n")


def test_what_is_short_is_announced_only_when_it_is_not(folder, monkeypatch):
    places = cache._places
    assert said(monkeypatch, io.StringIO(), "shuffle", "shuffle_float64_serial") == ""
    monkeypatch.setattr(cache, "_places", places)
    monkeypatch.setattr(announcing, "_SHORT", 0.05)
    (folder / "compile_seconds.json").unlink()
    late = said(monkeypatch, io.StringIO(), "shuffle", "shuffle_float64_serial", seconds=0.3)
    assert late == "fastmlp: compiling shuffle (float64, serial) for this CPU, once: some seconds\n".replace("64", "32")


def test_a_terminal_counts(folder, monkeypatch):
    monkeypatch.setattr(announcing, "_BETWEEN", 0.02)
    shown = said(monkeypatch, Terminal(), seconds=0.2)
    first, *counts = shown.split("\r")
    assert first.endswith(", an estimate\n")
    assert counts[0] == "  0 s"
    assert counts[-1].startswith("  done in 0.")
    assert counts[-1].endswith(" s\n")
    assert threading.active_count() == len(threading.enumerate())


def test_a_kernel_that_fails_ends_the_line(folder, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), announcing.announced("train_batches", "float32", "form"):
        raise ZeroDivisionError
    assert threading.active_count() == before
    assert not (folder / "compile_seconds.json").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'"text"', b"{", b'{"a": "b"}', b"\xff\xfe", b"[" * 100_000, b'{"train_batches_float32_serial": -1}'],
)
def test_other_files_are_no_times(folder, content):
    (folder / "compile_seconds.json").write_bytes(content)
    assert announcing._kept(cache.cache_folder()) == {}
    announcing._keep(cache.cache_folder(), "form", 3.0)
    assert announcing._kept(cache.cache_folder()) == {"form": 3.0}


def test_nothing_is_kept_without_a_folder_or_in_one_that_others_can_write(folder):
    assert announcing._kept(None) == {}
    announcing._keep(None, "form", 3.0)
    folder.chmod(0o777)
    announcing._keep(cache.cache_folder(), "form", 3.0)
    assert not (folder / "compile_seconds.json").exists()


def test_few_times_are_kept(folder, monkeypatch):
    monkeypatch.setattr(announcing, "_MOST_FORMS", 3)
    for number in range(6):
        announcing._keep(cache.cache_folder(), f"form {number}", 1.0 + number)
    announcing._keep(cache.cache_folder(), "form 4", 9.0)
    assert announcing._kept(cache.cache_folder()) == {"form 3": 4.0, "form 5": 6.0, "form 4": 9.0}


def test_a_program_without_a_console_compiles(folder, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with announcing.announced("train_batches", "float32", "form"):
        pass


# ---------------------------------------------------------------- figures


def test_waiting_is_counted_once_and_for_its_thread_alone():
    before = waiting.waited.seconds
    start = waiting.working_time()
    with waiting.waiting():
        time.sleep(0.05)
        with waiting.waiting():
            time.sleep(0.05)
    assert 0.1 <= waiting.waited.seconds - before < 0.2
    assert waiting.working_time() - start < 0.05
    others = []
    thread = threading.Thread(target=lambda: others.append(waiting.waited.seconds))
    thread.start()
    thread.join()
    assert others == [0.0]


SLOW = 0.4
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 2


@pytest.fixture
def slow_kernels(monkeypatch):
    """No kernel is loaded, and each takes a while."""
    built = jit.Kernel._built

    def slowly(self, dtype, parallel):
        time.sleep(SLOW)
        return built(self, dtype, parallel)

    monkeypatch.setattr(jit.Kernel, "_built", slowly)
    for kernel in list(vars(kernels).values()):
        if isinstance(kernel, jit.Kernel):
            monkeypatch.setattr(kernel, "_variants", {})
            monkeypatch.setattr(kernel, "_found", {})


class Forgets(fm.callbacks.Callback):
    """In the middle of training, all kernels have to be compiled again."""

    def __init__(self):
        self.logs = []

    def on_epoch_begin(self, epoch):
        for kernel in list(vars(kernels).values()):
            if isinstance(kernel, jit.Kernel):
                kernel._variants.clear()
                kernel._found.clear()

    def on_epoch_end(self, epoch, logs):
        self.logs.append(logs)


def chunks():
    return fm.datasets.Chunks.from_arrays(X, Y, 20)


@pytest.mark.parametrize("way", ["fit", "chunks", "validation between", "lbfgs"])
def test_no_epoch_contains_compilation(slow_kernels, way, capsys):
    if way == "lbfgs":
        pytest.importorskip("scipy")
    model = fm.mlp([3], 2, seed=0)
    model.compile("lbfgs" if way == "lbfgs" else "adam")
    forgets = Forgets()
    settings = {"epochs": 2, "verbose": 2, "callbacks": [forgets], "max_time": 2.0}
    start = time.perf_counter()
    if way == "chunks":
        history = model.fit(chunks(), validation_data=(X, Y), **settings)
    else:
        between = {"validation_batches": 1} if way == "validation between" else {}
        history = model.fit(X, Y, validation_data=(X, Y), **between, **settings)
    assert time.perf_counter() - start > 3 * SLOW
    assert history.stopped == "finished"
    assert sum(history["seconds"]) < SLOW
    if way != "lbfgs":
        assert all(logs["samples_per_second"] > 40 / SLOW for logs in forgets.logs)
    eta = float(capsys.readouterr().out.splitlines()[0].split("ETA ")[1].split()[0])
    assert eta < 2 * SLOW


def test_a_sweep_and_a_time_limit_do_not_count_it_either(slow_kernels):
    result = fm.sweep([{"layers": [3], "epochs": 1, "max_time": 0.3}], X, Y, verbose=0)
    assert result[0].history.stopped == "finished"
    assert result[0].seconds < SLOW


@pytest.mark.needs_jit
def test_nothing_is_compiled_between_the_beginning_and_the_end_of_a_training(monkeypatch):
    """All forms that a run needs are loaded before its first epoch, so that nothing is said amid its lines."""
    built, moments = jit.Kernel._built, []
    phase = ["before"]

    def noted(self, dtype, parallel):
        moments.append((phase[0], self.__name__))
        return built(self, dtype, parallel)

    monkeypatch.setattr(jit.Kernel, "_built", noted)
    for kernel in list(vars(kernels).values()):
        if isinstance(kernel, jit.Kernel):
            monkeypatch.setattr(kernel, "_variants", {})
            monkeypatch.setattr(kernel, "_found", {})
    note = fm.callbacks.Lambda(on_train_begin=lambda _: phase.__setitem__(0, "while it trains"))
    fm.mlp([3], 2, seed=0).fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[note])
    assert {name for _, name in moments} == {"train_batches", "evaluate_batches", "shuffle"}
    assert [name for when, name in moments if when == "while it trains"] == []
