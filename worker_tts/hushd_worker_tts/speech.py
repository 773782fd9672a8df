"""What a client asks for when it asks for speech: `params` of the request, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hushd_protocol.errors import HushdError

from .catalogue import did_you_mean, listed, quoted
from .engine import EngineInfo, Voice

FORMATS = ("s16le", "wav", "flac", "ogg", "mp3", "aiff")
# Wider than any engine: what is beyond an engine's own range is spoken at its bound, as other programs do it.
WPM_RANGE = (1.0, 1000.0)
SPEED_RANGE = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class Speech:
    """A checked request. `speed` is within the engine's range, 1 is natural."""

    voice: Voice
    speed: float
    format: str


def read(params: dict[str, Any], info: EngineInfo, voices: Sequence[Voice]) -> Speech:
    """Checks `params`: `voice`, `wpm` or `speed`, `format`; all may be left out or None.

    Raises:
        HushdError: `bad_request`, naming what is wrong and what there is; `model_missing` is for the engine to say.
    """
    voice = _voice(params.get("voice"), info, voices)
    format = params.get("format")
    if format is None:
        format = "s16le"
    elif format not in FORMATS:
        raise HushdError(
            "bad_request",
            f"There is no audio format {quoted(format)}{did_you_mean(format, FORMATS)}: use {listed(FORMATS)}.",
        )
    wpm, speed = _number(params, "wpm", WPM_RANGE), _number(params, "speed", SPEED_RANGE)
    if wpm is not None and speed is not None:
        raise HushdError("bad_request", "Give wpm or speed, not both.")
    if wpm is not None:
        speed = wpm / voice.wpm
    return Speech(voice, min(max(1.0 if speed is None else speed, info.slowest), info.fastest), format)


def _voice(name: object, info: EngineInfo, voices: Sequence[Voice]) -> Voice:
    by_name = {voice.name: voice for voice in voices}
    if name is None:
        return by_name[info.default_voice]
    if isinstance(name, str):
        if name in by_name:
            return by_name[name]
        if name.casefold() in by_name:
            return by_name[name.casefold()]
    raise HushdError(
        "bad_request",
        f"There is no voice {quoted(name)}{did_you_mean(name, by_name)}: "
        f"{info.name} has {', '.join(_availability(voice) for voice in voices)}.",
    )


def _availability(voice: Voice) -> str:
    return voice.name if voice.installed else f"{voice.name} (not installed)"


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
