"""Files that are replaced as a whole."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.system import atomic_file
from hushd_protocol.system.atomic_file import AtomicFile, edited, lock


def test_the_old_content_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """The target holds what it held before `keep`; after it the new content, and nothing else lies in the folder."""
    target = tmp_path / "x.json"
    target.write_text("old")
    new = AtomicFile(target)
    os.write(new.descriptor, b"new and longer")
    assert target.read_text() == "old"
    new.keep(sync=True)
    assert target.read_text() == "new and longer"
    assert os.listdir(tmp_path) == ["x.json"]


def test_what_is_discarded_or_fails_leaves_nothing(tmp_path: Path) -> None:
    """No discarded file, none that cannot be encoded, and none whose target is a folder leaves a trace."""
    target = tmp_path / "x"
    AtomicFile(target).discard()
    with pytest.raises(UnicodeEncodeError):
        atomic_file.replace(target, "\ud800")
    assert os.listdir(tmp_path) == []
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        atomic_file.replace(target, "text")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("call", ["fchmod", "dup", "fsync", "rename"])
def test_whatever_interrupts_it_nothing_is_left(tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no open descriptor is left, even after Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, call, interrupt)
    before = os.listdir("/dev/fd")
    with pytest.raises(KeyboardInterrupt):
        atomic_file.replace(tmp_path / "x", "text", 0o666, sync=True)  # more than the umask leaves
    assert (os.listdir("/dev/fd"), os.listdir(tmp_path)) == (before, [])


@pytest.mark.parametrize("name", ["x" * 255, "ж" * 127])
def test_a_name_may_be_as_long_as_a_file_system_allows(tmp_path: Path, name: str) -> None:
    """255 bytes, of which a letter may take several; the temporary name is shorter."""
    atomic_file.replace(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("umask", "mode", "expected"),
    [(0o027, None, 0o640), (0, None, 0o666), (0o027, 0o600, 0o600), (0o027, 0o644, 0o644)],
)
def test_the_mode_is_the_given_one_or_that_of_the_umask(
    tmp_path: Path, umask: int, mode: int | None, expected: int
) -> None:
    """`mode` holds whatever the umask is; without it the umask decides."""
    before = os.umask(umask)
    try:
        atomic_file.replace(tmp_path / "x", "text", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == expected


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who guesses the temporary name gets an error instead of a file overwritten elsewhere."""
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".hushd-x.00000000.part").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        AtomicFile(tmp_path / "x")
    assert (tmp_path / "precious").read_text() == "precious"


# --- what SIGKILL leaves ----------------------------------------------------------------------------------------------

_WRITER = """
import os, sys
from hushd_protocol.system.atomic_file import AtomicFile
new = AtomicFile(sys.argv[1])
os.write(new.descriptor, b"half")
print(flush=True)
sys.stdin.read()
new.keep()
"""


def writer(target: Path) -> subprocess.Popen[bytes]:
    """A process that has written half of `target`, and keeps it once its standard input ends."""
    process = subprocess.Popen([sys.executable, "-c", _WRITER, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    return process


def test_the_next_process_removes_what_sigkill_left(tmp_path: Path) -> None:
    """A living writer's file stays, and so does one that is not of this kind."""
    others = [".hushd-x", ".hushd-x.part.txt", "hushd-x.part", ".x.1.part"]
    for name in others:
        (tmp_path / name).write_text("precious")
    (tmp_path / ".hushd-link.part").symlink_to(tmp_path / "hushd-x.part")
    os.mkfifo(tmp_path / ".hushd-pipe.part")
    with writer(tmp_path / "dead") as dead, writer(tmp_path / "living") as living:
        dead.kill()
        dead.wait()
        assert len(list(tmp_path.glob(".hushd-dead.*.part"))) == 1
        with writer(tmp_path / "next") as following:
            assert not list(tmp_path.glob(".hushd-dead.*"))
            for process in (living, following):
                process.communicate()
    kept = {"living", "next", ".hushd-link.part", ".hushd-pipe.part", *others}
    assert set(os.listdir(tmp_path)) == kept
    assert (tmp_path / "living").read_bytes() == b"half"


def test_a_file_is_locked_until_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sweeps at the last moment leaves it there; a folder that is gone needs no sweep."""
    rename = os.rename

    def sweep_first(source: str, target: str) -> None:
        atomic_file.sweep(tmp_path)
        rename(source, target)

    monkeypatch.setattr(os, "rename", sweep_first)
    atomic_file.replace(tmp_path / "x", "text")
    assert (tmp_path / "x").read_text() == "text"
    atomic_file.sweep(tmp_path / "gone")


@pytest.mark.parametrize(
    ("spoil", "left"),
    [("", []), ("user +1", ["x"]), ("user -1", ["x"]), ("held", ["x"]), ("new", ["old", "x"]), ("gone", ["old"])],
)
def test_a_dead_file_is_removed_and_no_other(
    tmp_path: Path, spoil: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's stays, one in use, and a new one that has its name by now; all are closed again."""
    path = tmp_path / "x"
    path.touch()
    user = os.geteuid() + int(spoil.removeprefix("user ") if spoil.startswith("user") else 0)
    monkeypatch.setattr(os, "geteuid", lambda: user)

    def lock_late(descriptor: int, kind: int) -> bool:
        if spoil in ("new", "gone"):
            path.rename(tmp_path / "old")
        if spoil == "new":
            path.touch()
        return lock(descriptor, kind)

    monkeypatch.setattr(atomic_file, "lock", lock_late)
    with open(path) as held:
        assert spoil != "held" or lock(held.fileno(), fcntl.LOCK_EX)
        before = os.listdir("/dev/fd")
        atomic_file.remove_if_dead(path)
        assert os.listdir("/dev/fd") == before
    assert sorted(os.listdir(tmp_path)) == left
    atomic_file.remove_if_dead(tmp_path / "none")


def test_a_power_failure_takes_neither_content_nor_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is on the disk by `sync` before it has its name, and the folder after."""
    synced: list[tuple[int, list[str]]] = []
    monkeypatch.setattr(os, "fsync", lambda d: synced.append((os.fstat(d).st_ino, os.listdir(tmp_path))))
    atomic_file.replace(tmp_path / "x", "text", sync=True)
    assert [inode for inode, _ in synced] == [(tmp_path / "x").stat().st_ino, tmp_path.stat().st_ino]
    assert [names == ["x"] for _, names in synced] == [False, True]


@pytest.mark.parametrize(("number", "fails"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_folder_that_no_file_system_syncs_is_let_be(
    number: int, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of the network sync files only; a disk that fails is said."""

    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "")

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(OSError, match=str(number)) if fails else nullcontext():
        atomic_file.replace(tmp_path / "x", "text", sync=True)


# --- files that short processes share ---------------------------------------------------------------------------------


@dataclass
class Notes:
    """The content of such a file."""

    words: list[str] = field(default_factory=list)


def add(path: Path, word: str, max_bytes: int = 1000) -> list[str]:
    """Adds a word to the notes in `path`; returns those that were there."""
    with edited(path, max_bytes, Notes(["new"]), lambda known: Notes(known["words"])) as notes:
        before = list(notes.words)
        notes.words = [*before, word] if word else ["s"]
    return before


def test_a_process_finds_what_another_has_left(tmp_path: Path) -> None:
    """The file is made at the first time, for its user alone, and no more of it is read than is allowed."""
    path = tmp_path / "notes"
    assert [add(path, word) for word in ("a", "longer", "")] == [["new"], ["new", "a"], ["new", "a", "longer"]]
    assert (path.read_text(), path.stat().st_mode & 0o777) == ('{"words": ["s"]}', 0o600)
    assert (add(path, "b", len('{"words": ["s"]}')), add(path, "c", len('{"words": ["s", "b"]}') - 1)) == (
        ["s"], ["new"],
    )  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'"\xff"', b"[" * 90_000])
