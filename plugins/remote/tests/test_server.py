"""The forwarded socket, by raw clients: no supervisor and no device is needed for refusals."""

from __future__ import annotations

import queue
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hushd.transport.call import new_id
from hushd_protocol.messages import Chunk, Control, Error, Hello, Message, Progress, Request
from hushd_remote import streams
from hushd_remote.permissions import Permissions
from hushd_remote.server import MAX_MISSED, AttachServer
from hushd_remote.streams import LoudspeakerStream, Owner
from support.peer import BOUND_S, Peer
from support.refusals import hushd_error


@pytest.fixture
def path(runtime: Path) -> Iterator[Path]:
    """A socket for programs of a server, without the right to listen."""
    server = AttachServer(runtime / "lent.sock", Permissions("server", microphone=False))
    yield runtime / "lent.sock"
    server.close()
    assert not (runtime / "lent.sock").exists()


def test_the_socket_is_the_users_alone(path: Path) -> None:
    """It has mode 0600."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("op", "params", "sentence"), [
    ("play", {"rate": 16000, "channels": 1}, "has claimed its floor"),
    ("record", {"rate": 16000, "chunk_s": 0.1}, "--no-microphone"),
    ("look", {}, "cannot"),
])  # fmt: skip
def test_a_device_is_refused(path: Path, op: str, params: dict[str, object], sentence: str) -> None:
    """Nobody plays without the floor, records without the right, or asks a device for more than these."""
    with Peer(path) as peer:
        name = peer.new_id()
        peer.send(Request(id=name, worker="devices", op=op, params=params, input="none"))
        error = peer.expect(Error)
    assert error.id == name
    assert sentence in error.message


def test_strange_bytes_concern_nobody_else(path: Path) -> None:
    """One that sends other bytes than messages, or another version, is told so, and the next one is served."""
    with Peer(path) as good, Peer(path, hello=False) as bad:
        bad.socket.send_multipart([b"?", b"", b""])
        assert bad.expect(Error).code == "protocol_error"
        bad.send(Hello(protocol=99, version="99"))
        assert bad.expect(Error).code == "version_mismatch"
        good.send(Control(id=good.new_id(), action="resume"))
        assert good.expect(Error).code == "unauthorised"


def test_a_loudspeaker_is_the_programs_as_long_as_the_floor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins with the floor, and ends at once when that is taken."""
    monkeypatch.setattr(streams, "Player", SilentPlayer)
    program = Claiming()
    stream = LoudspeakerStream(program.owner(), play_request())
    stream.start()
    stream.receive(Chunk(id=stream.id, seq=0, payload=b"\1\0"))
    player = SilentPlayer.last
    assert player.first.wait(BOUND_S)
    program.granted = False
    stream.check_floor()
    assert program.ended.get(timeout=BOUND_S) == stream.id
    assert player.played == [b"\1\0"]


