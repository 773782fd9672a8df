"""`hushd dictate` on a real X server and sound server: a key is held, somebody speaks, and a text field has it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd import Client
from support import command_line, sound_loop
from support.peer import BOUND_S, Start, wait_until
from support.recordings import recording
from support.sound_loop import SoundLoop
from support.wer import word_error_rate

from . import desktop
from .desktop import Desktop
from .portal_desktop import PortalDesktop

_MISSING = ", ".join(filter(None, (sound_loop.missing(), desktop.missing())))
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {_MISSING}")

SAID = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."


class Stage:
    """A person at a desktop, whose microphone is a sound loop."""

    def __init__(self, loop: SoundLoop, screen: Desktop, folder: Path) -> None:
        self.loop = loop
        self.screen = screen
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        self.person = recording()

    def dictate(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        shown = {"DISPLAY": self.screen.display, "WAYLAND_DISPLAY": ""}
        environment = self.loop.environment | shown | environment
        self.started.append(command_line.start("hushd", "dictate", *arguments, env=environment, text=True))
        return self.started[-1]

    def waiting(self, *arguments: str, key: str = "F9") -> subprocess.Popen[str]:
        """One that waits for a key, which it has taken."""
        process = self.dictate("--key", key, *arguments)
        wait_until(lambda: self.screen.waits_for(key.rpartition("+")[2]), "the key")
        return process

    def settled(self, text: Callable[[], str], times: int = 1) -> None:
        """Waits until the words, said so many times, are there, but for words that the engine takes for others."""
        said = " ".join([SAID] * times)
        wait_until(lambda: self.idle() and word_error_rate(said, text()) <= 1 / 4, "the text")

    @staticmethod
    def idle() -> bool:
        """Returns whether nothing is being transcribed."""
        with Client() as client:
            return not any(row.running for row in client.status().workers)

    def say(self) -> None:
        """Somebody speaks into the microphone that is open, for ten seconds."""
        self.loop.wait_for_a_recorder()
        self.loop.play(self.person)


@pytest.fixture
def stage(runtime: Path, start_supervisor: Start) -> Iterator[Stage]:
    start_supervisor("")
    with SoundLoop(runtime / "sound") as loop, Desktop(runtime) as screen:
        made = Stage(loop, screen, runtime)
        yield made
        for process in made.started:
            process.kill()
            process.communicate()


def test_push_to_talk(stage: Stage) -> None:
    """Words appear while the key is down, though the worker was not there; none is lost."""
    stage.waiting()
    stage.screen.press("F9")
    stage.loop.wait_for_a_recorder()
    speaking = subprocess.Popen(
        ["paplay", "--property=media.role=phone", str(stage.person)],
        env=stage.loop.environment,
        stdin=subprocess.DEVNULL,
    )
    wait_until(lambda: "tried" in stage.screen.text, "the first words")
    speaking.wait(BOUND_S)
    stage.screen.release("F9")
    stage.settled(lambda: stage.screen.text)
    assert stage.screen.text.startswith("Ever tried")


def test_wayland(stage: Stage) -> None:
    """The desktop's portals have the key and the keyboard: words are typed while it is held, through one session."""
    with PortalDesktop(stage.folder) as portal:
        process = stage.dictate(
            "--key", "Super+d",
            WAYLAND_DISPLAY="wayland-0", DISPLAY="", DBUS_SESSION_BUS_ADDRESS=portal.address,
        )  # fmt: skip
        wait_until(lambda: portal.called("BindShortcuts"), "the key")
        portal.press()
        stage.say()
        assert "tried" in portal.typed
        portal.release()
        stage.settled(lambda: portal.typed)
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND_S) == 0
    assert portal.typed.startswith("Ever tried")
    assert len(portal.called("Start")) == 1
    assert (stage.folder / "state/dictate-token").read_text() == "again"


def test_toggle(stage: Stage) -> None:
    """Pressed and let go it begins, and again it ends; commands and replacements are obeyed."""
    names = stage.folder / "names.txt"
    names.write_text("ever -> <new line>never\ntry again -> one more\n")
    stage.waiting("--toggle")
    stage.screen.press("F9")
    stage.screen.release("F9")
    stage.say()
    stage.screen.press("F9")
    stage.screen.release("F9")
    wait_until(lambda: stage.idle() and "one more" in stage.screen.text, "the text")
    assert stage.screen.text.startswith("\nnever tried")
    assert "\nnever failed" in stage.screen.text.lower()


def test_without_a_key(stage: Stage) -> None:
    """It begins at once, and the same command given again ends it: so any key of a desktop's settings will do."""
    process = stage.dictate("--end", "")
    stage.say()
    again = stage.dictate()
    assert again.wait(BOUND_S) == 0
    output, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, output, complaint) == (0, "", "")
    stage.settled(lambda: stage.screen.text)


def test_printed(stage: Stage) -> None:
    """The text is printed as a whole; `--stop` ends what another has begun, with the last word and code 0."""
    process = stage.dictate("--output", "print")
    stage.say()
    assert stage.dictate("--stop").wait(BOUND_S) == 0
    output, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, complaint) == (0, "")
    assert word_error_rate(SAID, output) <= 1 / 4
    assert output.startswith("Ever")


@pytest.mark.parametrize(("arguments", "environment", "code", "complaint"), [
    (("--key", "Ctrl+"), {}, 2, "a key is written as F9, Super+d or Ctrl+Alt+space"),
    (("--key", "Foo"), {}, 2, "The keyboard has no key 'Foo'"),
    (("--toggle",), {}, 2, "--toggle needs a --key"),
    (("--names", "/no/such/names"), {}, 4, "'/no/such/names' is not there"),
    (("hello",), {}, 2, "Unrecognized arguments: hello"),
    (("--output", "print"), {"PULSE_SERVER": "unix:/no/such/server"}, 8, "There is no microphone that can be used"),
    (("--output", "type"), {"DISPLAY": ""}, 8, "--output print"),  # there is nothing to type into
])  # fmt: skip
def test_what_cannot_be(
    stage: Stage, arguments: tuple[str, ...], environment: dict[str, str], code: int, complaint: str
) -> None:
    """It is refused in one sentence, which says what else there is where a sound server or a desktop is missing."""
    process = stage.dictate(*arguments, **environment)
    output, said = process.communicate(timeout=BOUND_S)
    assert (process.returncode, output) == (code, ""), said
    assert complaint in said
    assert said.count("\n") == 1
