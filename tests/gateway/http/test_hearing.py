"""A stream of a realtime session and its fair copy: who ends what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hushd.transcripts.segment import Segment
from hushd_gateway.http.realtime.hearing import Hearing
from hushd_gateway.http.realtime.items import Items
from hushd_gateway.http.realtime.turns import Event, Stream
from hushd_protocol.errors import HushdError


class Copy:
    """A fair copy that never comes."""

    closed = False

    def close(self) -> None:
        self.closed = True


class Transcription:
    """A live one, which has one segment and goes on until its sound ends."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.fair = Copy()
        self.waited = asyncio.Event()
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[Segment]:
        yield Segment(0, 0.0, 1.0, "Draft.")
        async for _ in self._chunks:
            pass

    async def fair_copy(self) -> None:
        self.waited.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.fair.close()
            raise

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("when", ["heard", "ended", "cleared"])
def test_a_program_that_has_left_wants_no_fair_copy(when: str) -> None:
    """While its sound is heard, while the copy is made, and where it has cleared the rest of the sound before: the copy
    is closed, so that nothing more is read. Sound that was cleared alone ends no copy of the turns before."""

    async def run() -> None:
        begun: list[Transcription] = []
        events: list[Event] = []

        async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Transcription:
            begun.append(Transcription(chunks))
            return begun[0]

        def fail(error: HushdError) -> None:
            raise error

        stream = Stream(Items(), True, 0.0, fair=True)
        hearing = Hearing(listen, 16_000, stream, lambda news: events.extend(news), fail, vad=True)
        async with asyncio.timeout(30):
            while not events:
                await asyncio.sleep(0)
            (transcription,) = begun
            if when == "ended":
                hearing.close()
            elif when == "cleared":
                hearing.clear()
            if when != "heard":
                await transcription.waited.wait()
                assert not transcription.fair.closed
            await asyncio.gather(*hearing.end(), return_exceptions=True)
        assert transcription.fair.closed

    asyncio.run(run())