@pytest.mark.parametrize(("channels", "round_trip"), [(1, 0.0), (2, 0.0), (1, 0.5)])
def test_a_program_sends_no_more_sound_ahead_than_it_may(
    channels: int, round_trip: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound counts seconds, whatever the channels; a long way to the program, and the sound heard, raise it."""
    monkeypatch.setattr(streams, "Player", SilentPlayer)
    told: list[Message] = []
    owner = Owner(told.append, lambda: True, lambda end: None, lambda: round_trip)
    stream = LoudspeakerStream(owner, play_request(channels=channels))
    second = 2 * channels * 16000
    allowed = int((streams.SENT_AHEAD_S + streams.SURPLUS_S + round_trip) * 16000) * 2 * channels
    assert stream.receive(Chunk(id=stream.id, seq=0, payload=bytes(allowed)))
    assert not stream.receive(Chunk(id=stream.id, seq=1, payload=bytes(2 * channels)))
    SilentPlayer.last.on_position(1.0)
    assert told == [Progress(id=stream.id, done=1.0, total=1.0 + streams.SENT_AHEAD_S + round_trip)]
    assert stream.receive(Chunk(id=stream.id, seq=2, payload=bytes(second - 2 * channels)))
    assert not stream.receive(Chunk(id=stream.id, seq=3, payload=bytes(2 * channels)))


def play_request(**params: object) -> Request:
    return Request(id=new_id(), worker="devices", op="play", params={"rate": 16000, **params})


class SilentPlayer:
    """A player without a loudspeaker, which notes what it is given."""

    last: ClassVar[SilentPlayer]

    def __init__(self, *_: object, on_position: Callable[[float], None], **__: object) -> None:
        self.on_position = on_position
        self.played: list[bytes] = []
        self.first = threading.Event()
        self._stopped = False
        SilentPlayer.last = self

    def play(self, chunks: Iterable[bytes], rate: int, channels: int) -> None:
        for chunk in chunks:
            if self._stopped:
                return
            self.played.append(chunk)
            self.first.set()

    def stop(self) -> None:
        self._stopped = True


class Claiming:
    """A program that has the floor of the loudspeaker."""

    def __init__(self) -> None:
        self.granted = True
        self.ended: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def owner(self) -> Owner:
        return Owner(self.refuse, lambda: self.granted, lambda end: self.ended.put(end.id))

    def refuse(self, message: Message) -> None:
        raise AssertionError(message)


class Attached:
    """A program as the server has it."""

    def __init__(self, obeys: bool = True) -> None:
        self.disconnected, self._obeys = 0, obeys

    def receive(self, message: Message) -> bool:
        return self._obeys

    def disconnect(self) -> None:
        self.disconnected += 1


@pytest.fixture
def still(path: Path, monkeypatch: pytest.MonkeyPatch) -> AttachServer:
    """A server whose thread has ended: a test takes the place of its clock and its socket."""
    server = AttachServer(path.with_name("still.sock"), Permissions("server", microphone=False))
    server.close()
    sent: list[bytes] = []
    monkeypatch.setattr(server, "_deliver", lambda route, message: sent.append(route))
    monkeypatch.setattr(server, "sent", sent, raising=False)
    return server


def attach(server: AttachServer, route: bytes, program: Attached) -> Attached:
    server._programs[route] = program  # type: ignore[assignment]
    server._descriptors[route], server._unanswered[route] = ord(route), 0
    return program


def test_a_program_that_answers_no_ping_is_gone(still: AttachServer) -> None:
    """After five; whatever another one says counts as an answer, and neither is disconnected twice."""
    silent, alive = attach(still, b"s", Attached()), attach(still, b"a", Attached())
    for _ in range(MAX_MISSED):
        still._ping()
    assert (silent.disconnected, alive.disconnected) == (0, 0)
    still._handle(b"a", Control(id=new_id(), action="resume"), ord("a"))
    still._ping()
    assert (silent.disconnected, alive.disconnected) == (1, 0)
    assert still.sent == [b"s", b"a"] * MAX_MISSED + [b"a"]  # type: ignore[attr-defined]
    for _ in range(MAX_MISSED - 1):
        still._ping()
    assert alive.disconnected == 0
    still._ping()
    assert (silent.disconnected, alive.disconnected) == (1, 1)
    assert not still._programs
    assert not still._unanswered
    assert not still._descriptors


def test_a_program_that_sends_more_than_it_may_is_told_and_gone(still: AttachServer) -> None:
    """A second hello is none of that; another program goes on."""
    greedy, other = attach(still, b"g", Attached(obeys=False)), attach(still, b"o", Attached())
    still._handle(b"g", Hello(protocol=1, version="1"), ord("g"))
    assert greedy.disconnected == 0
    with hushd_error("protocol_error", "More was sent than was allowed."):
        still._handle(b"g", Control(id=new_id(), action="resume"), ord("g"))
    assert (greedy.disconnected, other.disconnected) == (1, 0)
    with hushd_error("protocol_error", "Say hello first."):
        still._handle(b"g", Control(id=new_id(), action="resume"), ord("g"))


def test_whose_connection_ends_is_gone_and_no_other(still: AttachServer) -> None:
    """The notice of an end names a descriptor."""
    gone, other = attach(still, b"g", Attached()), attach(still, b"o", Attached())
    still._lose_by(ord("g"))
    assert (gone.disconnected, other.disconnected) == (1, 0)
