"""Connections on their way from the door to the gateway."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import suppress

import pytest
from hushd_protocol.system import handover
from hushd_protocol.system.handover import Handover

FORM = Handover("http", "127.0.0.1:8000", "127.0.0.1", b"GET / HTTP/1.1\r\n")


def test_a_connection_for_which_no_descriptor_is_left_is_not_lost() -> None:
    """A process out of open files is told so, and on Linux gets the connection once it has one again."""
    if sys.platform != "linux":
        pytest.skip("elsewhere a message cannot be looked at with what it carries")
    ours, theirs = handover.channel()
    here, there = socket.socketpair()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ours, theirs, there:
        with here:
            handover.send(ours, here, FORM)
        highest = max(map(int, os.listdir("/proc/self/fd")))
        spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(highest, *spare) + 1, before[1]))
        fill: list[int] = []
        with suppress(OSError):
            while True:
                fill.append(os.open("/dev/null", os.O_RDONLY))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                handover.receive(theirs)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for descriptor in (*spare, *fill):
                os.close(descriptor)
        received = handover.receive(theirs)
        assert received is not None
        with received[0] as connection:
            assert received[1] == FORM
            connection.send(b"hello")
            assert there.recv(5) == b"hello"
        with pytest.raises(BlockingIOError):
            handover.receive(theirs)
        assert there.recv(1) == b""


def test_a_connection_that_is_dropped_closes() -> None:
    """Its program sees the end, and the next one is the next message."""
    ours, theirs = handover.channel()
    here, there = socket.socketpair()
    with ours, theirs, there:
        with here:
            handover.send(ours, here, FORM)
        handover.drop(theirs)
        assert there.recv(1) == b""
        with pytest.raises(BlockingIOError):
            handover.drop(theirs)
