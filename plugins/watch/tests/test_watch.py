"""`hushd watch`, with a supervisor that is a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts.formats import TRANSCRIPT_FORMATS
from hushd_protocol.messages import Error, Message, Partial, Request, Result
from hushd_watch.watch import TRIES
from support import warm
from support.command_line import run
from support.peer import wait_until
from support.scripted_router import ScriptedRouter, Start
from support.wakeups import comes_to_rest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
# The command as it is, but for its waits.
QUICK = """
from hushd_watch import recordings
recordings.QUIET_S, recordings.FIRST_RETRY_S = 0.05, 0.05
from hushd_cli import entry
entry.hushd()
"""


class Watcher:
    """A process of `hushd watch`; `lines` are those of its log."""

    def __init__(self, log: Path, *words: str | Path) -> None:
        self._log = log
        with open(log, "ab") as file:
            self.process = warm.Popen(
                [sys.executable, "-P", "-c", QUICK, "watch", *map(str, words)], stdin=subprocess.DEVNULL, stderr=file
            )

    @property
    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def say(self, text: str, count: int = 1) -> None:
        """Waits until a text is in the log so many times."""
        wait_until(lambda: self._said(text, count), f"{text!r}")

    def _said(self, text: str, count: int) -> bool:
        said = sum(text in line for line in self.lines) >= count
        assert said or self.process.poll() is None, self.lines
        return said

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return int(self.process.wait(60))


Watch = Callable[..., Watcher]


@pytest.fixture
def watch(runtime: Path, tmp_path: Path) -> Iterator[Watch]:
    """Starts watchers of `tmp_path/in`."""
    (tmp_path / "in").mkdir()
    watchers: list[Watcher] = []

    def start(*words: str | Path) -> Watcher:
        watchers.append(Watcher(tmp_path / "log", tmp_path / "in", *words))
        return watchers[-1]

    yield start
    for watcher in watchers:
        if watcher.process.poll() is None:
            watcher.end(signal.SIGKILL)


def put(tmp_path: Path, *names: str, content: bytes = b"RIFF, or so") -> None:
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def hears(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """Says what a recording's name is; one of noise cannot be read."""
    if isinstance(message, Request):
        name = os.path.basename(message.path)
        data = {"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": name}
        if "noise" in name:
            router.send(route, Error(id=message.id, code="input_unreadable", message=f"{name} is no sound."))
        else:
            partial = Partial(id=message.id, seq=0, data=data)
            router.send(route, partial, Result(id=message.id, data={"language": "en", "duration": 1.0}))


def heard(router: ScriptedRouter) -> list[str]:
    return sorted(os.path.basename(request.path) for request in router.of(Request))


def test_each_recording_is_heard_once_whatever_ends_the_watch(
    watch: Watch, start_router: Start, tmp_path: Path
) -> None:
    """A recording that came while none watched is heard too, a failed one named and left. A new recording of the same
    name is heard again, and transcripts in a folder of folders lie alike."""
    router = start_router(hears)
    put(tmp_path, "a.wav", "noise.mp3", "deep/b.flac", "notes.txt")
    options = ("-f", "json", "--to", tmp_path / "out")
    first = watch(*options)
    first.say("heard ", 2)
    first.say("left ")
    put(tmp_path, "c.wav")
    first.say("heard ", 3)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    put(tmp_path, "d.wav")
    put(tmp_path, "a.wav", content=b"RIFF, and another recording")
    second = watch(*options)
    second.say("heard ", 5)
    assert second.end() == 0
    assert watch(*options).end(signal.SIGTERM) in (143, -signal.SIGTERM)
    assert heard(router) == ["a.wav", "a.wav", "b.flac", "c.wav", "d.wav", "noise.mp3"]
    out = tmp_path / "out"
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.*")) == [
        "a.json", "c.json", "d.json", "deep/b.json",
    ]  # fmt: skip
    assert json.loads((out / "deep/b.json").read_text())["text"] == "b.flac"
    assert any(line.endswith("noise.mp3: it failed") for line in second.lines)


def test_a_folder_of_another_machine_is_looked_at_again_and_again(
    watch: Watch, start_router: Start, tmp_path: Path
) -> None:
    """A network share has no events: `--poll` finds what lies there at the start, and what comes later."""
    router = start_router(hears)
    put(tmp_path, "a.wav")
    watcher = watch("--poll", "1")
    watcher.say("heard ", 1)
    put(tmp_path, "deep/b.wav")
    watcher.say("heard ", 2)
    assert watcher.end() == 0
    assert heard(router) == ["a.wav", "b.wav"]


