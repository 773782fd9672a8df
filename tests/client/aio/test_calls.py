"""Calls of AsyncClient under way: many at once, cancelled, closed, on a loop that is blocked, past lost supervisors."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hushd import AsyncClient, HushdError
from hushd.aio.call import AsyncCall
from hushd.aio.steps import run as run_steps
from hushd.transport import link
from hushd.transport.connection import Connection
from hushd.transport.requests import request
from hushd.transport.retry import RetryingCall
from hushd_protocol.messages import Cancel, Chunk, Credit, Error, Message, Partial, Request, Result
from support.peer import BOUND_S, CONFIG, ECHO, Supervisor, command
from support.scripted_router import ScriptedRouter
from support.stopwatch import Stopwatch

Start = Callable[..., Supervisor]
Use = Callable[[AsyncClient], Awaitable[Any]]
SLOTS = f'[worker."stt/echo"]\n{command(ECHO, "--slots", "50")}[worker."tts/echo"]\n{command(ECHO, "--slots", "50")}'


def run(use: Use, **options: Any) -> Any:
    """Result of `use` for a client, on a loop of its own."""

    async def main() -> Any:
        async with asyncio.timeout(BOUND_S), AsyncClient(**options) as client:
            return await use(client)

    return asyncio.run(main(), debug=False)


async def endless() -> AsyncIterator[bytes]:
    """Input that begins and never ends."""
    yield b"sound"
    await asyncio.Event().wait()


async def working(client: AsyncClient, count: int) -> None:
    """Returns once the supervisor has `count` jobs at its workers."""
    while sum(row.running + row.queued for row in (await client.status()).workers) != count:
        pass


# --- many at once -----------------------------------------------------------------------------------------------------


def test_many_calls_take_no_threads(start_supervisor: Start) -> None:
    """Fifty texts and fifty recordings under way on one loop: no thread more than for one, and each gets its own."""
    assert start_supervisor(SLOTS).ready

    async def use(client: AsyncClient) -> int:
        released, most = asyncio.Event(), 0

        async def slowly(data: bytes) -> AsyncIterator[bytes]:
            yield data[:1000]
            await released.wait()
            yield data[1000:]

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
        return most

    before = threading.active_count()
    # The connection's thread, ØMQ has its own uncounted, and asyncio's pool for the start.
    assert run(use) - before <= 1 + min(32, (os.cpu_count() or 1) + 4)


@pytest.mark.parametrize("how", ["file", "path"])
def test_a_file_takes_no_thread(how: str, start_router: Callable[..., ScriptedRouter], tmp_path: Path) -> None:
    """Neither an open one nor one whose path the worker cannot open, while it waits for credit; all of it is sent."""
    data = os.urandom(500_000)
    (tmp_path / "a.wav").write_bytes(data)
    began = threading.Event()
    hear = heard_after(*(["path_unreachable"] if how == "path" else []))

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        hear(router, route, message)
        if isinstance(message, Request) and message.input == "stream":
            began.set()

    router = start_router(script)

    async def use(client: AsyncClient) -> list[str]:
        with (tmp_path / "a.wav").open("rb") as file:
            task = asyncio.create_task(client.transcribe(file if how == "file" else tmp_path / "a.wav"))
            await asyncio.to_thread(began.wait, BOUND_S)
            names = [thread.name for thread in threading.enumerate()]
            assert (await task).text == "Hi."
        return names

    assert "hushd-upload" not in run(use)
    assert b"".join(chunk.payload for chunk in router.of(Chunk)) == data


def test_an_ordinary_iterable_may_block(start_supervisor: Start) -> None:
    """It is read on a thread of its own: the loop goes on, and so does another call."""
    assert start_supervisor(SLOTS).ready
    go = threading.Event()

    def blocking() -> Any:
        yield b"one "
        assert go.wait(BOUND_S)
        yield b"two"

    async def use(client: AsyncClient) -> str:
        task = asyncio.create_task(client.transcribe(blocking(), engine="echo", model="a"))
        await working(client, 1)
        await client.transcribe(b"another", engine="echo", model="a")
        go.set()
        return (await task).text

    assert run(use) == hashlib.sha256(b"one two").hexdigest()


# --- cancelled --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["task", "timeout", "aclosing", "with", "close", "forgotten"])
def test_a_cancelled_call_ends_its_job(how: str, start_supervisor: Start) -> None:
    """Within 0.2 s the worker is free, by whichever way the caller leaves."""
    assert start_supervisor(SLOTS).ready

    async def use(client: AsyncClient) -> None:
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

    run(use)


def test_a_cancelled_input_is_ended(start_supervisor: Start) -> None:
    """An asynchronous generator that feeds a call is not left waiting once nobody wants its pieces."""
    assert start_supervisor(SLOTS).ready
    ended = []

    async def recording() -> AsyncIterator[bytes]:
        try:
            yield b"sound"
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def use(client: AsyncClient) -> None:
        async with await client.listen(recording(), engine="echo", model="a"):
            await working(client, 1)
        await working(client, 0)
        assert ended

    run(use)


def test_a_broken_input_is_the_outcome(start_supervisor: Start) -> None:
    """An exception of the iterable is raised to the caller, and the job ends."""
    assert start_supervisor(SLOTS).ready

    async def broken() -> AsyncIterator[bytes]:
        yield b"sound"
        raise ZeroDivisionError("as asked")

    async def texts() -> AsyncIterator[Any]:
        yield 5

    async def use(client: AsyncClient) -> None:
        with pytest.raises(ZeroDivisionError):
            await client.transcribe(broken(), engine="echo", model="a")
        with pytest.raises(HushdError, match="iterable of int"):
            await client.transcribe(texts(), engine="echo", model="a")
        await working(client, 0)

    run(use)


def test_closing_ends_calls_under_way(start_supervisor: Start) -> None:
    """Each of their tasks gets `cancelled`, and the client connects again when it is used again."""
    assert start_supervisor(SLOTS).ready

    async def use(client: AsyncClient) -> list[Any]:
        tasks = [asyncio.create_task(client.transcribe(endless(), engine="echo", model="a")) for _ in range(10)]
        await working(client, 10)
        await client.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await working(client, 0)
        assert len({id(error) for error in found}) == 10, "each its own, with its own traceback"
        return [getattr(error, "code", error) for error in found]

    assert run(use) == ["cancelled"] * 10


# --- the loop ---------------------------------------------------------------------------------------------------------


def test_a_blocked_loop_loses_nothing(start_router: Callable[..., ScriptedRouter]) -> None:
    """Credit is granted while the loop stands still, so that all of a long answer waits when it goes on."""
    chunks = 1000
    credit = [0]

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            sent[:] = [0]
            credit[0] = message.credit
            name[:] = [message.id]
        elif isinstance(message, Credit):
            credit[0] += message.chunks
        while name and sent[0] < min(credit[0], chunks):
            router.send(route, Chunk(id=name[0], seq=sent[0], payload=b"%4d" % sent[0], rate=8000, channels=1))
            sent[0] += 1
            if sent[0] == chunks:
                router.send(route, Result(id=name[0]))
                done.set()

    sent, name, done = [0], list[bytes](), threading.Event()
    start_router(script)

    async def use(client: AsyncClient) -> bytes:
        speech = await client.synthesize("Hello.")
        assert done.wait(BOUND_S), "without the loop"
        return b"".join([chunk async for chunk in speech])

    assert run(use) == b"".join(b"%4d" % number for number in range(chunks))


def test_one_client_serves_one_loop_after_the_other(start_supervisor: Start) -> None:
    """Its connection belongs to no loop, so that scripts with several `asyncio.run` need only one client."""
    assert start_supervisor(SLOTS).ready
    client = AsyncClient()
    first = asyncio.run(client.status()).supervisor.pid
    assert asyncio.run(client.status()).supervisor.pid == first
    asyncio.run(client.close())


def test_a_call_outlives_its_loop_without_a_word(start_supervisor: Start, capfd: pytest.CaptureFixture[str]) -> None:
    """Answers to a loop that is closed, and calls that are collected after it, harm neither connection nor output."""
    assert start_supervisor(SLOTS).ready
    client = AsyncClient()
    kept: list[Any] = []

    async def leave() -> None:
        kept.append(await client.listen(endless(), engine="echo", model="a"))
        await working(client, 1)

    asyncio.run(leave())
    kept.clear()
    gc.collect()

    async def look() -> None:
        await working(client, 0)
        await client.close()

    asyncio.run(look())
    assert capfd.readouterr() == ("", "")


# --- lost supervisors and workers -------------------------------------------------------------------------------------


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


def test_a_stream_is_sent_again(start_router: Callable[..., ScriptedRouter]) -> None:
    """All of an asynchronous iterable, though the first attempt has read a part of it."""
    router = start_router(heard_after("worker_crashed"))

    async def use(client: AsyncClient) -> str:
        return (await client.transcribe(slow_pieces())).text

    assert run(use) == "Hi."
    assert [each.attempt for each in router.of(Request)] == [0, 1]
    places = [chunk.seq for chunk in router.of(Chunk)]
    again = router.of(Chunk)[places.index(0, 1) :]
    assert b"".join(chunk.payload for chunk in again) == b"".join(bytes([number]) * 1000 for number in range(20))


def test_a_call_that_is_closed_while_it_is_sent_again(start_router: Callable[..., ScriptedRouter]) -> None:
    """By another task, when the first attempt has ended and the second is not sent yet: that one is cancelled."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request) and len(router.of(Request)) == 1:
            router.send(route, Error(id=message.id, code="worker_stopped", message="Gone."))

    router = start_router(script)

    async def use(client: AsyncClient) -> None:
        closed, attempts = threading.Event(), []

        class Slow:
            def current(self) -> None:
                return None

            def connect(self, needed: Callable[[], bool]) -> Connection:
                attempts.append(len(attempts))
                if len(attempts) == 2:
                    assert closed.wait(BOUND_S)
                return client.link.connect(needed)

        call = RetryingCall(Slow(), AsyncCall, request("tts", "synthesize", {}, None, None, None, "text"), None)
        await run_steps(call.begin())
        task = asyncio.ensure_future(run_steps(call.receive()))
        while len(attempts) < 2:
            await asyncio.sleep(0)
        call.close()
        closed.set()
        assert await task is None

    run(use)
    (cancel,) = router.wait_for(Cancel)
    assert cancel.id == router.of(Request)[1].id


