"""A stream of a realtime session and its second pass: who ends what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hushd.transcripts import precedence
from hushd.transcripts.segment import Segment
from hushd_gateway.http.realtime.hearing import Hearing
from hushd_gateway.http.realtime.items import Items
from hushd_gateway.http.realtime.turns import Event, Stream
from hushd_protocol.errors import HushdError


class Copy:
    """A second pass that never comes."""

    closed = False

    def close(self) -> None:
        self.closed = True


class Transcription:
    """A live one, which has one segment and goes on until its sound ends."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.second_pass = Copy()
        self.waited = asyncio.Event()
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[Segment]:
        yield Segment(0, 0.0, 1.0, "Draft.")
        async for _ in self._chunks:
            pass

    async def after_second_pass(self) -> None:
        self.waited.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.second_pass.close()
            raise

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("when", ["heard", "ended", "cleared"])
def test_a_program_that_has_left_wants_no_second_pass(when: str) -> None:
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

        stream = Stream(Items(), 0.0, vad=True, second_pass=True)
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
                assert not transcription.second_pass.closed
            await asyncio.gather(*hearing.end(), return_exceptions=True)
        assert transcription.second_pass.closed

    asyncio.run(run())


class Refused(Transcription):
    """One that has taken a piece of the sound when it is refused, and wants more."""

    second_pass = None  # type: ignore[assignment]

    def __init__(self, chunks: AsyncIterator[bytes], error: HushdError) -> None:
        self._chunks = chunks
        self._error = error

    async def __aiter__(self) -> AsyncIterator[Segment]:
        await anext(self._chunks)
        self.upload = asyncio.create_task(anext(self._chunks, b""))  # waits for more, as an upload does
        await asyncio.sleep(0)
        raise self._error
        yield


class Heard(Transcription):
    """One that hears all of the sound, which it keeps."""

    second_pass = None  # type: ignore[assignment]

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.sound = b""

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for chunk in self._chunks:
            self.sound += chunk
        yield Segment(0, 0.0, 1.0, "All.")


def test_sound_is_read_as_it_comes() -> None:
    """A program that sends a recording at once, while its worker still starts, waits for nothing: its pings lie behind
    that sound. All of it is heard, in its order."""

    async def run() -> None:
        begins = asyncio.Event()
        heard: list[Heard] = []

        async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Transcription:
            await begins.wait()
            heard.append(Heard(chunks))
            return heard[0]

        stream = Stream(Items(), 0.0, vad=True)
        hearing = Hearing(listen, 24_000, stream, lambda news: None, lambda error: None, vad=False)
        pieces = [bytes([number]) * 96_000 for number in range(100)]
        async with asyncio.timeout(30):
            for piece in pieces:
                await hearing.add(piece)
            hearing.close()
            begins.set()
            await hearing.task
        assert heard[0].sound == b"".join(pieces)

    asyncio.run(run())


class Giving:
    """A second pass that is being read."""

    gave_way = went_on = 0

    def give_way(self) -> bool:
        self.gave_way += 1
        return True

    def go_on(self) -> None:
        self.went_on += 1


@pytest.mark.parametrize("code", ["server_busy", "model_missing"])
def test_a_stream_without_memory_has_a_second_pass_give_way(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused twice, it is heard at the third attempt from its first sample on, and then the copy goes on. Another
    error is the program's to know."""
    monkeypatch.setattr(precedence, "AGAIN_S", 0.0)
    precedence.register(copy := Giving())
    refusals = [Refused(None, HushdError(code, "No.")) for _ in range(2)]  # type: ignore[arg-type]

    async def run() -> tuple[list[Event], bytes]:
        events: list[Event] = []
        left, heard = iter(refusals), list[Heard]()

        async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Transcription:
            if (refused := next(left, None)) is not None:
                refused._chunks = chunks
                return refused
            heard.append(Heard(chunks))
            return heard[0]

        stream = Stream(Items(), 0.0, vad=True)
        hearing = Hearing(listen, 16_000, stream, lambda news: events.extend(news), lambda error: None, vad=True)
        async with asyncio.timeout(30):
            for piece in (b"one ", b"two ", b"three"):
                await hearing.add(piece)
                for _ in range(20):
                    await asyncio.sleep(0)
            hearing.close()
            await hearing.task
        return events, heard[0].sound if heard else b""

    events, sound = asyncio.run(run())
    kinds = [event["type"].rpartition(".")[2] for event in events]
    if code == "server_busy":
        assert sound == b"one two three"
        assert "completed" in kinds
        assert copy.gave_way == 2
    else:
        assert sound == b""
        assert "error" in kinds
        assert copy.gave_way == 0
    assert copy.went_on == 1
