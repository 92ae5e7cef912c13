"""Writing: whole files or none, nothing left behind by the dead, nothing replaced that is no file."""

import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._base import files
from fastmlp._network.history import History
from fastmlp.callbacks import CSVLogger, JSONLogger, ModelCheckpoint
from fastmlp.callbacks.earlier import earlier

from ..shared.models import built
from ..shared.processes import in_threads

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = np.arange(12) % 2


def parts(folder):
    return [name for name in os.listdir(folder) if name.endswith(".part")]


WRITERS = {
    "save": lambda path: built().save(path),
    "save_weights": lambda path: built().save_weights(path),
    "write_csv": lambda path: History(history={"loss": [0.5]}, epoch=[0]).write_csv(path),
    "CSVLogger": lambda path: built().fit(X, Y, verbose=0, callbacks=[CSVLogger(path)]),
    "JSONLogger": lambda path: built().fit(X, Y, verbose=0, callbacks=[JSONLogger(path)]),
    "to_csv": lambda path: fm.sweep([{"layers": [2], "epochs": 1}], X, Y, verbose=0).to_csv(path),
}
READERS = {"load": fm.load, "load_weights": lambda path: built().load_weights(path)}
NAMES = {
    "ModelCheckpoint": ModelCheckpoint,
    "sweep": lambda path: fm.sweep([{"layers": [2]}], X, Y, verbose=0, folder=[] if path is None else path),
}


def test_files_are_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "file"
    files.write_atomically(target, b"first")
    files.write_atomically(target, b"second")
    assert target.read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(TypeError):
        files.write_atomically(target, "not bytes")
    assert target.read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["file"]


# ---------------------------------------------------------------- what is no name of a file


@pytest.mark.parametrize("path", [0, 1, 2, True, False, None, 1.5, np.int64(1), b"x.npz", ["x.npz"]], ids=repr)
@pytest.mark.parametrize("use", {**WRITERS, **READERS, **NAMES})
def test_a_number_never_becomes_an_open_file(use, path):
    with pytest.raises(ArgumentTypeError, match=r"must be the name of a (file|folder)"):
        {**WRITERS, **READERS, **NAMES}[use](path)


@pytest.mark.parametrize("use", {**WRITERS, **READERS})
@pytest.mark.parametrize("path", ["", ".", "a\0b"], ids=repr)
def test_a_name_that_names_nothing_is_refused(use, path):
    with pytest.raises(ArgumentError, match="path must be the name of a file"):
        {**WRITERS, **READERS}[use](path)


# ---------------------------------------------------------------- what is no file


@pytest.fixture(params=["fifo", "device", "socket", "stdout", "link to a fifo"])
def no_file(request, tmp_path):
    path = tmp_path / "here"
    if request.param == "device":
        return Path(os.devnull)
    if request.param == "stdout":
        return Path("/dev/stdout")
    if request.param == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
        return path
    os.mkfifo(tmp_path / "fifo" if "link" in request.param else path)
    if "link" in request.param:
        path.symlink_to(tmp_path / "fifo")
    return path


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_no_file_is_refused_and_stays(write, no_file):
    before = os.stat(no_file)
    with pytest.raises(OSError, match="is not a file but a device, a pipe or a stream"):
        WRITERS[write](no_file)
    assert os.stat(no_file).st_ino == before.st_ino
    assert not parts(no_file.parent)


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_is_not_waited_for(read, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", os.devnull, tmp_path):
        with pytest.raises(fm.ModelFileError, match="is not a model file"):
            READERS[read](path)


@pytest.mark.parametrize("links", [0, 1, 2])
def test_an_output_that_is_redirected_to_a_file_is_refused_too(links, tmp_path):
    """The shell would write to the old file, which nobody sees any more."""
    names = ["/dev/stdout", str(tmp_path / "a"), str(tmp_path / "b")][: links + 1]
    for target, link in itertools.pairwise(names):
        os.symlink(target, link)
    code = f"import fastmlp as fm; m = fm.mlp([2], classes=2); m.build(3); m.save({names[-1]!r})"
    with open(tmp_path / "out", "w") as out:
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True)
    assert "is not a file but a device" in done.stderr
    assert (tmp_path / "out").stat().st_size == 0


# ---------------------------------------------------------------- names, permissions, links


