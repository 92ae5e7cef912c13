"""Peak memory of training, each time in a fresh process.

``python -m benchmarks.memory FOLDER BATCH ROWS UNITS…`` is one of them.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastmlp._contest import WORKLOADS, Workload, workloads

from .report import Data, Options, say, table

TITLE = "Memory"

_POINTS = {
    "W1": WORKLOADS["W1"],
    "W1, 15,000 rows": replace(WORKLOADS["W1"], rows=15_000),
    "W1, one batch of 60,000 rows": replace(WORKLOADS["W1"], batch_size=60_000),
    "W3, 60,000 rows": replace(WORKLOADS["W3"], rows=60_000),
    "784-4096-10, 60,000 rows": replace(WORKLOADS["wide and shallow"], rows=60_000),
}
_LONGEST = 50.0  # GFLOP of an epoch that is trained whole
_BATCHES = 20  # of a longer one
_IMPORT = "from benchmarks.memory import peak_bytes; import fastmlp, numba; print(peak_bytes())"


def peak_bytes() -> int:
    """The most memory that this process has had.

    Linux's own count starts anew with each program; the portable one counts the parent's memory at the fork.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(options: Options) -> Data:
    """Bytes of the data set and of the process at its peak."""
    say("memory")
    imported = int(subprocess.check_output([sys.executable, "-c", _IMPORT], text=True))
    return {"import": imported, "points": {n: _peak(options.sized(w)) for n, w in _POINTS.items()}}


def _peak(workload: Workload) -> Data:
    with tempfile.TemporaryDirectory() as folder:
        workloads.write(replace(workload, epochs=1), 0, Path(folder))
        rows = workload.rows if workload.gflop < _LONGEST else _BATCHES * workload.batch_size
        numbers = (workload.batch_size, rows, *workload.widths[1:])
        command = [sys.executable, "-m", "benchmarks.memory", folder, *map(str, numbers)]
        data = sum(Path(folder, f"{name}.npy").stat().st_size for name in ("x", "y"))
        return {"data": data, "peak": int(subprocess.check_output(command, text=True))}


def main() -> None:
    """Train on the rows in a folder, and print the peak."""
    import fastmlp as fm

    folder, batch_size, rows, *units = sys.argv[1:]
    x, y = (np.load(Path(folder, f"{name}.npy")) for name in ("x", "y"))
    model = fm.mlp([int(width) for width in units[:-1]], classes=int(units[-1]), seed=0)
    model.fit(x[: int(rows)], y[: int(rows)], int(batch_size), verbose=0)
    print(peak_bytes())


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    rows = [["import fastmlp and numba alone", "", f"{data['import'] / 1e6:,.0f} MB", ""]]
    for name, point in data["points"].items():
        cells = (point["data"], point["peak"], point["peak"] - point["data"])
        rows.append([name, *(f"{count / 1e6:,.0f} MB" for count in cells)])
    return [
        "A process loads float32 rows and trains on them for one epoch (large networks:",
        f"{_BATCHES} batches). The table shows its peak resident memory.",
        "",
        *table(["", "data set", "peak", "beyond the data"], rows),
    ]


if __name__ == "__main__":
    main()
