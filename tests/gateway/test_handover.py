"""Tests of receiving connections from the door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from hushd_gateway import handover as gateway
from hushd_gateway.handover import Receiver
from hushd_gateway.streams import serve_streams
from hushd_protocol.system.handover import Handover, channel, send

Channel = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Channel]:
    """The door's end of a channel, and the gateway's."""
    ours, theirs = channel()
    yield ours, theirs
    ours.close()
    theirs.close()


def give(door: socket.socket, prefix: bytes = b"", kind: str = "wyoming") -> socket.socket:
    """Hands a new connection over; returns the program's end of it."""
    program, accepted = socket.socketpair()
    with accepted:
        send(door, accepted, Handover(kind, "tcp://127.0.0.1:10300", "127.0.0.1", prefix))  # type: ignore[arg-type]
    program.settimeout(30)
    return program


async def echo(connection: socket.socket, handover: Handover) -> None:
    """Sends back all that comes until its end, after the listener's address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(handover.listener.encode() + b" " + await reader.read())

    await serve_streams(connection, handover, serve)


def test_a_connection_begins_with_what_the_door_has_read(ends: Channel) -> None:
    """The first bytes come from the message, the rest from the connection, in this order."""
    program = give(ends[0], b"descr")
    program.sendall(b"ibe")
    program.shutdown(socket.SHUT_WR)
    asyncio.run(Receiver(ends[1], {"wyoming": echo}, idle=0.0).run())
    with program, program.makefile("rb") as answer:
        assert answer.read() == b"tcp://127.0.0.1:10300 describe"


def test_what_comes_too_late_for_one_is_there_for_the_next(ends: Channel) -> None:
    """A gateway that leaves has received a connection and serves it, or has not and leaves it in the channel."""
    programs = []
    for number in range(40):
        programs.append(give(ends[0], b"%d" % number))
        programs[-1].shutdown(socket.SHUT_WR)
        if number % 4 == 3:  # the channel holds few
            asyncio.run(Receiver(ends[1], {"wyoming": echo}, idle=0.0).run())
    for number, program in enumerate(programs):
        with program, program.makefile("rb") as answer:
            assert answer.read().endswith(b" %d" % number)


def test_no_more_connections_are_received_than_it_takes(ends: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others stay in the channel until one of these has ended."""
    monkeypatch.setattr(gateway, "MAX_CONNECTIONS", 2)
    programs = [give(ends[0], b"%d" % number) for number in range(3)]
    served: list[bytes] = []

    async def serve(connection: socket.socket, handover: Handover) -> None:
        served.append(handover.prefix)
        await echo(connection, handover)

    async def run() -> None:
        running = asyncio.create_task(Receiver(ends[1], {"wyoming": serve}, idle=0.0).run())
        while len(served) < 2:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert served == [b"0", b"1"]
        for program in programs:
            program.shutdown(socket.SHUT_WR)
        await running

    asyncio.run(run())
    assert served == [b"0", b"1", b"2"]
    for program in programs:
        program.close()


def test_the_end_of_the_channel_is_the_end(ends: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections at rest are told to leave, and one that does not is given two seconds."""
    monkeypatch.setattr(gateway, "GRACE_S", 0.01)
    told = []
    with give(ends[0]) as program:
        ends[0].close()
        asyncio.run(Receiver(ends[1], {"wyoming": echo}, idle=1e9, leave=lambda: told.append(True)).run())
        assert told == [True]
        assert program.recv(100) == b""


def test_a_failure_ends_its_connection_alone_and_is_logged_without_a_word(
    ends: Channel, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log names the place; the exception's text may be what somebody has said."""

    async def fail(_connection: socket.socket, handover: Handover) -> None:
        if handover.prefix == b"bad":
            raise ValueError("what somebody has said")

    with give(ends[0], b"bad") as bad, give(ends[0], b"good") as good, give(ends[0], kind="http") as unknown:
        asyncio.run(Receiver(ends[1], {"wyoming": fail}, idle=0.0).run())
        assert bad.recv(1) == good.recv(1) == unknown.recv(1) == b""
    error = capsys.readouterr().err
    assert "a wyoming connection failed: ValueError at test_handover.py:" in error
    assert "a http connection failed: KeyError" in error
    assert "somebody" not in error
