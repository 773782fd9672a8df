"""Speech on a machine that is attached, which a raw socket plays: how far a program goes by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zmq
from hushd.audio.playback import Player
from hushd.floor import Floor
from hushd.transport.attached import ENDPOINT
from hushd.transport.link import Link
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import (
    FROM_CLIENT,
    Chunk,
    Claim,
    Control,
    Error,
    Hello,
    Message,
    Pong,
    Request,
    Result,
    Turn,
    Welcome,
    Yield,
)
from support.peer import BOUND_S

RATE = 16000
SPEECH = b"\1\0" * (RATE // 10)


class Person:
    """The person's machine: takes messages, and answers nothing by itself but a hello."""

    def __init__(self, path: Path, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._socket = context.socket(zmq.ROUTER)
        self._socket.bind(f"ipc://{path}")
        self._decoder = Decoder(FROM_CLIENT)
        self._route = b""

    def send(self, message: Message) -> None:
        self._socket.send_multipart([self._route, *pack(message)])

    def receive(self) -> Message:
        """The next message that says something."""
        while True:
            assert self._socket.poll(BOUND_S * 1000)
            self._route, *frames = self._socket.recv_multipart()
            message = unpack(frames, self._decoder)
            if isinstance(message, Hello):
                self.send(Welcome(protocol=PROTOCOL, version=__version__, pid=1))
            elif not isinstance(message, Pong):
                return message

    def take_speech(self) -> tuple[Claim, Request]:
        """Takes the claim and all samples of a speech that begins."""
        claim = self.receive()
        assert isinstance(claim, Claim)
        return claim, self.take_samples()

    def take_samples(self) -> Request:
        """The opening of a loudspeaker, and all samples for it."""
        request = self.receive()
        assert isinstance(request, Request)
        received = b""
        while len(received) < len(SPEECH):
            chunk = self.receive()
            assert isinstance(chunk, Chunk)
            assert chunk.id == request.id
            received += chunk.payload
        assert received == SPEECH
        return request


@pytest.fixture
def person(runtime: Path) -> Iterator[Person]:
    with zmq.Context() as context:
        made = Person(runtime / "person.sock", context)
        yield made
        made._socket.close(linger=0)


@pytest.fixture
def speech(runtime: Path, person: Person) -> Iterator[threading.Thread]:
    """A program that speaks."""
    link = Link(start=False, endpoint=f"{ENDPOINT}{runtime / 'person.sock'}")
    player = Player(floor=Floor(link, ["speaker"], "text"))

    def play() -> None:
        with suppress(HushdError):  # the end of the test
            player.play([SPEECH], RATE)

    thread = threading.Thread(target=play)
    thread.start()
    yield thread
    player.stop()
    link.close()
    thread.join()


def test_samples_follow_the_claim_unasked(person: Person, speech: threading.Thread) -> None:
    """The claim, the loudspeaker and the first samples come together, before anything was answered; after the grant
    comes the end alone."""
    claim, request = person.take_speech()
    assert request.params["claim"] == claim.id.hex()
    person.send(Turn(id=claim.id, state="granted", number=1))
    end = person.receive()
    assert isinstance(end, Chunk)
    assert end.last
    assert not end.payload
    person.send(Result(id=request.id, data={"heard": 0.1, "hushed": False}))
    assert isinstance(person.receive(), Yield)
    speech.join(BOUND_S)
    assert not speech.is_alive()


def test_a_claim_that_is_lost_is_made_again_with_the_samples(person: Person, speech: threading.Thread) -> None:
    """A supervisor that goes before the grant: the stream is ended, and the next claim brings all samples anew."""
    claim, request = person.take_speech()
    person.send(Error(id=claim.id, code="supervisor_lost", message="It went away."))
    again, hush = person.receive(), person.receive()
    assert isinstance(again, Claim)
    assert isinstance(hush, Control)
    assert (hush.action, hush.names) == ("hush", [request.id.hex()])
    assert person.take_samples().params["claim"] == again.id.hex()
