"""One line for a whole training, which is redrawn on a terminal."""

import sys
from typing import Any

from .._compiling.waiting import working_time
from ..callbacks import Callback, Logs
from ..callbacks.lines import in_words

_SECONDS = 0.1  # between two drawings


class OneLine(Callback):
    """Shows epochs, loss and time of a training; the line stays when it ends. ``start`` stands before it."""

    def __init__(self, *, is_silent: bool = False, start: str = "") -> None:
        self._is_live = not is_silent and sys.stdout is not None and sys.stdout.isatty()
        self._is_silent, self._text_before = is_silent, start
        self._drawn, self._shown_at = 0, 0.0
        self.best: tuple[float, int] | None = None  # the least validation loss, and its epoch

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._epochs, self._begin, self._done = run_info["epochs"], working_time(), 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._done = epoch + 1
        value = logs.get("val_loss")
        if value is not None and (self.best is None or value < self.best[0]):
            self.best = value, self._done
        if self._is_live and working_time() - self._shown_at > _SECONDS:
            self._shown_at = working_time()
            shown = "  ".join(f"{name} {logs[name]:.4f}" for name in ("loss", "val_loss") if name in logs)
            self._write(f"epoch {self._done}/{self._epochs}  {shown}", "")

    def on_train_end(self, reason: str) -> None:
        if self._is_silent:
            return
        took = f"trained {self._done} epochs in {working_time() - self._begin:.1f} s"
        best = "" if self.best is None else f", the best was epoch {self.best[1]} (val_loss {self.best[0]:.4f})"
        how = "" if reason in ("finished", "callback") else f"; {in_words(reason)}"
        self._write(took + best + how, "\n")

    def _write(self, text: str, end: str) -> None:
        line = self._text_before + text
        print(f"{chr(13) if self._drawn else ''}{line.ljust(self._drawn)}", end=end, flush=True)
        self._drawn = 0 if end else len(line)