@pytest.mark.parametrize("write", WRITERS)
def test_a_name_as_long_as_the_file_system_allows_is_written(write, tmp_path):
    path = tmp_path / ("n" * 251 + ".npz")
    WRITERS[write](path)
    assert path.stat().st_size > 0
    assert os.listdir(tmp_path) == [path.name]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o604)
    link.symlink_to(target)
    files.write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


def test_a_new_file_has_the_usual_permissions(tmp_path):
    previous = os.umask(0o027)
    try:
        files.write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        built().save(tmp_path / "missing" / "model.npz")


# ---------------------------------------------------------------- what the dead leave behind


WRITE_HALF = (
    "import os, sys, time; from fastmlp._base import files\n"
    "with files._temporary(sys.argv[1]) as (path, file):\n"
    "    file.write(b'half'); file.flush(); print(path, flush=True); time.sleep(60)"
)


@pytest.fixture
def writer(tmp_path):
    """A process that is in the middle of writing a file, and the file."""
    process = subprocess.Popen([sys.executable, "-c", WRITE_HALF, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_what_a_killed_process_left_goes_with_the_next_file_and_what_a_living_one_writes_stays(writer, tmp_path):
    process, part = writer
    assert part.name.startswith(".")
    files.write_atomically(tmp_path / "model.npz", b"x")
    assert part.exists()
    process.kill()
    process.wait()
    files.write_atomically(tmp_path / "other.npz", b"x")
    assert sorted(os.listdir(tmp_path)) == ["model.npz", "other.npz"]


def test_a_stopped_process_is_not_taken_for_dead(writer, tmp_path):
    process, part = writer
    process.send_signal(signal.SIGSTOP)
    os.utime(part, (0, 0))
    files.write_atomically(tmp_path / "model.npz", b"x")
    assert part.exists()


def test_what_another_host_writes_is_left_alone_for_a_day(tmp_path):
    young, old = (tmp_path / f".fastmlp-{'0' * 8}-{digit * 12}.part" for digit in "ab")
    for path in (young, old):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    files.write_atomically(tmp_path / "file", b"x")
    assert sorted(os.listdir(tmp_path)) == [young.name, "file"]


def test_files_of_others_are_never_removed(tmp_path):
    host = files._host()
    names = ["a.part", f".fastmlp-{host}-{'0' * 11}.part", f".fastmlp-{host}-{'0' * 12}.part.gz", "model.npz.1-a.part"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / f".fastmlp-{host}-{'1' * 12}.part").mkdir()
    os.mkfifo(tmp_path / f".fastmlp-{host}-{'2' * 12}.part")
    (tmp_path / f".fastmlp-{host}-{'3' * 12}.part").symlink_to(tmp_path / "a.part")
    before = set(os.listdir(tmp_path))
    files.write_atomically(tmp_path / "file", b"x")
    assert set(os.listdir(tmp_path)) == before | {"file"}


def test_many_threads_write_one_file(tmp_path):
    def write(letter):
        for _ in range(30):
            files.write_atomically(tmp_path / "file", letter * 5000)

    in_threads(write, (b"a", b"b", b"c"))
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert os.listdir(tmp_path) == ["file"]


# ---------------------------------------------------------------- checkpoints of earlier runs


def run(path, epochs, model=None, **settings):
    model = built() if model is None else model
    checkpoint = ModelCheckpoint(path, **settings)
    model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[checkpoint], resume=bool(model.history))
    return model, checkpoint


def names(folder):
    return sorted(os.listdir(folder))


def test_keep_last_counts_checkpoints_of_earlier_runs(tmp_path):
    run(tmp_path, 4)
    _, checkpoint = run(tmp_path, 6, fm.load(tmp_path / "epoch_004.npz"), keep_last=3)
    assert names(tmp_path) == ["epoch_004.npz", "epoch_005.npz", "epoch_006.npz"]
    assert [path.name for path in checkpoint.saved] == ["epoch_005.npz", "epoch_006.npz"]


def test_a_new_run_replaces_what_an_earlier_one_left(tmp_path):
    run(tmp_path, 5)
    run(tmp_path, 2, keep_last=2)
    assert names(tmp_path) == ["epoch_001.npz", "epoch_002.npz"]


@pytest.mark.parametrize("name", ["{epoch}-{loss:.3f}.npz", "m{batch:04d}_{epoch:>3}_{accuracy:.1%}.npz", "{loss}.npz"])
def test_fields_of_all_kinds_are_recognised(name, tmp_path):
    model, _ = run(tmp_path / name, 3)
    assert len(earlier(str(tmp_path / name))) == len(names(tmp_path)) > 0
    run(tmp_path / name, 5, model, keep_last=1)
    assert len(names(tmp_path)) == 1


def test_only_what_is_certainly_a_checkpoint_is_deleted(tmp_path):
    model, _ = run(tmp_path, 1)
    others = {"epoch_1.npz", "epoch_0001.npz", "epoch_001.npz.bak", "epoch_-01.npz", "best.npz", "epoch_002a.npz"}
    for name in others:
        (tmp_path / name).write_bytes((tmp_path / "epoch_001.npz").read_bytes())
    np.savez(tmp_path / "epoch_077.npz", x=X)  # data of the user
    (tmp_path / "epoch_078.npz").write_text("notes")
    (tmp_path / "epoch_079.npz").mkdir()
    (tmp_path / "epoch_080.npz").symlink_to(tmp_path / "best.npz")
    others |= {"epoch_077.npz", "epoch_078.npz", "epoch_079.npz", "epoch_080.npz"}
    run(tmp_path, 3, model, keep_last=1)
    assert set(names(tmp_path)) == others | {"epoch_003.npz"}


def test_other_folders_are_not_looked_at(tmp_path):
    run(tmp_path / "{epoch}" / "model.npz", 2)
    run(tmp_path / "{epoch}" / "model.npz", 1, keep_last=1)
    assert names(tmp_path) == ["1", "2"]
    assert earlier(str(tmp_path / "{epoch}" / "model.npz")) == []


def test_a_checkpoint_without_fields_is_one_file(tmp_path):
    model, _ = run(tmp_path / "model.npz", 2, keep_last=1)
    run(tmp_path / "model.npz", 4, model, keep_last=1)
    assert names(tmp_path) == ["model.npz"]


# ---------------------------------------------------------------- records of sweeps


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../other"},
        {"metrics": {"loss": 10**400}},
        {"metrics": 5},
        {"settings": "x"},
        {"seconds": "x"},
        {"seconds": None},
        "[" * 100_000,
        "[]," * 100_000,
        '{"a": 1, "a": 2}',
        "",
    ],
    ids=lambda change: str(change)[:20],
)
def test_an_edited_record_of_a_sweep_counts_as_none(change, tmp_path):
    runs = [{"layers": [2], "epochs": 1, "name": "a"}]
    fm.sweep(runs, X, Y, verbose=0, folder=tmp_path)
    record = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(change if isinstance(change, str) else json.dumps({**record, **change}))
    (tmp_path / "other.npz").write_bytes((tmp_path / "a.npz").read_bytes())
    result = fm.sweep(runs, X, Y, verbose=0, folder=tmp_path)
    assert [found.was_loaded for found in result] == [False]


