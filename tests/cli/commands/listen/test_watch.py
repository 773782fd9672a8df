"""`listen --watch`: which recordings are whole and due, and the command with a real supervisor and real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hushd_cli.commands.listen.watch import WHOLE_S, Folder
from support import warm
from support.peer import BOUND_S, Supervisor, command
from support.peer import ECHO as ECHO_WORKER

# The command with short times, on the engine that hears the SHA-256 of a file's bytes.
QUICK = """
from hushd_cli import entry
from hushd_cli.commands.listen import watch
watch.LOOK_S = watch.WHOLE_S = 0.05
watch.AGAIN_S = 0.2
entry.listen()
"""
ECHO = ("--engine", "echo", "--model", "a")
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of b"test"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(place: Path) -> Folder:
    """The recordings of `place`, with a transcript beside each."""
    return Folder(str(place), str(place), ["txt", "srt"])


def put(place: Path, name: str, at: float = 1000.0, data: bytes = b"test") -> Path:
    """A file that was last written `at` so many seconds since 1970."""
    file = place / name
    file.write_bytes(data)
    os.utime(file, (at, at))
    return file


def due(folder: Folder, now: float) -> str | None:
    """The recording that is due `now`, where all of them were seen long before."""
    folder.next(now - WHOLE_S)
    return folder.next(now)


def words(place: Path, *options: str) -> list[str]:
    return [sys.executable, "-P", "-c", QUICK, "--watch", str(place), *ECHO, *options]


def once(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return warm.run(words(place, "--once", *options), capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def watching(place: Path, runtime: Path) -> Iterator[subprocess.Popen[str]]:
    """The command as it watches `place`."""
    pipe = subprocess.PIPE
    with warm.Popen(words(place), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        with suppress(ProcessLookupError):
            process.kill()


# --- which are due ---------------------------------------------------------------------------------------------------


def test_a_recording_is_whole_when_nobody_has_written_to_it_for_a_while(place: Path, folder: Folder) -> None:
    """Each change of its size or its time begins the while anew."""
    put(place, "a.wav")
    assert folder.next(100.0) is None
    assert folder.growing
    put(place, "a.wav", data=b"test and more")
    assert folder.next(100.0 + WHOLE_S) is None
    put(place, "a.wav", at=1001.0, data=b"test and more")
    assert folder.next(100.0 + 2 * WHOLE_S) is None
    assert folder.growing
    assert folder.next(100.0 + 3 * WHOLE_S) == "a.wav"
    assert not folder.growing


def test_a_recording_with_a_transcript_that_is_not_older_is_done(place: Path, folder: Folder) -> None:
    """One in each format; a recording that was written to since, or of which one was removed, is due again."""
    put(place, "a.wav")
    put(place, "a.txt")
    assert due(folder, 100.0) == "a.wav"
    put(place, "a.srt", at=1001.0)
    assert folder.next(200.0) is None
    assert not folder.growing
    put(place, "a.wav", at=1000.5)
    assert due(folder, 300.0) == "a.wav"
    put(place, "a.txt", at=1000.5)
    assert due(folder, 400.0) is None
    (place / "a.srt").unlink()
    assert folder.next(500.0) == "a.wav"


def test_what_is_no_recording_is_not_looked_at(place: Path, folder: Folder) -> None:
    """Other files, hidden ones as programs write them before they rename them, empty ones, folders, broken links."""
    for name in ("a.txt", "a.jpg", ".b.wav", "wav", "c.wav.part"):
        put(place, name)
    put(place, "empty.wav", data=b"")
    (place / "folder.wav").mkdir()
    (place / "link.wav").symlink_to(place / "nowhere")
    os.mkfifo(place / "pipe.wav")
    assert due(folder, 100.0) is None
    assert not folder.growing
    put(place, "D.MP3")
    assert due(folder, 200.0) == "D.MP3"


def test_the_oldest_comes_first_and_one_that_was_tried_waits(place: Path, folder: Folder) -> None:
    """One that is put off until its time, one that is left alone until it is written to; meanwhile others are due."""
    for name, at in (("a.wav", 3.0), ("b.wav", 1.0), ("c.wav", 2.0)):
        put(place, name, at)
    assert due(folder, 100.0) == "b.wav"
    folder.put_off("b.wav", 110.0)
    assert folder.next(100.0) == "c.wav"
    folder.leave("c.wav")
    assert folder.next(100.0) == "a.wav"
    assert folder.next(110.0) == "b.wav"
    folder.leave("b.wav")
    folder.leave("a.wav")
    assert folder.next(120.0) is None
    put(place, "c.wav", 4.0)
    assert due(folder, 130.0) == "c.wav"


# --- the command -----------------------------------------------------------------------------------------------------


def test_once_writes_down_what_is_there_and_says_where(supervisor: Supervisor, place: Path) -> None:
    """In the formats and the folder that are asked for; a second run finds nothing to do."""
    put(place, "a.wav")
    put(place, "b.mp3")
    target = place / "texts"
    done = once(place, "-f", "all", "-o", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == sorted(map(str, target.iterdir()))
    assert len(done.stdout.split()) == 10
    assert HASH in (target / "a.srt").read_text()
    done = once(place, "-f", "all", "-o", str(target))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_a_recording_that_ends_its_worker_keeps_no_other_from_its_transcript(
    start_supervisor: Callable[..., Supervisor], place: Path, watching: subprocess.Popen[str]
) -> None:
    """It is refused once it has ended two, which is said once; then it is left alone, and others are written down."""
    start_supervisor(f'[worker."stt/echo"]\n{command(ECHO_WORKER, "--poison", "bad")}')
    assert watching.stdout
    assert watching.stderr
    put(place, "a.wav", at=1.0, data=b"bad sound")
    assert "a.wav" not in watching.stderr.readline()
    put(place, "b.wav", at=2.0)
    assert watching.stdout.readline() == f"{place}/b.txt\n"
    watching.send_signal(signal.SIGINT)
    assert watching.communicate(timeout=BOUND_S) == ("", "")
    assert not (place / "a.txt").exists()


def test_what_every_recording_would_fail_with_ends_it(supervisor: Supervisor, place: Path) -> None:
    """A transcript that cannot be written, an engine that there is not: one sentence, and the status of the error."""
    for name in ("a.wav", "b.wav"):
        put(place, name)
    (place / "a.txt").mkdir()
    done = once(place)
    assert done.returncode == 9
    assert len(done.stderr.splitlines()) == 1
    done = once(place, "--engine", "nowhere")
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) == 1
    assert not (place / "b.txt").exists()


def test_it_follows_what_is_put_there_until_ctrl_c(
    supervisor: Supervisor, place: Path, watching: subprocess.Popen[str]
) -> None:
    """A recording that comes, and the same when it is written to; then it ends quietly, and well."""
    assert watching.stdout
    put(place, "a.wav")
    assert watching.stdout.readline() == f"{place}/a.txt\n"
    assert (place / "a.txt").read_text().strip() == HASH
    put(place, "a.wav", at=os.stat(place / "a.txt").st_mtime + 1, data=b"other")
    assert watching.stdout.readline() == f"{place}/a.txt\n"
    assert HASH not in (place / "a.txt").read_text()
    assert not psutil.Process(watching.pid).net_connections("unix")  # idle workers and the supervisor may leave
    watching.send_signal(signal.SIGINT)
    assert watching.communicate(timeout=BOUND_S) == ("", "")
    assert watching.returncode == 0
