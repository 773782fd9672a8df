"""The fake worker keeps its promises: each flag misbehaves as its docstring says, and without one it behaves."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import unpack
from hushd_protocol.limits import CREDIT_WINDOW, MAX_PAYLOAD
from hushd_protocol.messages import (
    Beat,
    Bye,
    Cancel,
    Chunk,
    Credit,
    Drain,
    Error,
    Job,
    LoadFailed,
    Loading,
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


def test_without_a_flag_it_is_a_good_worker(fake: Callable[..., Any], folder: Path) -> None:
    """Hello, ready, echo of inline, path and stream input, chunks under credit, sleep and cancel, drain, exit 0."""
    worker = fake()
    assert worker.ready().capabilities == {"engine": "fake", "model": "two"}
    worker.send(Job(id=ID, op="echo", params={"a": 1}, payload=b"12345"))
    assert worker.receive(Result).data == {"echo": {"a": 1}, "size": 5}
    (folder / "file").write_bytes(bytes(77))
    worker.send(Job(id=ID, op="echo", input="path", path=str(folder / "file")))
    assert worker.receive(Result).data["size"] == 77
    worker.send(Job(id=ID, op="echo", input="stream"))
    assert worker.receive(Credit).chunks == CREDIT_WINDOW
    worker.send(Chunk(id=ID, seq=0, payload=b"abc"))
    assert worker.receive(Credit).chunks == 1
    worker.send(Chunk(id=ID, seq=1, last=True, payload=b"de"))
    assert worker.receive(Result).data["size"] == 5
    worker.send(Job(id=ID, op="chunks", params={"count": 3, "bytes": 10}, credit=2))
    assert [worker.receive(Chunk).seq for _ in range(2)] == [0, 1]
    assert worker.silent(0.1)
    worker.send(Credit(id=ID, chunks=1))
    assert len(worker.receive(Chunk).payload) == 10
    worker.receive(Result)
    worker.send(Job(id=ID, op="sleep", params={"s": 0.05}))
    worker.receive(Result)
    worker.send(Job(id=ID, op="sleep", params={"s": 60}))
    worker.send(Cancel(id=ID))
    assert worker.receive(Error).code == "cancelled"
    assert leave(worker) == 0
    assert worker.log.read_bytes() == worker.out.read_bytes() == b""


def test_flags_from_the_environment(fake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """FAKE_WORKER holds flags as a shell would split them."""
    monkeypatch.setenv("FAKE_WORKER", "--slots 3 --poison 'two words'")
    worker = fake()
    assert worker.ready().slots == 3
    worker.send(Job(id=ID, op="echo", payload=b"not two words"))
    assert worker.wait() == 13


@pytest.mark.parametrize("role", ["stt", "tts"])
def test_describe(role: str) -> None:
    """--describe prints one JSON object with the engine `fake`, in the shape of a real worker's."""
    answer = subprocess.run([sys.executable, PROGRAM, "--role", role, "--describe"], capture_output=True, check=True)
    catalogue = json.loads(answer.stdout)
    assert catalogue["role"] == role
    (engine,) = catalogue["engines"]
    assert (engine["name"], engine["default_model"], ("voices" in engine)) == ("fake", "one", role == "tts")


def test_before_ready(fake: Callable[..., Any]) -> None:
    """--crash-on-start, --no-hello, --no-ready, --wrong-token, --slow-load, --load-failed."""
    crashes, silent, unready, liar = (
        fake(flag) for flag in ("--crash-on-start", "--no-hello", "--no-ready", "--wrong-token")
    )
    assert crashes.wait() == 1
    assert b"as it was told" in crashes.log.read_bytes()
    assert liar.receive(WorkerHello).token not in ("", liar.token)
    liar.receive(Ready)
    unready.receive(WorkerHello)
    slow = fake("--slow-load", "0.2")
    slow.receive(WorkerHello)
    assert [type(message) for message in slow.until(Ready)[1]] == [Loading] * 8
    failed = fake("--load-failed", "engine_missing")
    failed.receive(WorkerHello)
    assert failed.receive(LoadFailed).code == "engine_missing"
    failed.receive(Bye)
    assert failed.wait() == 78
    assert unready.silent(0.01)
    assert silent.silent(0.01)
    assert (silent.process.poll(), unready.process.poll()) == (None, None)


