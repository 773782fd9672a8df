"""Tests of libzmq's numbers of connections: nobody can tell the next one, or those that it will give later."""

from __future__ import annotations

import subprocess
import sys

import pytest
import zmq
from hushd_protocol.framing import pack
from hushd_protocol.messages import Hello
from hushd_supervisor.system.libzmq import numbers
from support.peer import Supervisor

UNSEEDED = """
import zmq
from hushd_supervisor.system.libzmq import numbers
context = zmq.Context()
for _ in range(4):
    with context.socket(zmq.ROUTER) as router: print(numbers.first(context, router).hex())
"""


def drawn(program: str) -> list[bytes]:
    """The numbers that a process prints."""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return [bytes.fromhex(line) for line in output.split()]


def test_two_processes_start_with_different_numbers() -> None:
    """Once the generator was seeded; without that libzmq draws the same in each."""
    hidden = UNSEEDED.replace("for _", "assert numbers.hide(context)\nfor _")
    assert drawn(UNSEEDED) == drawn(UNSEEDED)
    assert not set(drawn(hidden)) & set(drawn(hidden))


def test_a_generator_that_is_not_ours_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor learns of it if the seed does not decide the numbers, as in another libzmq."""
    draws = iter(range(2))
    monkeypatch.setattr(numbers, "first", lambda context, router: bytes([next(draws)]))
    with zmq.Context() as context:
        assert not numbers.hide(context)


def test_who_knows_the_numbers_of_an_unseeded_process_ends_no_supervisor(supervisor: Supervisor) -> None:
    """A program takes the numbers that libzmq would give next; those who come afterwards are served."""
    with zmq.Context() as context:
        rude = []
        for start in drawn(UNSEEDED):
            for ahead in range(1, 12):
                rude.append(context.socket(zmq.DEALER))
                rude[-1].set(zmq.LINGER, 0)
                number = (int.from_bytes(start[1:]) + ahead) % 2**32
                rude[-1].set(zmq.ROUTING_ID, b"\0" + number.to_bytes(4))
                rude[-1].connect(f"ipc://{supervisor.socket}")
                rude[-1].send_multipart(pack(Hello(protocol=1, version="0")))
        for socket in rude:
            assert socket.poll(10_000)
            assert b"routing id" in socket.recv_multipart()[1]
        for _ in range(12):
            with supervisor.connect() as peer:
                assert peer.ask("echo", payload=b"hello")["text"] == "hello"
        for socket in rude:
            socket.close()
    assert supervisor.process.poll() is None
