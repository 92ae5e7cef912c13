"""Code that another user planted is never run: whom the kernel cache trusts, and what it does where it does not."""

import hashlib
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import fastmlp as fm
from fastmlp._compiling import cache as _cache
from fastmlp.cli import main

STRANGER, USER = 54321, 54322  # numbers of users, who need no account
pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes as on POSIX")


def can_be_others():
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("setpriv") is not None
    return is_root and all(folder.stat().st_mode & 0o001 for folder in Path(fm.__file__).parents)


needs_users = pytest.mark.skipif(
    not can_be_others(), reason="needs root, setpriv to be somebody else, and a package that everybody can read"
)


@pytest.fixture
def place():
    """A folder that every user can reach, and where each can make files of their own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="fastmlp-test-"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


def run_as(user, *command, check=True, umask=None, **environment):
    """Run a program as another user; what it printed."""
    given = {name: value for name, value in environment.items() if value is not None}
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(fm.__file__).parents[1])}
    ids = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    mask = [] if umask is None else ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]
    done = subprocess.run(
        [*ids, *mask, *command], env={**inherited, **given}, capture_output=True, text=True, timeout=300, cwd="/"
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def python_as(user, code, *arguments, **options):
    return run_as(user, sys.executable, "-c", code, *arguments, **options)


NO_TEMPORARY = "import tempfile; tempfile.tempdir = '/dev/null'"

# Loading a kernel as numba does, of a kind that needs no compiler: quick, and unpickled like any other.
LOAD = """
import warnings
warnings.simplefilter("always")
from fastmlp._compiling import cache
cache.cache_key = lambda: "0.1.0-0123456789abcdef"
file = cache.KernelFile(cache.places(), "relu")
file.load_overload("signature", None)
print(cache.places().folder, cache.places().shared, file.exists(), sep="|")
"""


class Evil:
    """Whoever unpickles this makes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def planted(mark):
    payload = pickle.dumps(Evil(mark))
    return _cache._MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


KEY = "0.1.0-0123456789abcdef"


def plant(folder, mark, owner, mode=0o755):
    """A kernel file that touches ``mark`` when it is loaded, in a folder of its author."""
    made = [f for f in [folder, *folder.parents] if not f.exists()]
    folder.mkdir(parents=True)
    file = folder / "relu.kernel"
    file.write_bytes(planted(mark))
    for path in [file, *made]:
        os.chown(path, owner, owner)
        path.chmod(mode)
    return file


@pytest.fixture
def readable():
    """Where other users can read this package and the interpreter; else nothing can be tried as another user."""
    if python_as(USER, "import fastmlp", check=False).returncode != 0:
        pytest.skip("other users cannot read the interpreter or the package")


@needs_users
@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize(
    ("variable", "below"),
    [("FASTMLP_CACHE_DIR", ""), ("XDG_CACHE_HOME", "fastmlp/kernels"), ("HOME", ".cache/fastmlp/kernels")],
)
def test_what_another_user_planted_is_not_run(place, variable, below):
    mark, root, own = place / "mark", place / "cache", place / "own"
    file = plant(root / below / KEY, mark, STRANGER)
    own.mkdir(mode=0o700)
    os.chown(own, USER, USER)
    done = python_as(USER, LOAD, TMPDIR=str(own), **{variable: str(root)})
    assert not mark.exists()
    assert file.exists()
    assert done.stderr.count("RuntimeWarning: fastmlp: the kernel cache folder cannot be used") == 1
    assert f"belongs to the user with number {STRANGER}" in done.stderr
    assert done.stdout.startswith(f"{own}/fastmlp-{USER}/{KEY}|None|False")


@needs_users
@pytest.mark.usefixtures("readable")
def test_a_planted_temporary_folder_is_not_used_either(place):
    mark = place / "mark"
    plant(place / f"fastmlp-{USER}" / KEY, mark, STRANGER, 0o777)
    done = python_as(USER, LOAD, TMPDIR=str(place), HOME="/dev/null")
    assert not mark.exists()
    assert done.stdout == "None|None|False\n"
    assert "compiled in every process" in done.stderr


@needs_users
@pytest.mark.usefixtures("readable")
def test_root_runs_nothing_of_a_users(place):
    mark = place / "mark"
    plant(place / "cache" / KEY, mark, USER, 0o700)
    (place / "own").mkdir(mode=0o700)
    python_as(None, LOAD, TMPDIR=str(place / "own"), FASTMLP_CACHE_DIR=str(place / "cache"))
    assert not mark.exists()


