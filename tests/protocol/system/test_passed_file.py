"""A file that a client names: opened if it is the one that the client saw, and passed as an open descriptor."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.system import passed_file
from support.descriptors import open_descriptors, settled_descriptors
from support.peer import wait_until
from support.refusals import hushd_error


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "input.wav"
    path.write_bytes(b"what the client saw")
    return path


def seen(path: Path, **changed: int) -> tuple[str, int, int, int]:
    """A file as its client saw it."""
    info = path.stat()
    fields = {"device": info.st_dev, "inode": info.st_ino, "size": info.st_size} | changed
    return (str(path), fields["device"], fields["inode"], fields["size"])


def test_a_file_crosses_open_and_read_only(file: Path) -> None:
    """The receiver reads the file under its own descriptor, in the order of sending, and cannot write to it; nothing
    stays open on the sender's side. A link to it counts as it."""
    link = file.with_name("link")
    link.symlink_to(file)
    before = settled_descriptors()
    ours, theirs = passed_file.pair()
    with ours, theirs:
        assert passed_file.receive(theirs) is None
        for path in (file, link):
            descriptor = passed_file.open_named(*seen(path))
            passed_file.send(ours, descriptor)
            os.close(descriptor)
        for _ in range(2):
            received = passed_file.receive(theirs)
            assert received is not None
            assert os.read(received, 100) == file.read_bytes()
            assert not os.get_inheritable(received)
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(received, b"x")
            os.close(received)
        assert passed_file.receive(theirs) is None
    assert open_descriptors() <= before


def test_a_path_that_is_another_file_is_unreachable(file: Path) -> None:
    """Another device, inode or size under the same name (PrivateTmp, a container): path_unreachable."""
    before = settled_descriptors()
    first = seen(file)
    for wrong, value in zip(("device", "inode", "size"), first[1:], strict=True):
        for other in (0, -1, value + 1, 2**64 - 1):
            with hushd_error("path_unreachable"):
                passed_file.open_named(*seen(file, **{wrong: other}))
    replaced = file.with_name("other")
    replaced.write_bytes(b"not what the client saw")
    os.replace(replaced, file)
    with hushd_error("path_unreachable"):
        passed_file.open_named(*first)
    file.unlink()
    os.mkfifo(file)  # with the old inode's number, on some file systems
    with hushd_error("path_unreachable"):
        passed_file.open_named(*first)
    assert open_descriptors() <= before, "a refused file stays open"


def test_a_path_that_cannot_be_opened_is_unreachable(file: Path, runtime: Path) -> None:
    """Missing, below a file, a NUL in it, too long, a socket: path_unreachable with the path in the sentence."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "socket"))
        for path in (f"{runtime}/none", f"{file}/below", "/tmp/\0", "/" + "x" * 5000, "", f"{runtime}/socket"):
            with hushd_error("path_unreachable", has=path):
                passed_file.open_named(path, 1, 1, 0)


def test_what_is_no_file_is_not_passed(tmp_path: Path) -> None:
    """A folder and a pipe are `input_unreadable`, at once."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with hushd_error("input_unreadable", has="not a regular file"):
            passed_file.open_named(*seen(path))


def test_who_takes_no_files_does_not_stop_the_sender(file: Path) -> None:
    """A worker that reads none of them costs an error, in the end, and no wait."""
    ours, theirs = passed_file.pair()
    descriptor = os.open(file, os.O_RDONLY)
    with ours, theirs, pytest.raises(OSError, match=r"unavailable|Too many references"):
        fill(ours, descriptor)
    os.close(descriptor)


def fill(end: socket.socket, descriptor: int) -> None:
    for _ in range(100_000):
        passed_file.send(end, descriptor)


def test_a_file_system_that_does_not_answer_holds_up_nobody(file: Path) -> None:
    """A file that does not open in time is unreachable, and others are so at once; what opens late is closed, and then
    files open again, each the one that was asked for."""
    answers, tried, before = threading.Semaphore(0), list[str](), settled_descriptors()
    other = file.with_name("other")
    other.write_bytes(b"of another client")

    def slow(path: str, *seen: Any) -> int:
        tried.append(path)
        assert answers.acquire(timeout=60)
        return passed_file.open_named(path, *seen)

    opener = passed_file.Opener(slow)
    for path in (file, other, other):
        with hushd_error("path_unreachable", "does not open in time"):
            opener(*seen(path))
    assert tried == [str(file)]
    answers.release(3)
    wait_until(lambda: len(open_descriptors() - before) == 1, "the late file")
    for path in (other, file):
        descriptor = opener(*seen(path))
        assert os.read(descriptor, 99) == path.read_bytes()
        os.close(descriptor)
    assert tried == [str(file), str(other), str(file)]
    assert open_descriptors() <= before


def test_a_refused_file_is_not_taken_for_the_next_one(file: Path) -> None:
    """The error is that file's alone, also where its caller had gone on."""
    answers = threading.Semaphore(1)

    def slow(path: str, *seen: Any) -> int:
        assert answers.acquire(timeout=60)
        return passed_file.open_named(path, *seen)

    opener = passed_file.Opener(slow)
    with hushd_error("input_unreadable", "not a regular file"):
        opener(*seen(file.parent))
    with hushd_error("path_unreachable", "does not open in time"):
        opener(*seen(file.parent))
    answers.release(99)
    wait_until(lambda: opens(opener, file), "the file")


def opens(opener: passed_file.Opener, file: Path) -> bool:
    with suppress(HushdError):
        os.close(opener(*seen(file)))
        return True
    return False


def test_without_a_thread_a_file_is_unreachable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without threads costs this file alone: its client sends the bytes, and the next one opens again."""
    opener = passed_file.Opener()
    with monkeypatch.context() as patch, hushd_error("path_unreachable", str(file)):
        patch.setattr(threading.Thread, "start", refuse_a_thread)
        opener(*seen(file))
    os.close(opener(*seen(file)))


def refuse_a_thread(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_all_files_are_opened_on_one_thread(file: Path) -> None:
    """A thousand recordings cost one thread, which is there for the next."""
    threads = set[threading.Thread]()

    def noted(path: str, *seen: Any) -> int:
        threads.add(threading.current_thread())
        return passed_file.open_named(path, *seen)

    opener = passed_file.Opener(noted)
    for _ in range(5):
        os.close(opener(*seen(file)))
    assert len(threads) == 1
