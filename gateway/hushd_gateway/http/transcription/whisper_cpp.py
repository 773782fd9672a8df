"""`POST /inference`, whisper.cpp's server API: its fields and its five transcript formats.

Both were read in its source (examples/server/server.cpp of 2025). Fields that tune whisper.cpp's own decoder
(`max_context`, `audio_ctx`, `word_thold`, `entropy_thold`, …) are ignored, as its server ignores unknown ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hushd.transcripts.transcript import Transcript
from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_schema.kinds import number, whole
from hushd_schema.operations import RECORDED
from hushd_schema.operations.decoder import OFF
from hushd_schema.operations.transcribe import TRANSCRIBE
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context, fields, parameters
from ..body import Form
from ..fields import Fields
from ..parameters import Parameter, Parameters, Schema
from . import endpoints, formats
from .params import TranscriptionRequest

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
MEDIA = {"srt": "application/x-subrip", "vtt": "text/vtt"}  # whisper.cpp's media types
_YES = ("true", "1", "yes", "y")


async def infer(request: Request) -> Response:
    """Answers with the transcript of a form's file."""
    form = Form()
    with form:
        await form.read(request)
        ask, timed = parse_request(form.fields)
        transcription = await endpoints.start_transcription(context.of(request), form, ask, ask.options)
        return answer(await endpoints.heard(transcription, form), ask, timed=timed)


def parse_request(data: Fields) -> tuple[TranscriptionRequest, bool]:
    """Returns a form's request, and whether segments get times.

    Raises:
        ApiError: for an invalid field.
    """
    values = INFERENCE.check(data)
    options = parameters.options_of(TRANSCRIBE, values)
    language = "" if values["detect_language"] or options["language"] == "auto" else options["language"] or ""
    start, length = (values["offset_t"] or 0) / 1000, (values["duration"] or 0) / 1000
    increment = values["temperature_inc"]
    decoder = {
        "best_of": _or_none(values["best_of"]),
        "temperature_increment": OFF if increment == 0 else increment,
        "logprob_threshold": values["logprob_thold"],
        "no_speech_threshold": values["no_speech_thold"],
    }
    options |= {
        "language": language or None,
        "task": "translate" if values["translate"] else None,
        "beam_size": _or_none(values["beam_size"]),
        "word_times": values["response_format"] == "verbose_json",
        "start_s": start or None if not length else None,
        "clips": [start, start + length] if length else None,
        "decoder": {name: value for name, value in decoder.items() if value is not None} or None,
    }
    ask = TranscriptionRequest(
        values["response_format"], "", language, words=False, logprobs=False, segments=True, stream=False,
        subtitles=False, options=options, known={},
    )  # fmt: skip
    return ask, not values["no_timestamps"]


def answer(transcript: Transcript, ask: TranscriptionRequest, *, timed: bool) -> Response:
    """Returns a transcript in the requested format; text has a line for each segment."""
    text = "".join(f"{segment.text}\n" for segment in transcript)
    match ask.form:
        case "text":
            return endpoints.plain(transcript, text)
        case "srt" | "vtt":
            return endpoints.plain(transcript, transcript.render(ask.form), MEDIA[ask.form])
        case "verbose_json":
            return JSONResponse(_verbose(transcript, text, ask.options, timed))
    return JSONResponse({"text": text} | formats.warned(transcript.warnings))


def _verbose(transcript: Transcript, text: str, options: Mapping[str, Any], timed: bool) -> JsonObject:
    """Returns OpenAI's `verbose_json` with words in each segment; probabilities are those of certain text."""
    data = formats.verbose(transcript, options["task"] or "transcribe", words=False, segments=True)
    for row, segment in zip(data["segments"], transcript, strict=True):
        row["words"] = [{"word": word.word, "start": word.start, "end": word.end} for word in segment.words]
        for timeless in () if timed else (row, *row["words"]):
            del timeless["start"], timeless["end"]
    detected: JsonObject = {"detected_language": languages.name(transcript.language).lower()}
    if (probability := data.pop("language_probability", None)) is not None:
        detected["detected_language_probability"] = probability
    return data | {"text": text} | detected


def _or_none(count: int | None) -> int | None:
    """Returns a number; None for whisper.cpp's -1 and 0, which leave it to the decoder."""
    return count if count and count > 0 else None


def _flag(name: str, about: str) -> Parameter:
    """Returns a parameter that is true in four spellings; as in whisper.cpp, all other texts are false."""
    return Parameter(name, about, lambda data, name: str(fields.single(data, name)).lower() in _YES, {"type": "string"})


INFERENCE = Parameters(
    *parameters.of(TRANSCRIBE, RECORDED),
    parameters.choice("response_format", FORMATS, "json", "The transcript's form."),
    _flag("translate", "true: into English."),
    _flag("detect_language", "true: ignore the language."),
    _flag("no_timestamps", "true: verbose_json without times."),
    parameters.value("offset_t", "Milliseconds of the recording to skip.", whole(0)),
    parameters.value("duration", "Milliseconds to transcribe; 0: all.", whole(0)),
    parameters.value("beam_size", "Hypotheses followed at once; -1: the engine's own number.", whole(-1, 100)),
    parameters.value("best_of", "Texts to sample; -1: the engine's own number.", whole(-1, 100)),
    parameters.value(
        "temperature_inc", "Added to the temperature while the text is doubtful; 0: try once.", number(0, 1)
    ),
    parameters.value("logprob_thold", "Less likely text is doubtful.", number(-1000, 0)),
    parameters.value("no_speech_thold", "Above it, doubtful text counts as silence.", number(0, 1)),
    file="A recording: sound, or a film.",
)
_TRANSCRIPT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
ANSWERS: Mapping[str, Schema] = endpoints.TRANSLATIONS | {
    "application/json": _TRANSCRIPT,
    MEDIA["srt"]: {"type": "string"},
}
