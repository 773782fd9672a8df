"""`hushd serve --wyoming stdio://` and unix sockets: the real commands, the official clients."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import warm
from support.peer import BOUND_S, Peer, wait_until
from support.wyoming_gateway import until
from wyoming.client import AsyncUnixClient
from wyoming.event import read_event, write_event
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

SERVE = [sys.executable, "-m", "hushd", "serve", "--wyoming"]


@pytest.fixture(autouse=True)
def _home(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")


def shut_down(runtime: Path) -> None:
    """Ends the supervisor that a test has caused, if there is one."""
    warm.run([sys.executable, "-m", "hushd", "shutdown"], timeout=2 * BOUND_S, check=False, capture_output=True)
    wait_until(lambda: not (runtime / "client.sock").exists(), "the supervisor's exit")


def test_pipes_carry_events_and_nothing_else(runtime: Path) -> None:
    """Info, and a text that is spoken to its end although the input has ended; nothing else is on standard output."""
    with warm.Popen([*SERVE, "stdio://"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        write_event(Describe().event(), process.stdin)
        event = read_event(process.stdout)
        assert event
        info = Info.from_event(event)
        assert (len(info.asr), len(info.tts)) == (1, 1)
        for each in (SynthesizeStart(), SynthesizeChunk(text="Hello there."), SynthesizeStop()):
            write_event(each.event(), process.stdin)
        process.stdin.close()
        kinds = []
        while event := read_event(process.stdout):
            kinds.append(event.type)
        assert kinds[0] == "audio-start"
        assert kinds[-2:] == ["audio-stop", SynthesizeStopped().event().type]
        assert process.stdout.read() == b""
        assert process.wait(BOUND_S) == 0
    shut_down(runtime)


def test_what_stdio_cannot_do_is_one_sentence(tmp_path: Path) -> None:
    """It stands alone, and needs pipes."""
    alone = warm.run([*SERVE, "stdio://", "--http", "127.0.0.1:0"], capture_output=True, text=True, check=False)
    assert (alone.returncode, alone.stderr.count("\n")) == (2, 1)
    assert "stdio:// stands alone" in alone.stderr
    with open(tmp_path / "events", "w+") as file:
        for command, stdin in (
            ([*SERVE, "stdio://"], file),
            ([*SERVE, "stdio://"], subprocess.DEVNULL),
            (["sh", "-c", 'exec "$@" <&-', "sh", *SERVE, "stdio://"], None),
        ):
            files = warm.run(command, stdin=stdin, capture_output=True, text=True, timeout=BOUND_S)
            assert (files.returncode, files.stderr.count("\n"), files.stdout) == (2, 1, ""), files.stderr
            assert "must be pipes" in files.stderr


def test_a_unix_socket_is_served(runtime: Path) -> None:
    """The package's client of unix sockets describes and then works, on one connection."""
    path = runtime / "wyoming.sock"

    async def run() -> None:
        async with AsyncUnixClient(path) as client:
            await client.write_event(Describe().event())
            await until(client, "info")
            await client.write_event(Synthesize(text="Hello there.").event())
            await until(client, "audio-stop")

    with warm.Popen([*SERVE, f"unix://{path}"]) as process:
        wait_until(lambda: (runtime / "client.sock").exists(), "a supervisor")
        asyncio.run(run())
        with Peer(runtime / "client.sock") as peer:
            status = peer.control("status")
            assert json.dumps(status["door"]["listeners"][0]["address"]) == f'"unix://{path}"'
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND_S) == 0
    assert not path.exists()
