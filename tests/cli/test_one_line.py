"""The line that shows a training, which a terminal redraws."""

import io

import pytest

from fastmlp.cli import one_line
from fastmlp.cli.one_line import OneLine

RUN = {"epochs": 3, "first_epoch": 0}


@pytest.fixture
def shown(monkeypatch):
    """What a training of three epochs writes, on a terminal or not."""

    def call(is_terminal, reason="finished", **options):
        out = io.StringIO()
        out.isatty = lambda: is_terminal
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr(one_line, "_SECONDS", -1)
        line = OneLine(**options)
        line.on_train_begin(RUN)
        for epoch, value in enumerate([0.5, 0.25, 0.375]):
            line.on_epoch_end(epoch, {"loss": 1.0, "val_loss": value})
        line.on_train_end(reason)
        return out.getvalue()

    return call


def test_one_line_remains(shown):
    text = shown(False)
    assert text.endswith(" s, the best was epoch 2 (val_loss 0.2500)\n")
    assert text.startswith("trained 3 epochs in ")
    assert text.count("\n") == 1
    assert "\r" not in text


def test_a_terminal_redraws_it(shown):
    drawn = shown(True, start="fold 1: ").split("\r")
    assert drawn[0] == "fold 1: epoch 1/3  loss 1.0000  val_loss 0.5000"
    assert len(drawn) == 4
    assert drawn[-1].startswith("fold 1: trained 3 epochs in ")
    assert drawn[-1].endswith("\n")
    assert max(map(len, drawn[:-1])) <= len(drawn[-1])  # it covers what was there


def test_why_it_ended(shown):
    assert shown(False, "callback").endswith("0.2500)\n")
    assert "; " in shown(False, "time")
    assert shown(True, is_silent=True) == ""
