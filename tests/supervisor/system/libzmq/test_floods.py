"""A real supervisor beside clients that send without an end, or never read: it stays small, and they are ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from hushd_protocol.limits import MAX_CREDIT
from support.peer import Peer, Supervisor, wait_until

ENDLESS = Path(__file__).parents[4] / "lab/benches/supervision/zmtp.py"
LARGE = 150_000_000  # bytes of the supervisor, whatever its clients do
PART = (
    500_000_000  # bytes that may come before a starved loop looks; unbounded it takes gigabytes (scripts/bench floods)
)
QUIET = 30_000_000
SENDERS = 5
NEVER_READERS, STREAMS = 8, 3  # of 15 MB each

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux says what waits on a connection")


def size(supervisor: Supervisor, field: str = "VmRSS") -> int:
    """The supervisor's resident set now, or with VmHWM the largest so far."""
    lines = Path(f"/proc/{supervisor.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def at_rest(good: Peer) -> bool:
    """Returns whether the never-readers' worker has no request left."""
    rows = [row for row in good.control("status")["workers"] if row["name"] == "stt/echo/unread"]
    return bool(rows) and not any(row["running"] or row["queued"] for row in rows)


@linux
@pytest.mark.parametrize("frame", [65536, 0])
def test_messages_without_an_end_are_ended(start_supervisor: Callable[..., Supervisor], frame: int) -> None:
    """Each connection is ended after a part of one, large frames or empty ones, and what all took is given back.

    Nobody else comes or leaves meanwhile.
    """
    supervisor = start_supervisor()
    with supervisor.connect() as good:
        command = [sys.executable, str(ENDLESS), str(supervisor.socket), str(frame), "20"]
        senders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(SENDERS)]
        sent = [int(sender.communicate(timeout=60)[0]) for sender in senders]
        assert all(0 < one < PART for one in sent)
        assert good.ask("echo")["size"] == 0
        assert size(supervisor, "VmHWM") < PART
        wait_until(lambda: size(supervisor) < QUIET, "the memory's return")


@linux
def test_clients_that_never_read_are_ended_before_they_cost_too_much(
    start_supervisor: Callable[..., Supervisor],
) -> None:
    """Eight want 45 MB each and read none of it: the greediest go first, and another client is served."""
    supervisor = start_supervisor()
    with supervisor.connect() as good, zmq.Context() as context:
        rude = [supervisor.connect(context=context) for _ in range(NEVER_READERS)]
        for peer in rude:
            peer.socket.set(zmq.RCVHWM, 1)
            for _ in range(STREAMS):
                params = {"count": MAX_CREDIT, "bytes": 60_000}
                peer.request("stream", "stt/echo/unread", params=params, credit=MAX_CREDIT)
        wait_until(lambda: at_rest(good), "the end of their requests")
        assert good.ask("echo")["size"] == 0
        assert size(supervisor, "VmHWM") < LARGE
        for peer in rude:
            peer.close()
        wait_until(lambda: size(supervisor) < QUIET, "the memory's return")