@pytest.mark.parametrize(("code", "heard_at_last"), [
    ("server_busy", True), ("no_supervisor", True), ("supervisor_lost", True), ("model_missing", True),
    ("bad_request", True), ("worker_stopped", True), ("slow_consumer", True),
    ("worker_failed", False), ("worker_crashed", False), ("start_timeout", False),
])  # fmt: skip
def test_what_is_not_a_recordings_fault_is_tried_again(
    code: str, heard_at_last: bool, watch: Watch, start_router: Start, tmp_path: Path
) -> None:
    """Four failures of the machine cost no recording its transcript, beside which others that cannot be read; three of
    a worker leave the recording, and no other one."""
    failures = 4

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        nonlocal failures
        if isinstance(message, Request) and "a.wav" in message.path and failures:
            failures -= 1
            router.send(route, Error(id=message.id, code=code, message="Not now."))
        else:
            hears(router, route, message)

    router = start_router(script)
    put(tmp_path, "0noise.mp3", "a.wav", "b.wav", "noise.mp3")
    watcher = watch()
    for name in ("a.wav", "b.wav", "0noise.mp3", "noise.mp3"):
        how = "left" if "noise" in name or (name == "a.wav" and not heard_at_last) else "heard"
        watcher.say(f"{how} {tmp_path}/in/{name}")
    assert sum(" left " in line for line in watcher.lines) == (2 if heard_at_last else 3)
    assert (tmp_path / "in/a.txt").exists() is heard_at_last
    assert heard(router).count("a.wav") == (5 if heard_at_last else TRIES)


def test_each_recording_has_its_own_tries(watch: Watch, start_router: Start, tmp_path: Path) -> None:
    """One that fails a worker twice is heard beside one that fails it always; a new recording of the same name has
    tries of its own."""
    failures: dict[bytes, int] = {}
    path = tmp_path / "in/new.wav"

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if not isinstance(message, Request):
            return
        content = Path(message.path).read_bytes()
        failures[content] = failures.get(content, 0) + 1
        if failures[content] > (9 if content == b"always" else TRIES - 1):
            hears(router, route, message)
            return
        if content == b"old" and failures[content] == TRIES - 1:
            path.write_bytes(b"newer")
        router.send(route, Error(id=message.id, code="worker_failed", message="It has crashed."))

    start_router(script)
    for name, content in (("always.wav", b"always"), ("twice.wav", b"twice"), ("new.wav", b"old")):
        put(tmp_path, name, content=content)
    watcher = watch()
    for line in (f"left {tmp_path}/in/always.wav: it failed", "heard ", "heard "):
        watcher.say(line, 2 if line == "heard " else 1)
    assert sorted(os.listdir(tmp_path / "in")) == ["always.wav", "new.txt", "new.wav", "twice.txt", "twice.wav"]


def test_an_older_transcript_does_not_count_as_heard(watch: Watch, start_router: Start, tmp_path: Path) -> None:
    """A new recording takes the place of one that was heard, and its first try fails: it is tried again."""
    busy = False

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        nonlocal busy
        if isinstance(message, Request) and busy:
            busy = False
            router.send(route, Error(id=message.id, code="server_busy", message="Not now."))
        else:
            hears(router, route, message)

    router = start_router(script)
    put(tmp_path, "a.wav")
    watcher = watch()
    watcher.say("heard ")
    busy = True
    put(tmp_path, "a.wav", content=b"RIFF, and another recording")
    watcher.say("heard ", 2)
    assert heard(router) == ["a.wav"] * 3


