"""Recordings that come into a folder are found, by the system's events and by looks."""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_watch import folder as module
from hushd_watch.folder import Folder, is_written, silent_file_system
from support.refusals import hushd_error

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@contextmanager
def watched(root: Path) -> Iterator[Folder]:
    """Yields a folder that is told by events of what comes from here on."""
    folder = Folder(str(root), None)
    assert folder.events is not None
    with folder.events:
        list(folder.scan())
        yield folder


def _moved_in(folder: Path) -> None:
    (folder / "below/.a.mp3.Xy12").write_bytes(b"sound")
    os.rename(folder / "below/.a.mp3.Xy12", folder / "below/a.mp3")


def _folder_moved_in(folder: Path) -> None:
    outside = folder.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/b.flac").write_bytes(b"sound")
    os.rename(outside, folder / "inside")


def _folder_renamed(folder: Path) -> None:
    os.rename(folder / "below", folder / "moved")
    (folder / "moved/c.wav").write_bytes(b"sound")


def _download(folder: Path) -> None:
    (folder / "d.mp4.crdownload").write_bytes(b"sound")
    os.rename(folder / "d.mp4.crdownload", folder / "d.mp4")


CHANGES: list[tuple[Callable[[Path], object], set[str]]] = [
    (lambda folder: (folder / "A.WAV").write_bytes(b"sound"), {"A.WAV"}),
    (lambda folder: (folder / "below/a.wav").write_bytes(b"sound"), {"below/a.wav"}),
    (_moved_in, {"below/a.mp3"}),
    (_folder_moved_in, {"inside/deep/b.flac"}),
    (_folder_renamed, {"moved/c.wav"}),
    (_download, {"d.mp4"}),
    (lambda folder: (folder / "link.mp3").symlink_to("there.mp3"), {"link.mp3"}),
    (lambda folder: (folder / "hard.mp3").hardlink_to(folder / "there.mp3"), {"hard.mp3"}),
    (lambda folder: (folder / "a.srt").write_text("1"), set()),
    (lambda folder: (folder / ".hidden.wav").write_bytes(b"sound"), set()),
    (lambda folder: (folder / "a.mp3.part").write_bytes(b"sound"), set()),
    (lambda folder: (folder / "linked").symlink_to("below"), set()),
    (lambda folder: (folder / "there.mp3").unlink(), set()),
]


@pytest.mark.parametrize(("change", "found"), CHANGES)
def test_events_tell_which_recordings_have_come(
    change: Callable[[Path], object], found: set[str], tmp_path: Path
) -> None:
    """Files that were closed or moved in are told, with folders, and links; half a download and a transcript not."""
    root = tmp_path / "in"
    (root / "below").mkdir(parents=True)
    (root / "there.mp3").write_bytes(b"sound")
    with watched(root) as folder:
        change(root)
        assert {os.path.relpath(path, root) for path in folder.changes()} == found


def test_a_recording_is_not_whole_while_it_is_written(tmp_path: Path) -> None:
    """Its first bytes send no event, a program that has it open for writing is seen, and its end sends one."""
    path = tmp_path / "a.wav"
    with watched(tmp_path) as folder:
        with open(path, "wb") as file:
            file.write(b"half")
            file.flush()
            assert ([*folder.changes()], is_written(str(path))) == ([], True)
        assert ([*folder.changes()], is_written(str(path))) == ([str(path)], False)


def test_a_folder_without_events_is_looked_at(tmp_path: Path) -> None:
    """A recording counts once it is the same at two looks, and again once it has changed."""
    folder, path = Folder(str(tmp_path), 30.0), tmp_path / "a.wav"
    steps = [(b"", []), (b"half", []), (b"whole.", []), (None, [str(path)]), (b"another", []), (None, [str(path)])]
    for content, found in steps:
        if content:
            path.write_bytes(content)
        assert [*folder.changes()] == found


@pytest.mark.parametrize("how", ["removed", "removed and held", "renamed"])
def test_a_folder_that_is_gone_ends_the_watch(how: str, tmp_path: Path) -> None:
    """An event comes even where another process still holds it, and the sentence names it."""
    root = tmp_path / "in"
    root.mkdir()
    with watched(root) as folder:
        held = os.open(root, os.O_RDONLY) if how.endswith("held") else os.open(tmp_path, os.O_RDONLY)
        root.rename(tmp_path / "out") if how == "renamed" else root.rmdir()
        assert select.select([folder.events], [], [], 60)[0]
        with pytest.raises(HushdError, match="cannot be watched \\(it is gone\\)"):
            list(folder.changes())
        os.close(held)


def test_more_events_than_the_kernel_keeps_lose_no_recording(tmp_path: Path) -> None:
    """A recording that comes after the queue is full, and one in a folder of that time, are found nevertheless; later
    ones there have events again."""
    (tmp_path / "a.wav").write_bytes(b"sound")
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        most = int(file.read())
    with watched(tmp_path) as folder:
        for n in range(most + 2):
            os.rename(tmp_path / ("a.wav", "b.wav")[n % 2], tmp_path / ("a.wav", "b.wav")[(n + 1) % 2])
        (tmp_path / "below").mkdir()
        for name in ("c.wav", "below/d.wav"):
            (tmp_path / name).write_bytes(b"sound")
        assert {f"{tmp_path}/c.wav", f"{tmp_path}/below/d.wav"} < {*folder.changes()}
        (tmp_path / "below/e.wav").write_bytes(b"sound")
        assert [*folder.changes()] == [f"{tmp_path}/below/e.wav"]


def test_more_folders_than_may_be_watched_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch ends with what to do, rather than miss recordings there; a folder that has just gone ends nothing."""
    (tmp_path / "below").mkdir()
    with watched(tmp_path) as folder:
        reasons = {"below": OSError(errno.ENOENT, "No such file or directory"), "more": OSError(errno.ENOSPC, "full")}
        add = folder.events.add_watch

        def add_watch(path: str, mask: int) -> int:
            if reason := reasons.get(os.path.basename(path)):
                raise reason
            return int(add(path, mask))

        monkeypatch.setattr(folder.events, "add_watch", add_watch)
        assert [*folder.scan()] == []
        (tmp_path / "more").mkdir()
        with hushd_error("input_unreadable", "too many folders: raise fs.inotify.max_user_watches, or give --poll"):
            list(folder.changes())


def test_a_linked_folder_is_not_entered(tmp_path: Path) -> None:
    """A link to a folder above would have each recording heard by ever longer names."""
    root = tmp_path / "in"
    (root / "below").mkdir(parents=True)
    (root / "below/a.wav").write_bytes(b"sound")
    (root / "below/up").symlink_to("..")
    assert list(Folder(str(root), 1.0).scan()) == [str(root / "below/a.wav")]


def test_a_recording_that_nobody_may_read_is_not_waited_for(tmp_path: Path) -> None:
    """Only a writer holds it back: any other error is told when it is heard."""
    assert not is_written(str(tmp_path / "gone.wav"))


@pytest.mark.parametrize(("kind", "silent"), [
    ("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs"), ("fuse", "fuse"), ("cifs", "cifs"), ("fuseblk", ""), ("ext4", ""),
])  # fmt: skip
def test_where_other_machines_write_the_folder_is_looked_at(
    kind: str, silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their changes send no event here; a disk that is FUSE's alone, as NTFS is, sends all."""
    device = os.stat(tmp_path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 35 {number} / /in rw,noatime shared:1 - {kind} disk rw\n")
    monkeypatch.setattr(module, "open", lambda path, **options: mounts.open(**options), raising=False)
    assert silent_file_system(str(tmp_path)) == silent
