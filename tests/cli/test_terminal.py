"""Drawing on a terminal: nothing that came from elsewhere commands it, and files get the words themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hushd_protocol.messages import Control, Error, Message, Partial, Progress, Request, Result
from support.command_line import command, on_terminal, run
from support.scripted_router import ScriptedRouter, Start

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r!"
SEEN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r!"
STATUS = {
    "supervisor": {"pid": 1, "version": EVIL, "uptime_s": 1.0, "rss_mb": 1.0, "pss_mb": 1.0},
    "workers": [],
    "memory": {"budget_mb": 1.0, "used_mb": 0.0, "available_mb": 1.0, "reserve_mb": 1.0, "pressure": EVIL},
    "floor": {"paused": False, "turns": []},
}  # fmt: skip


def answer(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """Says EVIL in each field that a command shows."""
    if isinstance(message, Control):
        router.send(route, Result(id=message.id, data=STATUS))
    elif isinstance(message, Request) and "bad" in message.path:
        router.send(route, Error(id=message.id, code="input_unreadable", message=f"{EVIL} is no sound."))
    elif isinstance(message, Request):
        said = {"kind": "segment", "id": 0, "start": 0, "end": 1, "text": EVIL}
        progress = Progress(id=message.id, done=30.0, total=60.0)
        router.send(route, progress, Partial(id=message.id, seq=0, data=said), Result(id=message.id, data={}))


def drawn(*words: str) -> str:
    """Returns all that a command draws on a terminal that is both its standard output and its standard error."""
    _, shown = on_terminal(command(*words), "stdout", "stderr")
    return shown.replace("\r\n", "\n").replace("\r\x1b[K", "\n")


def sound(folder: Path, name: str) -> str:
    path = folder / name
    path.write_bytes(b"RIFF" + bytes(100))
    return str(path)


def check(shown: str, seen: str = SEEN) -> None:
    """`seen` is in the drawing, and no control character is."""
    assert seen in shown
    assert not set(shown) & set(EVIL) - set(SEEN), ascii(shown)


@pytest.mark.parametrize("name", ["a.wav", f"bad{EVIL}.wav", f"{EVIL}.wav"])
def test_a_transcript_an_error_and_a_bar(start_router: Start, tmp_path: Path, name: str) -> None:
    """`listen` shows transcripts, messages of the supervisor and the names of files, escaped."""
    start_router(answer)
    check(drawn("listen", sound(tmp_path, name)))


def test_status_and_an_argument(start_router: Start) -> None:
    """`hushd status` shows what others said of themselves, a complaint the command line."""
    start_router(answer)
    check(drawn("hushd", "status"))
    check(drawn("hushd", EVIL), r"\x1b]0;owned\x07")


def test_logs(runtime: Path) -> None:
    """`hushd logs` shows control characters of either kind, and bytes that are not text."""
    log = runtime / "state" / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(EVIL.encode() + b"\x9b\n")
    check(drawn("hushd", "logs"), SEEN + r"\x9b")
    assert run("hushd", "logs").stdout == EVIL.encode() + b"\x9b\n"


def test_a_log_that_is_moved_aside_is_followed(runtime: Path) -> None:
    """`hushd logs -f` goes on with the new file, and shows no line twice."""
    log = runtime / "state" / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True)
    log.write_text("first\n")
    with subprocess.Popen(command("hushd", "logs", "-f"), stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"first\n"
        with log.open("a") as file:
            file.write("second\n")
        log.rename(f"{log}.1")
        log.write_text("3\n")
        assert [process.stdout.readline() for _ in range(2)] == [b"second\n", b"3\n"]
        with log.open("a") as file:
            file.write("4\n")
        assert process.stdout.readline() == b"4\n"
        process.kill()


def test_a_file_keeps_what_was_said(start_router: Start, tmp_path: Path) -> None:
    """A pipe and a file get the transcript as it is."""
    start_router(answer)
    place = sound(tmp_path, "a.wav")
    assert run("listen", place).stdout.decode() == f"{EVIL}\n"
    assert run("listen", place, "-o", str(tmp_path / "a.txt")).returncode == 0
    assert (tmp_path / "a.txt").read_bytes().decode() == f"{EVIL}\n"
