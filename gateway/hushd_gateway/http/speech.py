"""`POST /v1/audio/speech`: text is spoken, and the speech sent while it is made."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from . import context, fields, streaming
from .body import read_json
from .context import Context
from .errors import bad
from .streaming import Streamed

if TYPE_CHECKING:
    from hushd.synthesis.timeline import Sentence

MEDIA = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE = 24_000  # Hz, which OpenAI's programs take for granted
_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}  # nothing is billed


async def create(request: Request) -> Response:
    """Answers with a sound file, or with events that hold its parts."""
    data = await read_json(request)
    form = fields.choice(data, "response_format", tuple(MEDIA), "mp3")
    stream = fields.choice(data, "stream_format", ("audio", "sse"), "audio")
    timeline = fields.flag(data, "timeline")
    if timeline and stream != "sse":
        raise bad("A timeline comes as events: add stream_format sse.", "timeline")
    sentences: deque[Sentence] | None = deque() if timeline else None
    audio = await synthesize(context.of(request), data, form, sentences)
    return streaming.events(_events(audio, sentences)) if stream == "sse" else Streamed(audio, MEDIA[form])


async def synthesize(
    there: Context, data: Mapping[str, Any], form: str, sentences: deque[Sentence] | None = None
) -> AsyncIterator[bytes]:
    """The speech for a request's parameters, in the format `form`.

    Args:
        sentences: gets each sentence with the times of its words, before its audio.

    Raises:
        ApiError: for a parameter that does not fit.
    """
    said = fields.text(data, "input")
    if not said.strip():
        raise bad("input must be the text to speak.", "input")
    options: dict[str, Any] = {
        "speed": fields.number(data, "speed", 0.25, 4.0),
        "sample_rate": fields.whole(data, "sample_rate", 8000, 48000) or (PCM_RATE if form == "pcm" else None),
    }
    language = fields.text(data, "language")
    fields.text(data, "instructions")  # no engine follows any
    chosen = await there.tts(fields.text(data, "model"), _voice(data), language)
    if not chosen.voice:
        options["language"] = language or None
    if sentences is not None:
        options["on_sentence"] = sentences.append
    return _made(there, said, {**options, **chosen._asdict(), "format": form})


def _voice(data: Mapping[str, Any]) -> str:
    """The voice: a name, or an object with its `id`."""
    voice = data.get("voice")
    if isinstance(voice, Mapping):
        voice = voice.get("id")
    return fields.text({"voice": voice}, "voice")


async def _made(there: Context, said: str, options: dict[str, Any]) -> AsyncIterator[bytes]:
    speech = await there.client.synthesize(said, keep=False, **options)
    async with aclosing(speech):
        async for piece in speech:
            yield piece


async def _events(audio: AsyncIterator[bytes], sentences: deque[Sentence] | None) -> AsyncIterator[Mapping[str, Any]]:
    async with aclosing(audio) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            while sentences:
                yield {"type": "speech.audio.sentence", **asdict(sentences.popleft())}
            yield {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}
    yield {"type": "speech.audio.done", "usage": _NO_TOKENS, "token_usage": _NO_TOKENS}
