"""`hushd mcp` when a supervisor, a host or the SDK is gone, and when a signal ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import pytest
from hushd_cli.entry import EXIT_BROKEN_PIPE
from hushd_models.installation import extra_command
from support import warm
from support.diary import ECHO, Diary, words
from support.mcp_host import PROGRAM, Host, text
from support.peer import BOUND_S, Supervisor, wait_until
from support.stopwatch import Stopwatch

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


def test_a_supervisor_killed_in_the_middle(
    host: Host, diary: Diary, echo: Supervisor, start_supervisor: Callable[..., Supervisor]
) -> None:
    """Speech already made is played to its end, the rest fails in a sentence; the server finds the next supervisor."""
    speaking = host.begin("say", text=words(1.5))
    diary.wait_for_sound()
    with echo.connect() as peer:
        wait_until(lambda: not peer.status("tts/echo/a")["running"], "all of it, which takes less time than it plays")
    echo.process.kill()
    echo.process.wait()
    assert text(speaking.result(BOUND_S)) == "Spoken, 1.0 seconds."
    assert "supervisor" in host.error("listen")
    assert start_supervisor(ECHO).ready
    assert host.data("say", text=words(0.1))["state"] == "completed"


def test_a_listener_whose_supervisor_is_killed(host: Host, diary: Diary, echo: Supervisor) -> None:
    """The call ends with an error, the microphone is closed."""
    listening = host.begin("listen")
    wait_until(lambda: diary.lines("open"), "the microphone")
    echo.process.kill()
    echo.process.wait()
    result = listening.result(BOUND_S)
    assert result.is_error
    assert "supervisor" in text(result)
    wait_until(lambda: diary.lines("close"), "the end of it")
    assert host.data("status")["calls"] == []


def speaking_server(diary: Diary, seconds: float = 20, *, stderr: BinaryIO | None = None) -> subprocess.Popen[bytes]:
    """A server in the middle of a word, as a process whose pipes are ours."""
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    process = warm.Popen(PROGRAM, env=os.environ | diary.environment, **pipes, stderr=stderr)
    information = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    arguments = {"name": "hushd_say", "arguments": {"text": words(seconds)}}
    assert process.stdin
    for message in (
        {"id": 1, "method": "initialize", "params": information},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": arguments},
    ):
        process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n")
    process.stdin.flush()
    diary.wait_for_sound()
    return process


@pytest.mark.usefixtures("echo")
def test_a_host_that_leaves(diary: Diary) -> None:
    """All that is spoken ends once standard input is closed, and the server leaves promptly, with 0."""
    process = speaking_server(diary)
    assert process.stdin
    closed = Stopwatch()
    process.stdin.close()
    assert process.wait(BOUND_S) == 0
    assert closed.calm < 1
    (sound,) = diary.sounds()
    assert sound.closed - closed < 0.5
    assert process.stdout
    process.stdout.close()


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("spoken", [False, True], ids=["while-it-speaks", "before-it-answers"])
def test_a_host_that_is_killed(diary: Diary, tmp_path: Path, spoken: bool) -> None:
    """The server says nothing of an answer that nobody reads, which once was a bug in a group of errors."""
    with (tmp_path / "said").open("w+b") as said:
        process = speaking_server(diary, 0.5 if spoken else 20, stderr=said)
        assert process.stdin
        assert process.stdout
        process.stdout.close()
        if spoken:
            wait_until(lambda: diary.sounds(), "the end of the speech")
        process.stdin.close()
        assert process.wait(BOUND_S) in (0, EXIT_BROKEN_PIPE)
        said.seek(0)
        assert said.read() == b""


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server(diary: Diary, number: signal.Signals) -> None:
    """Silence, and the status of that signal, though the host still holds the pipe."""
    process = speaking_server(diary)
    sent = Stopwatch()
    process.send_signal(number)
    assert process.wait(BOUND_S) == 128 + number
    assert sent.calm < 1
    assert len(diary.sounds()) == 1
    for pipe in (process.stdin, process.stdout):
        assert pipe
        pipe.close()


@pytest.mark.usefixtures("echo")
def test_nothing_of_a_model_is_in_the_server(diary: Diary) -> None:
    """After it has spoken and listened, neither numpy nor an inference library is mapped, nor the web server's."""
    process = speaking_server(diary, 0.2)
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    for name in ("numpy", "onnxruntime", "moonshine", "torch", "soundfile", "httptools", "uvloop"):
        assert name not in maps
    for pipe in (process.stdin, process.stdout):
        assert pipe
        pipe.close()
    process.wait(BOUND_S)


def test_without_the_sdk(runtime: Path) -> None:
    """Exit code 6, and the line that installs it."""
    (runtime / "mcp.py").write_text("raise ImportError('No module named mcp')\n")
    done = subprocess.run(PROGRAM, env=os.environ | {"PYTHONPATH": str(runtime)}, capture_output=True, text=True)
    assert done.returncode == 6
    assert done.stderr.startswith("hushd mcp: `hushd mcp` needs the MCP SDK")
    assert done.stderr.endswith(f"{extra_command('mcp')}.\n")


def test_a_line_that_is_no_message_is_answered(diary: Diary, echo: Supervisor) -> None:
    """Half a character, and no JSON at all: the host gets an error, with the id where the line has one, and goes on."""
    process = warm.Popen(PROGRAM, env=os.environ | diary.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    information = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    half = {"name": "hushd_say", "arguments": {"text": "a\ud800b"}}
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": information}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": half}),
        "{nonsense",
        json.dumps({"jsonrpc": "2.0", "id": "\udc00", "method": "tools/list"}),
        json.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/list"}),
    ]
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    process.stdin.flush()
    answers = [json.loads(process.stdout.readline()) for _ in range(5)]
    process.stdin.close()
    assert process.wait(BOUND_S) == 0
    process.stdout.close()
    errors = [answer for answer in answers if "error" in answer]
    assert [answer["id"] for answer in errors] == ["two", None, None]
    assert all("lone surrogates" in answer["error"]["message"] for answer in errors)
    assert {answer["id"] for answer in answers if "result" in answer} == {1, 5}


@pytest.mark.parametrize("name", ["fifo", "/dev/tty"])
def test_what_is_no_file_is_refused_at_once(host: Host, tmp_path: Path, name: str) -> None:
    """A pipe to which nobody writes would be waited for: eight calls, and the server goes on."""
    path = tmp_path / name
    if name == "fifo":
        os.mkfifo(path)
    for _ in range(8):
        assert "is no file" in host.error("transcribe", path=str(path))
    assert host.data("status")["calls"] == []
