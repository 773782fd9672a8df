"""`hushd.AsyncClient`: synthesis here, transcription in `recognition`, the rest in `management`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Unpack

from hushd.synthesis.options import SynthesizeOptions, speech_params
from hushd.transport import requests
from hushd.transport.requests import KeepAlive

from . import source
from .recognition import AsyncRecognition
from .source import AsyncText
from .speech import AsyncSpeech

if TYPE_CHECKING:
    from hushd.dialogue.duplex import Mode
    from hushd.synthesis.timeline import Sentence
    from hushd.synthesis.voice import Voice
    from hushd.synthesis.voices import VoiceChoice

    from .conversation import AsyncConversation


class AsyncClient(AsyncRecognition):
    """`Client` for asyncio: the same names and options, to be awaited. A context manager, by `async with`.

    Many tasks may use it at once. A call takes no thread; a cancelled task's request is cancelled. Callbacks are called
    on the loop.

    Args: those of `Client`.
    """

    @cached_property
    def _choices(self) -> dict[tuple[str | None, ...], VoiceChoice]:
        return {}

    async def synthesize(
        self,
        text: AsyncText,
        *,
        format: str = "s16le",
        engine: str | None = None,
        model: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_sentence: Callable[[Sentence], None] | None = None,
        keep: bool = True,
        **options: Unpack[SynthesizeOptions],
    ) -> AsyncSpeech:
        """As `Client.synthesize`; the request is sent when this returns.

        Args:
            text: as there, or an asynchronous iterable. Any other iterable is read in another thread, since it may
                block.
        """
        params = speech_params(options, format, timeline=on_sentence is not None)
        voice, language = params.get("voice"), params.get("language")
        if (voice or language) and not (engine and model):
            engine, model, voice = await self._voice(voice, language, engine, model)
            if voice:
                params["voice"] = voice
                params.pop("language", None)  # the voice was chosen by it
        request = requests.request("tts", "synthesize", params, engine, model, keep_alive, priority, deadline)
        call = await self._call(request, source.of_text(text))
        floor = partial(self.floor, "speaker", priority=priority)
        return AsyncSpeech(call, format, on_sentence, floor=floor, keep=keep)

    async def say(
        self,
        text: AsyncText,
        *,
        device: str | int | None = None,
        engine: str | None = None,
        model: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        **options: Unpack[SynthesizeOptions],
    ) -> None:
        """As `Client.say`; falls silent when the task is cancelled."""
        speech = await self.synthesize(
            text, engine=engine, model=model, keep_alive=keep_alive, priority=priority, keep=False, **options
        )
        async with speech:
            await speech.play(device)

    async def _voice(
        self, voice: str | None, language: str | None, engine: str | None, model: str | None
    ) -> VoiceChoice:
        """Finds engine, model and voice for a voice or a language; asks once for each."""
        if model and not engine and "/" in model:
            engine, _, model = model.partition("/")
        wanted = (voice, language, engine, model)
        if wanted not in self._choices:
            from hushd.synthesis.voices import choose  # for those who name one

            self._choices[wanted] = choose((await self.describe("tts")).get("tts", {}), *wanted)
        return self._choices[wanted]

    async def voices(self) -> list[Voice]:
        """As `Client.voices`."""
        from hushd.synthesis.voice import Voice

        return Voice.all(await self.describe("tts"))

    def conversation(self, *, mode: Mode = "auto", priority: str = "text", **options: Any) -> AsyncConversation:
        """As `Client.conversation`, entered with `async with`."""
        from .conversation import AsyncConversation  # for those who have a loudspeaker and a microphone

        return AsyncConversation(self._blocking.conversation(mode=mode, priority=priority, **options))
