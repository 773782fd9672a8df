"""The fake worker misbehaves as told where no other test would notice that it does not: in storms."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import unpack
from hushd_protocol.messages import (
    Beat,
    Bye,
    Cancel,
    Drain,
    Job,
    Ready,
    Result,
    WorkerHello,
)

PROGRAM = str(Path(__file__).parent / "fake_worker.py")
ID, OTHER = bytes(16), bytes([1] * 16)


@pytest.fixture
def fake(start: Callable[..., Any]) -> Callable[..., Any]:
    """Starts the fake worker as a supervisor would, with these flags before its own."""

    def run(*flags: str) -> Any:
        return start([sys.executable, PROGRAM, *flags, "--engine", "fake", "--model", "two"])

    return run


@pytest.fixture
def ready(fake: Callable[..., Any]) -> Callable[..., Any]:
    """The same, welcomed and loaded."""

    def run(*flags: str) -> Any:
        worker = fake(*flags)
        worker.ready()
        return worker

    return run


def leave(worker: Any) -> int:
    worker.send(Drain())
    worker.until(Bye)
    worker.send(Bye())
    return int(worker.wait())


@pytest.mark.parametrize("when", ["ready", "job", "result"])
def test_exit_zero_unasked(fake: Callable[..., Any], when: str) -> None:
    """It leaves with status 0 at the moment named, its answer delivered where there is one."""
    worker = fake("--exit-zero-unasked", when)
    if when == "ready":  # gone before it could be welcomed
        worker.until(Ready)
    else:
        worker.ready()
        worker.send(Job(id=ID, op="echo"))
    assert worker.wait() == 0
    if when == "result":
        worker.receive(Result)
    assert worker.silent(0.05)


def test_hang(ready: Callable[..., Any]) -> None:
    """It takes the job, beats, uses next to no CPU time, and hears neither cancel nor end."""
    worker = ready("--hang", "--beat", "0.03")
    worker.send(Job(id=ID, op="echo"))
    worker.send(Cancel(id=ID))
    beats = [worker.receive(Beat) for _ in range(5)]
    assert beats[-1].cpu_s - beats[0].cpu_s < 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="pss is known on Linux only")
def test_leak(ready: Callable[..., Any]) -> None:
    """Each job keeps MB more, and the beat after it says so."""
    worker = ready("--leak", "20")
    sizes = []
    for _ in range(3):
        worker.send(Job(id=ID, op="echo"))
        worker.receive(Result)
        sizes.append(worker.receive(Beat).pss)
    assert all(19e6 < later - earlier < 22e6 for earlier, later in itertools.pairwise(sizes))


def test_garbage(fake: Callable[..., Any]) -> None:
    """After its hello and before its answer come frames that are not messages, but for a result nobody asked for."""
    worker = fake("--garbage")
    worker.receive(WorkerHello)
    read, refused = listen(worker, Ready)
    assert (read, refused) == ([Result, Ready], 6)
    worker.send(Job(id=OTHER, op="echo"))
    read, refused = listen(worker, Result, OTHER)
    assert (read, refused) == ([Result, Result], 6)


def listen(worker: Any, kind: type, request: bytes | None = None) -> tuple[list[type], int]:
    """The kinds of message up to this one, and how many others could not be read."""
    read: list[type] = []
    refused = 0
    while True:
        try:
            message = unpack(worker.frames(), worker.decoder)
        except HushdError:
            refused += 1
            continue
        read.append(type(message))
        if isinstance(message, kind) and request in (None, getattr(message, "id", None)):
            return read, refused


def test_ends(ready: Callable[..., Any]) -> None:
    """--segv-at-exit dies by SIGSEGV after the last bye; --ignore-drain stays and works."""
    assert leave(ready("--segv-at-exit")) == -signal.SIGSEGV
    worker = ready("--ignore-drain")
    worker.send(Drain())
    worker.send(Job(id=ID, op="echo"))
    worker.receive(Result)
