"""One progress bar for a whole run in a notebook, which the saved notebook keeps as it was at the end."""

import time
from typing import Any

from .._base.notebook import escaped
from .._compiling.waiting import working_time
from .base import Logs
from .lines import duration, head, in_words, remaining, share_of_epoch, values

_BETWEEN = 0.2  # seconds from one message to the notebook to the next


class NotebookBar:
    """An output of a cell that is updated in place, without widgets: a bar and a line of text.

    It has the hooks of a callback.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._run_info = run_info
        self._start = working_time()
        self._epoch, self._done, self._logs = run_info["first_epoch"], 0, dict[str, float]()
        self._handle, self._next = None, 0.0
        self._show(0.0, "")

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        self._logs = logs
        if time.perf_counter() >= self._next:
            share = share_of_epoch(batch, self._run_info)
            self._show(share, self._line(share))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._done += 1
        self._logs = logs
        if time.perf_counter() >= self._next:
            self._show(0.0, self._line(0.0))

    def on_train_end(self, reason: str) -> None:
        """Show the end: how many epochs in what time, with the latest values."""
        took = f"{self._done} epoch{'s' * (self._done != 1)} in {duration(working_time() - self._start)}"
        why = [] if reason == "finished" else [f"stopped: {in_words(reason)}"]
        self._show(0.0, "  ".join([took, *([values(self._logs)] if self._logs else []), *why]))

    @property
    def _wanted(self) -> int:
        return max(0, int(self._run_info["epochs"] - self._run_info["first_epoch"]))

    def _line(self, share: float) -> str:
        left = remaining(self._start, self._done + share, self._wanted)
        return "  ".join([head(self._epoch, self._run_info["epochs"]), values(self._logs), f"ETA {duration(left)}"])

    def _show(self, share: float, text: str) -> None:
        bar = _Bar(self._done + share, self._wanted, text)
        if self._handle is None:
            self._handle = _display(bar)
        else:
            self._handle.update(bar)
        self._next = time.perf_counter() + _BETWEEN


class _Bar:
    """What is displayed: HTML for notebooks, and text for what shows no HTML."""

    def __init__(self, done: float, wanted: int, text: str) -> None:
        self._done, self._wanted, self._text = done, max(1, wanted), text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        style = "width: 12em; vertical-align: middle; margin-right: 1em"
        bar = f'<progress value="{self._done:.3f}" max="{self._wanted}" style="{style}"></progress>'
        return f'<div style="white-space: pre-wrap">{bar}{escaped(self._text)}</div>'


def _display(bar: _Bar) -> Any:
    from IPython.display import display

    return display(bar, display_id=True)
