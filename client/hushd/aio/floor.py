"""The floor and a conversation, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Self, TypeVar, overload

from hushd.aio.steps import long_step, run
from hushd.dialogue.conversation import Conversation, Options
from hushd.dialogue.exchange import CancelScope, Said
from hushd.floor import Floor
from hushd.transcripts.transcript import Transcript
from hushd.transport.source import Text


class AsyncFloor(Floor):
    """As `Floor`, entered with `async with`. A task that is cancelled while it waits gives it back.

    A `Player`, which waits on threads of its own, takes it too.
    """

    def __init__(self, *claim: Any) -> None:
        super().__init__(*claim)
        self._waiting: set[Callable[[], object]] = set()  # wakes a task each

    async def __aenter__(self) -> Self:
        await run(self._enter())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    async def regain(self) -> None:
        """As `keep`."""
        await run(self._regain())

    @overload
    def while_held(self, chunks: Iterable[bytes]) -> Iterator[bytes]: ...

    @overload
    def while_held(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]: ...

    def while_held(self, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
        """Yields `chunks` of the microphone, and waits while it is not ours. Raises as `keep` does."""
        return self._while_held(chunks) if isinstance(chunks, AsyncIterable) else super().while_held(chunks)

    async def _while_held(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await self.regain()
            yield chunk

    async def when(self, condition: Callable[[], object]) -> None:
        """As `wait_for`."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(news.set)

        self._waiting.add(wake)
        try:
            while not condition():
                await news.wait()
                news.clear()
        finally:
            self._waiting.discard(wake)

    def _notify(self) -> None:
        super()._notify()
        for wake in self._waiting.copy():
            wake()


T = TypeVar("T")


class AsyncConversation:
    """As `Conversation`, entered with `async with`; a thread does the work of each await, beside those of the devices.

    Cancelling the task that waits for it ends it, as `stop` does. Callbacks are called on other threads.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def __aenter__(self) -> Self:
        self._conversation.__enter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self._conversation.__exit__, *error)

    @property
    def state(self) -> str:
        """As `Conversation.state`."""
        return self._conversation.state

    @property
    def duplex(self) -> str:
        """As `Conversation.duplex`."""
        return self._conversation.duplex

    @property
    def said(self) -> Said:
        """Progress of the last speech."""
        return self._conversation.said

    @property
    def heard(self) -> str:
        """The text of the answer so far, while it listens; its end may still change."""
        return self._conversation.heard

    @property
    def stop(self) -> CancelScope:
        """Ends the conversation when called."""
        return self._conversation.stop

    async def say(self, text: Text, **options: Any) -> Said:
        """As `Conversation.say`."""
        return await self._run(partial(self._conversation.say, text, **options))

    async def converse(
        self, text: Text, speaking: Options | None = None, listening: Options | None = None
    ) -> Transcript:
        """As `Conversation.converse`."""
        return await self._run(partial(self._conversation.converse, text, speaking, listening))

    async def listen(self, **options: Any) -> Transcript:
        """As `Conversation.listen`."""
        return await self._run(partial(self._conversation.listen, **options))

    def call_off(self) -> None:
        """As `Conversation.call_off`."""
        self._conversation.call_off()

    async def _run(self, function: Callable[[], T]) -> T:
        return await long_step(function, stop=self._conversation.stop)
