"""Makes tries of attacks in child processes, and reports crashes, hangs, foreign exceptions and memory taken."""

import contextlib
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tests.fuzz

SECONDS = 60.0  # for one try, of which a second run may take PATIENCE times as many: kernels compile when first used
BATCH_SECONDS = 20.0  # of tries in one process
FREE_BYTES = 128 << 20  # that a try may take, besides four times the size of its files
MOST_BYTES = 8 << 30  # that a process may map
MOST_CPU_SECONDS = 3600
PATIENCE = 10
COMMAND = [sys.executable, "-m", "tests.fuzz"]
PIPE = "FASTMLP_FUZZ_PIPE"
ROOT = Path(__file__).parents[2]


def attacks():
    """Names of the modules that are attacks."""
    return [name for name in _modules() if hasattr(_module(name), "attack")]


def _modules():
    return sorted(module.name for module in pkgutil.iter_modules(tests.fuzz.__path__) if module.name != "__main__")


def _module(name):
    return importlib.import_module(f"tests.fuzz.{name}")


def generator(name, seed, number):
    """The random numbers of a try."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), number])


def one_try(name, seed, number):
    """Make a try in this process."""
    with tempfile.TemporaryDirectory() as folder:
        _module(name).attack(generator(name, seed, number), Path(folder))


@dataclass
class Fault:
    attack: str
    seed: int
    number: int
    what: str

    def __str__(self):
        again = f"python -m tests.fuzz --only {self.attack} --seed {self.seed} --first {self.number} --tries 1"
        return f"FAULT in {self.attack}: {self.what.rstrip()}\n  again: {again}"


# ---------------------------------------------------------------- in a child


def make_tries(name, seed, first, count):
    """Make tries, with a line of JSON before and after each."""
    _limit_memory()
    began = time.monotonic()
    for number in range(first, first + count):
        _say(begins=number)
        _say(ends=number, fault=_fault_of(name, seed, number))
        if time.monotonic() - began > BATCH_SECONDS:
            return


def _fault_of(name, seed, number):
    fault, taken, allowed = _watched(name, seed, number)
    if fault is None and taken > allowed:  # is it the try, or a kernel that was compiled, or a module imported?
        fault, taken, allowed = _watched(name, seed, number)
    if fault is None and taken > allowed:
        return f"{taken / 2**20:,.0f} MB of memory were taken, of {allowed / 2**20:,.0f} MB allowed"
    return fault


def _watched(name, seed, number):
    """What a try raised, and the bytes that it took and may take."""
    with tempfile.TemporaryDirectory() as folder:
        before = _memory("VmRSS")
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        fault = None
        try:
            _module(name).attack(generator(name, seed, number), Path(folder))
        except Exception:
            fault = traceback.format_exc(limit=-8)
        taken = _memory("VmHWM") - before
        files = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        return fault, taken, 4 * files + FREE_BYTES


def _memory(field):
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith(field)), 0)
    return 0


def _limit_memory():
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))  # it may outlive its parent


def _say(**what):
    os.write(int(os.environ[PIPE]), (json.dumps(what) + "\n").encode())


# ---------------------------------------------------------------- in the parent


def run(names, seed, first, tries, deadline):
    """Make tries of some attacks in turns; returns the exit code."""
    done, faults = dict.fromkeys(names, 0), []
    while names := [name for name in names if tries is None or done[name] < tries]:
        for name in names:
            if deadline is not None and time.monotonic() >= deadline:
                return _report(done, faults)
            count = 10**9 if tries is None else tries - done[name]
            made, found = _batch(name, seed, first + done[name], count, deadline)
            done[name] += made
            for fault in found:
                print(fault, flush=True)
            faults += found
    return _report(done, faults)


def _report(done, faults):
    counted = ", ".join(f"{count:,} of {name}" for name, count in done.items())
    print(f"{len(faults)} faults in {sum(done.values()):,} tries: {counted}")
    return int(bool(faults))


def _batch(name, seed, first, count, deadline=None, patience=1):
    """Tries in one process; returns how many were made, and the faults."""
    faults, made = [], 0
    with _child(name, seed, first, count) as (child, lines):
        number = None
        while True:
            line = lines.next(patience * SECONDS)
            if line is None:
                break
            if "begins" in line:
                number = line["begins"]
                continue
            made, number = made + 1, None
            if line["fault"]:
                faults.append(Fault(name, seed, line["ends"], line["fault"]))
            if deadline is not None and time.monotonic() >= deadline:
                return made, faults
        if lines.is_over:
            child.wait()
        what = f"the process ended with {child.returncode}:\n{lines.errors()}"
    if number is None and made:
        return made, faults
    if not lines.is_over:
        if patience == 1:
            _, again = _batch(name, seed, first if number is None else number, 1, None, PATIENCE)
            return made + 1, faults + again
        what = f"no end after {patience * SECONDS:.0f} seconds"
    return made + 1, [*faults, Fault(name, seed, first if number is None else number, what)]


@contextlib.contextmanager
def _child(name, seed, first, count):
    reading, writing = os.pipe()
    folder = tempfile.mkdtemp(prefix="fastmlp-fuzz-")
    command = [*COMMAND, "--child", "--only", name, "--seed", str(seed), "--first", str(first), "--tries", str(count)]
    environment = {"PYTHONFAULTHANDLER": "1", **os.environ, "TMPDIR": folder, PIPE: str(writing)}
    environment |= getattr(_module(name), "ENVIRONMENT", {})
    with open(os.path.join(folder, "errors"), "w+") as errors, open(reading, "rb", buffering=0) as pipe:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        try:
            yield child, _Lines(pipe, errors)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            shutil.rmtree(folder, ignore_errors=True)


class _Lines:
    """The lines that a child says."""

    def __init__(self, pipe, errors):
        self._pipe, self._errors, self._text, self.is_over = pipe, errors, b"", False
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)

    def next(self, seconds):
        """The next line; None if the child has ended, or says nothing for so long."""
        while b"\n" not in self._text:
            if not self._selector.select(seconds):
                return None
            part = self._pipe.read(1 << 16)
            if not part:
                self.is_over = True
                return None
            self._text += part
        line, self._text = self._text.split(b"\n", 1)
        return json.loads(line)

    def errors(self):
        with contextlib.suppress(ValueError):
            self._errors.seek(0)
            return self._errors.read()[-2000:]
        return ""
