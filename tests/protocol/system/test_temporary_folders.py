"""Temporary folders of confined workers go with their processes, whatever is in them, and no other folder does."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.system import lifeline, temporary_folders
from support.descriptors import open_descriptors, settled_descriptors
from support.peer import BOUND_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are confined there alone")


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of all temporary files; what a failure leaves in it is more than pytest can remove."""
    monkeypatch.setenv("TMPDIR", str(folder := tmp_path / "tmp"))
    folder.mkdir()
    yield folder
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, str(folder)], check=False)


def made(folder: Path, *, age_s: float = 3600) -> Path:
    """Makes a folder with something in it, as a worker has left it."""
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").touch()
    os.utime(folder, (0, folder.stat().st_mtime - age_s))
    return folder


def test_a_worker_has_a_folder_of_its_own(shared: Path) -> None:
    """Nobody else reads it, and its lock is held; a name that is taken gives it another one."""
    wanted = temporary_folders.new()
    first, second = temporary_folders.make(wanted), temporary_folders.make(wanted)
    assert first == wanted != second
    for folder in (first, second):
        assert Path(folder).parent == shared
        assert Path(folder).name.startswith("hushd-worker-")
        assert os.stat(folder).st_mode & 0o777 == 0o700
        with open_folder(folder) as descriptor, pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


class open_folder:
    def __init__(self, path: str | Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __enter__(self) -> int:
        return self.descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def test_folders_of_dead_workers_go(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new worker removes what a killed supervisor's have left: not those in use, new ones, links, another user's, and
    nothing with another name."""
    removed: list[str] = []
    monkeypatch.setattr(temporary_folders, "remove_beside", lambda *folders: removed.extend(folders))
    dead = made(shared / "hushd-worker-dead")
    made(shared / "hushd-worker-new", age_s=0)
    made(shared / "other")
    (shared / "hushd-worker-link").symlink_to(shared / "other")
    (shared / "hushd-worker-file").touch()
    living = made(shared / "hushd-worker-living")
    with open_folder(living) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        temporary_folders.make(temporary_folders.new())
    assert removed == [str(dead)]
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    temporary_folders.make(temporary_folders.new())
    assert removed == [str(dead)]
    with pytest.raises(PermissionError):
        temporary_folders.remove(str(dead))
    assert (dead / "deep/file").exists()


def test_a_full_folder_goes_when_its_process_has_ended(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, since a killed process may write to its last moment."""
    folder, waits, lock = made(shared / "hushd-worker-own"), threading.Event(), fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        waits.set()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with open_folder(folder) as descriptor:
        lock(descriptor, fcntl.LOCK_EX)
        remover = threading.Thread(target=temporary_folders.remove, args=(str(folder),))
        remover.start()
        assert waits.wait(BOUND_S)
        assert (folder / "deep/file").exists()
    remover.join(BOUND_S)
    assert not folder.exists()


def test_a_full_folder_goes_by_a_program_of_its_own(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leads a group of its own and carries no worker's mark, with which it would be ended."""
    monkeypatch.setenv(lifeline.TREE, "a worker's")
    spawn, started = os.posix_spawn, list[dict[str, Any]]()

    def spawned(*words: Any, **options: Any) -> int:
        started.append({"mark": words[2].get(lifeline.TREE), **options})
        return spawn(*words, **options)

    monkeypatch.setattr(os, "posix_spawn", spawned)
    folder = made(shared / "hushd-worker-own")
    temporary_folders.discard(str(folder))
    wait_until(lambda: not folder.exists(), "its end")
    assert started == [{"mark": None, "setpgroup": 0}]


def test_the_program_goes_on_after_a_folder_that_cannot_be_removed(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it waits a minute for each process at most."""
    alarms: list[int] = []
    monkeypatch.setattr(signal, "alarm", alarms.append)
    folders = [str(shared / "none"), str(made(shared / "hushd-worker-own"))]
    monkeypatch.setattr(sys, "argv", ["", *folders])
    temporary_folders.main()
    assert os.listdir(shared) == []
    assert alarms == [60, 60]


def test_an_empty_folder_or_none_needs_no_program(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As most workers leave it, or have made none."""
    monkeypatch.setattr(os, "posix_spawn", None)
    (shared / "hushd-worker-own").mkdir()
    for _ in range(2):
        temporary_folders.discard(str(shared / "hushd-worker-own"))
        assert not os.listdir(shared)


def test_a_program_that_cannot_be_started_harms_nobody(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder stays for a later worker."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError("no process is left")

    monkeypatch.setattr(os, "posix_spawn", refuse)
    temporary_folders.discard(str(folder := made(shared / "hushd-worker-own")))
    assert folder.exists()


def test_what_is_there_goes_whatever_it_is(shared: Path) -> None:
    """Folders 1,500 deep, whose path no call takes, many beside one another, links out of it, pipes, and names that are
    no text; what a link leads to stays."""
    (kept := shared / "kept").mkdir()
    (kept / "file").touch()
    folder = shared / "hushd-worker-own"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("a" * 100, dir_fd=descriptor)
        os.symlink(kept, "link", dir_fd=descriptor)
        below = os.open("a" * 100, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.mkfifo(b"\xff", dir_fd=descriptor)
    os.close(descriptor)
    for number in range(300):
        (folder / f"{number}/{number}").mkdir(parents=True)
    before = settled_descriptors()
    temporary_folders.remove(str(folder))
    assert [path.name for path in shared.iterdir()] == ["kept"]
    assert (kept / "file").exists()
    assert open_descriptors() <= before


def test_a_link_that_takes_a_folders_place_meanwhile_changes_nothing(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a living worker may put it there, which has given up its lock: no mode of the user's files changes."""
    (kept := shared / "kept").mkdir(mode=0o500)
    (inner := made(shared / "hushd-worker-own") / "deep/below").mkdir()

    def look(name: Any, **where: Any) -> os.stat_result:
        found = os.lstat(name, **{key: value for key, value in where.items() if key == "dir_fd"})
        if name == "below":
            inner.rmdir()
            inner.symlink_to(kept)
        return found

    monkeypatch.setattr(temporary_folders.os, "stat", look)
    with pytest.raises(NotADirectoryError):
        temporary_folders.remove(str(shared / "hushd-worker-own"))
    monkeypatch.undo()
    assert kept.stat().st_mode & 0o777 == 0o500


def test_a_folder_that_its_owner_may_not_read_goes(shared: Path) -> None:
    """Of mode 0300 or 0, at any depth, as an ordinary user removes it."""
    folder = shared / "hushd-worker-own"
    (folder / "outer/inner").mkdir(parents=True)
    (folder / "outer/inner/file").touch()
    (folder / "outer/inner").chmod(0)
    (folder / "outer").chmod(0o300)
    command = [sys.executable, "-P", "-m", temporary_folders.__name__, str(folder)]
    if os.geteuid() == 0:  # root reads everything, unless it gives that up
        if not (setpriv := shutil.which("setpriv")):
            (folder / "outer").chmod(0o700)
            pytest.skip("root reads every folder, and there is no setpriv of util-linux")
        command = [setpriv, "--inh-caps=-all", "--bounding-set=-all", *command]
    subprocess.run(command, check=True, timeout=60)
    assert not folder.exists()
