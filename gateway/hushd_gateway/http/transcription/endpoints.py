"""`POST /v1/audio/transcriptions` and `/translations`: transcribe recordings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, aclosing, contextmanager
from typing import Any

from hushd.aio.client import AsyncTranscription
from hushd.transcripts.segment import Segment, between
from hushd.transcripts.transcript import Transcript
from hushd.warnings import UNLIKELY
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hushd_gateway import routing
from hushd_gateway.routing import Engines

from .. import streaming
from ..body import Form
from ..errors import bad
from ..streaming import Streamed
from . import formats
from .params import TRANSCRIPTION, TranscriptionRequest, parse_request, voiceprints


async def transcribe(request: Request) -> Response:
    """Answers with the transcript of a form's file, or with events while it is transcribed."""
    engines = routing.for_caller(request)
    with ExitStack() as uploaded:
        form = uploaded.enter_context(Form())
        await form.read(request)
        ask = parse_request(form.fields)
        if ask.stream:
            return _Streamed(streaming.events(_events(engines, form, ask)), uploaded.pop_all())
        return await _whole(engines, form, ask)


async def translate(request: Request) -> Response:
    """Answers with an English transcript."""
    form = Form()
    with form:
        await form.read(request)
        return await _whole(routing.for_caller(request), form, parse_request(form.fields, translate=True))


async def _whole(engines: Engines, form: Form, ask: TranscriptionRequest) -> Response:
    transcript = await heard(await start_transcription(engines, form, ask, ask.options), form)
    match ask.response_format:
        case "text":
            return plain(transcript, formats.as_text(transcript))
        case subtitles if subtitles in MEDIA:
            named = ask.options["diarize"] or ask.options["by_channel"]
            shown = transcript if named else formats.unnamed(transcript)
            return plain(transcript, shown.render(subtitles), MEDIA[subtitles])
        case "verbose_json":
            task = ask.options["task"] or "transcribe"
            verbose = formats.verbose(transcript, task, words=ask.words, segments=ask.segments)
            verbose |= formats.subtitles(transcript) if ask.subtitles else {}
            return JSONResponse(verbose, headers=_head(transcript))
        case "diarized_json":
            return JSONResponse(formats.diarized(transcript, ask.known), headers=_head(transcript))
    return JSONResponse(formats.as_json(transcript, logprobs=ask.logprobs), headers=_head(transcript))


MEDIA = {"srt": "text/plain", "vtt": "text/vtt", "lrc": "text/plain"}  # the first two are OpenAI's


async def heard(transcription: AsyncTranscription, form: Form) -> Transcript:
    """Returns the whole transcript."""
    async with aclosing(transcription):
        with unnamed(form):
            return await transcription.transcript()


@contextmanager
def unnamed(form: Form) -> Iterator[None]:
    """Raises errors without the name of the file in which the form's recording was kept."""
    try:
        yield
    except HushdError as error:
        for name in (str(form.path), "The audio sent"):
            error.message = error.message.replace(name, "The recording")
        raise


def plain(transcript: Transcript, text: str, media: str = "text/plain") -> Response:
    """Returns an answer in text; its head says where the recording is cut off, or the text is doubtful."""
    return PlainTextResponse(text, media_type=media, headers=_head(transcript))


def _head(transcript: Transcript) -> dict[str, str]:
    return streaming.warned(formats.doubts(transcript.warnings))


async def start_transcription(
    engines: Engines, form: Form, ask: TranscriptionRequest, options: Mapping[str, Any]
) -> AsyncTranscription:
    """Sends the request to the model that it names, or to a suitable one; returns the running transcription."""
    if form.path is None:
        raise bad("Send a recording in the field file.", "file")
    translate = options["task"] == "translate"
    model = await engines.model(ask.model, ask.language, translate=translate, words=ask.words, logprobs=ask.logprobs)
    chosen: dict[str, Any] = {"engine": model.engine, "model": model.model}
    if ask.known:
        options = {**options, "people": await voiceprints(engines, ask.known, **chosen)}
    if engines.is_server("stt", model.engine):
        options = {**options, "extra": TRANSCRIPTION.further(form.fields, "include", "subtitles")}
    return await engines.client.transcribe_stream(form.path, **chosen, **options)


async def _events(engines: Engines, form: Form, ask: TranscriptionRequest) -> AsyncIterator[Mapping[str, Any]]:
    """Yields a delta for each segment, with its speaker if the format has speakers, then the whole text."""
    names, text, segments = formats.Speakers(ask.known), "", list[Segment]()
    transcription = await start_transcription(engines, form, ask, ask.options)
    if ask.subtitles or ask.response_format == "diarized_json":
        transcription.wait_for_verdict()  # the segments have marks of the verdict
    async with aclosing(transcription):
        with unnamed(form):
            async for segment in transcription:
                delta = between(text, segment.text) + segment.text if text else segment.text
                text += delta
                segments.append(segment)
                if ask.response_format == "diarized_json":
                    event = names.segment(segment)
                    yield {"type": "transcript.text.delta", "delta": delta, "segment_id": event["id"]}
                    yield event
                else:
                    before = text[: -len(delta)]
                    scores = {"logprobs": formats.log_probabilities([segment], before)} if ask.logprobs else {}
                    yield {"type": "transcript.text.delta", "delta": delta, **scores}
    done: JsonObject = {"type": "transcript.text.done", "text": text}
    done |= formats.warned(transcription.warnings, transcription.model)
    done |= formats.stretches(transcription.unlikely)
    if ask.logprobs:
        done["logprobs"] = formats.log_probabilities(segments)
    if ask.subtitles:
        done |= formats.subtitles(Transcript(tuple(map(names.named, segments)), transcription.language))
    known = transcription.language and not any(each.code == UNLIKELY for each in transcription.warnings)
    yield done | ({"languages": [{"code": transcription.language}]} if known else {})


class _Streamed(Response):
    """A stream that reads an uploaded form's file; `uploaded` removes that at the stream's end."""

    def __init__(self, stream: Streamed, uploaded: ExitStack) -> None:
        super().__init__()
        self._stream, self._uploaded = stream, uploaded

    async def __call__(self, *asgi: Any) -> None:
        with self._uploaded:
            await self._stream(*asgi)
