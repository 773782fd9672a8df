"""Translates a transcription's parameters from OpenAI's names to `AsyncClient.transcribe`'s."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from hushd_protocol.errors import HushdError
from hushd_schema.operations import RECORDED
from hushd_schema.operations.transcribe import TRANSCRIBE
from hushd_schema.results import is_name

from hushd_gateway.routing import Engines

from .. import fields, parameters
from ..errors import bad
from ..fields import Fields
from ..parameters import Parameter, Parameters

RESPONSE_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json", "lrc")
STREAMED = ("json", "text", "diarized_json")
# OpenAI's model without streaming: its programs may ask for a stream, and get the whole transcript.
UNSTREAMED = "whisper-1"


NAMES, REFERENCES = "known_speaker_names", "known_speaker_references"
MAX_KNOWN_SPEAKERS = 4  # speakers that OpenAI's API allows


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A transcription request.

    Attributes:
        response_format: one of `RESPONSE_FORMATS`.
        model: the program's name for it.
        language: of the recording; empty if not named.
        subtitles: whether to add `srt` and `vtt`, for hushd's page.
        words: whether to list `words`; with `segments` also the segments.
    """

    response_format: str
    model: str
    language: str
    words: bool
    logprobs: bool
    segments: bool
    stream: bool
    subtitles: bool
    options: Mapping[str, Any]
    known: Mapping[str, bytes]


def parse_request(data: Fields, *, translate: bool = False) -> TranscriptionRequest:
    """Checks the fields of a request. Raises ApiError for an invalid parameter, or one that no engine has."""
    values = (TRANSLATION if translate else TRANSCRIPTION).check(data)
    form, model, stream = values["response_format"], values["model"], values.get("stream", False)
    if model == UNSTREAMED:
        stream = stream and form in STREAMED
    elif stream and form not in STREAMED:
        raise bad(f"A stream has no response_format {form}: choose {', '.join(STREAMED)}.", "stream")
    detail = values["timestamp_granularities"]
    words = "word" in detail and form == "verbose_json"  # other formats have no words
    language = _language(values)
    logprobs = _logprobs(data, form)
    options = parameters.options_of(TRANSCRIBE, values)
    options |= {
        "language": language or None,
        "task": "translate" if translate else None,
        "hotwords": [*values["keywords"], *filter(None, [options["hotwords"]])] or None,
        "word_times": words,
        "probabilities": logprobs,
        "diarize": form == "diarized_json" or options["diarize"],
    }
    known = references(data)
    if known and not options["diarize"]:
        raise bad(f"{NAMES} is for an answer that says who speaks: response_format diarized_json, or diarize.", NAMES)
    subtitles = fields.flag(data, "subtitles")
    segments = not words or "segment" in detail
    return TranscriptionRequest(form, model, language, words, logprobs, segments, stream, subtitles, options, known)


def _logprobs(data: Fields, form: str) -> bool:
    included = fields.subset(data, "include", ("logprobs",))
    if included and form != "json":
        raise bad(f"logprobs come with the response_format json, not {form}.", "include")
    return bool(included)


def _language(given: Mapping[str, Any]) -> str:
    """Returns the language; empty for several, which the model must tell apart."""
    several = given.get("languages", ())
    language: str = given.get("language", "") or (several[0] if len(several) == 1 else "")
    return "" if language == "auto" else language


def _granularities(data: Fields, name: str) -> set[str]:
    return fields.subset(data, name, ("word", "segment"))


# --- speakers that a request names with a recording of each voice: known for that request only, and never stored ---


def references(data: Fields) -> dict[str, bytes]:
    """Returns the reference recordings of a request, by the speaker's name.
    Raises ApiError for names and references that are not pairs, or are malformed."""
    names, urls = fields.texts(data, NAMES), fields.texts(data, REFERENCES)
    if len(names) != len(urls):
        raise bad(f"{NAMES} and {REFERENCES} go in pairs: there are {len(names)} and {len(urls)}.", NAMES)
    if len(names) > MAX_KNOWN_SPEAKERS:
        raise bad(f"{NAMES} takes {MAX_KNOWN_SPEAKERS} names at most.", NAMES)
    if len(set(names)) < len(names) or not all(map(is_name, names)):
        raise bad(f"{NAMES} takes different names, each a line of at most 64 characters.", NAMES)
    return {name: _sound(url) for name, url in zip(names, urls, strict=True)}


async def voiceprints(engines: Engines, recordings: Mapping[str, bytes], **model: Any) -> dict[str, str]:
    """Returns the voiceprint in each recording, by name.
    Raises ApiError for a recording that cannot be read, is too short or too long, or has several voices or none."""
    prints: dict[str, str] = {}
    for name, sound in recordings.items():
        try:
            prints |= await engines.client.voiceprints({name: sound}, **model)
        except HushdError as error:
            if error.culprit != "client" or error.retryable:
                raise
            raise bad(f"The reference of {name} in {REFERENCES} cannot be used: {error.message}", REFERENCES) from error
    return prints


def _sound(url: str) -> bytes:
    """Returns the bytes of a data URL."""
    head, comma, data = url.partition(",")
    if not (comma and head[:5].lower() == "data:"):
        raise bad(f"{REFERENCES} takes recordings as data URLs: data:audio/wav;base64,…", REFERENCES)
    encoded = unquote_to_bytes(data)
    if not head.lower().endswith(";base64"):
        return encoded
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise bad(f"{REFERENCES} has base64 that cannot be read ({error}).", REFERENCES) from None


# --- the parameters -------------------------------------------------------------------------------------------------

_COMMON = (
    parameters.text("model", "ENGINE/NAME, the name of an installed model, or any other name for the configured one."),
    *parameters.of(TRANSCRIBE, RECORDED),
    parameters.texts("keywords", "Words to expect."),
    Parameter("timestamp_granularities", "The times in verbose_json.", _granularities, several=True),
)
TRANSCRIPTION = Parameters(
    *_COMMON,
    parameters.texts("languages", "Languages that may be spoken."),
    parameters.texts(NAMES, "The names of up to four people, with `known_speaker_references[]`."),
    parameters.texts(REFERENCES, "Their recordings, 2 to 30 s each, as data URLs; never stored."),
    parameters.choice("response_format", RESPONSE_FORMATS, "json", "The transcript's form."),
    parameters.flag("stream", f"Send events during the transcription, with {', '.join(STREAMED)}."),
)
_TRANSLATED = tuple(each for each in RESPONSE_FORMATS if each != "diarized_json")
TRANSLATION = Parameters(*_COMMON, parameters.choice("response_format", _TRANSLATED, "json", "The transcript's form."))
