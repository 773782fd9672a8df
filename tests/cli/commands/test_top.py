"""`hushd top` on a real terminal, with a real supervisor: what it draws, and the terminal as it was before."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import warm
from support.peer import BOUND_S, Supervisor

CODE = "from hushd_cli import entry; entry.hushd()"


class Terminal:
    """A terminal of 80 by 24 in which a command runs; `shown` is all that was drawn."""

    def __init__(self, *words: str, code: str = CODE, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.shown = ""
        self.process = warm.Popen(
            [sys.executable, "-P", "-c", code, *words],
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
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Opens terminals, and closes them at the end."""
    with ExitStack() as opened:

        def start(*words: str, **options: str) -> Terminal:
            made = Terminal("top", *words, **options)
            opened.callback(made.close)
            return made

        yield start


@pytest.fixture
def top(supervisor: Supervisor, terminal: Callable[..., Terminal]) -> Terminal:
    opened = terminal("--period", "0.2")
    opened.wait_for("no workers")
    return opened


def test_what_runs_is_drawn_as_it_changes(top: Terminal, supervisor: Supervisor) -> None:
    """A worker appears when a program uses it, and is drawn as stopped once it has left."""
    with supervisor.connect() as peer:
        peer.ask("warm", "stt/echo/a")
        top.wait_for("ready")
        assert "stt/echo/a" in top.shown
        peer.control("unload")
        top.wait_for("stopped")


@pytest.mark.parametrize(("how", "status"), [("q", 0), (signal.SIGINT, 0), (signal.SIGTERM, 128 + 15)])
def test_its_end_gives_the_terminal_back(top: Terminal, how: str | signal.Signals, status: int) -> None:
    """The other screen is left, the cursor shown, the settings are those from before, and nothing is said; so, too, by
    SIGTERM, as from a window that is closed."""
    if isinstance(how, signal.Signals):
        top.process.send_signal(how)  # it is not the terminal's session, as it would be in a shell
        top.wait_for("\x1b[?1049l")
    else:
        top.press(how, "\x1b[?1049l")
    assert top.process.wait(BOUND_S) == status
    assert top.shown.rindex("\x1b[?25h") > top.shown.rindex("\x1b[?25l")
    assert termios.tcgetattr(top.theirs) == top.before
    assert top.process.stderr is not None
    assert top.process.stderr.read() == b""


def test_it_waits_for_a_supervisor(
    runtime: Path, start_supervisor: Callable[[], Supervisor], terminal: Callable[..., Terminal]
) -> None:
    """It starts none where there is none, and shows one as soon as it runs."""
    shown = terminal("--period", "0.2")
    shown.wait_for("No supervisor runs")
    start_supervisor()
    shown.wait_for("no workers")


def test_a_pipe_gets_one_plain_table(supervisor: Supervisor, terminal: Callable[..., Terminal]) -> None:
    """The table is that of `hushd status`, once, and without any control sequence; for that the package rich is not
    needed. For the live picture it is, and without it a sentence says what to install."""
    hidden = f"import sys; sys.modules['rich'] = None; sys.modules['rich.console'] = None; {CODE}"
    with supervisor.connect() as peer:
        peer.ask("warm", "stt/echo/a")
    for code in (CODE, hidden):
        command = [sys.executable, "-P", "-c", code, "top"]
        done = warm.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOUND_S)
        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b" not in done.stdout
        words = [line.split()[:2] for line in done.stdout.splitlines()]
        assert words[-2:] == [["WORKER", "STATE"], ["stt/echo/a", "ready"]]
    shown = terminal(code=hidden)
    assert shown.process.wait(BOUND_S) == 6
    assert shown.process.stderr is not None
    said = shown.process.stderr.read().decode()
    assert said.startswith("hushd top: `hushd top` needs the package rich: ")
    assert said.count("\n") == 1
    assert "[top]" in said
