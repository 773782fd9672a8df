"""The pipe by which commands announce their requests, of a real supervisor."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from hushd_supervisor.core.events import Expected
from hushd_supervisor.system.expected import ExpectedRequests
from support.peer import CONFIG, Supervisor, wait_until


def test_a_worker_starts_by_a_word_in_the_pipe(start_supervisor: Callable[..., Supervisor]) -> None:
    """It comes to rest without any request; the pipe is the user's alone, and goes with its supervisor."""
    supervisor = start_supervisor(f'stt = "echo/a"\n{CONFIG}')
    pipe = supervisor.folder / "expected"
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o600
    with supervisor.connect() as peer:
        pipe.write_bytes(b"nobody\nstt\n")
        wait_until(lambda: peer.status("stt/echo/a")["state"] == "ready", "a worker")
        assert peer.status("stt/echo/a")["requests"] == 0
    supervisor.stop()
    assert not pipe.exists()


def test_a_command_that_starts_a_supervisor_says_which_worker(start_supervisor: Callable[..., Supervisor]) -> None:
    """The worker starts before anybody connects, and no child inherits the word."""
    supervisor = start_supervisor(f'stt = "echo/a"\n{CONFIG}', environment={"HUSHD_EXPECTED": "stt"})
    with supervisor.connect() as peer:
        wait_until(lambda: peer.status("stt/echo/a")["state"] == "ready", "a worker")
        assert b"HUSHD_EXPECTED" not in Path(f"/proc/{peer.status('stt/echo/a')['pid']}/environ").read_bytes()


def test_lines_that_another_program_has_read_are_gone(tmp_path: Path) -> None:
    """Whoever looks into the pipe does not end the supervisor."""
    poller, source = zmq.Poller(), ExpectedRequests(tmp_path / "expected")
    source.register(poller)
    with open(tmp_path / "expected", "r+b", buffering=0) as pipe:
        pipe.write(b"tts\n")
        ready = dict(poller.poll(0))
        pipe.read(9)
    assert (bool(ready), list(source.events(ready, 0.0))) == (True, [])
    source.close()


@pytest.mark.parametrize("left", ["pipe", "file", "folder"])
def test_what_an_earlier_supervisor_has_left_is_replaced(tmp_path: Path, left: str) -> None:
    """Nothing that was written to it counts; a folder, which nobody makes, costs the pipe and nothing else."""
    path = tmp_path / "expected"
    {"pipe": lambda: os.mkfifo(path), "file": lambda: path.write_bytes(b"tts\n"), "folder": path.mkdir}[left]()
    poller, source = zmq.Poller(), ExpectedRequests(path)
    source.register(poller)
    assert poller.poll(0) == []
    source.close()
    assert path.exists() == (left == "folder")


def test_a_flood_costs_a_turn_few_events(tmp_path: Path) -> None:
    """Of 4 kB at a time eight lines count, each once, with eight languages."""
    poller, source = zmq.Poller(), ExpectedRequests(tmp_path / "expected")
    source.register(poller)
    with open(tmp_path / "expected", "wb") as pipe:
        pipe.write(b"tts\n" * 500 + b"\n\xff \x00\n" + b"stt" + b" fr" * 500 + b"\n")
        pipe.flush()
        events = list(source.events(dict(poller.poll(0)), 0.0))
        assert events == [Expected("tts"), Expected("\ufffd", ("\0",)), Expected("stt", ("fr",) * 8)]
    source.close()
