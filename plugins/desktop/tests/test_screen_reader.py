"""A real speech-dispatcher speaks with hushd's module: spd-say, and a screen reader that stops and asks for marks."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sound_loop
from support.peer import Start, Supervisor, wait_until
from support.sound_loop import BLOCK, RATE, Monitor, SoundLoop

from . import speech_dispatcher
from .speech_dispatcher import Reader, SpeechDispatcher

_MISSING = ", ".join(filter(None, (sound_loop.missing(), speech_dispatcher.missing())))
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {_MISSING}")

LOUD = 300
LONG = "They walked along the river until it was dark. Nothing in the garden had changed since the spring. " * 3


class Stage:
    """speech-dispatcher, and somebody who listens to what it plays."""

    def __init__(self, dispatcher: SpeechDispatcher, monitor: Monitor, supervisor: Supervisor) -> None:
        self.dispatcher = dispatcher
        self.monitor = monitor
        self.supervisor = supervisor

    @property
    def loud(self) -> list[tuple[float, array[int]]]:
        """The blocks in which something was heard."""
        return [(when, samples) for when, samples in list(self.monitor.blocks) if max(samples) > LOUD]

    def silent(self) -> bool:
        """Returns whether nothing is heard for a moment."""
        self.monitor.blocks.clear()
        wait_until(lambda: len(self.monitor.blocks) >= 40, "what is heard")
        return not self.loud

    def heard_s(self, *arguments: str) -> float:
        """Seconds of a message in which something is heard: gaps in what a busy machine plays do not count."""
        self.monitor.blocks.clear()
        self.dispatcher.say(*arguments)
        assert self.loud, self.dispatcher.log
        return len(self.loud) * BLOCK / RATE


@pytest.fixture
def stage(runtime: Path, start_supervisor: Start) -> Iterator[Stage]:
    supervisor = start_supervisor("")
    with (
        SoundLoop(runtime / "sound") as loop,
        Monitor(loop) as monitor,
        SpeechDispatcher(loop, runtime / "spd") as dispatcher,
    ):
        yield Stage(dispatcher, monitor, supervisor)


def test_spd_say(stage: Stage) -> None:
    """A message is heard, characters, keys and icons too; the module is the only one, and its voices are hushd's."""
    assert stage.dispatcher.say("-O").split() == ["OUTPUT", "MODULES", "hushd"]
    assert "heart" in stage.dispatcher.say("-L")
    assert stage.heard_s("Hello world.") > 0.4
    assert 0.05 < stage.heard_s("-c", "A") < 0.6
    assert stage.heard_s("-k", "control_a") > stage.heard_s("-k", "a")
    stage.monitor.blocks.clear()
    stage.dispatcher.say("-I", "message")  # spd-say does not wait for it
    wait_until(lambda: stage.loud, "the icon's name")


def test_rate_punctuation_and_spelling(stage: Stage) -> None:
    """Each is heard: faster, with the marks' names, letter by letter."""
    slow, usual, fast = (stage.heard_s("-r", rate, "They walked along the river.") for rate in ("-50", "0", "80"))
    assert slow > 1.3 * usual > 1.3 * 1.3 * fast
    assert stage.heard_s("-m", "all", "a_b, c.") > stage.heard_s("-m", "none", "a_b, c.") + 0.5
    assert stage.heard_s("-s", "river") > stage.heard_s("river") + 0.5


def test_index_marks(stage: Stage) -> None:
    """A screen reader follows the words: marks come in order, while they are spoken and not before."""
    with Reader(stage.dispatcher) as reader:
        reader.ask("SET self SSML_MODE on")
        reader.speak(f'<speak><mark name="first"/>{LONG}<mark name="middle"/>{LONG}<mark name="last"/></speak>')
        times = [reader.wait_for(name) for name in ("BEGIN", "first", "middle")]
        assert times == sorted(times)
        assert times[2] - times[1] > 5
        after = len(reader.events)
        reader.ask("STOP self")
        reader.wait_for("CANCELED", after)
        assert "last" not in [name for name, _ in reader.events]


def test_stop(stage: Stage) -> None:
    """It falls silent, and the next message is spoken; twenty times in a row."""
    with Reader(stage.dispatcher) as reader:
        for _ in range(20):
            after = len(reader.events)
            reader.speak(LONG)
            reader.wait_for("BEGIN", after)
            stage.monitor.blocks.clear()  # forgets the blocks of the one before
            wait_until(lambda: stage.loud, "a voice")
            reader.ask("STOP self")
            reader.wait_for("CANCELED", after)
        after = len(reader.events)
        reader.speak("Done.")
        reader.wait_for("END", after)
        wait_until(stage.silent, "silence")


def test_pause_and_resume(stage: Stage) -> None:
    """A pause ends with a sentence, and nothing is lost or said twice."""
    with Reader(stage.dispatcher) as reader:
        reader.speak(LONG)
        wait_until(lambda: stage.loud, "a voice")
        reader.ask("PAUSE self")
        reader.wait_for("PAUSED")
        reader.ask("RESUME self")
        reader.wait_for("END")
    assert [name for name, _ in reader.events] == ["BEGIN", "PAUSED", "RESUMED", "END"]


def test_cancelled_as_soon_as_begun(stage: Stage) -> None:
    """Three hundred messages, each of which ends: the server is never answered while it is at work on the last stop."""
    with Reader(stage.dispatcher) as reader:
        for number in range(300):
            after = len(reader.events)
            reader.speak(f"Line {number}.")
            reader.wait_for("BEGIN", after)
            reader.ask("CANCEL self")
            reader.wait_for("CANCELED", after)
    assert stage.heard_s("Still here.") > 0.2
