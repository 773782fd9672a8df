"""Engines that die at each point of their life, as processes: others go on, the status says why, and it heals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hushd_protocol.messages import Error, Result
from hushd_supervisor.core.worker.crashes import COOLDOWN_S
from support.peer import BOUND_S, CONFIG, FAKE, Peer, Supervisor, command, wait_until
from support.seeds import SHARE

POINTS = ("import", "load", "ready", "job", "stream", "drain")
TIMES = 3 if SHARE > 1 else 1  # that each dies: a thousand in core/worker/test_deaths.py
HEALED_S = COOLDOWN_S + BOUND_S  # beside load it dies more often until its cause is taken away, and is closed then
REASON = "exit status 13; its log ends: fake worker: crashed as it was told"


@pytest.fixture
def cause(runtime: Path) -> Path:
    """A file; engines die while it exists."""
    return runtime / "cause"


@pytest.fixture
def supervisor(cause: Path, start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    flags = {point: command(FAKE, "--die", point, "--cause", str(cause)) for point in POINTS}
    return start_supervisor(CONFIG + "".join(f'[worker."stt/{point}"]\n{text}' for point, text in flags.items()))


@pytest.mark.parametrize("point", POINTS)
def test_an_engine_that_dies_comes_back_when_the_cause_is_gone(point: str, cause: Path, supervisor: Supervisor) -> None:
    """Its requests end, in a result if they can; others are served meanwhile, and the status names the reason."""
    worker = f"stt/{point}/one"
    with supervisor.connect() as peer, supervisor.connect() as other:
        for _ in range(TIMES):
            cause.touch()
            starts = _starts(peer, worker)
            request = peer.request("chunks", worker, params={"count": 2}, credit=8)
            if point == "drain":
                assert _end(peer, request) == "result"
                peer.control("unload", worker)
                assert not peer.status(worker).get("failure")
            else:
                status = wait_until(lambda: _died(other, worker), "a death")
                assert status["failure"] == REASON
                assert status["crashes"] > 0
            assert other.ask("echo", payload=b"meanwhile")["text"] == "meanwhile"
            cause.unlink()
            if point == "stream":  # output was sent
                assert _end(peer, request) == "worker_crashed"
            elif point != "drain":
                assert _end(peer, request) in ("result", "poison_request", "worker_failed")
            wait_until(lambda: _served(peer, worker), "a whole process", HEALED_S)
            status = peer.status(worker)
            assert (status["state"], status.get("failure")) == ("ready", None)
            assert _starts(peer, worker) > starts
            peer.control("unload", worker)


def _end(peer: Peer, request: bytes) -> str:
    """The end of a request: `result` or a code; chunks come before it."""
    while True:
        message = peer.receive()
        if isinstance(message, Result | Error):
            assert message.id == request
            return message.code if isinstance(message, Error) else "result"


def _served(peer: Peer, worker: str) -> bool:
    """Asks once more, as clients do that are told to come back; returns whether the answer was a result."""
    return _end(peer, peer.request("echo", worker, payload=b"whole")) == "result"


def _starts(peer: Peer, worker: str) -> int:
    rows = [row for row in peer.control("status")["workers"] if row["name"] == worker]
    return rows[0]["starts"] if rows else 0


def _died(peer: Peer, worker: str) -> dict[str, object] | None:
    status = peer.status(worker)
    return status if status.get("failure") else None
