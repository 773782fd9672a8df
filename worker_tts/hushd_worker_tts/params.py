"""What a client asks for when it asks for speech: `params` of the request, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted

from .engine import EngineInfo, Voice
from .registry import REGISTRY

FORMATS = ("s16le", "wav", "flac", "ogg", "opus", "mp3", "aiff", "pcm")
MARKUPS = ("text", "markdown", "ssml")
# Wider than any engine: what is beyond an engine's own range is spoken at its bound, as other programs do it.
WPM_RANGE = (1.0, 1000.0)
SPEED_RANGE = (0.25, 4.0)
SAMPLE_RATES = (8000, 48000)
VOLUME_RANGE = (0.0, 2.0)
# Those that cannot have any rate.
FIXED_RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
_MOST_PRONUNCIATIONS = 1000
_LONGEST_PRONUNCIATION = 200


@dataclass(frozen=True, slots=True)
class Speech:
    """A checked request. `speed` is within the engine's range, 1 is natural; `sample_rate` None is the engine's own."""

    voice: Voice
    speed: float
    format: str
    markup: str
    sample_rate: int | None
    channels: int
    volume: float
    pronounce: Mapping[str, str]
    timeline: bool


def read(params: dict[str, Any], info: EngineInfo, voices: Sequence[Voice]) -> Speech:
    """Checks `params`; all may be left out or None.

    Raises:
        HushdError: `bad_request`, naming what is wrong and what there is; `model_missing` is for the engine to say.
    """
    voice = choose(params.get("voice"), params.get("language"), info, voices)
    format = _one_of(params, "format", FORMATS, "There is no audio format")
    wpm, speed = _number(params, "wpm", WPM_RANGE), _number(params, "speed", SPEED_RANGE)
    if wpm is not None and speed is not None:
        raise HushdError("bad_request", "Give wpm or speed, not both.")
    if wpm is not None:
        speed = wpm / voice.wpm
    volume = _number(params, "volume", VOLUME_RANGE)
    channels = params.get("channels")
    if channels not in (None, 1, 2) or isinstance(channels, bool):
        raise HushdError("bad_request", f"channels must be 1 or 2, not {quoted(channels)}.")
    timeline = params.get("timeline")
    if not isinstance(timeline, bool | None):
        raise HushdError("bad_request", f"timeline must be true or false, not {quoted(timeline)}.")
    return Speech(
        voice=voice,
        speed=within(1.0 if speed is None else speed, info),
        format=format,
        markup=_one_of(params, "markup", MARKUPS, "There is no markup"),
        sample_rate=_sample_rate(params, format),
        channels=1 if channels is None else int(channels),
        volume=1.0 if volume is None else volume,
        pronounce=_pronounce(params.get("pronounce")),
        timeline=bool(timeline),
    )


def within(speed: float, info: EngineInfo) -> float:
    """The speed nearest to `speed` that the engine has."""
    return min(max(speed, info.slowest), info.fastest)


def default_voice(info: EngineInfo, voices: Sequence[Voice], model: str) -> str:
    """The voice that speaks with `model` where nobody names one: the engine's default, unless that needs another."""
    models = {voice.name: voice.model for voice in voices}
    able = [name for name, needed in models.items() if needed == model]
    return info.default_voice if models.get(info.default_voice) == model or not able else able[0]


def choose(
    name: object, language: object, info: EngineInfo, voices: Sequence[Voice], current: Voice | None = None
) -> Voice:
    """The voice of that name; without one, a voice of that language: `current` if it is one, else the default voice,
    else the first that is installed.

    Raises:
        HushdError: `bad_request`: there is none, or it speaks another language; `model_missing`: there is none at all.
    """
    if language is not None and not (isinstance(language, str) and language.strip()):
        raise HushdError("bad_request", f"language must be a tag such as en or en-GB, not {quoted(language)}.")
    voice = None if name is None else _named(name, info, voices)
    if not voices:
        raise HushdError("model_missing", f"{info.name} has no voice on this machine.")
    default = next((voice for voice in voices if voice.name == info.default_voice), voices[0])
    if language is None:
        return voice or current or default
    if voice is not None:
        if not _speaks(voice, language):
            raise HushdError(
                "bad_request",
                f"The voice {voice.name} speaks {voice.language}, not {quoted(language)}: {_others(language, voices)}.",
            )
        return voice
    for matches in (_same, _speaks):
        able = [voice for voice in (current, default, *voices) if voice is not None and matches(voice, language)]
        if able:
            return next((voice for voice in able if voice.installed), able[0])
    spoken = listed(sorted({voice.language for voice in voices}))
    raise HushdError(
        "bad_request", f"{info.name} speaks {spoken}, not {quoted(language)}: {_others(language, voices)}."
    )


