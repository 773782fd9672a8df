"""A stream of a realtime session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hushd.transcripts.segment import Segment
from hushd_gateway.http.realtime.hearing import Hearing
from hushd_gateway.http.realtime.turns import HeardStream, Items


class Heard:
    """A live transcription of all of the sound, which it keeps."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.sound = b""

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for chunk in self._chunks:
            self.sound += chunk
        yield Segment(0, 0.0, 1.0, "All.", unlikely=True)

    def wait_for_verdict(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


async def test_sound_is_read_as_it_comes() -> None:
    """A program that sends a recording at once, while its worker still starts, waits for nothing: its pings lie behind
    that sound. All of it is heard, in its order."""
    begins = asyncio.Event()
    heard: list[Heard] = []

    async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Heard:
        await begins.wait()
        heard.append(Heard(chunks))
        return heard[0]

    stream = HeardStream(Items(), 0.0, vad=True)
    hearing = Hearing(listen, 24_000, stream, lambda news: None, vad=False)
    pieces = [bytes([number]) * 96_000 for number in range(100)]
    async with asyncio.timeout(30):
        for piece in pieces:
            await hearing.add(piece)
        hearing.close()
        begins.set()
        await hearing.task
    assert heard[0].sound == b"".join(pieces)