def test_a_restart_is_survived(start_supervisor: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor is killed under calls, and the next one, which the client starts, answers them and later ones."""
    first = start_supervisor(CONFIG)
    assert first.ready
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")

    async def use(client: AsyncClient) -> list[str]:
        released = asyncio.Event()

        async def recording() -> AsyncIterator[bytes]:
            yield b"one "
            await released.wait()
            yield b"two"

        tasks = [asyncio.create_task(client.transcribe(recording(), engine="echo", model="a")) for _ in range(5)]
        await working(client, 5)
        os.kill(first.pid, signal.SIGKILL)
        await working(client, 5)
        released.set()
        texts = [(await task).text for task in tasks]
        assert (await client.status()).supervisor.pid != first.pid
        assert await client.shutdown()
        return texts

    assert run(use) == [hashlib.sha256(b"one two").hexdigest()] * 5


def test_a_supervisor_is_started_without_blocking(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop goes on while the first call starts one, for all that wait for it."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")

    async def use(client: AsyncClient) -> None:
        tasks = [asyncio.create_task(client.status()) for _ in range(20)]
        longest, began = 0.0, time.monotonic()
        last = began
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        assert longest < (last - began) / 2  # whatever a busy machine makes of both
        assert len({task.result().supervisor.pid for task in tasks}) == 1
        assert await client.shutdown()

    run(use)


@pytest.mark.parametrize("action", ["shutdown", "restart"])
def test_a_cancelled_goodbye_leaves_no_connection(
    start_supervisor: Start, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """A task that is cancelled while another thread connects, to end the supervisor, has that connection closed."""
    assert start_supervisor(CONFIG).ready
    connects, may_go_on, made = threading.Event(), threading.Event(), []

    def connect(*arguments: Any, **options: Any) -> Connection:
        connects.set()
        assert may_go_on.wait(BOUND_S)
        made.append(Connection(*arguments, **options))
        return made[0]

    monkeypatch.setattr(link, "Connection", connect)

    async def use(client: AsyncClient) -> None:
        task = asyncio.create_task(getattr(client, action)())
        await asyncio.to_thread(connects.wait, BOUND_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_go_on.set()

    run(use)  # and waits for the threads of its loop
    assert not made[0].usable


def test_a_cancelled_question_harms_no_other(start_supervisor: Start) -> None:
    """Cancelled at any step, also before the connection is there; the client goes on."""
    assert start_supervisor(SLOTS).ready

    async def use(client: AsyncClient) -> None:
        for steps in range(30):
            task = asyncio.create_task(client.transcribe(b"sound", engine="echo", model="a"))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        await working(client, 0)
        assert (await client.transcribe(b"sound", engine="echo", model="a")).text

    run(use)
