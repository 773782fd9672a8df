"""A conversation, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Self, TypeVar

from hushd.dialogue.cancel_scope import CancelScope
from hushd.dialogue.conversation import Conversation, Options
from hushd.dialogue.said import Said
from hushd.transcripts.transcript import Transcript
from hushd.transport.source import Text

from .steps import long_step

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
