"""Tests of which connection goes when clients cost too much: who sends without an end, who does not read."""

from __future__ import annotations

import os
import socket
from collections import Counter

from hushd_supervisor.system.libzmq.traffic import ENDLESS_LOOKS, FULL, WAITS, WORTH, Traffic


class Kernel:
    """The kernel's queues, as a test sets them; of those in `read`, libzmq reads a byte between two questions."""

    def __init__(self, *descriptors: int) -> None:
        self.unread: Counter[int] = Counter()
        self.read: set[int] = set()
        self.unsent: Counter[int] = Counter()
        self.traffic = Traffic(self._ask, self.unsent.__getitem__, lambda descriptor: 1)
        for descriptor in descriptors:
            self.traffic.opened(descriptor)

    def _ask(self, descriptor: int) -> int:
        size = self.unread[descriptor]
        self.unread[descriptor] -= size > 0 and descriptor in self.read
        return size

    def looks(self, number: int = ENDLESS_LOOKS) -> list[int]:
        """Looks so often, each time after all whole messages were read; returns the last look's find."""
        for _ in range(number):
            self.traffic.emptied()
            found = self.traffic.endless()
        return found


def test_bytes_without_a_message_are_a_message_without_an_end() -> None:
    """Only the connection whose bytes keep coming while no message is unread, and none of its own has arrived."""
    kernel = Kernel(1, 2, 3)
    kernel.unread.update({1: 90_000, 2: 90_000})
    kernel.read = {1, 2}
    for _ in range(ENDLESS_LOOKS):
        kernel.traffic.received(2, 100)
        found = kernel.looks(1)
    assert found == [1]


def test_bytes_that_nobody_reads_may_be_a_whole_message() -> None:
    """libzmq's thread may be late with an innocent client's request for as many looks as the flood of another lasts."""
    kernel = Kernel(1, 2)
    kernel.unread.update({1: WAITS, 2: WAITS + 1})
    assert kernel.looks(10) == [2]


def test_bytes_that_wait_behind_whole_messages_are_nobodys_fault() -> None:
    """While messages are left unread, libzmq may have stopped reading: then bytes that wait say nothing."""
    kernel = Kernel(1)
    kernel.unread[1], kernel.read = 90_000, {1}
    for _ in range(10):
        assert kernel.traffic.endless() == []


def test_before_all_messages_were_read_once_nothing_is_known() -> None:
    """The first look counts only where the socket was empty before it, as each later one."""
    kernel = Kernel(1)
    kernel.unread[1], kernel.read = 90_000, {1}
    assert kernel.traffic.endless() == []
    assert kernel.looks(ENDLESS_LOOKS - 1) == []
    assert kernel.looks(1) == [1]


def test_a_message_is_a_new_start_and_a_pause_is_none() -> None:
    """A message that is just arriving is not one without an end; one whose bytes come slowly is."""
    kernel = Kernel(1, 2)
    kernel.read = {1, 2}
    for _ in range(5):
        kernel.unread[1] = 90_000
        assert kernel.looks(ENDLESS_LOOKS - 1) == []
        kernel.traffic.received(1, 90_000)
        assert kernel.looks(1) == []
    kernel.unread[1] = 0
    for _ in range(ENDLESS_LOOKS):
        assert kernel.looks(3) == []
        kernel.unread[2] = 1
        found = kernel.looks(1)
    assert found == [2]


def test_the_greediest_is_who_does_not_read_then_who_sends_the_most() -> None:
    """Bytes that were read since count no more, and neither do those of the time before the last look."""
    kernel = Kernel(1, 2, 3, 4)
    for descriptor, size in ((1, 2 * WORTH), (2, 3 * WORTH), (3, 9 * WORTH)):
        kernel.traffic.sent(descriptor, size)
        kernel.unsent[descriptor] = FULL
    kernel.unsent[3] = FULL - 1  # the kernel has room: libzmq holds nothing
    kernel.traffic.received(4, 9 * WORTH)
    kernel.looks(1)
    assert kernel.traffic.greediest() == [2]
    kernel.traffic.closed(2)
    assert kernel.traffic.greediest() == [1]
    kernel.traffic.closed(1)
    assert kernel.traffic.greediest() == [4]
    kernel.looks(1)
    assert kernel.traffic.greediest() == []


def test_an_end_reaches_the_peer() -> None:
    """The peer reads the end of the stream, and an end of what has gone already is none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        traffic = Traffic()
        traffic.opened(ours.fileno())
        traffic.end(ours.fileno())
        assert theirs.recv(1) == b""
        traffic.end(ours.fileno())


def test_a_descriptor_that_is_another_files_by_now_is_left_alone() -> None:
    """Descriptors are reused at once: the connection that was accepted is known by its inode."""
    traffic = Traffic()
    ours, theirs = socket.socketpair()
    other, others = socket.socketpair()
    with ours, theirs, other, others:
        traffic.opened(ours.fileno())
        os.dup2(other.fileno(), ours.fileno())
        traffic.end(ours.fileno())
        other.sendall(b".")
        assert others.recv(1) == b"."
