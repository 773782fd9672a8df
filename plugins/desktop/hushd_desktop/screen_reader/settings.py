"""Turns the settings that speech-dispatcher sends before each message into arguments of a request. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FASTEST = 3.0  # times the voice's own pace at rate 100; a third of it at -100
HIGHEST = 2 ** (6 / 12)  # half an octave higher at pitch 100, as much lower at -100
CAPITAL = 2 ** (4 / 12)  # pitch of a capital letter marked by it
SPEEDS = (0.25, 4.0)  # allowed in a request
NOTHING = "NULL"  # the value of unset settings
_NUMBERS = ("rate", "pitch", "pitch_range", "volume")
_CHOICES = {
    "punctuation_mode": ("none", "some", "most", "all"),
    "spelling_mode": ("on", "off"),
    "cap_let_recogn": ("none", "spell", "icon"),
}
_TEXTS = ("voice", "language", "synthesis_voice")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a message, by speech-dispatcher's names.

    Attributes:
        rate, pitch, volume: -100 to 100; 0 is the voice's own rate and pitch, 100 the normal volume.
        voice: a type such as `female1`.
        synthesis_voice: a voice's name.
    """

    rate: int = 0
    pitch: int = 0
    pitch_range: int = 0
    volume: int = 100
    punctuation_mode: str = "none"
    spelling_mode: str = "off"
    cap_let_recogn: str = "none"
    voice: str = ""
    language: str = ""
    synthesis_voice: str = ""

    def changed(self, name: str, value: str) -> Settings:
        """Returns the settings with another value. Raises ValueError for an unknown setting or an invalid value."""
        if name in _NUMBERS:
            return replace(self, **{name: _number(value)})  # type: ignore[arg-type]
        if name in _CHOICES and value in _CHOICES[name]:
            return replace(self, **{name: value})  # type: ignore[arg-type]
        if name in _TEXTS:
            return replace(self, **{name: "" if value == NOTHING else value})  # type: ignore[arg-type]
        raise ValueError(f"{name}={value}")

    def tone(self, capital: bool) -> float:
        """Returns the factor of the voice's frequencies; higher for a `capital` letter marked by its pitch."""
        return float(HIGHEST ** (self.pitch / 100) * (CAPITAL if capital and self.cap_let_recogn == "icon" else 1.0))

    def options(self, tone: float) -> Mapping[str, Any]:
        """Returns the options of a request whose audio is played `tone` times as fast, which raises its pitch."""
        speed = FASTEST ** (self.rate / 100) / tone
        return {"speed": min(max(speed, SPEEDS[0]), SPEEDS[1]), "volume": (self.volume + 100) / 200}

    @property
    def gender(self) -> str:
        """`female`, `male`, or empty, also for `male1`, which speech-dispatcher sends where nobody has chosen."""
        kind = "" if self.voice.lower() == "male1" else self.voice.lower()
        return next((gender for gender in ("female", "male") if gender in kind), "")


def _number(value: str) -> int:
    number = int(value)
    if not -100 <= number <= 100:
        raise ValueError(value)
    return number