def test_a_shared_file_that_says_nothing_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes"
    path.touch(0o600)
    path.write_bytes(content)
    assert add(path, "a", 100_000) == ["new"]
    assert add(path, "b") == ["new", "a"]


def test_a_shared_file_is_one_processs_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is locked from before it is read until after it is written; one without changes is not written, nor after a
    fault."""
    path = tmp_path / "notes"
    add(path, "a")
    before, writes = os.listdir("/dev/fd"), os.pwrite
    with open(path) as other:

        def write(descriptor: int, *content: Any) -> int:
            assert not lock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            return writes(descriptor, *content)

        def parse(known: Any) -> Notes:
            assert not lock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            return Notes(known["words"])

        monkeypatch.setattr(os, "pwrite", write)
        with edited(path, 1000, Notes(), parse) as notes:
            notes.words = ["b"]
        assert lock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    monkeypatch.delattr(os, "pwrite")
    with edited(path, 1000, Notes(), lambda known: Notes(known["words"])) as notes:
        assert notes == Notes(["b"])
    with pytest.raises(ZeroDivisionError), edited(path, 1000, Notes(), parse) as notes:
        notes.words = [str(1 // 0)]
    assert (json.loads(path.read_bytes()), os.listdir("/dev/fd")) == ({"words": ["b"]}, before)


@pytest.mark.parametrize("spoil", ["user +1", "user -1", "mode 640", "mode 604", "mode 601", "link", "pipe", "folder"])
def test_a_shared_file_that_is_not_ones_own_is_let_be(
    tmp_path: Path, spoil: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's, one open to others, or something else: nothing is read or saved there."""
    path, plain = tmp_path / "notes", tmp_path / "plain"
    add(plain, "a")
    kind, _, number = spoil.partition(" ")
    if kind in ("user", "mode"):
        plain.rename(path)
        path.chmod(int(number, 8) if kind == "mode" else 0o600)
        user = os.geteuid() + (int(number) if kind == "user" else 0)
        monkeypatch.setattr(os, "geteuid", lambda: user)
    else:
        {"link": lambda: path.symlink_to(plain), "pipe": lambda: os.mkfifo(path, 0o600), "folder": path.mkdir}[kind]()
    before = os.listdir("/dev/fd")
    assert add(path, "b") == ["new"]
    assert len(told) == (kind in ("link", "folder"))  # which cannot be opened
    assert os.listdir("/dev/fd") == before
    assert kind in ("pipe", "folder") or path.read_text() == '{"words": ["new", "a"]}'


@pytest.mark.parametrize("call", ["pread", "pwrite", "ftruncate", "close"])
def test_a_disk_that_fails_costs_a_shared_file_alone(
    tmp_path: Path, call: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process goes on, and says once what it could not write."""
    path, close = tmp_path / "notes", os.close

    def fail(descriptor: int, *_: object) -> None:
        if call == "close":
            close(descriptor)
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        assert add(path, "a") == ["new"]
    assert [sentence.partition(":")[0] for sentence in told] == [f"{path} cannot be written (broken)"] * (
        call != "pread"
    )
    assert add(path, "b") == (["new"] if call == "pwrite" else ["new", "a"])


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    """A link, a pipe without a writer, a folder and a device are an error at once; of a file the first bytes come."""
    file = tmp_path / "file"
    file.write_bytes(b"content")
    assert atomic_file.read_regular(file, 4) == b"cont"
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path / "link", tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "none"):
        with pytest.raises(OSError, match=r"symbolic links|regular file|No such file"):
            atomic_file.read_regular(other, 4)
