"""Collects a recording's chunks of 16-bit samples, which may be read while it goes on; a long one goes to a file."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.system import uploads

IN_MEMORY_BYTES = 1024 * 1024  # bytes kept in memory: 33 s at 16 kHz
MAX_AUDIO_BYTES = 256 * 1024 * 1024  # 2 h 20 min at 16 kHz
_PIECE_S = 0.25  # seconds of sound that are read together while it comes


class Format(NamedTuple):
    """The format of raw samples, signed and little-endian; `width` in bytes."""

    rate: int = 16_000
    width: int = 2
    channels: int = 1


def format_of(data: Mapping[str, Any], before: Format, *, begun: bool) -> Format:
    """Returns the format in an event's data, with the values of `before` for missing ones.
    Raises `bad_request` for a format that cannot be read, or that changes within a recording.
    `begun`: whether there is sound in the format of `before` already."""
    format = Format(*(data.get(name, usual) for name, usual in before._asdict().items()))
    if begun and format != before:
        raise HushdError("bad_request", "The audio's format has changed within a recording: send audio-start.")
    if any(type(value) is not int for value in format) or not _is_usual(format):
        raise HushdError(
            "bad_request",
            "The audio's format cannot be read: send a rate from 4000 to 384000 Hz, a width of 2 bytes, and 1 to 16 "
            "channels.",
        )
    return format


class SentAudio:
    """One recording; a context manager, whose end removes the file.

    Attributes:
        format: of the added samples.
        size: bytes so far.
        whole: set by `end`.
    """

    def __init__(self) -> None:
        self.format = Format()
        self.size = 0
        self.whole = asyncio.Event()
        self._more = asyncio.Event()
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  # `close` closes it

    def begin(self, data: Mapping[str, Any]) -> None:
        """Takes the format from an event's data, if it has one. Raises as `format_of`."""
        self.format = format_of(data, self.format, begun=bool(self.size))

    def add(self, data: Mapping[str, Any], samples: bytes) -> None:
        """Adds a chunk.
        Raises as `format_of`; `too_large` beyond `MAX_AUDIO_BYTES`; as `uploads.failure` if it is not stored."""
        self.begin(data)
        self.size += len(samples)
        if self.size > MAX_AUDIO_BYTES:
            raise HushdError("too_large", f"A recording has at most {MAX_AUDIO_BYTES // 2**20} MiB: send it in parts.")
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(samples)
        except OSError as error:
            raise uploads.failure(error) from error
        self._more.set()

    def end(self) -> None:
        """Ends the recording after its last chunk."""
        self.whole.set()
        self._more.set()

    async def samples(self) -> AsyncIterator[bytes]:
        """Yields the samples from the beginning to the end, as they come. Raises as `add`."""
        piece = round(_PIECE_S * self.format.rate) * self.format.width * self.format.channels
        read = 0
        while read < self.size or not self.whole.is_set():
            if self.size - read < piece and not self.whole.is_set():
                self._more.clear()
                await self._more.wait()
                continue
            try:
                self._file.seek(read)
                data = self._file.read(MAX_PAYLOAD)
            except OSError as error:
                raise uploads.failure(error) from error
            read += len(data)
            yield data

    def close(self) -> None:
        """Drops the recording and its file."""
        with suppress(OSError):  # a full disk may be reported only now, and does not matter any more
            self._file.close()


def _is_usual(format: Format) -> bool:
    return 4000 <= format.rate <= 384_000 and format.width == 2 and 1 <= format.channels <= 16
