"""The parameters of a transcription, as OpenAI's API names them and as `AsyncClient.transcribe` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import fields
from ..errors import bad
from ..fields import Fields

FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
TRANSLATION_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
STREAMED = ("json", "text", "diarized_json")
LONGEST_MS = 60_000  # of silence or padding


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request.

    Attributes:
        form: one of `FORMATS`.
        model: as the program names it.
        language: of the recording, as far as the program says; empty for none.
        words: whether `words` are wanted; the segments too, with `segments`.
        options: for `AsyncClient.transcribe`.
    """

    form: str
    model: str
    language: str
    words: bool
    segments: bool
    stream: bool
    options: Mapping[str, Any]


def wanted(data: Fields, *, translate: bool = False) -> Wanted:
    """Checks the fields of a request.

    Raises:
        ApiError: for a parameter that does not fit, or that no engine has.
    """
    form = fields.choice(data, "response_format", TRANSLATION_FORMATS if translate else FORMATS, "json")
    stream = not translate and fields.flag(data, "stream")
    if stream and form not in STREAMED:
        raise bad(f"A stream has no response_format {form}: choose {', '.join(STREAMED)}.", "stream")
    _refuse_missing(data)
    detail = fields.subset(data, "timestamp_granularities", ("word", "segment"))
    language = "" if translate else _language(data)
    options = {
        "language": language or None,
        "task": "translate" if translate else None,
        "prompt": fields.text(data, "prompt") or None,
        "hotwords": _keywords(data) or None,
        "temperature": fields.number(data, "temperature", 0, 1),
        "word_times": "word" in detail,
        "diarize": form == "diarized_json" or fields.flag(data, "diarize"),
        **_chunking(data),
    }
    words = "word" in detail
    return Wanted(form, fields.text(data, "model"), language, words, not words or "segment" in detail, stream, options)


def _refuse_missing(data: Fields) -> None:
    if included := fields.texts(data, "include"):
        if included != ["logprobs"]:
            raise bad("include takes logprobs.", "include")
        raise bad("No engine of hushd gives log probabilities: leave include out.", "include")
    for name in ("known_speaker_names", "known_speaker_references"):
        if fields.texts(data, name):
            raise bad(
                f"No engine of hushd recognises people by samples: leave {name} out; speakers are then A, B and so on.",
                name,
            )


def _language(data: Fields) -> str:
    """The language; of several that are possible, the model has to find it out."""
    several = fields.texts(data, "languages")
    language = fields.text(data, "language") or (several[0] if len(several) == 1 else "")
    return "" if language == "auto" else language


def _keywords(data: Fields) -> list[str]:
    hotwords = fields.text(data, "hotwords")  # speaches' name
    return fields.texts(data, "keywords") + ([hotwords] if hotwords else [])


def _chunking(data: Fields) -> dict[str, Any]:
    """`chunking_strategy`: `auto`, or an object, which forms send as JSON or by its members."""
    strategy = fields.one(data, "chunking_strategy") or fields.members(data, "chunking_strategy")
    if isinstance(strategy, str) and strategy.startswith("{"):
        try:
            strategy = fields.parse(strategy)
        except (ValueError, RecursionError):
            strategy = None
    if strategy in ("auto", {}, ""):
        return {}
    if not isinstance(strategy, dict) or strategy.get("type") != "server_vad":
        raise bad('chunking_strategy must be "auto" or an object of the type server_vad.', "chunking_strategy")
    return vad(strategy)


def vad(strategy: Fields) -> dict[str, Any]:
    """The options of a transcription for an object `server_vad`; every engine's detector has a threshold of its own."""
    fields.number(strategy, "threshold", 0, 1)
    padding = fields.number(strategy, "prefix_padding_ms", 0, LONGEST_MS)
    silence = fields.number(strategy, "silence_duration_ms", 0, LONGEST_MS)
    return {
        "speech_pad_s": None if padding is None else padding / 1000,
        "min_silence_s": None if silence is None else silence / 1000,
    }