def _same(voice: Voice, language: str) -> bool:
    return _tag(voice.language) == _tag(language)


def _speaks(voice: Voice, language: str) -> bool:
    return _tag(voice.language).partition("-")[0] == _tag(language).partition("-")[0]


def _tag(language: str) -> str:
    return language.strip().replace("_", "-").casefold()


def _others(language: str, voices: Sequence[Voice]) -> str:
    """What would work instead: voices of this engine, else engines that have such a voice."""
    if here := [voice.name for voice in voices if _speaks(voice, language)]:
        return f"ask for {listed(here[:5])}"
    engines = [
        engine["name"] if engine["installed"] else f"{engine['name']} ({engine['install']})"
        for engine in REGISTRY.describe()["engines"]
        if any(_tag(tag).partition("-")[0] == _tag(language).partition("-")[0] for tag in _languages(engine))
    ]
    return f"ask for the engine {listed(engines)}" if engines else "no engine that is known here does"


def _languages(engine: Mapping[str, Any]) -> list[str]:
    return [voice["language"] for voice in engine["voices"]] + [
        tag for model in engine["models"] for tag in model["languages"]
    ]


def _named(name: object, info: EngineInfo, voices: Sequence[Voice]) -> Voice:
    by_name = {voice.name: voice for voice in voices}
    if isinstance(name, str):
        if name in by_name:
            return by_name[name]
        for known, voice in by_name.items():
            if known.casefold() == name.casefold():
                return voice
    shown = [_availability(voice) for voice in voices[:12]]
    more = f" and {len(voices) - 12} more" if len(voices) > 12 else ""
    raise HushdError(
        "bad_request",
        f"There is no voice {quoted(name)}{did_you_mean(name, by_name)}: {info.name} has {', '.join(shown)}{more}.",
    )


def _availability(voice: Voice) -> str:
    return voice.name if voice.installed else f"{voice.name} (not installed)"


def _one_of(params: dict[str, Any], name: str, known: tuple[str, ...], complaint: str) -> str:
    """The first is the default."""
    value = params.get(name)
    if value is None:
        return known[0]
    if not isinstance(value, str) or value not in known:
        raise HushdError(
            "bad_request", f"{complaint} {quoted(value)}{did_you_mean(value, known)}: use {listed(known)}."
        )
    return value


def _sample_rate(params: dict[str, Any], format: str) -> int | None:
    rate = _number(params, "sample_rate", SAMPLE_RATES)
    if rate is None:
        return None
    if not rate.is_integer():
        raise HushdError("bad_request", f"sample_rate must be a whole number of Hz, not {rate:g}.")
    if int(rate) not in (known := FIXED_RATES.get(format, (int(rate),))):
        raise HushdError(
            "bad_request", f"{format} cannot have a sample_rate of {rate:g}: use {listed(map(str, known))}."
        )
    return int(rate)


def _pronounce(table: object) -> Mapping[str, str]:
    if table is None:
        return {}
    if not isinstance(table, dict) or len(table) > _MOST_PRONUNCIATIONS:
        raise HushdError(
            "bad_request", f"pronounce must be a map of at most {_MOST_PRONUNCIATIONS} words to how they are said."
        )
    for word, said in table.items():
        if not (isinstance(word, str) and isinstance(said, str) and word.strip()):
            raise HushdError("bad_request", f"pronounce must map words to text, not {quoted(word)} to {quoted(said)}.")
        if max(len(word), len(said)) > _LONGEST_PRONUNCIATION:
            raise HushdError(
                "bad_request", f"pronounce takes at most {_LONGEST_PRONUNCIATION} characters: {quoted(word)} has more."
            )
    return {word.strip(): said for word, said in table.items()}


def _number(params: dict[str, Any], name: str, bounds: tuple[float, float]) -> float | None:
    value = params.get(name)
    if value is None:
        return None
    low, high = bounds
    # NaN is outside any bounds.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise HushdError("bad_request", f"{name} must be a number from {low:g} to {high:g}, not {quoted(value)}.")
    return float(value)