@needs_users
@pytest.mark.usefixtures("readable")
def test_files_planted_while_a_folder_was_open_are_not_run_and_it_is_closed(place):
    mark, folder = place / "mark", place / "cache" / KEY
    file = plant(folder, mark, USER, 0o777)
    os.chown(file, STRANGER, STRANGER)
    done = python_as(USER, LOAD, FASTMLP_CACHE_DIR=str(place / "cache"), TMPDIR=str(place))
    assert not mark.exists()
    assert done.stdout == f"{folder}|None|False\n"
    assert [stat.S_IMODE(path.stat().st_mode) & 0o022 for path in (folder, folder.parent)] == [0, 0]
    assert done.stderr == ""


@needs_users
@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602], ids=oct)
def test_a_file_of_ours_that_others_could_write_is_made_again(place, mode):
    mark, folder = place / "mark", place / "cache" / KEY
    plant(folder, mark, USER, 0o700).chmod(mode)
    python_as(USER, LOAD, FASTMLP_CACHE_DIR=str(place / "cache"), TMPDIR=str(place))
    assert not mark.exists()
    assert list(folder.glob("*.kernel")) == []


@needs_users
@pytest.mark.usefixtures("readable")
def test_an_own_file_is_loaded_so_the_traps_above_would_have_worked(place):
    mark, folder = place / "mark", place / "cache" / KEY
    plant(folder, mark, USER, 0o700)
    python_as(USER, LOAD, FASTMLP_CACHE_DIR=str(place / "cache"), TMPDIR=str(place))
    assert mark.exists()


@needs_users
@pytest.mark.usefixtures("readable")
def test_a_parent_folder_that_others_can_write_is_no_place_for_a_cache(place):
    (place / "team").mkdir()
    (place / "team").chmod(0o777)
    (place / "own").mkdir()
    os.chown(place / "own", USER, USER)
    done = python_as(USER, LOAD, FASTMLP_CACHE_DIR=str(place / "team" / "cache"), TMPDIR=str(place / "own"))
    assert not (place / "team" / "cache").exists()
    assert f"{place}/team can be written by others (its mode is 777)" in done.stderr


@needs_users
@pytest.mark.usefixtures("readable")
def test_a_link_of_another_user_is_not_followed(place):
    mine = place / "mine"
    mine.mkdir(mode=0o700)
    os.chown(mine, USER, USER)
    (place / "cache").symlink_to(mine)
    os.lchown(place / "cache", STRANGER, STRANGER)
    done = python_as(USER, LOAD, FASTMLP_CACHE_DIR=str(place / "cache"), TMPDIR=str(mine))
    assert "is a link that belongs to" in done.stderr or "cannot be used" in done.stderr  # the system refuses it too
    assert list(mine.glob("0.1.0-*")) == []


@needs_users
@pytest.mark.usefixtures("readable")
def test_a_shared_cache_of_root_is_read_and_what_it_lacks_is_kept_elsewhere(place):
    mark, shared, home = place / "mark", place / "shared", place / "home"
    place.chmod(0o755)
    plant(shared / KEY, mark, 0)
    home.mkdir(mode=0o700)
    os.chown(home, USER, USER)
    mark.touch()
    before = mark.stat().st_mtime_ns
    os.chown(mark, USER, USER)
    done = python_as(USER, LOAD, FASTMLP_CACHE_DIR=str(shared), HOME=str(home))
    assert mark.stat().st_mtime_ns > before  # its kernel was loaded
    assert done.stdout == f"{home}/.cache/fastmlp/kernels/{KEY}|{shared / KEY}|True\n"
    assert done.stderr == ""
    nowhere = python_as(USER, NO_TEMPORARY + LOAD, FASTMLP_CACHE_DIR=str(shared), HOME="/dev/null")
    assert nowhere.stdout == f"None|{shared / KEY}|True\n"


REAL = (
    NO_TEMPORARY
    + """
import os, sys
import numpy as np
from fastmlp import kernels
from fastmlp._compiling import cache, jit
y = np.ones((1, 3), np.float32)
kernels.relu_backward(y, y, y)  # imports all that there is, before rights go without which it may be out of reach
if len(sys.argv) > 1:
    cache._places = None
    os.setgroups([])
    os.setresgid(*3 * [int(sys.argv[1])])
    os.setresuid(*3 * [int(sys.argv[1])])
del jit.compilations[:]
kernels.relu_forward(y, [[-1, 0, 2]])
print(y.tolist(), jit.compilations)
"""
)


