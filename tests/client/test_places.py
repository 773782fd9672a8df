"""Very many requests at once on one worker: each waits for its turn, and none is refused before the queue's bounds."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hushd import AsyncClient, Client
from hushd_protocol.messages import Cancel
from support.peer import BOUND_S, ECHO, Start, command, wait_until

ONE = f'[worker."tts/echo"]\nmax_replicas = 1\n{command(ECHO)}'
ENGINE = "tts/echo/a"


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Lets this process open as many files as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def speak(number: int, together: threading.Barrier | None = None) -> bytes:
    """The sound of a number, by a client of its own; `together` with others."""
    with Client() as client:
        if together:
            client.status()
            together.wait()
        return b"".join(client.synthesize(f"{number}", engine="echo", model="a"))


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.night)])
def test_threads_with_a_client_each_are_all_served(start_supervisor: Start, descriptors: None, count: int) -> None:
    """A hundred, or a thousand, want the one worker at the same moment: each has its turn, none is refused."""
    start_supervisor(ONE)
    together = threading.Barrier(count)
    with ThreadPoolExecutor(count) as threads:
        assert all(threads.map(lambda number: speak(number, together), range(count)))


def test_a_thousand_tasks_with_one_client_are_all_served(start_supervisor: Start) -> None:
    """All on one connection; beside them another program's request waits for one of theirs, not for all."""
    start_supervisor(ONE)

    async def speak() -> list[bytes]:
        async with AsyncClient() as client:

            async def one(number: int) -> bytes:
                speech = await client.synthesize(f"{number}", engine="echo", model="a")
                return b"".join([piece async for piece in speech])

            return await asyncio.gather(*map(one, range(1000)))

    heard = asyncio.run(speak())
    assert len(heard) == 1000
    assert all(heard)


@pytest.mark.parametrize("end", ["kill", "restart", "worker"])
def test_no_end_loses_one_that_waits(end: str, start_supervisor: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor or the worker is killed, or restarted, while threads wait for their turn: all are served."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    supervisor = start_supervisor(ONE)

    with supervisor.connect() as peer, Client() as client, ThreadPoolExecutor(9) as threads:
        worker = peer.ask("echo", ENGINE)["pid"]
        held = peer.request("wait", ENGINE)
        wait_until(lambda: peer.status(ENGINE)["running"] == 1)
        heard = [threads.submit(speak, number) for number in range(8)]
        wait_until(lambda: peer.status(ENGINE)["queued"] == 8)
        if end == "worker":
            os.kill(worker, signal.SIGKILL)
        elif end == "kill":
            os.kill(supervisor.pid, signal.SIGKILL)
        else:
            peer.control("restart")
        if end != "kill":
            peer.send(Cancel(id=held))
        assert [each.result(BOUND_S) for each in heard] == [b"%d%d" % (number, number) for number in range(8)]
        assert client.shutdown()
