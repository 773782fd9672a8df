"""A stream of a realtime session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hushd.transcripts.segment import Segment
from hushd_gateway.http.realtime import hearing as module
from hushd_gateway.http.realtime.hearing import Hearing
from hushd_gateway.http.realtime.turns import Event, HeardStream, Items
from hushd_gateway.routing import Model
from hushd_protocol.errors import HushdError
from support.peer import BOUND_S


class Heard:
    """A live transcription of all of the sound, which it keeps."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._is_judged = False
        self.sound = b""

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for chunk in self._chunks:
            self.sound += chunk
        yield Segment(0, 0.0, 1.0, "All.", unlikely=self._is_judged)  # else it is marked once it has gone out

    def wait_for_verdict(self) -> None:
        self._is_judged = True

    async def aclose(self) -> None:
        pass


class Silent(Heard):
    """One in which nothing is said."""

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for chunk in self._chunks:
            self.sound += chunk
        for none in list[Segment]():
            yield none


async def default() -> Model:
    return Model()


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
    hearing = Hearing(listen, 24_000, stream, lambda _: None, vad=False, choose=default, alone=lambda _: True)
    pieces = [bytes([number]) * 96_000 for number in range(100)]
    async with asyncio.timeout(30):
        for piece in pieces:
            await hearing.add(piece)
        hearing.close()
        begins.set()
        await hearing.task
    assert heard[0].sound == b"".join(pieces)


@pytest.mark.parametrize("alone", [True, False])
async def test_a_doubtful_text_is_blamed_on_the_language_only_where_the_model_knows_one(alone: bool) -> None:
    """Only then is there advice to take another model: one of 99 languages may be the very model that it names."""
    posted: list[Event] = []

    async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Heard:
        return Heard(chunks)

    stream = HeardStream(Items(), 0.0, vad=False)
    hearing = Hearing(listen, 24_000, stream, posted.extend, vad=False, choose=default, alone=lambda _: alone)
    await hearing.add(bytes(9600))
    posted.extend(stream.commit(0.2))
    hearing.close()
    await hearing.task
    (warning,) = posted[-1]["warnings"]
    told = warning["message"]
    assert told.startswith("This is probably not the spoken text")
    assert ("seems not to know the language" in told, "another language" in told) == (alone, alone)


async def test_a_program_that_waits_for_room_hears_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that fails takes no more sound: whoever waits to send more goes on, and each item has its error."""
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 100)
    fails, posted = asyncio.Event(), list[Event]()

    async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Heard:
        await fails.wait()
        raise HushdError("worker_failed", "It has gone.")

    stream = HeardStream(Items(), 0.0, vad=False)
    hearing = Hearing(listen, 24_000, stream, posted.extend, vad=False, choose=default, alone=lambda _: False)
    await hearing.add(bytes(200))
    posted.extend(stream.commit(0.2))
    more = asyncio.create_task(hearing.add(bytes(200)))
    await asyncio.sleep(0)
    assert not more.done()
    fails.set()
    async with asyncio.timeout(BOUND_S):
        await more
        await hearing.task
    assert posted[-1]["type"].endswith(".failed")
    assert posted[-1]["error"]["message"] == "It has gone."


async def test_sound_without_words_completes_its_item() -> None:
    """A program that has committed gets `completed` with an empty text, and waits for no longer."""
    posted: list[Event] = []

    async def listen(chunks: AsyncIterator[bytes], **_: Any) -> Silent:
        return Silent(chunks)

    stream = HeardStream(Items(), 0.0, vad=False)
    hearing = Hearing(listen, 24_000, stream, posted.extend, vad=False, choose=default, alone=lambda _: False)
    await hearing.add(bytes(9600))
    posted.extend(stream.commit(0.2))
    hearing.close()
    await hearing.task
    assert (posted[-1]["type"].rpartition(".")[2], posted[-1]["transcript"]) == ("completed", "")


@pytest.mark.parametrize(("vad", "code", "for_good"), [
    (True, "worker_failed", False), (True, "model_missing", True), (False, "worker_failed", True),
])  # fmt: skip
async def test_a_hearing_fails_for_all_further_sound_where_some_is_lost_or_the_next_would_fail(
    vad: bool, code: str, for_good: bool
) -> None:
    """Turns that hushd finds go on after a failed worker. A turn that the program commits fails as a whole, and what no
    model knows is not asked again with each piece of sound."""
    posted: list[Event] = []

    async def choose() -> Model:
        raise HushdError(code, "Gone.")

    async def listen(*_: Any, **__: Any) -> Heard:
        raise AssertionError

    stream = HeardStream(Items(), 0.0, vad=vad)
    hearing = Hearing(listen, 24_000, stream, posted.extend, vad=vad, choose=choose, alone=lambda _: True)
    await hearing.task
    await hearing.add(bytes(9600))
    assert (hearing.failed, hearing.seconds, [event["type"] for event in posted]) == (for_good, 0.2, ["error"])
    *_, failed = stream.commit(hearing.seconds)
    assert (failed["type"].rpartition(".")[2], failed["error"]["message"]) == ("failed", "Gone.")