def test_crashes_at_jobs(ready: Callable[..., Any], folder: Path) -> None:
    """--crash-on-job N at the Nth, --poison at its text, --crash-once only while its file is not there."""
    worker = ready("--crash-on-job", "2")
    worker.send(Job(id=ID, op="echo"))
    worker.receive(Result)
    worker.send(Job(id=ID, op="echo"))
    assert worker.wait() == 13
    worker = ready("--crash-on-job")
    worker.send(Job(id=ID, op="echo"))
    assert worker.wait() == 13
    worker = ready("--poison", "arsenic")
    worker.send(Job(id=ID, op="echo", payload=b"old lace"))
    worker.receive(Result)
    worker.send(Job(id=ID, op="echo", payload=b"and arsenic"))
    assert worker.wait() == 13
    for crashes in (True, False):
        worker = ready("--crash-once", str(folder / "once"))
        worker.send(Job(id=ID, op="echo"))
        if crashes:
            assert worker.wait() == 13
        else:
            worker.receive(Result)


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


def test_late_result(ready: Callable[..., Any]) -> None:
    """The result is there although its sender was killed by SIGKILL straight after it."""
    worker = ready("--late-result")
    worker.send(Job(id=ID, op="echo"))
    assert worker.wait() == -signal.SIGKILL
    worker.receive(Result)


def test_hang(ready: Callable[..., Any]) -> None:
    """It takes the job, beats, uses next to no CPU time, and hears neither cancel nor end."""
    worker = ready("--hang", "--beat", "0.03")
    worker.send(Job(id=ID, op="echo"))
    worker.send(Cancel(id=ID))
    beats = [worker.receive(Beat) for _ in range(5)]
    assert beats[-1].cpu_s - beats[0].cpu_s < 0.05


def test_ignore_cancel_and_no_beat(ready: Callable[..., Any]) -> None:
    """Deaf to cancel, the job ends in its own time; with --no-beat nothing comes before its result."""
    worker = ready("--ignore-cancel", "--no-beat", "--beat", "0.03")
    worker.send(Job(id=ID, op="sleep", params={"s": 0.2}))
    worker.send(Cancel(id=ID))
    worker.receive(Result)


def test_chunks_whatever_the_credit(ready: Callable[..., Any]) -> None:
    """N chunks of 64 KiB without any credit, then the result."""
    worker = ready("--chunks", "20")
    worker.send(Job(id=ID, op="echo"))
    assert {len(worker.receive(Chunk).payload) for _ in range(20)} == {MAX_PAYLOAD}
    worker.receive(Result)


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


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds")
def test_grandchildren(ready: Callable[..., Any], all_die_within: Callable[[Sequence[int], float], bool]) -> None:
    """--grandchild dies with the group, --setsid-grandchild outlives it; both hold the worker's log open."""
    worker = ready("--grandchild", "--setsid-grandchild")
    worker.send(Job(id=ID, op="pids"))
    data = worker.receive(Result).data
    near, far = data["children"]
    assert data["pid"] == worker.process.pid
    assert (os.getpgid(near), os.getpgid(far)) == (worker.process.pid, far)
    watched = [os.pidfd_open(near)]
    os.killpg(worker.process.pid, signal.SIGKILL)
    try:
        assert all_die_within(watched, 1.0)
        os.kill(far, 0)
    finally:
        os.kill(far, signal.SIGKILL)


def test_ends(ready: Callable[..., Any]) -> None:
    """--segv-at-exit dies by SIGSEGV after the last bye; --ignore-drain stays and works."""
    assert leave(ready("--segv-at-exit")) == -signal.SIGSEGV
    worker = ready("--ignore-drain")
    worker.send(Drain())
    worker.send(Job(id=ID, op="echo"))
    worker.receive(Result)
