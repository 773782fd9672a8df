"""Tests of receiving connections from the door."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator

import pytest
from hushd_gateway import handover as gateway
from hushd_gateway import slots
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


def test_lines_to_a_lost_connection_go_nowhere(ends: Channel) -> None:
    """Neither an error nor a descriptor that the loop watches, which is another connection's next."""

    async def answer(connection: socket.socket, handover: Handover) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()
            await asyncio.sleep(0)
            written.append(writer.writelines((b"a line", b"\n")))

        await serve_streams(connection, handover, serve)

    written: list[None] = []
    with give(ends[0], b""):
        asyncio.run(Receiver(ends[1], {"wyoming": answer}, idle=0.0).run())
    assert written == [None]


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


@pytest.mark.parametrize("idle", [True, False])
def test_those_that_rest_make_room(ends: Channel, monkeypatch: pytest.MonkeyPatch, idle: bool) -> None:
    """The longest of the idle ones first, then those that have been silent in the middle of something."""
    monkeypatch.setattr(gateway, "MAX_CONNECTIONS", 3)
    monkeypatch.setattr(gateway.slots, "SILENT_S", 0.0)
    programs = [give(ends[0], b"%d" % number) for number in range(5)]
    served: list[bytes] = []

    async def serve(connection: socket.socket, handover: Handover) -> None:
        served.append(handover.prefix)
        slot = slots.current_slot()
        if handover.prefix != b"0":  # which works
            slot.rest(idle=idle or handover.prefix == b"2")
        await echo(connection, handover)

    async def run() -> None:
        running = asyncio.create_task(Receiver(ends[1], {"wyoming": serve}, idle=0.0).run())
        while len(served) < 5:
            await asyncio.sleep(0)
        first, second = (1, 2) if idle else (2, 1)
        reader = asyncio.get_running_loop()
        for number in (first, second):
            programs[number].setblocking(False)
            assert await reader.sock_recv(programs[number], 100) == b""
        for number in (0, 3, 4):
            programs[number].shutdown(socket.SHUT_WR)
        await running

    asyncio.run(run())
    for number in (0, 3, 4):
        assert programs[number].recv(100).endswith(b" %d" % number)
    for program in programs:
        program.close()


def test_one_that_comes_to_rest_makes_room(ends: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever came while all were at work is received as soon as one rests, and not only when one ends."""
    monkeypatch.setattr(gateway, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(gateway, "AGAIN_S", 0.0)
    programs = [give(ends[0], b"%d" % number) for number in range(2)]
    served: list[slots.Slot] = []

    async def serve(connection: socket.socket, handover: Handover) -> None:
        served.append(slots.current_slot())
        await echo(connection, handover)

    async def run() -> None:
        running = asyncio.create_task(Receiver(ends[1], {"wyoming": serve}, idle=0.0).run())
        async with asyncio.timeout(30):
            while not served:
                await asyncio.sleep(0)
            for _ in range(100):  # in which it looks for room
                await asyncio.sleep(0)
            assert len(served) == 1
            served[0].rest()
            while len(served) < 2:
                await asyncio.sleep(0)
            programs[1].shutdown(socket.SHUT_WR)
            await running

    asyncio.run(run())
    assert programs[1].recv(100).endswith(b" 1")
    for program in programs:
        program.close()


def test_a_want_of_descriptors_is_a_pause(
    ends: Channel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that there was no descriptor for is served once there is one."""
    monkeypatch.setattr(gateway, "AGAIN_S", 0.0)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def run() -> None:
        running = asyncio.create_task(Receiver(ends[1], {"wyoming": echo}, idle=1e9).run())
        lowest = os.dup(ends[0].fileno())
        os.close(lowest)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
            async with asyncio.timeout(30):
                while "pausing" not in capsys.readouterr().err:
                    await asyncio.sleep(0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        program.setblocking(False)
        async with asyncio.timeout(30):
            answer = await asyncio.get_running_loop().sock_recv(program, 100)
        assert answer.endswith(b" late")
        ends[0].close()
        await running

    with give(ends[0], b"late") as program:
        program.shutdown(socket.SHUT_WR)
        asyncio.run(run())


def test_the_memory_of_the_last_connection_is_given_back(ends: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A while after its end, without another connection."""
    monkeypatch.setattr(gateway, "SETTLE_S", 0.0)
    returned = asyncio.Event()
    monkeypatch.setattr(gateway, "trim", returned.set)

    async def run() -> None:
        running = asyncio.create_task(Receiver(ends[1], {"wyoming": echo}, idle=1e9).run())
        async with asyncio.timeout(30):
            await returned.wait()
            ends[0].close()
            await running

    with give(ends[0]) as program:
        program.shutdown(socket.SHUT_WR)
        asyncio.run(run())


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
