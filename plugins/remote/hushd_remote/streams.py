"""This machine's loudspeaker and microphone, used by one program on the other machine."""

from __future__ import annotations

import queue
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple

from hushd.audio import microphone, playback
from hushd.audio.microphone import Microphone
from hushd.audio.playback import Player
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Error, Message, Progress, Request, Result
from hushd_schema.kinds import check
from msgspec import Meta

SENT_AHEAD_S = 0.19  # seconds of sound sent ahead: for so long it may play after the other machine has gone
SURPLUS_S = 1.0  # tolerated beyond that limit
RATE = Annotated[int, Meta(ge=4000, le=192_000)]
CHANNELS = Annotated[int, Meta(ge=1, le=8)]
CHUNK_S = Annotated[float, Meta(ge=0.005, le=1.0)]
_LISTS = {"loudspeaker": playback.outputs, "microphone": microphone.inputs}


def device_names(kinds: list[str]) -> list[list[Any]]:
    """Returns the devices of a kind. Raises HushdError."""
    if len(kinds) != 1 or kinds[0] not in _LISTS:
        raise HushdError("bad_request", "`devices` names `loudspeaker` or `microphone`.")
    return [[each.number, each.name, each.api, each.channels, each.usual] for each in _LISTS[kinds[0]]()]


class Owner(NamedTuple):
    """The part of a program that its streams need.

    Attributes:
        permitted: whether the program has the floor.
        round_trip: seconds to the program and back.
    """

    send: Callable[[Message], None]
    permitted: Callable[[], bool]
    on_end: Callable[[Result | Error], None]
    round_trip: Callable[[], float] = lambda: 0.0


class DeviceStream:
    """One device for one request, on a thread of its own from `start` on. Raises `bad_request` out of bounds."""

    def __init__(self, owner: Owner, request: Request) -> None:
        device = request.params.get("device")
        self.id = request.id
        self._owner = owner
        self._rate: int = check("rate", request.params.get("rate"), RATE)
        self._device = device if isinstance(device, str | int) else None

    def start(self) -> None:
        threading.Thread(target=self._run, name="hushd-attached-device", daemon=True).start()

    @abstractmethod
    def _use(self) -> JsonObject:
        """Uses the device until the end; returns the data of the result."""

    def _run(self) -> None:
        try:
            end: Result | Error = Result(id=self.id, data=self._use())
        except HushdError as error:
            end = Error.of(self.id, error)
        self._owner.on_end(end)


class LoudspeakerStream(DeviceStream):
    """Plays chunks while the program has the floor, never more than `SENT_AHEAD_S` and a round trip of them at once."""

    def __init__(self, owner: Owner, request: Request) -> None:
        super().__init__(owner, request)
        self._channels: int = check("channels", request.params.get("channels", 1), CHANNELS)
        self._chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._received = 0  # bytes
        self._heard_s = 0.0  # seconds
        self._player = Player(self._device, volume=request.params.get("volume", 1.0), on_position=self._report)

    def receive(self, chunk: Chunk) -> bool:
        """Takes samples; returns False if they exceed the limit."""
        self._received += len(chunk.payload)
        if chunk.payload:
            self._chunks.put(chunk.payload)
        if chunk.last:
            self._chunks.put(None)
        return self._received / (2 * self._channels * self._rate) <= self._limit() + SURPLUS_S

    def volume(self, volume: float) -> None:
        self._player.volume = volume

    def hush(self) -> None:
        """Falls silent, at once and for good. For any thread."""
        self._player.stop()
        self._chunks.put(None)

    def check_floor(self) -> None:
        """Stops once the program has lost the floor."""
        if not self._owner.permitted():
            self.hush()

    def _use(self) -> JsonObject:
        self.check_floor()
        self._player.play(self._samples(), self._rate, self._channels)
        return {"heard": self._heard_s}

    def _samples(self) -> Iterator[bytes]:
        while (chunk := self._chunks.get()) is not None:
            yield chunk

    def _report(self, heard: float) -> None:
        if heard > self._heard_s:
            self._heard_s = heard
            self._owner.send(Progress(id=self.id, done=heard, total=self._limit()))

    def _limit(self) -> float:
        return self._heard_s + SENT_AHEAD_S + self._owner.round_trip()


class MicrophoneStream(DeviceStream):
    """Records while the floor is the program's, and sends silence while it is not."""

    def __init__(self, owner: Owner, request: Request) -> None:
        super().__init__(owner, request)
        self._chunk_s: float = check("chunk_s", request.params.get("chunk_s"), CHUNK_S)
        self._credit = max(0, request.credit)
        self._seq = 0
        self._over = threading.Event()
        self._microphone: Microphone | None = None

    def credit(self, chunks: int) -> None:
        self._credit += chunks

    def hush(self) -> None:
        """Ends the recording. For any thread."""
        self._over.set()
        self._close()

    def check_floor(self) -> None:
        """Closes the microphone once the program has lost the floor."""
        if not self._owner.permitted():
            self._close()

    def _close(self) -> None:
        if (recorded := self._microphone) is not None:
            recorded.stop()

    def _use(self) -> JsonObject:
        silence = bytes(2 * int(self._rate * self._chunk_s))
        while not self._over.is_set():
            if self._owner.permitted():
                self._record()
            else:
                self._send(silence)
                self._over.wait(self._chunk_s)
        return {}

    def _record(self) -> None:
        with Microphone(self._device, rate=self._rate, chunk_s=self._chunk_s) as recorded:
            if recorded.rate != self._rate:
                raise HushdError("no_device", f"The microphone there does not record at {self._rate} Hz.")
            self._microphone = recorded
            try:
                for chunk in recorded:
                    if not self._owner.permitted() or self._over.is_set():
                        return
                    self._send(chunk)
            finally:
                self._microphone = None

    def _send(self, chunk: bytes) -> None:
        if not self._credit:
            raise HushdError("slow_consumer", "The connection is too slow for the microphone's sound.")
        self._credit -= 1
        self._owner.send(Chunk(id=self.id, seq=self._seq, payload=chunk, rate=self._rate, channels=1))
        self._seq += 1
