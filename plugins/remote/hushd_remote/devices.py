"""The devices of a machine that has attached itself to this one: their names, its microphone, its loudspeaker.

Samples to play go there a fifth of a second ahead of the sound heard. Those that were not heard when it fell silent
are kept here, so that nothing of the speech is lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hushd.audio.devices import Device, Kind
from hushd.audio.playback_buffer import DEVICE_LOOK_INTERVAL_S, DRY_S, PlaybackBuffer
from hushd.transport.call import new_id
from hushd.transport.connection import Connection
from hushd.transport.link import GONE, Link
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Control, Credit, Error, Message, Progress, Request, Result

WORKER = "devices"  # worker of requests for a loudspeaker or a microphone
CHUNKS_UNDER_WAY = 64  # chunks of a recording under way
LATENCY_S = 0.05  # latency of a microphone there


def listed(link: Link, kind: Kind) -> list[Device]:
    """The loudspeakers or microphones there. Raises HushdError `no_device`."""
    connection = link.connect()
    rows = connection.start(Control(id=new_id(), action="devices", names=[kind])).result().data["devices"]
    return [Device(*row) for row in rows]


class RemoteMicrophone:
    """A microphone there, recorded from the construction on, in the place of a stream of sounddevice's. While the floor
    is not ours it gives silence.

    Args:
        callback: as sounddevice calls it.
        on_end: called when the recording has ended by itself, with the reason.
    """

    latency = LATENCY_S

    def __init__(
        self,
        link: Link,
        device: str | int | None,
        rate: int,
        chunk_s: float,
        callback: Callable[[bytes, int, Any, Any], None],
        on_end: Callable[[BaseException], None],
    ) -> None:
        self.id = new_id()
        self._callback = callback
        self._on_end = on_end
        self._closed = False
        self._connection = link.connect()
        params = {"rate": rate, "chunk_s": chunk_s, "device": device}
        request = Request(id=self.id, worker=WORKER, op="record", params=params, input="none", credit=CHUNKS_UNDER_WAY)
        self._connection.carry(self, request)

    def close(self) -> None:
        """Ends the recording. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._connection.post(Control(id=new_id(), action="hush", names=[self.id.hex()]))

    def receive(self, message: Message) -> bool:
        """See `hushd.transport.call.Answered`."""
        if isinstance(message, Chunk):
            if not self._closed:
                self._callback(message.payload, len(message.payload) // 2, None, None)
                self._connection.post(Credit(id=self.id, chunks=1))
        elif isinstance(message, Error):
            self.end(message.exception())
        return isinstance(message, Error | Result)

    def end(self, error: BaseException | None = None) -> None:
        """See `hushd.transport.call.Answered`."""
        if not self._closed:
            self._on_end(error or HushdError("no_device", "The microphone has been closed where it is."))


DEVICE_CHUNK_S = 0.02
FIRST_S = 0.2  # seconds that may be sent before the first report


class RemotePlayback:
    """A loudspeaker there, from its opening to the silence. Its reports come on the connection's thread.

    Attributes:
        heard: seconds.
        limit: seconds that may have been sent.
    """

    def __init__(self, connection: Connection, moved: threading.Event) -> None:
        self.id = new_id()
        self.connection = connection
        self._moved = moved
        self.heard = 0.0
        self.limit = FIRST_S
        self.over = False
        self.error: BaseException | None = None

    def receive(self, message: Message) -> bool:
        """See `hushd.transport.call.Answered`."""
        if isinstance(message, Progress):
            self.heard, self.limit = max(self.heard, message.done), max(self.limit, message.total)
        elif isinstance(message, Result):
            self.heard = max(self.heard, float(message.data.get("heard", 0.0)))
            self.over = True
        elif isinstance(message, Error):
            self.error, self.over = message.exception(), True
        self._moved.set()
        return self.over

    def end(self, error: BaseException | None = None) -> None:
        """See `hushd.transport.call.Answered`."""
        self.error, self.over = error, True
        self._moved.set()


class RemoteLoudspeaker(PlaybackBuffer):
    """A `PlaybackBuffer` whose device is at the other end of a link."""

    elsewhere = True

    def __init__(self, link: Link, device: str | int | None, rate: int, channels: int, volume: float) -> None:
        self._stream: RemotePlayback | None = None
        super().__init__(StopIteration, rate, channels, volume=volume)
        self._link = link
        self._params = {"rate": rate, "channels": channels, "device": device}
        self._block_size = max(1, int(DEVICE_CHUNK_S * rate)) * self._frame
        self._unheard: list[memoryview] = []  # sound of the stream
        self._before = 0  # bytes taken when the stream was opened
        self._sent = 0  # bytes to the stream
        self._seq = 0

    @property
    def volume(self) -> float:
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = volume
        self._tell("volume", str(volume))

    def wait(self) -> bool:
        """Does as `PlaybackBuffer.wait`; audio that came before an error is played first."""
        return (bool(self._chunks) and not self._abandoned) or super().wait()

    def hush(self) -> None:
        super().hush()
        self._tell("hush")

    def _tell(self, action: str, *words: str) -> None:
        if (stream := self._stream) is not None:
            stream.connection.post(Control(id=new_id(), action=action, names=[stream.id.hex(), *words]))

    def abandon(self) -> None:
        super().abandon()
        self._tell("hush")

    def play_out(self, on_position: Callable[[float], None] | None = None) -> None:
        """Has the audio played there until all was heard, it was hushed, nothing came for a while, or the connection is
        lost. Raises as there."""
        try:
            stream = self._open(self._link.connect())
            if self._hushed:
                self.hush()
            self._feed(stream, on_position)
        finally:
            self._take_back(on_position)
            self._heard.set()
        if isinstance(stream.error, HushdError) and stream.error.code not in GONE:
            raise stream.error

    def _open(self, connection: Connection) -> RemotePlayback:
        """Opens the loudspeaker there, and sends as much as it may."""
        self._before, self._sent, self._seq = self._taken, 0, 0
        stream = self._stream = RemotePlayback(connection, self._moved)
        params = {**self._params, "volume": self._volume}
        try:
            connection.carry(stream, Request(id=stream.id, worker=WORKER, op="play", params=params, input="stream"))
            self._send(stream)
            self._moved.set()
        except HushdError as error:
            stream.end(error)
        return stream

    def _feed(self, stream: RemotePlayback, on_position: Callable[[float], None] | None) -> None:
        ended, idle = False, 0.0
        while True:
            moved = self._moved.wait(DEVICE_LOOK_INTERVAL_S)
            self._moved.clear()
            self._note(stream, on_position)
            if stream.over:
                return
            self._send(stream)
            if self.done and not ended:
                ended = True
                stream.connection.post(Chunk(id=stream.id, seq=self._seq, last=True))
            idle = 0.0 if moved or self._chunks else idle + DEVICE_LOOK_INTERVAL_S
            if self._abandoned or idle >= DRY_S:
                self.hush()

    def _send(self, stream: RemotePlayback) -> None:
        """Sends the samples at hand, as far as the limit."""
        while self._chunks and self._sent / self._second < stream.limit and not (self._hushed or self._abandoned):
            block = self._next_block()
            stream.connection.post(Chunk(id=stream.id, seq=self._seq, payload=block))
            self._sent, self._seq = self._sent + len(block), self._seq + 1

    def _take_back(self, on_position: Callable[[float], None] | None) -> None:
        """Forgets the stream, and has the samples that were not heard of it played again."""
        if (stream := self._stream) is not None:
            if not stream.over:  # Ctrl-C, or a claim that failed
                self._tell("hush")
            self._stream = None
            self._note(stream, on_position)
            self._chunks.extendleft(reversed(self._unheard))
            self._unheard.clear()

    def _next_block(self) -> bytes:
        """The next samples to send, which are kept until they were heard."""
        block = bytearray()
        while self._chunks and len(block) < self._block_size:
            chunk = self._chunks.popleft()
            room = self._block_size - len(block)
            if len(chunk) > room:
                self._chunks.appendleft(chunk[room:])
            block += chunk[:room]
        samples = bytes(block)
        self._unheard.append(memoryview(samples))
        return samples

    def _note(self, stream: RemotePlayback, on_position: Callable[[float], None] | None) -> None:
        """Forgets the samples that were heard, and reports their place."""
        heard = self._before + round(stream.heard * self._rate) * self._frame
        while self._unheard and self._taken < heard:
            first = self._unheard[0]
            gone = min(len(first), heard - self._taken)
            self._taken += gone
            if gone == len(first):
                del self._unheard[0]
            else:
                self._unheard[0] = first[gone:]
        if self._added - self._taken <= self._limit // 2:
            self._room.set()
        if on_position is not None:
            self._position = max(self._position, self._taken / self._second)
            on_position(self._position)


open_microphone = RemoteMicrophone
open_loudspeaker = RemoteLoudspeaker
