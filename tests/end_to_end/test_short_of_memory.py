"""An allocation that fails at every call of the supervisor's loop, in turn, ends nothing but the request it befalls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd_protocol.messages import Claim, Control, Error, Message, Request, Result, Turn, Yield
from hushd_supervisor.system.reserve import BROKEN
from support.peer import BOUND_S, Peer, Supervisor, descendants, wait_until

SCRIPT = str(Path(__file__).parents[1] / "support" / "short_supervisor.py")
LEAST = 30  # calls of the loop that these requests make, at least
CALLS = 60  # that fail in turn while a worker starts and leaves


@pytest.fixture
def short(start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    started = start_supervisor(inside=[sys.executable, SCRIPT], cold=True)
    assert started.ready, started.log()
    return started


def test_every_call_of_the_loop_may_fail_once(short: Supervisor, runtime: Path) -> None:
    """A request, a status and a turn at the loudspeaker end in their results or in `server_busy`; nobody dies."""
    file = runtime / "short"
    with short.connect() as peer:
        peer.ask("echo")
        number = 0
        while not file.exists():
            _arm(file, number)
            _request(peer, Request(id=peer.new_id(), worker="stt/echo/a", op="echo", payload=b"text"))
            _request(peer, Control(id=peer.new_id(), action="status"))
            _turn(peer)
            _until_room(peer)
            number += 1
        file.unlink(missing_ok=True)  # its call may be the very next one
        _until_room(peer)
        assert number > LEAST
        assert short.process.poll() is None, short.log()
        assert peer.ask("echo", payload=b"all is well")["text"] == "all is well"
        assert peer.status()["crashes"] == 0
        assert peer.control("status")["floor"]["waiting"] == 0


@pytest.mark.parametrize("first", [0, 3, 6])
def test_every_call_may_fail_while_a_worker_starts_and_leaves(short: Supervisor, runtime: Path, first: int) -> None:
    """Neither a start nor an exit is forgotten: a request ends in its result or `server_busy`, the next one well."""
    file = runtime / "short"
    with short.connect() as peer:
        for number in range(first, CALLS, 9):
            _arm(file, number)
            _request(peer, Request(id=peer.new_id(), worker="stt/echo/a", op="echo"))
            _request(peer, Control(id=peer.new_id(), action="unload"))
            file.unlink(missing_ok=True)
            _until_room(peer)
            assert isinstance(_end(peer, peer.request("echo")), Result)
            peer.control("unload", "stt/echo/a")
        assert short.process.poll() is None, short.log()


def test_half_a_decision_ends_the_supervisor_with_a_sentence(short: Supervisor, runtime: Path) -> None:
    """A request that is half noted could harm all others: workers end with the supervisor, clients ask the next one."""
    with short.connect() as peer:
        peer.ask("echo")
        peer.send(Request(id=peer.new_id(), worker="stt/echo/a", op="echo", params={"half": True}))
        assert short.process.wait(BOUND_S) == BROKEN.exit_code
    wait_until(lambda: not descendants(runtime), "the end of the worker")
    assert BROKEN.message in short.log()
    assert "Traceback" not in short.log()


def _arm(file: Path, number: int) -> None:
    """Has the call of this number fail, from now on."""
    file.with_suffix(".new").write_text(str(number))
    file.with_suffix(".new").rename(file)


def _request(peer: Peer, message: Request | Control) -> None:
    """Makes a request, which ends once: in its result, or because the supervisor lacks memory."""
    peer.send(message)
    end = _end(peer, message.id)
    assert isinstance(end, Result) or end.code == "server_busy", end


def _until_room(peer: Peer) -> None:
    """Waits for the end of a turn of the loop in which there was no room; it may still read messages."""
    while True:
        control = Control(id=peer.new_id(), action="status")
        peer.send(control)
        if isinstance(_end(peer, control.id), Result):
            return


def _turn(peer: Peer) -> None:
    """Claims the loudspeaker, and gives it back once it was granted."""
    claim = Claim(id=peer.new_id(), devices=["speaker"])
    peer.send(claim)
    message = peer.receive()
    if isinstance(message, Turn):
        assert message.state == "granted"
        peer.send(Yield(id=claim.id))
        message = peer.receive()
    assert isinstance(message, Result) or (isinstance(message, Error) and message.code == "server_busy"), message


def _end(peer: Peer, name: bytes) -> Result | Error:
    while True:
        message: Message = peer.receive()
        if isinstance(message, Result | Error):
            assert message.id == name
            return message
