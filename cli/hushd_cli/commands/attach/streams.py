"""The loudspeaker and the microphone of this machine, as one program on the other machine uses them."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from hushd.audio import microphone, playback
from hushd.audio.microphone import Microphone
from hushd.audio.playback import Player
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Error, Message, Progress, Request, Result

AHEAD_S = 0.19  # of the sound heard: so long it may go on when the other machine has gone
SURPLUS_S = 1.0  # beyond that limit; then a program sends more than it may
RATES = range(4000, 192_001)  # Hz
MOST_CHANNELS = 8
CHUNKS_S = (0.005, 1.0)
_LISTS = {"loudspeaker": playback.outputs, "microphone": microphone.inputs}


class Program(Protocol):
    """The program that a stream belongs to: see `Guest`."""

    @property
    def round_trip(self) -> float: ...

    @property
    def send(self) -> Callable[[Message], None]: ...

    def may_use(self, *devices: str) -> bool: ...

    def holds(self, claim: bytes) -> bool: ...

    def claimed(self, claim: bytes) -> bool: ...

    def closed(self, name: bytes, message: Message) -> None: ...


def device_names(kinds: Sequence[str]) -> list[list[Any]]:
    """The devices of a kind. Raises HushdError."""
    if len(kinds) != 1 or kinds[0] not in _LISTS:
        raise HushdError("bad_request", "`devices` names `loudspeaker` or `microphone`.")
    return [[each.number, each.name, each.api, each.channels, each.usual] for each in _LISTS[kinds[0]]()]


class LoudspeakerStream:
    """Plays what comes, never more than `AHEAD_S` and a round trip of it at once; where the request names a claim, from
    its grant on.

    Raises:
        HushdError: `bad_request` for a request out of bounds.
    """

    def __init__(self, guest: Program, request: Request) -> None:
        params = request.params
        self.id = request.id
        self._guest = guest
        self._rate = _number(params.get("rate"), RATES.start, RATES.stop - 1)
        self._channels = _number(params.get("channels", 1), 1, MOST_CHANNELS)
        self._second = 2 * self._channels * self._rate
        self._chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._received = 0  # bytes
        self._heard = 0.0  # seconds
        self._hushed = False
        self._claim = _claim(params)
        self._allowed = threading.Event()
        self._player = Player(_device(params), volume=_float(params.get("volume", 1.0)), on_position=self._report)

    def start(self) -> None:
        """Begins to play, on a thread of its own."""
        threading.Thread(target=self._run, name="hushd-guest-plays", daemon=True).start()

    def take(self, chunk: Chunk) -> bool:
        """Takes samples; returns False for more than were allowed."""
        self._received += len(chunk.payload)
        if chunk.payload:
            self._chunks.put(chunk.payload)
        if chunk.last:
            self._chunks.put(None)
        return self._received / self._second <= self._limit() + SURPLUS_S

    def credit(self, chunks: int) -> None:
        """Nothing comes from a loudspeaker."""

    def volume(self, words: Sequence[str]) -> None:
        """Sets the volume. Raises HushdError `bad_request`."""
        try:
            self._player.volume = float(words[0])
        except (IndexError, ValueError) as error:
            raise HushdError("bad_request", "A volume is a number.") from error

    def hush(self) -> None:
        """Fades out, at once and for good. For any thread."""
        self._hushed = True
        self._player.stop()
        self._chunks.put(None)
        self._allowed.set()

    def look(self) -> None:
        """Falls silent where the floor is not the program's any more, and begins where it is."""
        if self._guest.holds(self._claim) if self._claim else self._guest.may_use("speaker"):
            self._allowed.set()
        elif self._allowed.is_set() or not self._guest.claimed(self._claim):
            self.hush()

    def _run(self) -> None:
        end: Result | Error
        try:
            self.look()
            self._player.play(self._samples(), self._rate, self._channels)
            end = Result(id=self.id, data={"heard": self._heard, "hushed": self._hushed})
        except HushdError as error:
            end = Error.of(self.id, error)
        self._guest.closed(self.id, end)

    def _samples(self) -> Iterator[bytes]:
        self._allowed.wait()
        while (chunk := self._chunks.get()) is not None:
            yield chunk

    def _report(self, heard: float) -> None:
        if heard > self._heard:
            self._heard = heard
            self._guest.send(Progress(id=self.id, done=heard, total=self._limit()))

    def _limit(self) -> float:
        return self._heard + AHEAD_S + self._guest.round_trip


class MicrophoneStream:
    """Records while the program has the floor, and sends silence while it has not.

    Raises:
        HushdError: `bad_request` for a request out of bounds.
    """

    def __init__(self, guest: Program, request: Request) -> None:
        params = request.params
        self.id = request.id
        self._guest = guest
        self._rate = _number(params.get("rate"), RATES.start, RATES.stop - 1)
        self._chunk_s = min(max(_float(params.get("chunk_s")), CHUNKS_S[0]), CHUNKS_S[1])
        self._device = _device(params)
        self._credit = max(0, request.credit)
        self._seq = 0
        self._over = threading.Event()
        self._microphone: Microphone | None = None

    def start(self) -> None:
        """Begins to record, on a thread of its own."""
        threading.Thread(target=self._run, name="hushd-guest-records", daemon=True).start()

    def take(self, chunk: Chunk) -> bool:
        """Nothing goes to a microphone."""
        return False

    def credit(self, chunks: int) -> None:
        """Lets more chunks be sent."""
        self._credit += chunks

    def hush(self) -> None:
        """Ends the recording. For any thread."""
        self._over.set()
        self._stop()

    def look(self) -> None:
        """Closes the microphone where the floor is not the program's any more."""
        if not self._allowed:
            self._stop()

    def _stop(self) -> None:
        if (recorded := self._microphone) is not None:
            recorded.stop()

    @property
    def _allowed(self) -> bool:
        return self._guest.may_use("microphone", "wake")

    def _run(self) -> None:
        end: Result | Error = Result(id=self.id)
        try:
            silence = bytes(2 * int(self._rate * self._chunk_s))
            while not self._over.is_set():
                if self._allowed:
                    self._record()
                else:
                    self._send(silence)
                    self._over.wait(self._chunk_s)
        except HushdError as error:
            end = Error.of(self.id, error)
        self._guest.closed(self.id, end)

    def _record(self) -> None:
        with Microphone(self._device, rate=self._rate, chunk_s=self._chunk_s) as recorded:
            if recorded.rate != self._rate:
                raise HushdError("no_device", f"The microphone there does not record at {self._rate} Hz.")
            self._microphone = recorded
            try:
                for chunk in recorded:
                    if not self._allowed or self._over.is_set():
                        return
                    self._send(chunk)
            finally:
                self._microphone = None

    def _send(self, chunk: bytes) -> None:
        if not self._credit:
            raise HushdError("slow_consumer", "The connection is too slow for what the microphone records.")
        self._credit -= 1
        self._guest.send(Chunk(id=self.id, seq=self._seq, payload=chunk, rate=self._rate, channels=1))
        self._seq += 1


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise HushdError("bad_request", f"A device takes numbers of {least} to {most} there, not {str(value)[:20]}.")
    return value


def _float(value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise HushdError("bad_request", "A volume, and the seconds of a chunk, are numbers.")
    return float(value)


def _claim(params: Any) -> bytes:
    try:
        return bytes.fromhex(params.get("claim", ""))
    except (TypeError, ValueError) as error:
        raise HushdError("bad_request", "`claim` is the id of a claim, in hexadecimal digits.") from error


def _device(params: Any) -> str | int | None:
    device = params.get("device")
    return device if isinstance(device, str | int) else None
