"""`POST /v1/audio/speech`: speaks text, and sends the speech while it is made."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hushd.transport.spool import Piece
from hushd_schema.operations.synthesize import SYNTHESIZE
from starlette.requests import Request
from starlette.responses import Response

from hushd_gateway import routing

from . import fields, parameters, streaming
from .body import read_json
from .errors import bad
from .parameters import Parameter, Parameters
from .streaming import Streamed, warned

if TYPE_CHECKING:
    from hushd.aio.client import AsyncSpeech
    from hushd_schema.results import Sentence

MEDIA = {"mp3": "audio/mpeg"} | {form: f"audio/{form}" for form in ("opus", "aac", "flac", "wav", "pcm")}
PCM_RATE = 24_000  # Hz, which OpenAI's programs assume
_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}  # nothing is billed
VOICE_HEADER = "X-Hushd-Voice"


async def create(request: Request) -> Response:
    """Answers with a sound file, or with events that hold its parts."""
    body = await read_json(request)
    values = PARAMETERS.check(body)
    form, sse = values["response_format"], values["stream_format"] == "sse"
    if values["timeline"] and not sse:
        raise bad("A timeline is sent as events: add stream_format sse.", "timeline")
    sentences: deque[Sentence] = deque()
    options = parameters.options_of(SYNTHESIZE, values)
    options["sample_rate"] = options["sample_rate"] or (PCM_RATE if form == "pcm" else None)
    engines = routing.for_caller(request)
    chosen, by_voice = await engines.speaker(values["model"], values["voice"], values["language"])
    if chosen.voice:
        del options["language"]
    if options.pop("timeline"):  # the timeline comes as events, one by one
        options["on_sentence"] = sentences.append
    if engines.is_server("tts", chosen.engine):
        options["extra"] = PARAMETERS.further(body) | {key: body[key] for key in ("instructions",) if body.get(key)}
    options |= {**by_voice, "format": form}
    speech = await engines.client.synthesize(values["input"], keep=False, **options)
    if not by_voice.get("voice") or "default_voice" in by_voice:  # the speech's worker chooses then, and says so first
        await speech.wait()
    if sse:
        answer = streaming.events(_events(speech, sentences))
    else:
        audio = await whole_or_begun(speech, WHOLE_SPEECH_WAITS_S.get(form, 0.0))
        answer = Streamed(audio, MEDIA[form], warned(speech.warnings))
    if voice := speech.voice or by_voice.get("voice"):
        answer.headers[VOICE_HEADER] = quote(voice)
    return answer


def _input(data: Mapping[str, Any], name: str) -> str:
    text = fields.text(data, name)
    if not text.strip():
        raise bad(f"{name} must be the text to speak.", name)
    return text


def _voice(data: Mapping[str, Any], name: str) -> str:
    """Returns the voice's name, from a text or an object with its `id`."""
    voice = data.get(name)
    if isinstance(voice, Mapping):
        voice = voice.get("id")
        if not isinstance(voice, str):
            raise bad(f"{name} must have the voice's name as its id.", name)
    return fields.text({name: voice}, name)


INPUT = Parameter("input", "The text to speak.", _input)
PARAMETERS = Parameters(
    INPUT,
    parameters.text("model", "ENGINE/NAME, or any other name for the configured model."),
    Parameter("voice", "The name of a voice, or an object with it as its id.", _voice),
    *parameters.of(SYNTHESIZE),
    parameters.choice("response_format", tuple(MEDIA), "mp3", "The sound file's format."),
    parameters.choice("stream_format", ("audio", "sse"), "audio", "A file, or events that hold its parts."),
    parameters.text(
        "instructions", "How to speak, for a speech server that follows it; others take it without effect."
    ),
)


async def _events(speech: AsyncSpeech, sentences: deque[Sentence]) -> AsyncIterator[Mapping[str, Any]]:
    async with aclosing(speech):
        async for piece in speech:
            while sentences:
                yield {"type": "speech.audio.sentence", **sentences.popleft().data()}
            yield {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}
    done = {"type": "speech.audio.done", "usage": _NO_TOKENS, "token_usage": _NO_TOKENS}
    yield done | ({"warnings": [each.data() for each in speech.warnings]} if speech.warnings else {})


# Seconds for the whole speech, by the formats whose header has the length; a longer one begins with what there is by
# then. Piper has the first sound of a sentence in 0.12 s and the last in 0.28: with 0.3 its first was as late as its
# last. libsndfile cannot read a FLAC without its length, and nobody plays one while it comes.
WHOLE_SPEECH_WAITS_S = {"wav": 0.12, "mp3": 0.12, "flac": 10.0}


async def whole_or_begun(speech: AsyncSpeech, seconds: float) -> AsyncIterator[bytes]:
    """Returns the audio: as one piece if it ends within `seconds`, else what has come, and then the rest as it comes.
    Raises what kept the speech from its first `seconds`."""
    pieces, loop = speech.pieces(), asyncio.get_running_loop()
    audio, ends = bytearray(), loop.time() + seconds
    while True:
        step = asyncio.ensure_future(anext(pieces, None))
        try:
            await asyncio.wait({step}, timeout=max(0.0, ends - loop.time()))
        except asyncio.CancelledError:
            step.cancel()  # this cancels the speech
            raise
        if not step.done():
            return _remaining(speech, pieces, step, bytes(audio))
        if (piece := step.result()) is None:
            return _remaining(speech, pieces, None, bytes(audio))
        place = len(audio) if piece.offset is None else piece.offset
        audio[place : place + len(piece.data)] = piece.data


async def _remaining(
    speech: AsyncSpeech, pieces: AsyncIterator[Piece], step: asyncio.Future[Piece | None] | None, audio: bytes
) -> AsyncIterator[bytes]:
    """Yields the audio so far, and the pieces after it; those that correct a header come too late."""
    position = len(audio)
    try:
        async with aclosing(speech):
            if audio:
                yield audio
            while step and (piece := await step) is not None:
                step = asyncio.ensure_future(anext(pieces, None))
                overlap = 0 if piece.offset is None else position - piece.offset
                if data := piece.data[max(0, overlap) :]:
                    position += len(data)
                    yield data
    finally:
        if step:
            step.cancel()
