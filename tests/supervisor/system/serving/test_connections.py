"""Tests of the connections that have asked nothing yet, over pairs of sockets, at times that a test says."""

from __future__ import annotations

import math
import selectors
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hushd_protocol.system.handover import Handover
from hushd_schema.settings.access import Address
from hushd_supervisor.core.serving.door import Http, Wyoming
from hushd_supervisor.system.serving import connections
from hushd_supervisor.system.serving.connections import DESCRIBE_S, FIRST_S, Connections
from hushd_supervisor.system.serving.lingering_close import LingeringClose
from hushd_supervisor.system.serving.prepared import Reply

HEALTH, METRICS, VOICES = (
    f"GET {place} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for place in ("/health", "/metrics", "/v1/audio/voices")
)
SMALL, LARGE = b"head and body", bytes(range(251)) * 4000  # the second is more than a socket takes
MOST_TURNS = 5000  # some hundreds for a long answer
REPLIES: dict[str, Reply] = {"/health": Reply(SMALL, 4), "/metrics": Reply(LARGE)}


class Hall:
    """`Connections`, whose engines are never listed, and the programs at their other ends."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.lingering = LingeringClose(self.selector, 8)
        answers = SimpleNamespace(find=lambda what, address, now: REPLIES.get(what))
        self.connections = Connections(self.selector, cast("Any", answers), self._hand_over, self.lingering, lambda: 0)
        # Whoever has the most connections is asked of the kernel, which knows pairs of sockets by no address.
        self.connections._programs = cast("Any", SimpleNamespace(find=lambda ends: ["program"] * len(ends)))
        self.handed_over: list[Handover] = []
        self.ends: list[socket.socket] = []
        self.turns = 0

    def close(self) -> None:
        self.connections.close()
        self.lingering.close()
        self.selector.close()
        for end in self.ends:
            end.close()

    def _hand_over(self, connection: socket.socket, form: Handover, now: float) -> None:
        self.handed_over.append(form)
        connection.close()

    def come(self, peer: str = "", *, says: bytes = b"", now: float = 0.0, kind: Any = "http") -> socket.socket:
        """A program connects, having sent something already; returns its end."""
        ours, theirs = socket.socketpair()
        self.ends += [ours, theirs]  # or each would close with its object
        for end in (ours, theirs):
            end.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.send(says)
        rules = Http() if kind == "http" else Wyoming()
        listener = SimpleNamespace(allows=lambda _: True, rules=rules, address=Address(kind, "there"))
        self.connections.add(ours, peer, cast("Any", listener), now)
        return theirs

    def turn(self, now: float = 0.0) -> int:
        """Serves those that are ready; returns how many were."""
        self.turns += 1
        assert self.turns < MOST_TURNS, "turns that bring nothing on"
        ready = self.selector.select(0)
        for key, mask in ready:
            self.connections.serve(key.data, mask, now)
        return len(ready)

    def read(self, end: socket.socket, size: int) -> bytes:
        """So many bytes of what a program gets, as far as there are any."""
        found = b""
        while len(found) < size:
            try:
                found += end.recv(size - len(found))
            except BlockingIOError:
                if not self.turn():
                    break
        return found


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall()
    yield made
    made.close()


def is_open(end: socket.socket) -> bool:
    """Returns whether the door has a connection still, of which nothing is left to be read."""
    try:
        return bool(end.recv(1))
    except BlockingIOError:
        return True


def test_a_standstill_is_nobodys_time(hall: Hall) -> None:
    """Each connection gets what it has lost, also where the time of a later one comes first."""
    early = hall.come(now=0.0)
    hall.connections.excuse(100)
    late = hall.come(now=5.0)
    hall.connections.on_time(5 + FIRST_S, 64)
    assert (is_open(early), is_open(late)) == (True, False)


def test_a_connection_is_dropped_at_its_deadline_and_the_next_one_at_its_own(hall: Hall) -> None:
    """The loop wakes at just that time: it would spin until somebody acts on it."""
    first, second = hall.come(now=0.0), hall.come(now=1.0)
    assert hall.connections.deadline() == FIRST_S
    hall.connections.on_time(FIRST_S, 64)
    assert (is_open(first), is_open(second)) == (False, True)
    assert hall.connections.deadline() == 1 + FIRST_S
    hall.connections.on_time(1 + FIRST_S, 64)
    assert hall.connections.deadline() == math.inf


def test_two_answers_are_not_mixed(hall: Hall) -> None:
    """Requests behind a poll wait until the answer to that is away, in whatever pieces they came."""
    end = hall.come(says=HEALTH + HEALTH)
    end.send(METRICS + HEALTH)
    hall.turn()
    for _ in range(3):
        hall.connections.on_time(0.0, 64)
    expected = SMALL + SMALL + LARGE + SMALL
    found = hall.read(end, len(expected) - len(SMALL))
    hall.connections.on_time(0.0, 64)
    assert found + hall.read(end, len(SMALL)) == expected


def test_who_waits_for_the_engines_to_be_listed_is_not_read(hall: Hall) -> None:
    """Its bytes cost no turn meanwhile, and its time is that of the list."""
    end = hall.come(says=VOICES + HEALTH)
    end.send(HEALTH)
    assert hall.turn() == 0
    assert hall.connections.deadline() == FIRST_S
    hall.connections.on_time(FIRST_S, 64)
    assert is_open(end)
    assert hall.connections.deadline() == DESCRIBE_S


def test_of_a_full_address_a_resting_connection_makes_room(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word, as servers end those that rest; nobody is refused."""
    monkeypatch.setattr(connections, "MAX_PER_PEER", 2)
    resting, asking = hall.come("127.0.0.1", says=HEALTH), hall.come("127.0.0.1")
    assert hall.read(resting, len(SMALL)) == SMALL
    new = hall.come("127.0.0.1")
    assert [is_open(end) for end in (resting, asking, new)] == [False, True, True]
    assert hall.connections.refusals == 0


def test_of_a_full_address_one_of_its_own_makes_room(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not one of another address, however old."""
    monkeypatch.setattr(connections, "MAX_PER_PEER", 2)
    other = hall.come("::1")
    first, second, third = (hall.come("127.0.0.1") for _ in range(3))
    assert first.recv(100).startswith(b"HTTP/1.1 429 ")
    assert [is_open(end) for end in (other, second, third)] == [True] * 3
