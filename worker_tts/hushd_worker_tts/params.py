"""Checks the parameters of `synthesize`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hushd_models import languages
from hushd_models.choice import recommendation
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted
from hushd_schema.operations.synthesize import SYNTHESIZE

from .engine import Voice

if TYPE_CHECKING:
    from hushd_schema.engines import EngineSpec

# Formats that do not support every rate.
_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
FIXED_RATES = {"opus": (8000, 12000, 16000, 24000, 48000), "mp3": _MPEG_RATES, "m4a": _MPEG_RATES, "aac": _MPEG_RATES}


@dataclass(frozen=True, slots=True)
class SynthesizeParams:
    """Checked parameters.

    Attributes:
        speed: the speed, within the engine's range; 1 is natural.
        sample_rate: in Hz; None: the engine's own.
        languages: the user's languages, by which the text's own chooses the voice; None where a voice or a language was
            named.
        usual_pronunciations, list_fault: what the user's list says, and a sentence about its file.
        speed_warning: a sentence if the voice does not support the requested pace; otherwise empty.
    """

    voice: Voice
    speed: float
    format: str
    markup: str
    sample_rate: int | None
    channels: int
    volume: float
    pronounce: Mapping[str, str]
    usual_pronunciations: str
    list_fault: str
    timeline: bool
    languages: Sequence[str] | None
    extra: Mapping[str, Any]
    speed_warning: str


def read(asked: Mapping[str, Any], engine: EngineSpec, voices: Sequence[Voice]) -> SynthesizeParams:
    """Checks the parameters of a job; all may be left out or None. Raises `bad_request`, with the wrong value and the
    possible ones; the engine itself raises `model_missing`."""
    given = SYNTHESIZE.read(asked)
    usual = next((voice for voice in voices if voice.name == given.get("default_voice") and voice.installed), None)
    voice = choose_voice(given.get("voice"), given.get("language"), engine, voices, usual)
    if "wpm" in given and "speed" in given:
        raise HushdError("bad_request", "Give wpm or speed, not both.")
    used = SYNTHESIZE.defaults() | given
    named = given.get("voice") is not None or given.get("language") is not None
    format, rate = used["format"], used["sample_rate"]
    possible = FIXED_RATES.get(format)
    if rate and possible and rate not in possible:
        raise HushdError("bad_request", f"sample_rate must be {listed(map(str, possible))} for {format}, not {rate}.")
    speed = given["wpm"] / voice.wpm if "wpm" in given else given.get("speed", 1.0)
    return SynthesizeParams(
        voice=voice,
        speed=bounded(speed, engine),
        format=format,
        markup=used["markup"],
        sample_rate=rate,
        channels=used["channels"],
        volume=used["volume"],
        pronounce=used["pronounce"],
        usual_pronunciations=used["usual_pronunciations"],
        list_fault=used["list_fault"],
        timeline=used["timeline"],
        languages=None if named else given.get("languages"),
        extra=used["extra"],
        speed_warning=_speed_warning(speed, voice, engine, "wpm" in given),
    )


def bounded(speed: float, engine: EngineSpec) -> float:
    """Returns the engine's nearest speed to `speed`."""
    return min(max(speed, engine.slowest), engine.fastest)


def _speed_warning(speed: float, voice: Voice, engine: EngineSpec, in_words: bool) -> str:
    nearest = bounded(speed, engine)
    if nearest == speed:
        return ""
    limit = "at most" if speed > nearest else "at least"
    if in_words:
        words = f"{limit} about {nearest * voice.wpm:.0f} words a minute, not {speed * voice.wpm:.0f}"
        return f"The voice {voice.name} speaks {words}."
    return f"The voice {voice.name} speaks {limit} {nearest:g} times as fast as usual, not {speed:g} times."


def default_voice(usual: str, voices: Sequence[Voice], model: str) -> str:
    """Returns the default voice for `model`: the engine's usual one, unless that needs another model."""
    models = {voice.name: voice.model for voice in voices}
    able = [name for name, needed in models.items() if needed == model]
    return usual if models.get(usual) == model or not able else able[0]


def choose_voice(
    name: str | None, language: str | None, engine: EngineSpec, voices: Sequence[Voice], current: Voice | None = None
) -> Voice:
    """Returns the voice of that name; without a name, a voice of that language: `current` if it speaks the language,
    else the default voice, else the first installed one.

    Raises:
        HushdError: `bad_request` if there is no such voice, or it speaks another language; `model_missing` if the
            engine has no voice at all.
    """
    voice = None if name is None else _named(name, engine, voices)
    if not voices:
        raise HushdError("model_missing", f"{engine.name} has no voice on this machine.")
    default = next((voice for voice in voices if voice.name == engine.default_voice), voices[0])
    if language is None:
        return voice or current or default
    if voice is not None:
        if not _speaks(voice, language):
            raise HushdError(
                "bad_request",
                f"The voice {voice.name} speaks {voice.language}, not {quoted(language)}{_others(language, voices)}.",
            )
        return voice
    able = [voice for voice in (current, default, *voices) if voice is not None and _speaks(voice, language)]
    if able := [each for each in able if languages.tag(each.language) == languages.tag(language)] or able:
        return next((voice for voice in able if voice.installed), able[0])
    spoken = listed(sorted({voice.language for voice in voices}))
    raise HushdError(
        "bad_request", f"{engine.name} speaks {spoken}, not {quoted(language)}{_others(language, voices)}."
    )


def _speaks(voice: Voice, language: str) -> bool:
    return languages.code(voice.language) == languages.code(language)


def _others(language: str, voices: Sequence[Voice]) -> str:
    """Returns the end of a sentence: this engine's voices for a language, or else what speaks it, or brings a voice."""
    if here := [voice.name for voice in voices if _speaks(voice, language)]:
        return f": ask for {listed(here[:5])}"
    return recommendation.for_language("tts", language)


def _named(name: str, engine: EngineSpec, voices: Sequence[Voice]) -> Voice:
    by_name = {voice.name: voice for voice in voices}
    for known in (name, f"{engine.default_voice}.{name}"):  # a server's voice, without the server
        if known in by_name:
            return by_name[known]
    for known, voice in by_name.items():
        if known.casefold() == name.casefold():
            return voice
    first_voices = [v.name if v.installed else f"{v.name} (not installed)" for v in voices[:12]]
    more = f" and {len(voices) - 12} more" if len(voices) > 12 else ""
    raise HushdError(
        "bad_request",
        f"There is no voice {quoted(name)}{did_you_mean(name, by_name)}: {engine.name} has "
        f"{', '.join(first_voices)}{more}.",
    )
