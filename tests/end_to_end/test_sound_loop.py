"""`listen` on a real sound system: PortAudio, ALSA and PulseAudio, with a loudspeaker that is the microphone."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import command_line, sound_loop
from support.peer import BOUND_S, Start, wait_until
from support.recordings import recording
from support.sound_loop import SoundLoop
from support.stopwatch import Stopwatch
from support.wer import word_error_rate, words

pytestmark = pytest.mark.skipif(bool(sound_loop.missing()), reason=f"not installed: {sound_loop.missing()}")

BECKETT_S = 10  # the recording's seconds, rounded up
FIRST = "Ever tried. Ever failed. No matter. Try again."  # before the first pause of more than 0.8 s


@pytest.fixture
def loop(runtime: Path) -> Iterator[SoundLoop]:
    with SoundLoop(runtime / "sound") as made:
        yield made


@pytest.fixture
def beckett(start_supervisor: Start) -> Path:
    """Ten seconds of a person, and a supervisor whose engines are the real ones; nothing is loaded yet."""
    start_supervisor("")
    return recording()


def listen(loop: SoundLoop, *arguments: str, errors: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return command_line.start("listen", *arguments, env=loop.environment, stderr=errors, text=True)


class Terminal:
    """A terminal for a program's standard error. A context manager.

    Attributes:
        other_end: the program's.
        lines: what was shown, one after the other, in the line that is drawn anew all the time.
    """

    def __init__(self) -> None:
        self._ours, self.other_end = pty.openpty()
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.other_end)
        self._reader.join(BOUND_S)
        os.close(self._ours)

    @property
    def lines(self) -> list[str]:
        return self._shown.decode(errors="replace").split("\r\x1b[K")

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while data := os.read(self._ours, 65536):
                self._shown += data


def test_what_is_said_while_the_worker_starts(loop: SoundLoop, beckett: Path) -> None:
    """Recording begins before there is a worker, nothing is lost, and the end of the utterance ends it."""
    process = listen(loop)
    loop.wait_for_a_recorder()
    loop.play(beckett)
    text, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    assert complaint == ""
    assert word_error_rate(FIRST, text) <= 1 / 8
    assert text.count("\n") == 1


def test_line_after_line_until_ctrl_c(loop: SoundLoop, beckett: Path) -> None:
    """Lines come while more is said; Ctrl-C ends with 0, and with the line that was not finished."""
    with Terminal() as terminal:
        process = listen(loop, "--continuous", "--device", "DEFAULT", errors=terminal.other_end)
        loop.wait_for_a_recorder()
        player = subprocess.Popen(["paplay", str(beckett)], env=loop.environment, stdin=subprocess.DEVNULL)
        began = Stopwatch()
        assert process.stdout
        first = process.stdout.readline()
        assert began.calm < BECKETT_S
        assert word_error_rate(FIRST, first) <= 1 / 8
        wait_until(lambda: any("again" in line and "Ever" not in line for line in terminal.lines), "the next words")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=BOUND_S)
        player.kill()
        player.wait()
    assert process.returncode == 0
    assert 1 <= len(words(rest)) <= 4
