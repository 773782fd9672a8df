"""`hushd.AsyncClient`: the face for tasks of the verbs in `hushd.verbs`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from hushd.transport.source import Input
from hushd.transport.steps import Await, Step
from hushd.verbs.speech import SpeechVerbs
from hushd.verbs.supervisor import SupervisorVerbs

from .call import AsyncAudio, AsyncCall, AsyncText, of_audio, of_chunks, of_text
from .floor import AsyncFloor
from .results import AsyncSpeech, AsyncTranscription
from .steps import OnLoop

if TYPE_CHECKING:
    from hushd.aio.floor import AsyncConversation
    from hushd.client import Client
    from hushd.dialogue.duplex import Mode

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

    def floor(
        self,
        *devices: str,
        priority: str = "text",
        on_wait: Callable[[str], None] | None = None,
        duck: bool = False,
    ) -> AsyncFloor:
        """As `Client.floor`, entered with `async with`; `on_wait` is called on another thread."""
        return self._claim(AsyncFloor, devices, priority, on_wait, duck)

    def conversation(self, *, mode: Mode = "auto", priority: str = "text", **options: Any) -> AsyncConversation:
        """As `Client.conversation`, entered with `async with`."""
        from hushd.aio.floor import AsyncConversation  # for those who have a loudspeaker and a microphone

        return AsyncConversation(self._for_threads().conversation(mode=mode, priority=priority, **options))

    # --- what a face is of -------------------------------------------------------------------------------------------

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

    def _for_threads(self) -> Client:
        """A client for threads on the same connection."""
        from hushd.client import Client  # for those who have a loudspeaker or a microphone

        return Client.on(self.link, self._on_pull)
