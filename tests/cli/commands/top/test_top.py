"""`hushd top` on a real terminal, with a real supervisor: keys, and the terminal as it was before."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import warm
from support.peer import BOUND_S, Supervisor, wait_until

CODE = "from hushd_cli import entry; entry.hushd()"


class Terminal:
    """A terminal of 80 by 24 in which a command runs; `shown` is all that was drawn."""

    def __init__(self, *words: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.shown = ""
        self.process = warm.Popen(
            [sys.executable, "-P", "-c", CODE, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"} | environment,
        )

    def wait_for(self, text: str, since: int = 0) -> None:
        """Returns once `text` was drawn."""
        end = time.monotonic() + BOUND_S
        while text not in self.shown[since:]:
            assert select.select([self._ours], [], [], max(0.0, end - time.monotonic()))[0], self.shown[-2000:]
            self.shown += os.read(self._ours, 65536).decode(errors="replace")

    def press(self, keys: str, then: str) -> None:
        """Presses keys, and returns once `then` was drawn afterwards."""
        since = len(self.shown)
        os.write(self._ours, keys.encode())
        self.wait_for(then, since)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def top(supervisor: Supervisor) -> Iterator[Terminal]:
    opened = Terminal("top", "--period", "0.2")
    opened.wait_for("no workers")
    yield opened
    opened.close()


def test_keys_start_and_end_a_worker(top: Terminal, supervisor: Supervisor) -> None:
    """`p` asks for a name and starts it; `u` stops the chosen one; both say the outcome."""
    top.press("p", "start")
    top.press("\x7f" * 10 + "stt/echo/a\r", "start stt/echo/a: done")
    top.wait_for("ready")
    with supervisor.connect() as peer:
        assert peer.status()["state"] == "ready"
        top.press("u", "stop stt/echo/a: done")
        assert peer.status()["state"] == "stopped"


def test_a_mistake_is_one_sentence(top: Terminal) -> None:
    """An unknown worker is refused by the supervisor's sentence, and the frames go on."""
    top.press("p", "start")
    top.press("\x7f" * 10 + "nonsense\r", "nonsense is not a role")
    top.press(" ", "pause: done")
    top.press(" ", "resume: done")


def test_q_gives_the_terminal_back(top: Terminal) -> None:
    """The other screen is left, the cursor shown, and the terminal's settings are those from before."""
    top.press("q", "\x1b[?25h\x1b[?1049l")
    assert top.process.wait(BOUND_S) == 0
    assert termios.tcgetattr(top.theirs) == top.before
    assert top.process.stderr is not None
    assert top.process.stderr.read() == b""


def test_a_signal_gives_the_terminal_back(top: Terminal) -> None:
    """SIGTERM, as from a window that is closed, leaves no other screen behind."""
    top.process.terminate()
    top.wait_for("\x1b[?1049l")
    assert top.process.wait(BOUND_S) == 128 + 15
    assert termios.tcgetattr(top.theirs) == top.before


def test_only_what_changed_is_drawn(top: Terminal) -> None:
    """While nothing happens a look draws a few lines: the table's title came once, however long it runs."""
    for number in range(3):
        top.wait_for("up 0:0", len(top.shown) if number else 0)
    assert top.shown.count("nobody speaks or listens") == 1


def test_no_colour(supervisor: Supervisor) -> None:
    """NO_COLOR=1 draws no colour, only bold, faint and reversed text."""
    shown = Terminal("top", NO_COLOR="1")
    try:
        shown.wait_for("q quit")
        assert set(re.findall(r"\x1b\[([0-9;]*)m", shown.shown)) <= {"0", "1", "2", "7"}
    finally:
        shown.close()


def test_it_waits_for_a_supervisor(runtime: Path, start_supervisor: object) -> None:
    """Without one it starts none, and shows one as soon as it runs."""
    shown = Terminal("top", "--period", "0.2")
    try:
        shown.wait_for("no supervisor runs")
        assert callable(start_supervisor)
        start_supervisor()
        shown.wait_for("no workers")
    finally:
        shown.close()


def test_a_pipe_is_no_terminal(runtime: Path) -> None:
    """It says which command to use instead, with the exit code of a wrong use."""
    done = warm.run([sys.executable, "-P", "-c", CODE, "top"], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 2
    assert b"use `hushd status`" in done.stderr


def test_a_resized_terminal_is_drawn_anew(top: Terminal) -> None:
    """The keys stand in the new last line at once."""
    fcntl.ioctl(top.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    since = len(top.shown)
    os.kill(top.process.pid, 28)  # SIGWINCH: it is not the terminal's session, as it would be in a shell
    top.wait_for("\x1b[40;1H", since)
    wait_until(lambda: top.process.poll() is None, "it goes on")
