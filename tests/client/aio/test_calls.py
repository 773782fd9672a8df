"""Calls of AsyncClient under way: many at once, cancelled, closed, on a loop that is blocked, past lost supervisors."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from hushd import AsyncClient, HushdError
from hushd_protocol.messages import Chunk, Credit, Error, Message, Partial, Request, Result
from support.peer import BOUND_S, ECHO, Start, command
from support.scripted_router import ScriptedRouter
from support.stopwatch import Stopwatch

SLOTS = f'[worker."stt/echo"]\n{command(ECHO, "--slots", "50")}[worker."tts/echo"]\n{command(ECHO, "--slots", "50")}'


async def endless() -> AsyncIterator[bytes]:
    """Input that begins and never ends."""
    yield b"sound"
    await asyncio.Event().wait()


async def working(client: AsyncClient, count: int) -> None:
    """Returns once the supervisor has `count` jobs at its workers."""
    while sum(row.running + row.queued for row in (await client.status()).workers) != count:
        pass


async def test_many_calls_take_no_threads(start_supervisor: Start) -> None:
    """Fifty texts and fifty recordings under way on one loop: no thread more than for one, and each gets its own."""
    start_supervisor(SLOTS)
    released = asyncio.Event()
    before = threading.active_count()

    async def slowly(data: bytes) -> AsyncIterator[bytes]:
        yield data[:1000]
        await released.wait()
        yield data[1000:]

    async with AsyncClient() as client:

        async def hear(number: int) -> str:
            data = bytes([number]) * 200_000
            heard = await client.transcribe(slowly(data) if number % 2 else data, engine="echo", model="a")
            assert heard.text == hashlib.sha256(data).hexdigest()
            return heard.text

        async def speak(number: int) -> bytes:
            speech = await client.synthesize(slowly(b"%d" % number * 1000), engine="echo", model="a")
            sound = b"".join([chunk async for chunk in speech])
            assert sound == bytes(byte for byte in b"%d" % number * 1000 for _ in range(2))
            return sound

        await client.preload("stt/echo/a", "tts/echo/a")
        tasks = [asyncio.create_task(each(number)) for number in range(50) for each in (hear, speak)]
        await working(client, 75)  # the others were sent in full, and are done
        most = threading.active_count()
        released.set()
        assert len(set(await asyncio.gather(*tasks))) == 100
    # The connection's thread, ØMQ has its own uncounted, and asyncio's pool for the start.
    assert most - before <= 1 + min(32, (os.cpu_count() or 1) + 4)


async def test_an_ordinary_iterable_may_block(start_supervisor: Start) -> None:
    """It is read on a thread of its own: the loop goes on, and so does another call."""
    start_supervisor(SLOTS)
    go = threading.Event()

    def blocking() -> Any:
        yield b"one "
        assert go.wait(BOUND_S)
        yield b"two"

    async with AsyncClient() as client:
        task = asyncio.create_task(client.transcribe(blocking(), engine="echo", model="a"))
        await working(client, 1)
        await client.transcribe(b"another", engine="echo", model="a")
        go.set()
        assert (await task).text == hashlib.sha256(b"one two").hexdigest()


@pytest.mark.parametrize("how", ["task", "timeout", "aclosing", "with", "close", "forgotten"])
async def test_a_cancelled_call_ends_its_job(how: str, start_supervisor: Start) -> None:
    """The worker is free within 0.2 s, by whichever way the caller leaves."""
    start_supervisor(SLOTS)
    async with AsyncClient() as client:
        heard = await client.listen(endless(), engine="echo", model="a")
        await working(client, 1)
        if how == "task":
            task = asyncio.create_task(heard.transcript())
            await asyncio.sleep(0)
            started = Stopwatch()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif how == "timeout":
            started = Stopwatch()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await heard.transcript()
        elif how == "aclosing":
            async with aclosing(heard):
                started = Stopwatch()
        elif how == "with":
            async with heard:
                started = Stopwatch()
        elif how == "close":
            started = Stopwatch()
            heard.close()
        else:
            del heard
            gc.collect()  # which takes its time where other tests have imported much
            started = Stopwatch()
        await working(client, 0)
        assert started.calm <= 0.2


async def test_a_broken_input_is_the_outcome(start_supervisor: Start) -> None:
    """An exception of the iterable is raised to the caller, and the job ends."""
    start_supervisor(SLOTS)

    async def broken() -> AsyncIterator[bytes]:
        yield b"sound"
        raise ZeroDivisionError("as asked")

    async def texts() -> AsyncIterator[Any]:
        yield 5

    async with AsyncClient() as client:
        with pytest.raises(ZeroDivisionError):
            await client.transcribe(broken(), engine="echo", model="a")
        with pytest.raises(HushdError, match="iterable of int"):
            await client.transcribe(texts(), engine="echo", model="a")
        await working(client, 0)


async def test_closing_ends_calls_under_way(start_supervisor: Start) -> None:
    """Each of their tasks gets `cancelled`, and the client connects again when it is used again."""
    start_supervisor(SLOTS)
    async with AsyncClient() as client:
        tasks = [asyncio.create_task(client.transcribe(endless(), engine="echo", model="a")) for _ in range(10)]
        await working(client, 10)
        await client.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await working(client, 0)
        assert len({id(error) for error in found}) == 10, "each its own, with its own traceback"
        assert [getattr(error, "code", error) for error in found] == ["cancelled"] * 10


def heard_after(*errors: str) -> Callable[[ScriptedRouter, bytes, Message], None]:
    """A worker that fails with each of these codes, after three chunks of a stream, before it hears all of it."""
    left = list(errors)

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        streamed = isinstance(message, Request) and message.input == "stream"
        if isinstance(message, Request) and streamed:
            router.send(route, Credit(id=message.id, chunks=3 if left else 100))
        elif left and (isinstance(message, Request) or (isinstance(message, Chunk) and message.seq == 2)):
            detail = {"pull": True, "model": "e/m"} if left[0] == "model_missing" else {}
            router.send(route, Error(id=message.id, code=left.pop(0), message="Gone.", detail=detail))
        elif isinstance(message, Request) or (isinstance(message, Chunk) and message.last):
            data = {"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": "Hi."}
            router.send(route, Partial(id=message.id, seq=0, data=data), Result(id=message.id))

    return script


async def slow_pieces() -> AsyncIterator[bytes]:
    for number in range(20):
        await asyncio.sleep(0)
        yield bytes([number]) * 1000


async def test_a_stream_is_sent_again(start_router: Callable[..., ScriptedRouter]) -> None:
    """All of an asynchronous iterable, though the first attempt has read a part of it."""
    router = start_router(heard_after("worker_crashed"))
    async with AsyncClient() as client:
        assert (await client.transcribe(slow_pieces())).text == "Hi."
    assert [each.attempt for each in router.of(Request)] == [0, 1]
    assert len({each.id for each in router.of(Request)}) == 1
    places = [chunk.seq for chunk in router.of(Chunk)]
    again = router.of(Chunk)[places.index(0, 1) :]
    assert b"".join(chunk.payload for chunk in again) == b"".join(bytes([number]) * 1000 for number in range(20))
