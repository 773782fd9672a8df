"""`hushd mcp` when a supervisor, a host or the SDK is gone, and when a signal ends it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_models.installation import extra_command
from support.diary import ECHO, Diary, words
from support.peer import BOUND_S, Start, Supervisor, wait_until
from support.stopwatch import Stopwatch

from .mcp_host import PROGRAM, Host, text
from .raw_host import RawHost

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


def test_a_supervisor_killed_in_the_middle(host: Host, diary: Diary, echo: Supervisor, start_supervisor: Start) -> None:
    """Speech already made is played to its end, the rest fails in a sentence; the server finds the next supervisor."""
    speaking = host.begin("say", text=words(1.5))
    diary.wait_for_sound()
    with echo.connect() as peer:
        wait_until(lambda: not peer.status("tts/echo/a")["running"], "all of it, which takes less time than it plays")
    echo.process.kill()
    echo.process.wait()
    assert text(speaking.result(BOUND_S)) == "Spoken, 1.0 seconds."
    assert "supervisor" in host.error("listen")
    start_supervisor(ECHO)
    assert host.data("say", text=words(0.1))["state"] == "completed"


@pytest.fixture
def speaking(environment: dict[str, str], diary: Diary) -> Iterator[RawHost]:
    """A host whose server is in the middle of a word."""
    with RawHost(environment=environment, lists=False) as host:
        host.call("say", text=words(20))
        diary.wait_for_sound()
        yield host


def test_a_host_that_leaves(speaking: RawHost, diary: Diary) -> None:
    """The server leaves promptly, with 0, once standard input is closed, and all that is spoken ends."""
    assert speaking.process.stdin
    closed = Stopwatch()
    speaking.process.stdin.close()
    assert speaking.process.wait(BOUND_S) == 0
    assert closed.calm < 1
    wait_until(lambda: bool(diary.sounds()), "silence")
    (sound,) = diary.sounds()
    assert sound.closed - closed < 0.5 + closed.stalled


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server(speaking: RawHost, diary: Diary, number: signal.Signals) -> None:
    """It dies by that signal, as any program does, and speech ends, though the host holds the pipe."""
    sent = Stopwatch()
    speaking.process.send_signal(number)
    assert speaking.process.wait(BOUND_S) == -number
    assert sent.calm < 1
    wait_until(lambda: bool(diary.sounds()), "silence")
    assert len(diary.sounds()) == 1


def test_an_interrupt_prints_nothing(runtime: Path) -> None:
    """A host in a terminal, whose Ctrl-C reaches its servers too, shows no traceback."""
    process = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b'{"jsonrpc": "2.0", "id": 0, "method": "ping"}\n')
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=BOUND_S)[1] == b""
    assert process.returncode == -signal.SIGINT


def test_without_the_sdk(runtime: Path) -> None:
    """Exit code 6, and the line that installs it."""
    (runtime / "mcp.py").write_text("raise ImportError('No module named mcp')\n")
    done = subprocess.run(PROGRAM, env=os.environ | {"PYTHONPATH": str(runtime)}, capture_output=True, text=True)
    assert done.returncode == 6
    assert done.stderr.startswith("hushd mcp: `hushd mcp` needs the MCP SDK")
    assert done.stderr.endswith(f"{extra_command('mcp')}.\n")
