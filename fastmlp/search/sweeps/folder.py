"""The folder of a sweep: for each run a model, and a JSON file with its settings and results; and summaries.

The JSON file is written last, so a run with one is complete.
"""

import json
import os
from pathlib import Path
from typing import Any

from ..._base.archive import parse_json
from ..._base.errors import ArgumentError, ModelFileError
from ..._base.files import as_folder, write_atomically
from ...model import Sequential
from .result import FINISHED, SweepResult, SweepRun
from .settings import described

_FORMAT = "fastmlp-sweep-run"
_VERSION = 1


class Folder:
    """A folder of runs."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_folder(path)

    def make(self) -> None:
        """Make the folder and its parents, if they are missing."""
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"folder must be a folder, but {self.path} is a file")
        self.path.mkdir(parents=True, exist_ok=True)

    def model_path(self, name: str) -> Path:
        """The path of a run's model."""
        return self.path / f"{name}.npz"

    def _record_path(self, name: str) -> Path:
        return self.path / f"{name}.json"

    # ------------------------------------------------------------ write

    def save(self, run: SweepRun, model: Sequential | None, identity: dict[str, Any]) -> Path | None:
        """Write the model, then the record; returns the model's path. `find` compares the ``identity``."""
        record = {
            "format": _FORMAT,
            "format_version": _VERSION,
            "name": run.name,
            "status": run.status,
            "reason": run.reason,
            "seconds": run.seconds,
            "metrics": run.metrics,
            "higher_is_better": run.higher_is_better,
            "settings": described(run.settings),
            "identity": identity,
        }
        path = self.model_path(run.name)
        _remove(self._record_path(run.name))  # the record of an earlier model, which is about to be replaced
        if model is None:
            _remove(path)
        else:
            model.save(path)
        write_atomically(self._record_path(run.name), (json.dumps(record, indent=1) + "\n").encode())
        return None if model is None else path

    def write_summary(self, result: SweepResult, name: str = "summary", metric: str | None = None) -> None:
        """Write ``name.csv`` and ``name.txt``."""
        result.to_csv(self.path / f"{name}.csv", metric)
        write_atomically(self.path / f"{name}.txt", (result.table(metric) + "\n").encode())

    # ------------------------------------------------------------ read

    def find(self, name: str, identity: dict[str, Any]) -> SweepRun | None:
        """The complete run of this name, if it was trained with the same settings on the same data."""
        record = self._record(self._record_path(name))
        if record is None or record.get("identity") != json.loads(json.dumps(identity)):
            return None
        run = self._run(record)
        if run is None or not run.is_finished:
            return run
        try:
            return run.replace(history=run.load().history)
        except ModelFileError:
            return None

    def runs(self) -> list[SweepRun]:
        """All runs that have ended, by name; this does not read their models."""
        records = [self._record(path) for path in sorted(self.path.glob("*.json"))]
        found = [None if record is None else self._run(record) for record in records]
        return [run for run in found if run is not None]

    def _record(self, path: Path) -> dict[str, Any] | None:
        try:
            record = parse_json(path.read_text(encoding="utf-8")) if path.is_file() else None
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(record, dict) or record.get("format") != _FORMAT:
            return None
        return record if record.get("format_version") == _VERSION and record.get("name") == path.stem else None

    def _run(self, record: dict[str, Any]) -> SweepRun | None:
        try:
            run = SweepRun(
                name=str(record["name"]),
                settings=dict(record["settings"]),
                status=str(record["status"]),
                reason=str(record["reason"]),
                metrics={str(key): float(value) for key, value in record["metrics"].items()},
                higher_is_better={str(key): value for key, value in record.get("higher_is_better", {}).items()},
                seconds=float(record["seconds"]),
                was_loaded=True,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):  # the file was edited
            return None
        return run.replace(path=self.model_path(run.name)) if run.status == FINISHED else run


def _remove(path: Path) -> None:
    """Remove a file. Writing refuses anything else in its place."""
    if path.is_file():
        path.unlink()
