"""Processes that write files are killed at random moments: ``python -m tests.fuzz.kills --kills 100``.

After each, all that is there must load, nothing half-written may be seen, and what the dead were writing does not
pile up.
"""

import argparse
import csv
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
KEPT = 3
RUNS, WORKERS = 12, 2  # of the sweep
MOMENT = {"save": 0.2, "checkpoint": 0.4, "sweep": 0.4, "cache": 3.0}  # seconds in which the kill comes
# Threads that may be writing a file when it comes: in a sweep its workers, and the one that writes the summary
WRITERS = {"save": 1, "checkpoint": 1, "sweep": WORKERS + 1, "cache": 1}


# ---------------------------------------------------------------- in the process that is killed


def save(folder):
    """The same file again and again."""
    model = large_model()
    ready()
    while True:
        model.save(folder / "model.npz")
        model.save_weights(folder / "weights.npz")


def checkpoint(folder):
    """Training with checkpoints, which goes on from the latest."""
    import fastmlp as fm

    x, y = data()
    there = sorted(folder.glob("epoch_*.npz"))
    model = fm.load(there[-1]) if there else large_model()
    checkpoint = fm.callbacks.ModelCheckpoint(folder, keep_last=KEPT)
    log = fm.callbacks.CSVLogger(folder / "log.csv", append=True)
    ready()
    model.fit(x, y, epochs=10**6, verbose=0, n_threads=1, callbacks=[checkpoint, log], resume=bool(there))


def sweep(folder):
    """A sweep, which goes on with the runs that are not done."""
    import fastmlp as fm

    ready()
    runs = [{"name": f"run {number}", "layers": [40 + number], "epochs": 1} for number in range(RUNS)]
    result = fm.sweep(runs, *data(), verbose=0, folder=folder, workers=WORKERS)
    assert all(run.is_finished for run in result)
    (folder / "done").touch()
    time.sleep(1000)


def cache(folder):
    """Kernels that are compiled, or loaded where they are there."""
    from fastmlp import kernels

    ready()
    use_kernels(kernels)
    (folder / "done").touch()
    time.sleep(1000)


def use_kernels(kernels):
    x = np.arange(-3.0, 3.0, dtype=np.float32).reshape(2, 3)
    y = np.empty_like(x)
    kernels.relu_forward(y, x)
    assert (y == np.maximum(x, 0)).all()
    kernels.relu_backward(x.copy(), y, x)


SCENES = {scene.__name__: scene for scene in (save, checkpoint, sweep, cache)}


def ready():
    print("ready", flush=True)


def data():
    random = np.random.default_rng(0)
    return random.normal(size=(20, 8)).astype(np.float32), np.arange(20) % 2


def large_model():
    import fastmlp as fm

    model = fm.mlp([300, 300], classes=2, seed=0)
    model.build(8)
    return model


# ---------------------------------------------------------------- in the process that kills


def kill_once(scene, random, folder):
    """Start a process in a folder, kill it, and look at what it left; raises AssertionError."""
    folder = Path(folder) / scene
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.kills", "--child", scene, str(folder)]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": str(int(scene != "cache")), "FASTMLP_CACHE_DIR": str(folder)}
    with open(folder.parent / f"{scene}.errors", "w+") as errors:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            line = child.stdout.readline()
            time.sleep(random.uniform(0, MOMENT[scene]))
            ended = child.poll()
        finally:
            child.kill()
            child.communicate()
        errors.seek(0)
        assert (line, ended) == ("ready\n", None), f"the process ended by itself, with {ended}: {errors.read()[-2000:]}"
    LOOK[scene](folder)
    left = parts(folder)
    assert len(left) <= WRITERS[scene], f"half-written files pile up: {left}"


def parts(folder):
    return [str(path) for path in folder.rglob("*.part*")]


def names(folder, pattern="*"):
    return sorted(path.name for path in folder.glob(pattern) if not path.name.startswith("."))


def look_at_save(folder):
    import fastmlp as fm

    there = names(folder)
    assert set(there) <= {"model.npz", "weights.npz"}, there
    if "model.npz" in there:
        fm.load(folder / "model.npz")
    if "weights.npz" in there:
        large_model().load_weights(folder / "weights.npz")


def look_at_checkpoint(folder):
    import fastmlp as fm

    there = names(folder, "epoch_*.npz")
    assert len(there) <= KEPT + 1, there  # the oldest goes when the latest is there
    for name in there:
        model = fm.load(folder / name)
        assert name == f"epoch_{len(model.history.epoch):03d}.npz"
    assert set(names(folder)) <= {*there, "log.csv"}
    if (folder / "log.csv").exists():
        lines = (folder / "log.csv").read_text().split("\n")[:-1]  # a line that is being written has no end yet
        rows = list(csv.reader(lines))
        assert all(len(row) == len(rows[0]) for row in rows)
        numbers = [int(row[0]) for row in rows[1:]]
        assert numbers == sorted(set(numbers)), numbers


def look_at_sweep(folder):
    import fastmlp as fm
    from fastmlp.search.sweeps.folder import Folder

    records = names(folder, "*.json")
    runs = Folder(folder).runs()
    assert len(runs) == len(records), "a record cannot be read"
    for run in runs:
        assert run.is_finished
        run.load()
    for name in names(folder, "*.npz"):
        fm.load(folder / name)
    whole = {f"run {number}.{end}" for number in range(RUNS) for end in ("npz", "json")}
    assert set(names(folder)) <= whole | {"summary.csv", "summary.txt", "done"}, names(folder)
    if (folder / "done").exists():
        assert len(runs) == RUNS
        shutil.rmtree(folder)  # and the next begins anew


def look_at_cache(folder):
    if (folder / "done").exists():
        shutil.rmtree(folder)


LOOK = {"save": look_at_save, "checkpoint": look_at_checkpoint, "sweep": look_at_sweep, "cache": look_at_cache}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description="Exit code 1 if a fault was found.")
    parser.add_argument("--kills", type=int, default=100, help="of all scenes together (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--only", help="some scenes, with commas: " + ", ".join(SCENES))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        SCENES[args.child[0]](Path(args.child[1]))
        return 0
    random, scenes = np.random.default_rng(args.seed), args.only.split(",") if args.only else list(SCENES)
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, scene in zip(range(args.kills), itertools.cycle(scenes), strict=False):
            try:
                kill_once(scene, random, folder)
            except Exception as error:
                faults += 1
                print(f"FAULT after kill {number} ({scene}): {type(error).__name__}: {error}", flush=True)
                shutil.rmtree(Path(folder) / scene, ignore_errors=True)
    print(f"{faults} faults in {args.kills} kills")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
