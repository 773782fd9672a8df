"""The forwarded socket, by raw clients: no supervisor and no device is needed for refusals."""

from __future__ import annotations

import os
import queue
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hushd.transport.call import new_id
from hushd_cli.commands.attach import streams
from hushd_cli.commands.attach.permissions import Permissions
from hushd_cli.commands.attach.server import AttachServer
from hushd_cli.commands.attach.streams import LoudspeakerStream, Owner
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import Chunk, Claim, Control, Error, Hello, Message, Request, Result, Turn, Welcome, Yield
from support.peer import BOUND_S, Peer, Supervisor, wait_until


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


@pytest.mark.parametrize(
    ("op", "params", "sentence"),
    [
        ("play", {"rate": 16000, "channels": 1}, "has claimed its floor"),
        ("record", {"rate": 16000, "chunk_s": 0.1}, "--no-microphone"),
        ("look", {}, "cannot"),
    ],
)
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


@pytest.mark.parametrize("volume", ["loud", [], None, 1e9])
def test_a_request_out_of_bounds_is_refused(volume: object) -> None:
    """A volume that no device takes is an error of the request that brought it."""
    with pytest.raises(HushdError):
        LoudspeakerStream(
            Claiming().owner(bytes(16)),
            Request(id=bytes(16), worker="devices", op="play", params={"rate": 16000, "volume": volume}),
        )


def test_a_descriptor_whose_number_is_used_again(runtime: Path) -> None:
    """A program's hello is read before the notice that another has gone, whose descriptor had the same number: it is
    not taken for the one that has gone."""
    server = HeldServer(runtime / "lent.sock")
    try:
        with Peer(server.path):
            number = f"/proc/self/fd/{server.numbers[0]}"
            descriptor = os.readlink(number)
        wait_until(lambda: not os.path.islink(number) or os.readlink(number) != descriptor, "the end of the first")
        with Peer(server.path, hello=False) as second:
            second.send(Hello(protocol=PROTOCOL, version=__version__))
            server.go_on.set()
            second.expect(Welcome)
            for _ in range(2):  # the first may still come before the notice
                second.send(Control(id=second.new_id(), action="resume"))
                assert second.expect(Error).code == "unauthorised"
    finally:
        server.go_on.set()
        server.close()


@pytest.mark.parametrize("over", [False, True])
def test_a_claim_s_id_is_used_once(start_supervisor: Callable[..., Supervisor], runtime: Path, over: bool) -> None:
    """A second claim with the id of one that has the loudspeaker, or had it, does not open the microphone."""
    start_supervisor()
    server = AttachServer(runtime / "lent.sock", Permissions("server"))
    try:
        with Peer(runtime / "lent.sock") as peer:
            name = peer.new_id()
            peer.send(Claim(id=name, devices=["speaker"]))
            while peer.expect(Turn).state != "granted":
                pass
            if over:
                peer.send(Yield(id=name))
                peer.expect(Result)
            peer.send(Claim(id=name, devices=["microphone"]))
            assert peer.expect(Error).message == "A claim's id is used once."
            (program,) = server._programs.values()
            assert not [*program._claimed("microphone")]
            assert bool([*program._claimed("speaker")]) is not over
    finally:
        server.close()


class HeldServer(AttachServer):
    """Reads nothing between the first hello and `go_on`, and takes all descriptors for that of the first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers: list[int] = []
        self.go_on = threading.Event()
        super().__init__(path, Permissions("server"))

    def _receive(self, decoder: Decoder) -> None:
        super()._receive(decoder)
        if len(self.numbers) == 1:
            self.go_on.wait()
            while len(self.numbers) < 2 and not self._closing:  # a pipe that ends may wake it too
                self._router.poll(100)
                super()._receive(decoder)

    def _take(self, route: bytes, message: Message, descriptor: int) -> None:
        self.numbers.append(descriptor)
        super()._take(route, message, self.numbers[0])


def test_samples_wait_for_the_claim_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that names a claim is silent until that is granted, begins then, and is over when it is taken."""
    monkeypatch.setattr(streams, "Player", SilentPlayer)
    program = Claiming()
    stream = LoudspeakerStream(program.owner(program.claim), play_request())
    stream.start()
    stream.take(Chunk(id=stream.id, seq=0, payload=b"\1\0"))
    stream.look()
    player = SilentPlayer.last
    assert not player.played
    program.granted = True
    stream.look()
    assert player.first.wait(BOUND_S)
    program.granted = False
    stream.look()
    assert program.ended.get(timeout=BOUND_S) == stream.id
    assert player.played == [b"\1\0"]


def test_samples_whose_claim_fails_are_never_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose claim is refused or given back before it was granted ends, and so does one that names another's."""
    monkeypatch.setattr(streams, "Player", SilentPlayer)
    program = Claiming()
    refused = LoudspeakerStream(program.owner(program.claim), play_request())
    strange = LoudspeakerStream(program.owner(bytes(16)), play_request())
    for stream in (refused, strange):
        stream.start()
        stream.take(Chunk(id=stream.id, seq=0, payload=b"\1\0"))
    players = [refused._player, strange._player]
    assert program.ended.get(timeout=BOUND_S) == strange.id
    program.claim = b""
    refused.look()
    assert program.ended.get(timeout=BOUND_S) == refused.id
    assert not any(player.played for player in players)


def play_request() -> Request:
    return Request(id=new_id(), worker="devices", op="play", params={"rate": 16000})


class SilentPlayer:
    """A player without a loudspeaker, which notes what it is given."""

    last: ClassVar[SilentPlayer]

    def __init__(self, *_: object, **__: object) -> None:
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
    """A program with one claim to the loudspeaker."""

    def __init__(self) -> None:
        self.claim = new_id()
        self.granted = False
        self.ended: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def owner(self, claim: bytes) -> Owner:
        """The owner of a stream that names a claim."""

        def permitted() -> bool | None:
            return (self.granted or None) if claim == self.claim else False

        return Owner(self.refuse, permitted, lambda end: self.ended.put(end.id))

    def refuse(self, message: Message) -> None:
        raise AssertionError(message)


def test_who_never_says_hello_leaves_nothing_behind(runtime: Path) -> None:
    """A server that lives for days keeps no trace of those that were refused."""
    server = AttachServer(runtime / "lent.sock", Permissions("server"))
    for _ in range(3):
        with Peer(runtime / "lent.sock", hello=False) as stranger:
            stranger.send(Control(id=stranger.new_id(), action="status"))
            assert stranger.expect(Error).message == "Say hello first."
    server.close()
    assert not server._unanswered