def test_a_pipe_in_the_folder_of_a_sweep_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    result = fm.sweep([{"layers": [2], "epochs": 1, "name": "a"}], X, Y, verbose=0, folder=tmp_path)
    assert "is not a file but a device" in result[0].reason
    assert stat.S_ISFIFO(os.stat(tmp_path / "a.json").st_mode)


# ---------------------------------------------------------------- the command line, which writes when the work is done


@pytest.mark.parametrize("path", ["/dev/stdout", os.devnull, "fifo", "fifo.npz", "link.npz"])
def test_the_command_line_refuses_what_is_no_file_before_it_trains(path, tmp_path, capsys, monkeypatch):
    from fastmlp.cli import main

    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    os.mkfifo("fifo.npz")
    os.symlink(os.devnull, "link.npz")
    assert main(["train", "digits", "--epochs", "1", "--output", path]) in (1, 2)
    wanted = "is not an ordinary file" if path.endswith(".npz") else "must end in .npz"
    assert wanted in capsys.readouterr().err


@pytest.mark.skipif(sys.getfilesystemencodeerrors() != "surrogateescape", reason="a system that writes any text")
def test_a_name_with_half_a_character_is_refused():
    with pytest.raises(ArgumentError, match="path must be a name that the system can write"):
        files.as_path("\ud800.csv")
