"""What is shown while a model is trained."""

import io
import sys
from types import SimpleNamespace

import pytest

from fastmlp import MissingExtraError, callbacks
from fastmlp.callbacks import ProgressLine, progress_bar
from fastmlp.callbacks.lines import duration

from ..shared.short_fits import VALIDATION, Fails, fit


def test_progress_line(capsys):
    line = ProgressLine(live=True)
    line.on_train_begin({"epochs": 2, "first_epoch": 0, "batches": 4, "rows": 100})
    line.on_epoch_begin(0)
    logs = {"loss": 0.5, "accuracy": 0.25, "seconds": 1.0, "samples_per_second": 1234.5}
    line.on_batches_end(2, logs)
    line.on_epoch_end(0, {**logs, "val_loss": 0.75})
    line.on_train_end("max_time")
    shown = capsys.readouterr().out
    assert shown.startswith("epoch 1/2  loss 0.5000  accuracy 0.2500  1,234 samples/s  ETA ")
    assert "\repoch 1/2  loss 0.5000  accuracy 0.2500  val_loss 0.7500  1,234 samples/s" in shown
    assert shown.endswith("stopped: the time given is over\n")


def test_durations_read_well():
    assert [duration(s) for s in (0.34, 59.4, 61, 3600, 86_399)] == ["0.3 s", "59.4 s", "1:01", "1:00:00", "23:59:59"]


class Screen(io.StringIO):
    def isatty(self):
        return True


def drawn(monkeypatch, stream, verbose, installed=(), notebook=False):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(progress_bar, "_is_installed", lambda package: package in installed)
    monkeypatch.setattr(progress_bar, "_in_notebook", lambda: notebook)
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: None)
    chosen = callbacks.progress(verbose)
    monkeypatch.undo()
    return [type(callback).__name__ + (" live" if getattr(callback, "live", False) else "") for callback in chosen]


@pytest.mark.parametrize(
    ("stream", "verbose", "installed", "notebook", "expected"),
    [
        (Screen, 0, ["tqdm"], False, []),
        (Screen, 1, [], False, ["ProgressLine live"]),
        (Screen, 2, ["tqdm"], False, ["ProgressLine"]),
        (Screen, "auto", [], False, ["ProgressLine live"]),
        (Screen, "auto", ["tqdm"], False, ["ProgressBar"]),
        (Screen, True, ["tqdm"], False, ["ProgressBar"]),
        (io.StringIO, "auto", ["tqdm"], False, ["ProgressLine"]),
        (io.StringIO, 1, ["tqdm"], False, ["ProgressLine live"]),
        (io.StringIO, "auto", ["tqdm"], True, ["ProgressBar"]),
        (io.StringIO, "auto", [], True, ["ProgressBar"]),
        (io.StringIO, 2, [], True, ["ProgressLine"]),
        (io.StringIO, 0, [], True, []),
        (lambda: None, 1, ["tqdm"], False, []),
    ],
)
def test_progress_is_what_the_output_takes(monkeypatch, stream, verbose, installed, notebook, expected):
    assert drawn(monkeypatch, stream(), verbose, installed, notebook) == expected


def test_a_notebook_is_known_by_its_kernel(monkeypatch):
    shell = SimpleNamespace(kernel=None)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not progress_bar._in_notebook()
    shell.kernel = object()
    assert progress_bar._in_notebook()


def test_a_bar_without_tqdm_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(MissingExtraError, match=r"fastmlp\[progress\]"):
        callbacks.ProgressBar()


class Bar:
    """In place of tqdm's."""

    def __init__(self, total, desc, file, **_):
        self.total, self.desc, self.file, self.n, self.closed = total, desc, file, 0, 0

    def update(self, count):
        self.n += count

    def set_postfix_str(self, text, refresh=True):
        self.text = text

    def close(self):
        self.closed += 1
        self.file.write(f"{self.desc} {self.n}/{self.total} {self.text}\n")


def test_a_bar_counts_the_batches_of_each_epoch(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    stream = Screen()
    fit(epochs=2, callbacks=[callbacks.ProgressBar(stream=stream)], validation_data=VALIDATION)
    lines = stream.getvalue().splitlines()
    assert [line[:17] for line in lines] == ["epoch 1/2 6/6 los", "epoch 2/2 6/6 los"]
    assert "val_accuracy" in lines[0]
    assert lines[0].endswith("samples/s")


def test_a_bar_is_closed_when_training_fails(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    stream = Screen()
    with pytest.raises(RuntimeError):
        fit(callbacks=[callbacks.ProgressBar(stream=stream), Fails("on_batches_end")])
    assert stream.getvalue().splitlines()[-1] == "stopped: an error"
    assert len(stream.getvalue().splitlines()) == 2


def test_a_bar_of_tqdm():
    pytest.importorskip("tqdm")
    stream = Screen()
    fit(epochs=2, callbacks=[callbacks.ProgressBar(stream=stream)])
    finished = [line.split("\r")[-1] for line in stream.getvalue().strip().split("\n")]
    assert len(finished) == 2
    assert finished[1].startswith("epoch 2/2: 100%")
    assert "6/6" in finished[1]
    assert "loss" in finished[1]


def test_a_bar_is_a_line_for_each_epoch_in_a_file(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    stream = io.StringIO()
    fit(epochs=2, callbacks=[callbacks.ProgressBar(stream=stream)])
    assert [line[:9] for line in stream.getvalue().splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert "\r" not in stream.getvalue()


def test_a_bar_writes_to_what_can_merely_be_written_to(monkeypatch):
    monkeypatch.setattr(progress_bar, "_tqdm_class", lambda: Bar)
    lines = []
    stream = SimpleNamespace(write=lines.append, flush=lambda: None)
    fit(epochs=1, callbacks=[callbacks.ProgressBar(stream=stream)])
    assert "epoch 1/1" in "".join(lines)


def test_progress_is_shown_once(capsys):
    fit(epochs=2, verbose="auto", callbacks=[callbacks.ProgressLine(live=False)])
    assert len(capsys.readouterr().out.splitlines()) == 2
