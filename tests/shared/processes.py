"""Python in processes of its own and in several threads, and marks for what only some systems have."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import fastmlp as fm

needs_jit = pytest.mark.needs_jit
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
needs_signals = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


def environment(**variables):
    """The variables of this process with others, but without those that are None; the package is the one under test."""
    kept = {name: value for name, value in os.environ.items() if name not in variables}
    given = {name: value for name, value in variables.items() if value is not None}
    return {**kept, "PYTHONPATH": str(Path(fm.__file__).parents[1]), **given}


def started(*command, folder=None, **variables):
    """A fresh interpreter with pipes for its output and its errors."""
    settings = {"env": environment(**variables), "cwd": folder, "start_new_session": os.name == "posix", "text": True}
    command = [sys.executable, *map(str, command)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


def run_python(code, *options, folder=None, timeout=300, **variables):
    """Run a program in a fresh interpreter whose warnings are errors; its output. With a folder, it is a file there."""
    script = ["-c", code]
    if folder is not None:
        (folder / "script.py").write_text(code)
        script = ["script.py"]
    with started("-W", "error", *options, *script, folder=folder, **variables) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)  # with the children that it forked
            process.kill()
            raise
    assert process.returncode == 0, f"exit code {process.returncode}\n{output}\n{errors[-2000:]}"
    return output.strip()


def in_threads(function, arguments):
    """Call a function with each argument, each in a thread of its own, all at once."""
    errors = []

    def guarded(argument):
        try:
            function(argument)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []


# A script begins with it, and goes on with `in_child(work)`, which gives the exit code of a forked child.
FORK = """
import os, sys, threading, time
import numpy as np, fastmlp as fm
from fastmlp._compiling import jit

x = np.random.default_rng(0).normal(size=(2000, 64)).astype("f4")
y = np.arange(2000) % 10
model = fm.mlp([256], classes=10, seed=0)
model.build(64)

def in_child(function, seconds=20):
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "hangs"

def work():
    assert model.predict(x).tobytes() == wanted
    model.fit(x, y, batch_size=512, verbose=0)
    assert bytes(model.predict(x)) != wanted

wanted = model.predict(x, n_threads=1).tobytes()
"""
