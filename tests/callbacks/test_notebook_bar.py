"""A notebook has one bar for each run, and keeps its end."""

import re
import sys
from types import SimpleNamespace

import pytest

import fastmlp as fm
from fastmlp import callbacks
from fastmlp.callbacks import notebook_bar

from ..shared.short_fits import VALIDATION, Fails, fit


class Notebook:
    """In place of IPython: the outputs of a cell, each with all that was displayed in it."""

    def __init__(self):
        self.outputs = []

    def display(self, shown, display_id=None):
        assert display_id is True
        output = [shown._repr_html_()]
        self.outputs.append(output)
        return SimpleNamespace(update=lambda new: output.append(new._repr_html_()))

    @property
    def saved(self):
        """What a saved notebook has."""
        return [output[-1] for output in self.outputs]


@pytest.fixture
def notebook(monkeypatch):
    made = Notebook()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=made.display))
    monkeypatch.setitem(sys.modules, "tqdm", None)  # it is not needed
    monkeypatch.setattr(notebook_bar, "_BETWEEN", 0.0)
    return made


def bar_of(page):
    done, wanted = re.search(r'value="([\d.]+)" max="(\d+)"', page).groups()
    return float(done), int(wanted)


def test_a_run_has_one_bar_that_a_saved_notebook_keeps(notebook, capsys):
    fit(epochs=3, verbose="auto", validation_data=VALIDATION)
    (page,) = notebook.saved
    assert bar_of(page) == (3, 3)
    assert re.search(r">3 epochs in .* s  loss \d.*  val_accuracy \d.* samples/s<", page)
    assert capsys.readouterr().out == ""


def test_it_grows_with_each_batch_and_epoch(notebook):
    note = callbacks.Lambda(on_batches_end=lambda *_: None, every_batches=1)
    fit(epochs=2, verbose=1, callbacks=[note])
    done = [bar_of(page)[0] for page in notebook.outputs[0]]
    assert done == sorted(done)
    assert done[0] == 0
    assert any(number % 1 for number in done)
    assert "epoch 2/2  loss" in "".join(notebook.outputs[0])


def test_each_run_has_its_own(notebook):
    fit(epochs=1, verbose=1)
    fit(epochs=1, verbose=1)
    assert len(notebook.outputs) == 2


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_a_run_that_fails_says_so(notebook, hook):
    with pytest.raises(RuntimeError):
        fit(epochs=2, verbose=1, callbacks=[Fails(hook)])
    assert "stopped: an error" in notebook.saved[0]


def test_a_run_that_continues_counts_its_own_epochs(notebook):
    fit(epochs=5, initial_epoch=3, verbose=1)
    assert bar_of(notebook.saved[0]) == (2, 2)


def test_messages_are_far_apart(notebook, monkeypatch):
    monkeypatch.setattr(notebook_bar, "_BETWEEN", 3600.0)
    fit(epochs=9, verbose=1)
    assert [bar_of(page)[0] for page in notebook.outputs[0]] == [0, 9]


def test_names_are_escaped_and_text_is_for_those_without_html():
    bar = notebook_bar._Bar(1, 2, "<b> 0.5")
    assert "<b>" not in bar._repr_html_()
    assert repr(bar) == "<b> 0.5"


def test_silence_and_lines_stay(notebook, capsys):
    fit(epochs=2, verbose=0)
    assert notebook.outputs == []
    fit(epochs=2, verbose=2)
    assert notebook.outputs == []
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_chunks_that_grow_do_not_overfill_it(notebook):
    sizes = [4, 40]
    pieces = [([[0.0], [1.0]] * size, [0, 1] * size) for size in sizes]
    chunks = fm.datasets.Chunks.from_generator(lambda: iter(pieces))
    fm.mlp([2], 2, seed=0).fit(chunks, epochs=2, batch_size=2, verbose=1)
    assert all(bar_of(page)[0] <= 2 for page in notebook.outputs[0])
