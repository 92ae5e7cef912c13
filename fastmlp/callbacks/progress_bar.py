"""Shows the progress of training."""

import importlib.util
import sys
from typing import Any, TextIO

from .._base import check
from .._base.errors import MissingExtraError
from .._compiling.waiting import working_time
from .base import Callback, Logs
from .lines import duration, head, in_words, remaining, share_of_epoch, values
from .notebook_bar import NotebookBar


class ProgressLine(Callback):
    """Shows a line for each epoch: loss, metrics, validation, samples per second, and the remaining time.

    Parameters
    ----------
    live : bool
        Whether to redraw the line during the epoch (for a terminal), or only print finished lines.
    """

    def __init__(self, *, live: bool, stream: TextIO | None = None) -> None:
        self.live = check.yes_or_no(live, "live")
        self.stream = check.text_stream(stream, "stream")
        self._drawn = 0

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._run_info = run_info
        self._start = working_time()
        self._epochs_done = 0

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        if self.live:
            self._write(self._line(logs, share_of_epoch(batch, self._run_info)), final=False)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._epochs_done += 1
        self._write(self._line(logs, 0.0), final=True)

    def on_train_end(self, reason: str) -> None:
        if reason != "finished":
            self._write(f"stopped: {in_words(reason)}", final=True)

    def _line(self, logs: Logs, fraction: float) -> str:
        wanted = self._run_info["epochs"] - self._run_info["first_epoch"]
        left = remaining(self._start, self._epochs_done + fraction, wanted)
        return "  ".join([head(self._epoch, self._run_info["epochs"]), values(logs), f"ETA {duration(left)}"])

    def _write(self, line: str, *, final: bool) -> None:
        stream = self.stream or sys.stdout
        start = "\r" if self._drawn else ""
        stream.write(start + line.ljust(self._drawn) + ("\n" if final else ""))
        self._drawn = 0 if final else len(line)
        stream.flush()


class ProgressBar(Callback):
    """Shows a bar: one for the run in a notebook, and one for each epoch in a terminal.

    In a notebook it is updated in place without widgets, so a saved notebook shows the end of the run. In a terminal it
    needs tqdm, and raises `MissingExtraError` if that is not installed. Elsewhere there is a line for each epoch.

    `fit` uses it with ``verbose="auto"`` or 1 in a notebook, and in a terminal if tqdm is installed.

    Parameters
    ----------
    stream : text stream, optional
        The output for the bar, unless it is in a notebook. Default: standard output.
    """

    def __init__(self, *, stream: TextIO | None = None) -> None:
        self.stream = check.text_stream(stream, "stream")
        self._tqdm = None if stream is None and _in_notebook() else _tqdm_class()
        self._bar: Any = None
        self._other: ProgressLine | NotebookBar | None = None

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._run_info = run_info
        self._other = self._instead()
        if self._other is not None:
            self._other.on_train_begin(run_info)

    def _instead(self) -> ProgressLine | NotebookBar | None:
        """What is shown where no bar of tqdm can be."""
        if self._tqdm is None:
            return NotebookBar()
        stream = self.stream or sys.stdout
        is_redrawn = stream is None or bool(getattr(stream, "isatty", bool)())
        return None if is_redrawn else ProgressLine(live=False, stream=stream)  # a bar would fill a file

    def on_epoch_begin(self, epoch: int) -> None:
        if self._other is not None:
            self._other.on_epoch_begin(epoch)
            return
        assert self._tqdm is not None
        self._bar = self._tqdm(
            total=self._run_info["batches"] or None,
            desc=head(epoch, self._run_info["epochs"]),
            unit="batch",
            file=self.stream or sys.stdout,
            dynamic_ncols=True,
        )

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        if self._other is not None:
            self._other.on_batches_end(batch, logs)
        elif self._bar is not None:
            self._bar.set_postfix_str(values(logs), refresh=False)
            self._bar.update(batch - self._bar.n)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._other is not None:
            self._other.on_epoch_end(epoch, logs)
            return
        self._bar.set_postfix_str(values(logs))
        self._close()

    def on_train_end(self, reason: str) -> None:
        if self._other is not None:
            self._other.on_train_end(reason)
            return
        self._close()
        if reason != "finished":
            print(f"stopped: {in_words(reason)}", file=self.stream or sys.stdout, flush=True)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _tqdm_class() -> Any:
    if not _is_installed("tqdm"):
        raise MissingExtraError("ProgressBar needs tqdm, which is not installed: pip install 'fastmlp[progress]'")
    from tqdm.std import tqdm

    return tqdm


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # another object in its place in sys.modules
        return False


def _in_notebook() -> bool:
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and getattr(get_ipython(), "kernel", None) is not None


def progress(verbose: str | int | bool) -> list[Callback]:
    """The progress callback for ``verbose``: 0 none, 1 live, 2 finished lines, "auto" what suits the output.

    Live means a `ProgressBar` in a notebook, and in a terminal if tqdm is installed; otherwise a line that is redrawn.
    """
    if not verbose or sys.stdout is None:
        return []
    on_terminal = sys.stdout.isatty()
    has_bar = _in_notebook() or (on_terminal and _is_installed("tqdm"))
    if verbose == "auto":
        verbose = 1 if on_terminal or has_bar else 2
    live = int(verbose) == 1
    return [ProgressBar()] if live and has_bar else [ProgressLine(live=live)]
