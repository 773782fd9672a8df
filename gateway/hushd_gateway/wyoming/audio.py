"""Collects a recording's chunks: samples of any usual width become 16 bits, and a long recording goes to a file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import IO, Any, NamedTuple

from hushd import AsyncClient
from hushd.plugins import needed
from hushd_protocol.errors import HushdError
from hushd_protocol.system import uploads
from hushd_schema.description import MAX_WORDS
from wyoming.event import Eventable
from wyoming.wake import Detection, NotDetected

SHORT = 1024 * 1024  # bytes kept in memory: 33 s at 16 kHz
MEMORY = 16 * 1024 * 1024  # bytes of all recordings in memory together
MAX_BYTES = 256 * 1024 * 1024  # 2 h 20 min at 16 kHz
_SIGNED = bytes(sample ^ 0x80 for sample in range(256))


class Format(NamedTuple):
    """The format of raw samples; `width` in bytes: 1 (unsigned, as in WAV files), or 2, 3 or 4 (signed,
    little-endian)."""

    rate: int = 16_000
    width: int = 2
    channels: int = 1


def format_of(data: Mapping[str, Any], before: Format, *, begun: bool) -> Format:
    """Returns the format in an event's data, with the values of `before` for missing ones.

    Args:
        begun: whether there is sound in the format of `before` already.

    Raises:
        HushdError: `bad_request` for a format that cannot be read, or that changes within a recording.
    """
    format = Format(*(data.get(name, usual) for name, usual in before._asdict().items()))
    if begun and format != before:
        raise HushdError("bad_request", "The audio's format has changed within a recording: send audio-start.")
    if any(type(value) is not int for value in format) or not _is_usual(format):
        raise HushdError(
            "bad_request",
            "The audio's format cannot be read: send a rate from 4000 to 384000 Hz, a width of 1 to 4 bytes, and "
            "1 to 16 channels.",
        )
    return format


class Recording:
    """One recording; a context manager, whose end removes the file.

    Attributes:
        format: of the added samples.
        size: bytes so far, as 16-bit samples.
    """

    _kept = 0  # bytes in memory of all recordings

    def __init__(self) -> None:
        self.format = Format()
        self._in_memory = 0
        self.size = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=SHORT)  # noqa: SIM115  # `close` closes it
        self._incomplete = b""  # part of a frame

    def begin(self, data: Mapping[str, Any]) -> None:
        """Takes the format from an event's data, if it has one. Raises as `format_of`."""
        self.format = format_of(data, self.format, begun=bool(self.size))

    def add(self, data: Mapping[str, Any], samples: bytes) -> None:
        """Adds a chunk.

        Raises:
            HushdError: as `format_of`; `too_large` beyond `MAX_BYTES`; as `uploads.failure` if it cannot be stored.
        """
        self.begin(data)
        samples = self._incomplete + samples
        whole = len(samples) - len(samples) % (self.format.width * self.format.channels)
        self._incomplete = samples[whole:]
        chunk = sixteen_bits(samples[:whole], self.format.width)
        self.size += len(chunk)
        if self.size > MAX_BYTES:
            raise HushdError("too_large", f"A recording has at most {MAX_BYTES // 2**20} MiB: send it in parts.")
        try:
            self._make_room(len(chunk))
            self._file.write(chunk)
        except OSError as error:
            raise uploads.failure(error) from error

    def read(self) -> bytes | IO[bytes]:
        """Returns the samples: bytes of a short recording, or the file of a longer one, which `close` removes.

        Raises:
            HushdError: as `add`.
        """
        try:
            self._file.seek(0)  # flushes the buffer
        except OSError as error:
            raise uploads.failure(error) from error
        return self._file.read() if self.size <= SHORT else self._file

    def close(self) -> None:
        """Drops the recording and its file."""
        self._leave_memory()
        with suppress(OSError):  # a full disk may be reported only now, and does not matter any more
            self._file.close()

    def _make_room(self, count: int) -> None:
        """Counts the bytes in memory; moves the recording to a file beyond the limits."""
        if self.size > SHORT or Recording._kept + count > MEMORY:
            self._leave_memory()
            self._file.rollover()
        elif self._in_memory or self.size == count:
            self._in_memory += count
            Recording._kept += count

    def _leave_memory(self) -> None:
        Recording._kept -= self._in_memory
        self._in_memory = 0


def _is_usual(format: Format) -> bool:
    return 4000 <= format.rate <= 384_000 and 1 <= format.width <= 4 and 1 <= format.channels <= 16


def sixteen_bits(samples: bytes, width: int) -> bytes:
    """Returns the upper 16 bits of each sample of `width` bytes."""
    if width == 2:
        return samples
    upper = bytearray(2 * (len(samples) // width))
    if width == 1:
        upper[1::2] = samples.translate(_SIGNED)
    else:
        upper[0::2], upper[1::2] = samples[width - 2 :: width], samples[width - 1 :: width]
    return bytes(upper)


WAITING = 256 * 1024  # bytes that may wait for the worker, 8 s at 16 kHz; then the program waits too


class Waiting:
    """A stream of audio in which words are detected.

    Args:
        data: the data of the event `detect`.
        send: sends an event to the program.
    """

    def __init__(self, data: Mapping[str, Any], send: Callable[[Eventable], Awaitable[None]]) -> None:
        names = data.get("names")
        self.names = [name for name in names if isinstance(name, str)][:MAX_WORDS] if isinstance(names, list) else []
        self._send = send
        self._format = Format()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._held = 0  # bytes of the waiting pieces
        self._taken = asyncio.Event()
        self._began: int | None = None  # ms: the program's timestamp of the first chunk

    def begin(self, data: Mapping[str, Any]) -> None:
        """Sets the audio's format; raises as `format_of`."""
        self._format = format_of(data, self._format, begun=self._began is not None)

    async def add(self, data: Mapping[str, Any], samples: bytes) -> None:
        """Adds a chunk; waits while the worker is behind. Raises as `format_of`."""
        self.begin(data)
        if self._began is None:
            stamp = data.get("timestamp")
            self._began = stamp if type(stamp) is int else 0
        while self._held >= WAITING:
            self._taken.clear()
            await self._taken.wait()
        chunk = sixteen_bits(samples, self._format.width)
        self._held += len(chunk)
        self._chunks.put_nowait(chunk)

    def end(self) -> None:
        """Marks the end of the audio."""
        self._chunks.put_nowait(None)

    async def run(self, client: AsyncClient, engine: str, words: Sequence[str]) -> None:
        """Sends a `detection` for each word, or `not-detected` if there was none by the end.

        Raises:
            HushdError: a word that the engine does not know, or another refusal of the worker.
        """
        first = await self._chunks.get()
        some = False
        if first is not None:
            format = self._format
            detections = await needed("detect_async", "wake")(
                client, self._samples(first), *words, rate=format.rate, channels=format.channels, engine=engine
            )
            async with aclosing(detections):
                async for detection in detections:
                    some = True
                    at = (self._began or 0) + round(detection.at * 1000)
                    await self._send(Detection(name=detection.name, timestamp=at))
        if not some:
            await self._send(NotDetected())

    async def _samples(self, chunk: bytes | None) -> AsyncIterator[bytes]:
        while chunk is not None:
            yield chunk
            self._held -= len(chunk)
            self._taken.set()
            chunk = await self._chunks.get()
