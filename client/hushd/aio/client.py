"""`hushd.AsyncClient`: the face for tasks of the verbs in `hushd.verbs`, with their speech and transcripts.

It runs procedures (`hushd.transport.steps`) by tasks. Steps that block run on threads: short ones on asyncio's pool,
long ones on a thread of their own. Cancelled, both wait until the thread is done: it must not write on to a file that
was closed meanwhile. They are cancelled twice where Ctrl-C ends a loop: by whoever waits for them, and by
`asyncio.run`, which cancels all tasks.
"""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from itertools import count
from typing import Any, Self, TypeVar

from hushd.aio.call import AsyncAudio, AsyncCall, AsyncText, of_audio, of_chunks, of_text
from hushd.synthesis.speech import IncomingSpeech
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import IncomingTranscript
from hushd.transport.source import Input
from hushd.transport.spool import Piece
from hushd.transport.steps import Await, Awaited, Brief, Connect, Receive, RunInThread, Step, Steps
from hushd.verbs.speech import SpeechVerbs
from hushd.verbs.supervisor import SupervisorVerbs

T = TypeVar("T")


async def run(steps: Steps[T]) -> T:
    """Runs a procedure; no thread waits for messages, and the loop is never blocked.

    A task that is cancelled raises `CancelledError` in the procedure, at the step for which it waited.
    """
    try:
        step = next(steps)
        while True:
            try:
                outcome = await _outcome(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result


class OnLoop(Awaited):
    """A face whose verbs asyncio runs."""

    _run = staticmethod(run)


async def _connected(step: Connect) -> Any:
    """Connects. A thread that waits for its turn after its task was cancelled makes no connection any more: the client
    may be closed by then."""
    cancelled = False
    try:
        return await asyncio.to_thread(step.link.connect, lambda: not cancelled)
    except asyncio.CancelledError:
        cancelled = True
        raise


async def _outcome(step: Step) -> Any:
    match step:
        case Receive():
            return await step.call.next_message()
        case Connect():
            return step.link.current() or await _connected(step)
        case Await():
            return await step.awaitable
        case RunInThread():
            return await long_step(step.function, stop=step.stop)
        case Brief():  # runs like `to_thread`, and not as a task that somebody may cancel
            return await _finished(asyncio.get_running_loop().run_in_executor(None, copy_context().run, step.function))
        case _:
            return await asyncio.to_thread(step)


async def long_step(function: Callable[..., T], *arguments: Any, stop: Callable[[], object]) -> T:
    """Runs a function that waits for people or devices, for as long as that takes, on a thread of its own.

    A handful of these on asyncio's few threads would keep every other step waiting.

    Args:
        stop: called when it is cancelled, so that `function` returns soon.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            value = function(*arguments)
        except BaseException as error:
            answer(future.set_exception, error)
        else:
            answer(future.set_result, value)

    def answer(method: Callable[[Any], None], value: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(method, value)

    threading.Thread(target=run, name="hushd-step", daemon=True).start()
    return await _finished(future, stop)


async def _finished(future: asyncio.Future[T], stop: Callable[[], object] = lambda: None) -> T:
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # nobody wants to know it any more
        raise


class _Answer(OnLoop):
    """An answer that is received on a loop. A context manager, whose end cancels."""

    @abstractmethod
    def close(self) -> None: ...

    async def aclose(self) -> None:
        """Does as `close`, for `contextlib.aclosing`."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class AsyncSpeech(IncomingSpeech, _Answer, AsyncIterator[bytes]):
    """A `Speech` for tasks: iterated over with `async for`; steps are awaited. A context manager, whose end cancels.

    When a task that waits for its audio is cancelled, the request is cancelled.

    Attributes: those of `IncomingSpeech`.
    """

    @property
    def rate(self) -> int:
        """Samples a second; 0 until the first piece of audio has come, which `wait` waits for."""
        return self._rate

    @property
    def channels(self) -> int:
        """1 or 2; 0 until the first piece of audio has come."""
        return self._channels

    async def __anext__(self) -> bytes:
        if data := await run(self._following()):
            return data
        raise StopAsyncIteration

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yields what `Speech.pieces` does."""
        for index in count():
            piece = await run(self._piece(index))
            if piece is None:
                return
            yield piece

    def _audio(self) -> Iterator[bytes]:
        """The audio, read on the loop, for another thread."""
        loop, pieces = asyncio.get_running_loop(), self.pieces()

        async def read() -> Piece | None:
            return await anext(pieces, None)

        def audio() -> Iterator[bytes]:
            while (piece := asyncio.run_coroutine_threadsafe(read(), loop).result()) is not None:
                yield piece.data

        return audio()


class AsyncTranscription(IncomingTranscript, _Answer, AsyncIterator[Segment]):
    """A `Transcription` for tasks: iterated over with `async for`. A context manager, whose end cancels.

    When the task that waits for a segment is cancelled, the request is cancelled.
    """

    async def __anext__(self) -> Segment:
        if segment := await run(self._segment()):
            return segment
        raise StopAsyncIteration


AsyncChunks = Iterable[bytes] | AsyncIterable[bytes]


class AsyncClient(
    SpeechVerbs[AsyncText, AsyncAudio, AsyncChunks, AsyncSpeech, AsyncTranscription], SupervisorVerbs, OnLoop
):
    """`Client` for asyncio: the same names and options, to be awaited. A context manager, by `async with`.

    Text, audio and chunks may also come by an asynchronous iterable, and audio by a file whose `read` is awaited; any
    other iterable is read in another thread, since it may block. A request is sent when `synthesize`,
    `transcribe_stream` and `listen` return.

    Many tasks may use it at once. A call takes no thread; a cancelled task's request is cancelled, and its speech falls
    silent. Callbacks are called on the loop. The connection has one thread, which answers the supervisor and receives
    whatever comes even while the loop is blocked. One client serves several loops, one after the other.

    Args: those of `Client`.
    """

    calls = AsyncCall

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- this face's input and answers -------------------------------------------------------------------------------

    def _text(self, text: AsyncText) -> Input:
        return of_text(text)

    def _audio(self, audio: AsyncAudio, rate: int | None) -> Step:
        return Await(of_audio(audio, rate))

    def _chunks(self, chunks: AsyncChunks) -> Input:
        return of_chunks(chunks)

    def _speech_class(self) -> type[AsyncSpeech]:
        return AsyncSpeech

    def _transcription_class(self) -> type[AsyncTranscription]:
        return AsyncTranscription