def test_a_killed_watch_ends_what_it_has_begun(
    watch: Watch, start_router: Start, runtime: Path, tmp_path: Path
) -> None:
    """The process that hears is killed too and leaves no half of a transcript; the next start watches at once, and
    hears the rest of a long recording."""

    def begins(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            data = {"kind": "segment", "id": 0, "start": 0.0, "end": 360.0, "text": "Six minutes."}
            router.send(route, Partial(id=message.id, seq=0, data=data))

    router = start_router(begins)
    put(tmp_path, "a.wav")
    first = watch()
    journals = runtime / "state/transcripts"
    wait_until(lambda: [each for each in journals.glob("*") if b"Six minutes." in each.read_bytes()], "the journal")
    (child,) = Path(f"/proc/{first.process.pid}/task/{first.process.pid}/children").read_text().split()
    first.end(signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "the end of the process that hears")
    assert os.listdir(tmp_path / "in") == ["a.wav"]
    router.script = hears
    watch().say("heard ")
    assert (tmp_path / "in/a.txt").read_text() == "Six minutes.\na.wav\n"
    assert [request.params.get("start_s") for request in router.of(Request)] == [None, 360.0]


def test_a_watch_rests(watch: Watch, start_router: Start, tmp_path: Path) -> None:
    """Nothing wakes it while nothing comes, and no other process is left of what it has heard."""
    start_router(hears)
    watcher = watch()
    put(tmp_path, "a.wav")
    watcher.say("heard ")
    pid = watcher.process.pid
    comes_to_rest(pid)
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""


def test_a_recording_that_goes_while_it_is_heard_is_forgotten(
    watch: Watch, start_router: Start, tmp_path: Path
) -> None:
    """Its failure is no reason to wait, or to leave the next recording of its name."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        path = tmp_path / "in/a.wav"
        if isinstance(message, Request) and message.path == str(path) and path.read_bytes() == b"moved":
            path.unlink()
            router.send(route, Error(id=message.id, code="input_unreadable", message="It is gone."))
        else:
            hears(router, route, message)

    start_router(script)
    put(tmp_path, "a.wav", content=b"moved")
    put(tmp_path, "b.wav")
    watcher = watch()
    watcher.say("heard ")
    put(tmp_path, "a.wav", content=b"again")
    watcher.say("heard ", 2)
    assert not any("left" in line or "waiting" in line for line in watcher.lines)


@pytest.mark.parametrize(("there", "heard_again"), [([*TRANSCRIPT_FORMATS][1:], True), ([*TRANSCRIPT_FORMATS], False)])
def test_a_recording_has_its_transcript_once_all_formats_are_there(
    there: list[str], heard_again: bool, watch: Watch, start_router: Start, tmp_path: Path
) -> None:
    """One that another program, or an older hushd, made in fewer is made whole."""
    start_router(hears)
    put(tmp_path, "a.wav", *(f"a.{form}" for form in there))
    watcher = watch("-f", "all")
    watcher.say("heard " if heard_again else "it has a transcript already")
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == sorted(
        ["a.wav", *(f"a.{form}" for form in TRANSCRIPT_FORMATS)]
    )


def test_many_at_once_and_gone_meanwhile(watch: Watch, start_router: Start, tmp_path: Path) -> None:
    """Each of a hundred that is still there is heard once, and one that is gone is left out in silence."""
    router = start_router(hears)
    watcher = watch("--to", tmp_path / "out")
    put(tmp_path, *(f"{n}.wav" for n in range(100)))
    for n in range(90, 100):
        (tmp_path / f"in/{n}.wav").unlink()
    wait_until(lambda: len([*(tmp_path / "out").glob("[!.]*")]) >= 90, "90 transcripts")
    watcher.say("heard ", 90)
    assert watcher.end() == 0
    assert not any("left" in line for line in watcher.lines)
    counts = [heard(router).count(f"{n}.wav") for n in range(90)]
    assert counts == [1] * 90


@pytest.mark.parametrize(("names", "why"), [
    (["a.mp3", "a.wav"], "would have the same transcript"), (["a.MP3", "a.mp3"], "would have the same transcript"),
    (["a.Mp3", "a.wav"], "would have the same transcript"), (["a.txt", "a.wav"], "it has a transcript already"),
])  # fmt: skip
def test_no_transcript_takes_the_place_of_another(
    names: list[str], why: str, watch: Watch, start_router: Start, tmp_path: Path
) -> None:
    """A recording of the same name has its own, and one that was there before the watch stays; what else begins alike
    is heard, and so are the others after what the sentence advises."""
    start_router(hears)
    put(tmp_path, *names, "a.b.wav", "ab.wav")
    recordings = [name for name in names if name != "a.txt"]
    watcher = watch()
    watcher.say(why, len(recordings))
    watcher.say(f"heard {tmp_path}", 2)
    assert sorted(os.listdir(tmp_path / "in")) == sorted([*names, "a.b.wav", "ab.wav", "a.b.txt", "ab.txt"])
    if len(recordings) == 2:
        os.rename(tmp_path / "in" / names[0], tmp_path / "in/c.mp3")
    with open(tmp_path / "in" / names[-1], "ab"):
        os.utime(tmp_path / "in" / names[-1])
    watcher.say(f"heard {tmp_path}", 2 + len(recordings))
    assert (tmp_path / "in/a.txt").read_text() == f"{names[-1]}\n"


@pytest.mark.parametrize(("words", "status", "sentence"), [
    (["in", "--to", "a.wav"], 9, "The folder 'a.wav' cannot be made (File exists)."),
    (["missing"], 4, "There is no folder 'missing': name one to watch."),
    (["in", "--continuous"], 2, "Unrecognized arguments: --continuous (see `hushd watch --help`)."),
    (["in", "-f", "doc"], 2, ", not 'doc'"),
])  # fmt: skip
def test_refusals(runtime: Path, tmp_path: Path, words: list[str], status: int, sentence: str) -> None:
    """One sentence each, before anything is watched."""
    (tmp_path / "in").mkdir()
    (tmp_path / "a.wav").touch()
    done: Any = run("hushd", "watch", *words, text=True, cwd=tmp_path)
    assert (done.returncode, sentence in done.stderr, done.stderr.count("\n")) == (status, True, 1)
