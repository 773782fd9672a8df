"""Files that are replaced as a whole."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from hushd_protocol.system import atomic_file
from hushd_protocol.system.atomic_file import AtomicFile


def test_the_old_content_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """Before `keep` the target holds what it held; after it the new content, and nothing else lies in the folder."""
    target = tmp_path / "x.json"
    target.write_text("old")
    new = AtomicFile(target)
    os.write(new.descriptor, b"new and longer")
    assert target.read_text() == "old"
    new.keep(sync=True)
    assert target.read_text() == "new and longer"
    assert os.listdir(tmp_path) == ["x.json"]


def test_what_is_discarded_or_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither a discarded file, nor one that cannot be encoded, nor one whose target is a folder leaves a trace."""
    target = tmp_path / "x"
    AtomicFile(target).discard()
    with pytest.raises(UnicodeEncodeError):
        atomic_file.replace(target, "\ud800")
    assert os.listdir(tmp_path) == []
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        atomic_file.replace(target, "text")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["x" * 255, "ж" * 127])
def test_a_name_may_be_as_long_as_a_file_system_allows(tmp_path: Path, name: str) -> None:
    """255 bytes, of which a letter may take several; the temporary name is shorter."""
    atomic_file.replace(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(("mode", "expected"), [(None, 0o640), (0o600, 0o600), (0o644, 0o644)])
def test_the_mode_is_the_given_one_or_that_of_the_umask(tmp_path: Path, mode: int | None, expected: int) -> None:
    """`mode` holds whatever the umask is; without it the umask decides."""
    before = os.umask(0o027)
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
    """And nothing else: neither a living writer's file nor one that is not of this kind."""
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


def test_a_power_failure_takes_neither_content_nor_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `sync` the file is on the disk before it has its name, and the folder after."""
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
