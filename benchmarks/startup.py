"""What comes before the first epoch: importing, compiling, loading what was compiled; and set-up of a new network."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from fastmlp._contest.table import seconds

from .report import Data, Options, say, table

TITLE = "Start"

_MODULES = {
    "fastmlp": "fastmlp",
    "numpy": "numpy",
    "numba": "numba",
    "scikit-learn": "sklearn.neural_network",
    "torch": "torch",
    "jax": "jax",
    "keras + tensorflow": "keras",
    "onnxruntime": "onnxruntime",
}

_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"

# A first fit on a tiny problem, from the start of the process; then another network, batch size and optimiser.
_FIRST_FIT = """
import time
start = time.perf_counter()
import numpy as np
import fastmlp as fm
from fastmlp._compiling import jit
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8)).astype(np.float32), np.arange(64) % 3
model = fm.mlp([16], classes=3, seed=0)
model.fit(x, y, batch_size=32, verbose=0)
first, compiled = time.perf_counter() - start, len(jit.compilations)
x = rng.normal(size=(8, 784)).astype(np.float32)
fm.mlp([100], classes=3, seed=0).fit(x, y[:8], batch_size=8, verbose=0)  # large enough for all threads: loads that form
before = len(jit.compilations)
start = time.perf_counter()
model = fm.mlp([128, 64, 32], classes=3, seed=0)
model.compile(optimizer=fm.Adam(learning_rate=0.01, beta_1=0.8))
model.fit(x, y[:8], batch_size=8, verbose=0)
print(first, compiled, time.perf_counter() - start, len(jit.compilations) - before)
"""


def measure(options: Options) -> Data:
    """Medians of fresh processes."""
    say("start: imports")
    # This writes bytecode, which an installed package has too.
    _run("import fastmlp.model, fastmlp.kernels.network.run", dict(os.environ))
    imports = {name: _median_import(module, options.rounds) for name, module in _MODULES.items()}
    say("start: first fit, cold and warm")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FASTMLP_CACHE_DIR": folder}
        cold = _first_fit(environment)
        warm = [_first_fit(environment) for _ in range(options.rounds)]
    return {"imports": imports, "cold": cold, "warm": warm}


def _median_import(module: str, rounds: int) -> float | None:
    times = []
    for _ in range(min(rounds, 5)):
        done = _run(_IMPORT.format(module), dict(os.environ))
        if done is None:
            return None
        times.append(float(done))
    return statistics.median(times)


def _first_fit(environment: dict[str, str]) -> Data:
    first, compiled, setup, recompiled = map(float, (_run(_FIRST_FIT, environment) or "nan nan nan nan").split())
    return {"first_fit": first, "compiled": compiled, "new_network": setup, "recompiled": recompiled}


def _run(code: str, environment: dict[str, str]) -> str | None:
    fixed = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**environment, **fixed}, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def warm_median(data: Data, name: str) -> float:
    """Of the processes that found compiled kernels."""
    return statistics.median(run[name] for run in data["warm"])


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    imports = [[name, "not installed" if t is None else seconds(t)] for name, t in data["imports"].items()]
    cold, warm = data["cold"], data["warm"]
    again = sum(int(run["recompiled"]) for run in warm)
    rows = [
        ["cold: import and first fit, everything compiled", seconds(cold["first_fit"]), f"{cold['compiled']:.0f}"],
        ["warm: import and first fit, kernels from disk", seconds(warm_median(data, "first_fit")), "0"],
        ["then: another network, batch size, optimiser", seconds(warm_median(data, "new_network")), str(again)],
    ]
    return [
        "Each figure is the median of fresh processes; the cold start is a single run.",
        "",
        *table(["import", "time"], imports),
        "",
        *table(["fastmlp on a tiny problem", "time", "kernels compiled"], rows),
    ]
