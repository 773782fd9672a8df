"""`hushd.AsyncClient`: synthesis here, transcription in `recognition`, the rest in `management`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Unpack

from hushd.guests import guest

from . import source
from .recognition import AsyncRecognition
from .source import AsyncText
from .speech import AsyncSpeech
from .steps import run

if TYPE_CHECKING:
    from hushd_wake_words.tasks import AsyncDetections, AsyncWake

    from hushd.dialogue.duplex import Mode
    from hushd.exchange.options import DetectOptions, SayOptions, SpeechOptions
    from hushd.synthesis.voice import Voice

    from .conversation import AsyncConversation


class AsyncClient(AsyncRecognition):
    """`Client` for asyncio: the same names and options, to be awaited. A context manager, by `async with`.

    Many tasks may use it at once. A call takes no thread; a cancelled task's request is cancelled. Callbacks are called
    on the loop.

    Args: those of `Client`.
    """

    async def synthesize(self, text: AsyncText, **options: Unpack[SpeechOptions]) -> AsyncSpeech:
        """As `Client.synthesize`; the request is sent when this returns.

        Args:
            text: as there, or an asynchronous iterable. Any other iterable is read in another thread, since it may
                block.
        """
        return await run(self._speech(lambda: AsyncSpeech, source.of_text(text), **options))

    async def say(self, text: AsyncText, *, device: str | int | None = None, **options: Unpack[SayOptions]) -> None:
        """As `Client.say`; falls silent when the task is cancelled."""
        async with await self.synthesize(text, keep=False, **options) as speech:
            await speech.play(device)

    async def voices(self) -> list[Voice]:
        """As `Client.voices`."""
        from hushd.synthesis.voice import Voice

        return Voice.all((await self.describe("tts")).tts)

    async def detect(
        self,
        chunks: Iterable[bytes] | AsyncIterable[bytes],
        *words: str,
        **options: Unpack[DetectOptions],
    ) -> AsyncDetections:
        """As `Client.detect`; the request is sent when this returns."""
        with guest("wake"):
            from hushd_wake_words.detection import detect_request
            from hushd_wake_words.tasks import AsyncDetections

        request = detect_request(words, **options)
        return AsyncDetections(await run(self._send(request, source.of_chunks(chunks, room=0))))

    def wake(
        self,
        *words: str,
        device: str | int | None = None,
        on_wait: Callable[[str], None] | None = None,
        **options: Any,
    ) -> AsyncWake:
        """As `Client.wake`, by `async for`; pass `sound` to `AsyncClient.listen`."""
        with guest("wake"):
            from hushd_wake_words.tasks import AsyncWake
        from hushd.client import Client  # for those who have a microphone

        blocking = Client.on(self.link, self._on_pull)
        return AsyncWake(blocking.wake(*words, device=device, on_wait=on_wait, **options))

    def conversation(self, *, mode: Mode = "auto", priority: str = "text", **options: Any) -> AsyncConversation:
        """As `Client.conversation`, entered with `async with`."""
        from hushd.client import Client  # for those who have a loudspeaker and a microphone

        from .conversation import AsyncConversation

        blocking = Client.on(self.link, self._on_pull)
        return AsyncConversation(blocking.conversation(mode=mode, priority=priority, **options))
