"""Translates a transcription's parameters from OpenAI's names to `AsyncClient.transcribe`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hushd_protocol import JsonObject
from hushd_schema.kinds import number
from hushd_schema.operations import RECORDED
from hushd_schema.operations.transcribe import TRANSCRIBE

from .. import fields, parameters
from ..errors import bad
from ..fields import Fields
from ..parameters import Parameter, Parameters
from . import known_speakers

FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
TRANSLATION_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
STREAMED = ("json", "text", "diarized_json")
UNSTREAMED = (
    "whisper-1"  # OpenAI's model without streaming: its programs may ask for a stream, and get the whole transcript
)
_MS = number(0, 60_000)  # of silence or padding


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A transcription request.

    Attributes:
        form: one of `FORMATS`.
        model: the program's name for it.
        language: of the recording; empty if not named.
        subtitles: whether to add `srt` and `vtt`, for hushd's page.
        words: whether to list `words`; with `segments` also the segments.
        logprobs: whether to add the probability of each word.
        options: for `AsyncClient.transcribe`.
        known: recordings of known speakers, by name.
    """

    form: str
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
    """Checks the fields of a request.

    Raises:
        ApiError: for an invalid parameter, or one that no engine has.
    """
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
        **values["chunking_strategy"],
    }
    references = known_speakers.references(data)
    if references and not options["diarize"]:
        raise bad(
            f"{known_speakers.NAMES} is for an answer that says who speaks: response_format diarized_json, or diarize.",
            known_speakers.NAMES,
        )
    subtitles = fields.flag(data, "subtitles")
    segments = not words or "segment" in detail
    return TranscriptionRequest(
        form, model, language, words, logprobs, segments, stream, subtitles, options, references
    )


def _logprobs(data: Fields, form: str) -> bool:
    included = fields.texts(data, "include")
    if set(included) - {"logprobs"}:
        raise bad("include takes logprobs.", "include")
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


def _chunking(data: Fields, name: str) -> JsonObject:
    """Returns the options in `auto` or an object, which forms send as JSON or by members."""
    strategy = fields.single(data, name) or fields.members(data, name)
    if isinstance(strategy, str) and strategy.startswith("{"):
        try:
            strategy = fields.parse(strategy)
        except (ValueError, RecursionError):
            strategy = None
    if strategy in ("auto", {}, ""):
        return {}
    if not isinstance(strategy, dict) or strategy.get("type") != "server_vad":
        raise bad(f'{name} must be "auto" or an object of the type server_vad.', name)
    given = VAD.check(strategy)
    padding, silence = given["prefix_padding_ms"], given["silence_duration_ms"]
    return {
        "speech_pad_s": None if padding is None else padding / 1000,
        "min_silence_s": None if silence is None else silence / 1000,
    }


VAD = Parameters(
    parameters.text("type", "The only kind, server_vad."),
    parameters.value("threshold", "Taken without effect: every engine's detector has one of its own.", number(0, 1)),
    parameters.value("prefix_padding_ms", "Sound kept around speech.", _MS),
    parameters.value("silence_duration_ms", "Silence that divides segments.", _MS),
)
_COMMON = (
    parameters.text("model", "ENGINE/NAME, the name of an installed model, or any other name for the configured one."),
    *parameters.of(TRANSCRIBE, RECORDED),
    parameters.texts("keywords", "Words to expect."),
    Parameter("timestamp_granularities", "The times in verbose_json.", _granularities, several=True),
    Parameter("chunking_strategy", "How speech is detected.", _chunking),
)
TRANSCRIPTION = Parameters(
    *_COMMON,
    parameters.texts("languages", "Languages that may be spoken."),
    parameters.texts(known_speakers.NAMES, "The names of up to four people, with `known_speaker_references[]`."),
    parameters.texts(known_speakers.REFERENCES, "Their recordings, 2 to 30 s each, as data URLs; never stored."),
    parameters.choice("response_format", FORMATS, "json", "The transcript's form."),
    parameters.flag("stream", f"Send events during the transcription, with {', '.join(STREAMED)}."),
)
TRANSLATION = Parameters(
    *_COMMON, parameters.choice("response_format", TRANSLATION_FORMATS, "json", "The transcript's form.")
)
