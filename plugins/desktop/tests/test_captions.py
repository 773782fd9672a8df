"""`hushd captions` on a real sound server: playback and speech become text."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import Client
from support import command_line, sound_loop
from support.peer import BOUND_S, Supervisor, wait_until
from support.recordings import opening
from support.sound_loop import SoundLoop
from support.wer import word_error_rate

pytestmark = pytest.mark.skipif(bool(sound_loop.missing()), reason=f"not installed: {sound_loop.missing()}")

FIRST = "Ever tried. Ever failed. No matter."


class Stage:
    """Captions on a sound loop, a person's recording to be played into one of its sinks, and a folder for results."""

    def __init__(self, loop: SoundLoop, supervisor: Supervisor, person: Path) -> None:
        self.loop = loop
        self.supervisor = supervisor
        self.person = person
        self.folder = Path(tempfile.mkdtemp(dir=loop.folder.parent))
        self.started: list[subprocess.Popen[str]] = []
        (self.folder / "tmp").mkdir()

    def captions(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Started, and recording."""
        process = self.start(*arguments, **environment)
        wait_until(lambda: self.recorders >= (2 if "--both" in arguments else 1), "a recorder")
        return process

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        environment = self.loop.environment | {"TMPDIR": str(self.folder / "tmp")} | environment
        self.started.append(command_line.start("hushd", "captions", *arguments, env=environment, text=True))
        return self.started[-1]

    @property
    def recorders(self) -> int:
        return len(self.loop.pactl("list", "short", "source-outputs").splitlines())

    def interrupted(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        """The text that it has written after Ctrl-C, which is not an error."""
        process.send_signal(signal.SIGINT)
        text, complaint = process.communicate(timeout=BOUND_S)
        assert process.returncode == 0, complaint
        return text, complaint

    def end(self) -> None:
        """Leaves the loop to the next test as it was."""
        for process in self.started:
            process.kill()
            process.communicate()
        self.loop.remove_sinks()
        wait_until(lambda: self.recorders == 0, "the end of all recording")
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def room(home: Path) -> Iterator[tuple[SoundLoop, Supervisor, Path]]:
    """One sound server and one supervisor for the tests of this file, and the sound of a person."""
    person = opening(home / "person.wav", 4.6)
    with Supervisor(home, "") as supervisor, SoundLoop(home / "sound") as loop:
        yield loop, supervisor, person


@pytest.fixture
def stage(room: tuple[SoundLoop, Supervisor, Path]) -> Iterator[Stage]:
    made = Stage(*room)
    yield made
    made.end()


def test_what_plays_becomes_text(stage: Stage) -> None:
    """Lines on standard output, and of the sound nothing on the disk; SIGTERM keeps the words so far as subtitles, and
    is the exit code."""
    subtitles = stage.folder / "talk.srt"
    process = stage.captions("-o", str(subtitles))
    stage.loop.play(stage.person)
    assert process.stdout
    first = process.stdout.readline()
    process.terminate()
    _, complaint = process.communicate(timeout=BOUND_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert complaint.splitlines()[0] == "hushd captions: Hearing what Null Output plays."
    assert word_error_rate(FIRST, first) <= 1 / 6
    assert subtitles.read_text().startswith("1\n00:00:0")
    assert "matter" in subtitles.read_text()
    assert not list((stage.folder / "tmp").iterdir())


def test_me_and_them(stage: Stage) -> None:
    """The sound that plays is theirs, that of the microphone mine."""
    stage.loop.add_sink("mouth")
    process = stage.captions("--both", "--headphones", PULSE_SOURCE="mouth.monitor")
    stage.loop.play(stage.person, "mouth")
    assert process.stdout
    assert word_error_rate(f"me {FIRST}", process.stdout.readline()) <= 1 / 6
    stage.loop.play(stage.person)
    assert word_error_rate(f"them {FIRST}", process.stdout.readline()) <= 1 / 6
    stage.interrupted(process)


def test_a_pause_closes_the_microphone(stage: Stage) -> None:
    """`status` shows who listens; after `pause` no microphone is open and nothing said is heard, until `resume`."""
    stage.loop.add_sink("mouth")
    process = stage.captions("--microphone", "--json", PULSE_SOURCE="mouth.monitor")
    recorders = stage.recorders
    with Client(holder="person", start=False) as person:
        wait_until(lambda: [turn.client for turn in person.status().floor.wake] == ["captions"], "a claim")
        person.pause()
        wait_until(lambda: stage.recorders == recorders - 1, "a closed microphone")
        assert person.status().floor.wake == ()
        stage.loop.play(stage.person, "mouth")
        person.resume()
        wait_until(lambda: stage.recorders == recorders, "an open microphone")
    stage.loop.play(stage.person, "mouth")
    output, said = stage.interrupted(process)
    events = [json.loads(line) for line in output.splitlines()]
    assert sum("tried" in event["text"] for event in events if event["kind"] == "line") == 1
    assert "The microphone is closed: `hushd resume` opens it again.\n" in said
    assert "The microphone is open again.\n" in said


@pytest.mark.parametrize(("arguments", "environment", "code", "complaint"), [
    (("--sink", "gramophone"), {}, 8, "There is no loudspeaker called 'gramophone': choose one of 'Null Output'."),
    (("--microphone", "-a", "gramophone"), {}, 8, "There is no microphone called 'gramophone'"),
    (("--microphone", "--sink", "loop"), {}, 2, "--sink names a loudspeaker"),
    (("-a", "loop"), {}, 2, "give --microphone or --both too"),
    (("--headphones",), {}, 2, "--headphones is for --both"),
    (("--both",), {}, 2, "--both needs --headphones, or a microphone whose echo the sound server cancels"),
    (("-o", "talk.doc"), {}, 2, "'talk.doc' has no known ending: end it with one of ."),
    (("-o", "/no/such/talk.srt"), {}, 9, "there is no folder '/no/such'"),
    (("--live", "/no/such/live"), {}, 9, "'/no/such/live' cannot be written"),
    (("talk.wav",), {}, 2, "Unrecognized arguments: talk.wav"),
    ((), {"PULSE_SERVER": "unix:/no/such/server"}, 8, "The sound server does not answer (Connection refused)"),
])  # fmt: skip
def test_what_cannot_be(
    stage: Stage, arguments: tuple[str, ...], environment: dict[str, str], code: int, complaint: str
) -> None:
    """It is refused in one sentence; where no sound server answers, there is no other source in its place."""
    process = stage.start(*arguments, **environment)
    output, said = process.communicate(timeout=BOUND_S)
    assert (process.returncode, output) == (code, "")
    assert complaint in said
    assert said.count("\n") == 1
