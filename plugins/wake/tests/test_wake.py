"""Waiting for words: real workers, supervisor and programs, and a microphone that hears what hibari said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
import pytest
from hushd import Client
from hushd_wake_words import Heard, Wake, detect
from support import moonshine_once
from support.peer import BOUND_S, Start, Supervisor, wait_until
from support.programs import Programs
from support.wer import words

from .wake_words import needs_micro, room

pytestmark = needs_micro
CHUNK = 3200  # bytes of 0.1 s
WORKER = "wake/micro/words"


@pytest.fixture
def supervisor(start_supervisor: Start) -> Supervisor:
    return start_supervisor(f"{moonshine_once.configuration()}\n[worker.wake]\nkeep_alive = 0.1\n")


def chunks(sound: bytes) -> Iterator[bytes]:
    return (sound[start : start + CHUNK] for start in range(0, len(sound), CHUNK))


class Tape:
    """A microphone that records a sound, and then silence until it is stopped; `pace_s` passes for 0.1 s of it."""

    rate = 16_000
    channels = 1

    def __init__(self, sound: bytes, pace_s: float = 0.001) -> None:
        self._sound = chunks(sound)
        self._pace_s = pace_s
        self._stopped = threading.Event()
        self.closed = False

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._stopped.wait(self._pace_s):
            raise StopIteration
        return next(self._sound, bytes(CHUNK))

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.stop()


def waiting(client: Client, tapes: Iterable[Tape], *asked: str) -> Wake:
    """Does what `wake` does on these tapes, one for each time that the microphone is opened."""
    left = iter(tapes)
    return Wake(
        lambda sound, *, rate: detect(client, sound, *asked, rate=rate), client.floor("wake"), lambda: next(left)
    )


def row(client: Client) -> dict[str, object]:
    return next((worker.data() for worker in client.status().workers if worker.name == WORKER), {})


def test_programs_share_one_worker_which_ends_with_the_last(supervisor: Supervisor) -> None:
    """Two programs wait for different words in one process, which is gone when nobody waits; no other worker starts."""
    sound = room(1.0, "alexa", 1.5, "hey jarvis", 1.5)
    with Client() as one, Client() as other:
        go = threading.Event()

        def held() -> Iterator[bytes]:
            yield from chunks(sound)
            assert go.wait(BOUND_S)

        first, second = detect(one, held(), "alexa"), detect(other, held(), "hey jarvis", "alexa")
        assert next(first).word == "alexa"
        assert [next(second).word, next(second).word] == ["alexa", "hey jarvis"]
        status = row(one)
        assert (status["running"], status["sessions"], status["starts"]) == (2, 2, 1)
        assert [worker.name for worker in one.status().workers] == [WORKER]
        go.set()
        assert (list(first), list(second)) == ([], [])
        wait_until(lambda: not psutil.Process(supervisor.pid).children(), "the worker leaves")
        assert [(worker.name, worker.pid, worker.starts) for worker in one.status().workers] == [(WORKER, None, 1)]


def test_no_word_is_lost_while_what_transcribes_starts(supervisor: Supervisor) -> None:
    """Speech in one breath with the word is heard whole, though its worker has no process until then."""
    tape = Tape(room(1.0, "hey jarvis open the red door", 4.0), pace_s=0.1)
    with Client() as client, waiting(client, [tape], "hey jarvis") as wake:
        heard = next(wake)
        assert [worker.role for worker in client.status().workers] == ["wake"], "nothing that transcribes lives"
        text = client.listen(heard.sound(), rate=heard.rate).transcript().text
    assert words(text)[-4][:4] == "open", "or opened, which the tiny model hears now and then"
    assert words(text)[-3:] == ["the", "red", "door"]
    wait_until(lambda: tape.closed, "the microphone is closed")


def test_a_pause_closes_the_microphone_and_ends_the_worker(supervisor: Supervisor) -> None:
    """`status` shows who waits; after `pause` no microphone is open and no worker lives; `resume` opens it again."""
    first, second = Tape(room(1.0, "alexa", 1.0)), Tape(room(1.0, "hey jarvis", 1.0))
    with Client(holder="kitchen") as client, waiting(client, [first, second], "alexa", "hey jarvis") as wake:
        assert next(wake).word == "alexa"
        assert [turn.client for turn in client.status().floor.wake] == ["kitchen"]
        heard: list[Heard] = []
        thread = threading.Thread(target=lambda: heard.append(next(wake)), daemon=True)
        thread.start()
        with Client() as person:
            person.pause()
            wait_until(lambda: first.closed, "the microphone is closed")
            wait_until(lambda: row(person)["pid"] is None, "the worker leaves")
            assert person.status().floor.wake == ()
            assert not heard
            person.resume()
        thread.join(BOUND_S)
        assert [each.word for each in heard] == ["hey jarvis"]
    wait_until(lambda: second.closed, "the microphone is closed")


def test_a_crash_of_the_worker_is_not_the_end(supervisor: Supervisor) -> None:
    """The next process waits for the words that are said from then on, and none is heard twice."""
    said = threading.Event()

    class Two(Tape):
        def __next__(self) -> bytes:
            chunk = super().__next__()
            if said.is_set():
                said.clear()
                self._sound = chunks(room(1.0, "hey jarvis", 1.0))
            return chunk

    with Client() as client, waiting(client, [Two(room(1.0, "alexa", 1.0))], "alexa", "hey jarvis") as wake:
        assert next(wake).word == "alexa"
        pid = row(client)["pid"]
        assert isinstance(pid, int)
        heard: list[Heard] = []
        thread = threading.Thread(target=lambda: heard.append(next(wake)), daemon=True)
        thread.start()
        os.kill(pid, 9)
        with Client() as other:
            wait_until(lambda: row(other)["pid"] not in (None, pid) and row(other)["running"] == 1, "the next process")
        said.set()
        thread.join(BOUND_S)
        assert [each.word for each in heard] == ["hey jarvis"]


@pytest.fixture
def wake(supervisor: Supervisor, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Programs]]:
    """Starts `hushd wake` with a person who says something at its microphone."""
    programs = Programs(runtime)

    def start(sound: bytes, *arguments: str) -> subprocess.Popen[bytes]:
        person = runtime / f"person{len(programs.started)}"
        person.write_bytes(sound)
        monkeypatch.setenv("HUSHD_PERSON", str(person))
        return programs.start("hushd", "wake", *arguments)

    yield start
    for process in programs.started:
        process.kill()
        process.communicate()


def test_the_command_prints_each_word(wake: Callable[..., subprocess.Popen[bytes]]) -> None:
    """A line for each, as it was asked for; Ctrl-C ends it quietly."""
    process = wake(room(1.0, "alexa", 1.5, "hey jarvis", 2.0), "ALEXA", "hey jarvis")
    assert process.stdout
    assert [process.stdout.readline(), process.stdout.readline()] == [b"ALEXA\n", b"hey jarvis\n"]
    process.send_signal(2)
    output, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, output, complaint) == (0, b"", b"")


def test_the_command_runs_another_with_what_is_said(wake: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The speech after the word is on its standard input and in its environment; without COMMAND it is printed."""
    same = 'os.environ["HUSHD_WAKE_TEXT"] + "\\n" == sys.stdin.read()'
    shown = f'import os, sys; print(os.environ["HUSHD_WAKE_WORD"], {same})'
    sound = room(1.0, "alexa", 0.3, "open the red door", 3.0)
    process = wake(sound, "alexa", "--once", "--", sys.executable, "-c", shown)
    output, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, output, complaint) == (0, b"alexa True\n", b"")
    process = wake(sound, "alexa", "--once", "--listen", "--json")
    output, complaint = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0, complaint
    line = json.loads(output)
    assert (line["word"], line["name"], words(line["text"])) == ("alexa", "alexa", ["open", "the", "red", "door"])
