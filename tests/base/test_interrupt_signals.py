"""Ctrl-C at any time, in processes of their own: during import, compilation, loops of short calls, commands."""

import random
import signal
import time

import pytest

import fastmlp as fm

from ..shared.processes import needs_signals, started


def ended(process):
    try:
        output, errors = process.communicate(timeout=240)
    finally:
        process.kill()
    return output, errors


SHORT_FITS = """
import random, time, threading, os, signal
import numpy as np, fastmlp as fm
x = np.random.default_rng(0).normal(size=(20, 4)).astype("f4")
y = np.arange(20) % 3
model = fm.mlp([4], classes=3, seed=0)
model.fit(x, y, verbose=0)
delays = random.Random(1)
for attempt in range(20):
    timer = threading.Timer(delays.uniform(0.002, 0.03), os.kill, (os.getpid(), signal.SIGINT))
    deadline, is_ended = time.monotonic() + 20, False
    try:
        timer.start()
        while time.monotonic() < deadline:
            {loop}
    except KeyboardInterrupt:
        is_ended = True
    while timer.is_alive():
        time.sleep(0.001)
    assert is_ended, attempt
    lengths = [len(values) for values in model.history.history.values()]
    assert set(lengths) == {{len(model.history.epoch)}}, lengths
    assert model.history.stopped in ("finished", "interrupted")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x, y, verbose=0)
    assert np.isfinite(model.evaluate(x, y)["loss"])
print("fine")
"""

LOOPS = {
    "fit": "model.fit(x, y, epochs=2, verbose=0)",
    "resumed": "model.fit(x, y, epochs=len(model.history.epoch) + 1, resume=True, verbose=0)",
    "partial_fit": "model.partial_fit(x, y, batch_size=4)",
    "predict": "model.predict(x); model.evaluate(x, y)",
    "folds": "fm.cross_validate(model, x, y, folds=2, workers=2)",
    "sweeps": "fm.sweep({'layers': [[2], [3]], 'epochs': [1]}, x, y, workers=1, verbose=0)",
    "gradients": "model.gradients(x, y)",
}


@needs_signals
@pytest.mark.parametrize("loop", LOOPS)
def test_loops_of_short_calls_end_at_the_first_ctrl_c(loop, tmp_path):
    process = started("-uc", SHORT_FITS.format(loop=LOOPS[loop]), NUMBA_DISABLE_JIT="1")
    output, errors = ended(process)
    assert output.strip() == "fine", errors


IMPORT = """
import signal, sys, time
import {first}
print("go", flush=True)
try:
    import fastmlp as fm
    from fastmlp import kernels
    y = kernels.relu_forward
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
import numpy as np
import fastmlp as fm
from fastmlp import kernels
y = np.empty((1, 3), np.float32)
kernels.relu_forward(y, [[-1, 0, 2]])
assert y.tolist() == [[0, 0, 2]]
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print("fine")
"""


@pytest.mark.needs_jit
@needs_signals
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.2, 0.35, 0.6, 1.0])
def test_ctrl_c_during_import_leaves_kernels_usable(delay, tmp_path):
    with started("-uc", IMPORT.format(first="numpy")) as process:
        assert process.stdout.readline().strip() == "go"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        output, errors = ended(process)
    assert output.split() == ["interrupted", "fine"], errors


COMPILE = """
import signal, sys, time
import numpy as np
from fastmlp import kernels
from fastmlp._compiling import jit
kernels.relu_forward
x = np.array([[-1.0, 0.0, 2.0]], np.float32)
y = np.empty((1, 3), np.float32)
print("go", flush=True)
try:
    kernels.softmax_forward(y, x)
    kernels.relu_forward(y, x)
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
kernels.softmax_forward(y, x)
assert abs(y.sum() - 1) < 1e-6
kernels.relu_backward(y, x, x)
kernels.relu_forward(y, x)
assert y.tolist() == [[0, 0, 2]]
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print("fine")
"""


@pytest.mark.needs_jit
@needs_signals
@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5, 0.9, 1.4, 2.0])
def test_ctrl_c_during_compilation_leaves_kernels_usable(delay, tmp_path):
    with started("-uc", COMPILE, FASTMLP_CACHE_DIR=str(tmp_path / "cache")) as process:
        assert process.stdout.readline().strip() == "go"
        time.sleep(delay + random.Random(delay).uniform(0, 0.05))
        process.send_signal(signal.SIGINT)
        output, errors = ended(process)
    assert output.split() == ["interrupted", "fine"], errors


@needs_signals
@pytest.mark.parametrize("kind", ["train", "table", "sweep"])
def test_the_command_line_saves_and_reports(kind, tmp_path):
    command, header = ("train", "a,b,label") if kind == "table" else (kind, "x0,x1,label")
    rows = [f"{a},{b},{'yes' if a > b else 'no'}" for a in range(8) for b in range(8)]
    (tmp_path / "data.csv").write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "runs.json").write_text('[{"layers": [2], "epochs": 1}, {"layers": [3], "epochs": 1000000}]')
    options = {
        "train": ["data.csv", "--label", "label", "--epochs", "1000000", "--layers", "3", "--output", "model.npz"],
        "sweep": ["runs.json", "data.csv", "--label", "label", "--workers", "1", "--output", "runs"],
    }
    code = f"import sys; from fastmlp.cli import main; sys.exit(main({[command, *options[command]]!r}))"
    with started("-uc", code, folder=tmp_path, NUMBA_DISABLE_JIT="1") as process:
        while True:  # until an epoch, or a run, has ended
            line = process.stdout.readline()
            assert line, process.stderr.read()
            if line.startswith(("epoch ", "[1/2]", "rows: ")):
                break
        time.sleep(1.0 if kind == "table" else 0.0)  # which says nothing until training ends
        process.send_signal(signal.SIGINT)
        output, errors = ended(process)
    assert process.returncode == 1
    assert "interrupted; " in errors.splitlines()[-1]
    if command == "train":
        assert "saved model.npz" in output
        assert fm.load(tmp_path / "model.npz").history.stopped == "interrupted"
    else:
        assert "saved in runs" in output
        assert "interrupted" in output or "not started" in output
