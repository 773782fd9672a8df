"""Detectors of the end of a turn, by probability, and the pause after which a turn ends."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Protocol

from hushd_protocol.errors import reason

from .text import EVEN, STRONG, WEAK, finished

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

MAX_S = 2.0  # of quiet, after which even an unfinished turn ends
# Of smart-turn's probability, chosen on one half of the moments of `scripts/bench turn-ends`. If the text is finished,
# the model only outweighs it when it is certain; if the text tells nothing, half of the ends would count as unfinished
# with a limit of 0.95, and none with 0.9.
_SURE, _OPEN, _LIKELY_OPEN = 0.03, 0.5, 0.9


class TurnDetector(Protocol):
    """Estimates the probability that a turn is over. A detector serves one session."""

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        """Returns the probability that the speaker has finished; None if the detector cannot tell.

        Args:
            samples: the turn up to now, with the quiet so far.
            text: the recognised text of the turn.
            language: the language of the text; empty if unknown.
        """


class Sound(Protocol):
    """A model that judges by sound whether a turn is over, such as `smart_turn.SmartTurn`."""

    def probability(self, samples: Samples) -> float: ...


class TextDetector:
    """Judges by the words, without a model, in no time, for the languages of `open_words`."""

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        return finished(text, language)


class SoundDetector:
    """Judges by the words, and if these are finished or unknown, by the sound."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        by_text = finished(text, language)
        if by_text is not None and by_text < EVEN:
            return by_text
        by_sound = self._sound.probability(samples)
        if by_text is not None:
            return STRONG if by_sound < _SURE else by_text
        return STRONG if by_sound < _OPEN else WEAK if by_sound < _LIKELY_OPEN else None


@cache
def detector() -> TurnDetector:
    """Returns the best installed detector that loads; the log tells why one does not load."""
    from . import smart_turn

    if (path := smart_turn.weights()) is None:
        return TextDetector()
    try:
        return SoundDetector(smart_turn.SmartTurn(path))
    except Exception as error:  # onnxruntime's exceptions share no other base
        print(f"smart-turn does not load from {path}: {reason(error)}", file=sys.stderr)
        return TextDetector()


def wait_s(probability: float | None, silence_s: float) -> float:
    """Returns the seconds of quiet after which a turn is over: `silence_s`, and for an unfinished turn up to `MAX_S`.

    It is never less than `silence_s`, so that a detector never cuts a speaker off earlier than silence alone; and it is
    `silence_s` if a detector cannot tell, or `silence_s` is longer than `MAX_S`. Between `EVEN` and `WEAK` it grows by
    equal ratios.
    """
    if probability is None or silence_s >= MAX_S:
        return silence_s
    share = min(1.0, max(0.0, (EVEN - probability) / (EVEN - WEAK)))
    return float(silence_s ** (1 - share) * MAX_S**share)
