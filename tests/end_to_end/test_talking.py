"""`hushd talk` on a real sound system, whose microphone hears what the loudspeaker plays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sound_loop, warm
from support.peer import Supervisor, check_nothing_is_left, wait_until
from support.recordings import opening
from support.sound_loop import Monitor, SoundLoop
from support.stopwatch import Stopwatch
from support.wer import word_error_rate

pytestmark = pytest.mark.skipif(bool(sound_loop.missing()), reason=f"not installed: {sound_loop.missing()}")

FIRST = "Ever tried. Ever failed. No matter. Try again."  # before the first pause of more than 0.8 s
LINE = "They walked along the river until it was dark. Nothing in the garden had changed since the spring. "
LONG = LINE * 4
LOUD = 1000
CODE = "from hushd_cli import entry; entry.hushd()"
PARTNER = """
import sys
print("Tell me something that you have tried.", flush=True)
print("You said", sys.stdin.readline(), flush=True)
sys.exit(7)
"""


class Stage:
    """A loop with a real supervisor, somebody who speaks, and somebody who listens at the monitor."""

    def __init__(self, loop: SoundLoop, supervisor: Supervisor, monitor: Monitor) -> None:
        self._loop = loop
        self.supervisor = supervisor
        self._monitor = monitor
        self._started: list[subprocess.Popen[str]] = []
        self._person = opening(loop.folder / "person.wav", 5.7)

    def talk(self, *arguments: str, stdin: int | None = subprocess.PIPE) -> subprocess.Popen[str]:
        """With `stdin` None the descriptor is closed."""
        self._started.append(
            warm.Popen(
                [sys.executable, "-P", "-c", CODE, "talk", *arguments],
                env=self._loop.environment,
                stdin=stdin,
                preexec_fn=None if stdin else lambda: os.close(0),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return self._started[-1]

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()

    def person(self) -> None:
        """Somebody speaks, for five seconds."""
        self._loop.play(self._person)

    def speaking(self, line: str) -> subprocess.Popen[str]:
        """A `talk` that has begun to say `line`, and has a standard input still."""
        process = self.talk()
        assert process.stdin
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        self.wait_for_voice(1)
        return process

    def wait_for_voice(self, seconds: float) -> None:
        """Returns when so many of them had a voice in the loop."""
        count = round(seconds * 200)
        wait_until(lambda: self._loud(self._monitor.blocks) >= count, "a voice")

    def wait_for_silence(self) -> None:
        """Returns when there was some voice and then none for half a second."""
        wait_until(lambda: self._loud(self._monitor.blocks) and not self._loud(self._monitor.blocks[-100:]), "silence")

    @staticmethod
    def _loud(blocks: list) -> int:  # type: ignore[type-arg]
        return sum(max(samples) > LOUD for _, samples in blocks)


@pytest.fixture(scope="module")
def room(home: Path) -> Iterator[tuple[SoundLoop, list[Supervisor]]]:
    """One sound server for the tests of this file, and one supervisor, until a test kills it."""
    supervisors = [Supervisor(home, "")]
    with SoundLoop(home / "sound") as loop:
        yield loop, supervisors
    supervisors[-1].stop()
    check_nothing_is_left(home)


@pytest.fixture
def stage(room: tuple[SoundLoop, list[Supervisor]], home: Path) -> Iterator[Stage]:
    loop, supervisors = room
    if supervisors[-1].process.poll() is not None:
        supervisors.append(Supervisor(home, ""))
    assert supervisors[-1].ready
    with Monitor(loop) as monitor:
        made = Stage(loop, supervisors[-1], monitor)
        yield made
        made.end()


def test_a_person_interrupts(stage: Stage) -> None:
    """In the middle of a long line: it stops, and the words spoken are printed whole; its own voice is not heard."""
    process = stage.talk()
    assert process.stdin
    began = Stopwatch()
    process.stdin.write(f"{LONG}\n")
    process.stdin.close()
    process.stdin = None
    stage.wait_for_voice(2)
    stage.person()
    text, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    assert complaint == ""
    assert word_error_rate(FIRST, text) <= 1 / 8
    assert text.count("\n") == 1
    assert began.calm < 25, "it went on speaking"


@pytest.mark.night
def test_an_answer_to_a_line(stage: Stage) -> None:
    """Half duplex: who waits for the end is heard, and its own voice is not."""
    process = stage.talk("--half-duplex")
    assert process.stdin
    process.stdin.write("What have you tried?\n")
    process.stdin.close()
    process.stdin = None
    stage.wait_for_voice(0.5)
    stage.wait_for_silence()
    stage.person()
    text, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert word_error_rate(FIRST, text) <= 1 / 8


@pytest.mark.night
def test_nobody_answers(stage: Stage) -> None:
    """That is said, and the next line's turn comes."""
    text, complaint = stage.talk("--timeout", "1").communicate("Hello?\n\n", timeout=40)
    assert text == ""
    assert complaint == "hushd talk: Nobody spoke within 1 seconds: is the microphone on?\n" * 2


@pytest.mark.night
def test_a_program_takes_part(stage: Stage) -> None:
    """The program's lines are spoken, each answer is a line to it, and its exit code is the command's."""
    process = stage.talk("--", sys.executable, "-c", PARTNER)
    stage.wait_for_voice(1)
    stage.wait_for_silence()
    stage.person()
    stage.wait_for_silence()
    text, complaint = process.communicate(timeout=40)
    assert process.returncode == 7, complaint
    assert word_error_rate(FIRST, text.splitlines()[0]) <= 1 / 8


def test_the_supervisor_is_killed(stage: Stage) -> None:
    """While it speaks: the audio made so far is played, then comes one sentence, and the code of a lost supervisor."""
    process = stage.speaking(LINE)
    stage.supervisor.process.kill()
    stage.supervisor.process.wait()
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 3, complaint
    assert complaint.startswith("hushd talk: ")
    assert complaint.count("\n") == 1


def test_ctrl_c_ends_it(stage: Stage) -> None:
    """While it speaks: with silence, and 0, since there is no other way."""
    process = stage.speaking(LONG)
    process.send_signal(signal.SIGINT)
    text, complaint = process.communicate(timeout=60)
    assert (process.returncode, text, complaint) == (0, "", "")
    stage.wait_for_silence()


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--headphones", "--half-duplex"), 2, "leave out --half-duplex"),
        (("--", "/no/such/program"), 2, "'/no/such/program' cannot be started (No such file or directory)"),
        (("--timeout", "0"), 2, "--timeout"),
        (("--microphone", "gramophone", "--", "cat"), 8, "There is no microphone called 'gramophone'"),
    ],
)
def test_what_cannot_be(stage: Stage, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    """It is refused in one sentence."""
    process = stage.talk(*arguments)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert complaint in said
    assert said.count("\n") == 1
