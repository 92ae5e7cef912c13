"""Private folders: what is locked, read and followed, and which parent folders count."""

import contextlib
import os
import stat
import sys
from pathlib import Path

import pytest

from fastmlp._compiling import cache as _cache
from fastmlp._compiling import private_files
from fastmlp._compiling.private_files import PrivateFolder, UntrustedError

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes as on POSIX")
STRANGER = 54321  # the number of a user, who needs no account


@pytest.fixture
def folder(tmp_path):
    made = PrivateFolder(tmp_path / "cache")
    made.make()
    return made


# ---------------------------------------------------------------- locks, links, FIFOs


@pytest.mark.skipif(sys.platform == "win32", reason="locks as on POSIX")
@pytest.mark.parametrize("dangling", [False, True])
def test_a_lock_that_is_a_link_leaves_its_target_as_it_is(folder, tmp_path, dangling):
    target = tmp_path / "thesis"
    if not dangling:
        target.write_text("three years of work")
    (folder.path / ".k.lock").symlink_to(target)
    with _cache.compile_lock(folder.path, "k"):
        pass
    assert not target.exists() if dangling else target.read_text() == "three years of work"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_does_not_hang_the_lock_or_the_reader(folder):
    for name in (".k.lock", "k.kernel"):
        os.mkfifo(folder.path / name)
    with _cache.compile_lock(folder.path, "k"):
        pass
    file = _cache.KernelFile(_cache.Places(folder.path), "k")
    assert not file.exists()
    assert file.load_overload("signature", None) is None
    folder.write("k.kernel", b"in its place")
    assert folder.read("k.kernel") == b"in its place"


def test_a_lock_is_not_emptied(folder):
    (folder.path / ".k.lock").write_text("kept")
    with _cache.compile_lock(folder.path, "k"):
        assert (folder.path / ".k.lock").read_text() == "kept"


@pytest.mark.parametrize("name", ["link", "folder", "device"])
def test_only_regular_files_are_read(folder, tmp_path, name):
    file = folder.path / "k.kernel"
    if name == "link":
        (tmp_path / "file").write_bytes(b"x")
        file.symlink_to(tmp_path / "file")
    elif name == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    assert not folder.has("k.kernel")
    with pytest.raises(OSError, match="kernel"):
        folder.read("k.kernel")


def test_what_killed_processes_left_is_removed_in_time(folder):
    old, new = folder.path / ".k.kernel.1-a.part", folder.path / ".k.kernel.2-b.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    folder.write("k.kernel", b"whole")
    assert sorted(os.listdir(folder.path)) == [new.name, "k.kernel"]


def test_a_relative_folder_is_that_of_the_working_directory_of_then(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = PrivateFolder(Path("cache"))
    folder.make()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    folder.write("a", b"x")
    assert (tmp_path / "cache" / "a").exists()


# ---------------------------------------------------------------- which parent folders count


@pytest.mark.parametrize(
    ("mode", "is_fine"), [(0o755, True), (0o700, True), (0o1777, True), (0o777, False), (0o757, False), (0o775, False)]
)
def test_modes_of_parents(tmp_path, mode, is_fine, monkeypatch):
    monkeypatch.setattr(private_files, "_is_private_group", lambda group: False)
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(mode)
    with contextlib.nullcontext() if is_fine else pytest.raises(UntrustedError, match="can be written by others"):
        PrivateFolder(parent / "cache").make()
    assert (parent / "cache").exists() == is_fine


def test_a_private_group_may_write_a_parent_but_not_the_cache_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(private_files, "_is_private_group", lambda group: True)
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(0o775)
    (parent / "cache").mkdir()
    (parent / "cache").chmod(0o775)
    PrivateFolder(parent / "cache").make()
    assert stat.S_IMODE((parent / "cache").stat().st_mode) == 0o755


def test_a_link_of_ones_own_is_followed(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "scratch")
    PrivateFolder(tmp_path / "cache" / "kernels").make()
    assert (tmp_path / "scratch" / "kernels").is_dir()


def test_a_folder_for_all_is_not_closed_to_them(tmp_path):
    tmp_path.chmod(0o1777)  # as /tmp is, which belongs to root
    folder = PrivateFolder(tmp_path / "key", own=2)
    folder.make()
    folder.find()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o700
    tmp_path.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to give files away")
@pytest.mark.parametrize("target", ["{}/theirs", "theirs", "folder/../theirs"])
def test_a_link_of_another_user_is_not_followed_behind_an_own_one_either(tmp_path, target):
    for name in ("good", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "theirs").symlink_to(tmp_path / "good")
    os.lchown(tmp_path / "theirs", STRANGER, -1)
    (tmp_path / "mine").symlink_to(target.format(tmp_path))
    for action in (PrivateFolder(tmp_path / "mine" / "cache").make, PrivateFolder(tmp_path / "mine").find):
        with pytest.raises(UntrustedError, match="theirs is a link that belongs to"):
            action()
    assert os.listdir(tmp_path / "good") == []


def test_links_in_a_circle_are_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        PrivateFolder(tmp_path / "a" / "cache").make()


def test_a_group_that_is_the_first_of_another_user_is_not_private(monkeypatch):
    import grp
    import pwd

    def user(name, number):
        return pwd.struct_passwd((name, "x", number, 500, "", "/", "/bin/sh"))

    users = [user("me", os.geteuid())]
    monkeypatch.setattr(pwd, "getpwuid", lambda number: users[0])
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("me", "x", number, ["me"])))
    is_private = private_files._is_private_group.__wrapped__
    assert is_private(500)
    users.append(user("another", 12345))
    assert not is_private(500)
