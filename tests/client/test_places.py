"""More requests than a queue has places for: a client waits for its own, unless it was told not to."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hushd import AsyncClient, Client
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Accepted, Cancel, Error, Request, Result
from support.peer import BOUND_S, ECHO, Peer, Supervisor, command, wait_until

NARROW = f'queue = 8\n[worker."tts/echo"]\nqueue = 4\nmax_replicas = 1\n{command(ECHO)}'
ENGINE = "tts/echo/a"


@pytest.fixture
def narrow(start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    """A supervisor whose queues take a few requests."""
    return start_supervisor(NARROW)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Lets this process open as many files as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def speak_at_once(count: int) -> list[str]:
    """Has each of many threads make a client and speak; returns what they heard."""
    together = threading.Barrier(count)

    def speak(number: int) -> str:
        with Client() as client:
            client.status()
            together.wait()
            return b"".join(client.synthesize(f"{number}", engine="echo", model="a")).decode()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(speak, range(count)))


def test_a_hundred_threads_are_all_served(narrow: Supervisor, descriptors: None) -> None:
    """A hundred threads with a client each find four places: each waits for its own, and none is refused."""
    heard = speak_at_once(100)
    assert len(heard) == 100
    assert all(heard)


@pytest.mark.night
def test_a_thousand_threads_are_all_served(narrow: Supervisor, descriptors: None) -> None:
    """So do a thousand."""
    assert all(speak_at_once(1000))


def test_a_hundred_tasks_are_all_served(narrow: Supervisor) -> None:
    """A hundred tasks with one client between them find a few places, and none is refused."""

    async def speak() -> list[bytes]:
        async with AsyncClient() as client:

            async def one(number: int) -> bytes:
                speech = await client.synthesize(f"{number}", engine="echo", model="a")
                return b"".join([piece async for piece in speech])

            return await asyncio.gather(*map(one, range(100)))

    assert all(asyncio.run(speak()))


def test_who_does_not_wait_is_refused(narrow: Supervisor) -> None:
    """With `wait=False` a request that finds no place is `overloaded`, at once and with a time to come again."""
    with narrow.connect() as other, Client(wait=False) as client:
        other.ask("echo", ENGINE)
        for _ in range(5):
            other.request("wait", ENGINE)
        wait_until(lambda: other.status(ENGINE)["queued"] == 4)
        with pytest.raises(HushdError) as raised:
            list(client.synthesize("Now.", engine="echo", model="a"))
    assert raised.value.code == "overloaded"
    assert raised.value.retry_after_ms


def test_a_peer_that_says_wait_is_told_when_to_send(narrow: Supervisor) -> None:
    """A request without a place waits; once there is one its client is told `send`, sends it again, and is answered."""
    with narrow.connect() as peer:
        peer.ask("echo", ENGINE)
        before = [peer.request("wait", ENGINE) for _ in range(5)]
        late = peer.request("echo", ENGINE, wait=True, params={"n": 1})
        assert _told(peer, late) == "waiting"
        for name in before:
            peer.send(Cancel(id=name))
        assert _told(peer, late) == "send"
        peer.send(Request(id=late, worker=ENGINE, op="echo", wait=True, params={"n": 1}))
        while not isinstance(message := peer.receive(), Result):
            assert message.id in before or not isinstance(message, Error)
        assert message.id == late


@pytest.mark.parametrize("end", ["kill", "restart", "worker"])
def test_no_end_loses_one_that_waits(end: str, narrow: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor or the worker is killed, or restarted, while threads wait for a place: all are served."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")

    def speak(number: int) -> bytes:
        with Client() as client:
            return b"".join(client.synthesize(f"{number}", engine="echo", model="a"))

    with narrow.connect() as peer, Client() as client, ThreadPoolExecutor(9) as threads:
        worker = peer.ask("echo", ENGINE)["pid"]
        held = [peer.request("wait", ENGINE) for _ in range(5)]
        wait_until(lambda: peer.status(ENGINE)["queued"] == 4)
        heard = [threads.submit(speak, number) for number in range(8)]
        wait_until(lambda: _position(peer) == 8)
        if end == "worker":
            os.kill(worker, signal.SIGKILL)
        elif end == "kill":
            os.kill(narrow.pid, signal.SIGKILL)
        else:
            peer.control("restart")
        if end != "kill":
            for name in held:
                peer.send(Cancel(id=name))
        assert [each.result(BOUND_S) for each in heard] == [b"%d%d" % (number, number) for number in range(8)]
        assert client.shutdown()


def _position(peer: Peer) -> int:
    """The number of requests that wait for a place, found by one more."""
    name = peer.request("echo", ENGINE, wait=True)
    while (accepted := peer.expect(Accepted)).id != name:  # those that wait longer are told again now and then
        pass
    peer.send(Cancel(id=name))
    assert peer.expect(Error).id == name
    return accepted.position


def _told(peer: Peer, name: bytes) -> str:
    """The next state of a request that its client is told."""
    while True:
        message = peer.receive()
        if isinstance(message, Accepted) and message.id == name:
            return message.state