@pytest.mark.needs_jit
@needs_users
def test_a_kernel_that_root_compiled_into_an_image_is_loaded_by_users(place):
    place.chmod(0o755)
    shared = place / "kernels"
    made = python_as(None, REAL, FASTMLP_CACHE_DIR=str(shared), umask="077")
    assert "relu_forward_float32_serial" in made.stdout
    subprocess.run(["chmod", "-R", "a+rX", shared], check=True)
    used = python_as(None, REAL, str(USER), FASTMLP_CACHE_DIR=str(shared), HOME="/dev/null")
    assert used.stdout == "[[0.0, 0.0, 2.0]] []\n"


@pytest.mark.needs_jit
@pytest.mark.parametrize("umask", ["000", "022", "777"])
def test_folders_and_files_are_for_their_user_alone_whatever_the_umask(tmp_path, umask):
    done = python_as(None, REAL, FASTMLP_CACHE_DIR=str(tmp_path / "a" / "b"), umask=umask)
    assert "relu_forward_float32_serial" in done.stdout
    found = [tmp_path / "a", *(tmp_path / "a").rglob("*")]
    assert {path.suffix for path in found if path.is_file()} == {".json", ".kernel", ".lock"}
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# ---------------------------------------------------------------- clearing


@pytest.fixture
def cache(tmp_path, monkeypatch):
    root = tmp_path / "cache"
    monkeypatch.setenv("FASTMLP_CACHE_DIR", str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "default"))
    monkeypatch.setattr(_cache.tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    root.mkdir()
    yield root
    monkeypatch.setattr(_cache, "_places", None)


def test_clear_follows_no_link(cache, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.kernel").write_bytes(b"x" * 10)
    (cache / KEY).symlink_to(outside)
    inside = cache / KEY.replace("0", "1")
    inside.mkdir()
    (inside / "link.kernel").symlink_to(outside / "a.kernel")
    (inside / "folder.kernel").symlink_to(outside)
    _cache.clear()
    assert (outside / "a.kernel").exists()
    assert not inside.exists()


@needs_users
def test_clear_leaves_what_belongs_to_others(cache):
    folder = cache / KEY
    folder.mkdir()
    for name, owner in (("mine.kernel", os.geteuid()), ("theirs.kernel", STRANGER)):
        (folder / name).write_bytes(b"x" * 10)
        os.chown(folder / name, owner, -1)
    theirs = cache / KEY.replace("0", "1")
    theirs.mkdir()
    (theirs / "a.kernel").write_bytes(b"x")
    os.chown(theirs, STRANGER, -1)
    assert _cache.clear() == 10
    assert os.listdir(folder) == ["theirs.kernel"]
    assert (theirs / "a.kernel").exists()
    os.chown(cache, STRANGER, -1)
    assert _cache.clear() == 0


def test_clear_leaves_what_only_has_the_name_of_our_folders(cache):
    other = cache / "serde-0123456789abcdef"  # as other programs name theirs
    other.mkdir(mode=0o775)
    other.chmod(0o775)
    (other / "work.txt").write_text("of a week")
    (other / "Cargo.lock").touch()
    mixed = cache / KEY
    mixed.mkdir()
    for name in ("a.kernel", ".a.lock", ".a.1-2.part", "notes.txt"):
        (mixed / name).write_bytes(b"x")
    assert _cache.clear() == 3
    assert sorted(os.listdir(other)) == ["Cargo.lock", "work.txt"]
    assert stat.S_IMODE(other.stat().st_mode) == 0o775
    assert os.listdir(mixed) == ["notes.txt"]


# ---------------------------------------------------------------- what people are told


@pytest.mark.parametrize("command", ["info", "cache --path"])
def test_the_command_line_says_what_is_used_and_what_is_not(command, tmp_path, monkeypatch, capsys):
    folder, shared = tmp_path / "own" / KEY, tmp_path / "shared" / KEY
    places = _cache.Places(folder, shared, ("/team/cache can be written by others (its mode is 777)",))
    monkeypatch.setattr(_cache, "_places", places)
    for place in (folder, shared):
        place.mkdir(parents=True)
        (place / "a.kernel").write_bytes(bytes(2**20))
    assert main(command.split()) == 0
    out, err = capsys.readouterr()
    if command != "info":
        assert (out, err) == (f"{folder.parent}\n", f"fastmlp: kernels are also read from {shared.parent}\n")
        return
    facts = dict(line.split(":", 1) for line in out.splitlines())
    assert facts["kernel cache"].strip() == str(folder)
    assert facts["shared cache"].strip() == f"{shared}, which is read only"
    assert facts["not used"].strip() == places.unused[0]
    assert facts["cached kernels"].strip() == "2, 2.0 MB"
