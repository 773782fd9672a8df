"""The seam: detectors that say how likely a turn is over, and the time that a pause is waited for then."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Protocol

from hushd_protocol.errors import reason

from .text import EVEN, STRONG, WEAK, finished

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

LONGEST_S = 2.0  # of quiet, after which nobody is waited for, whatever they may have meant to say
# Of smart-turn's probability, chosen on the one half of the moments of `scripts/bench turn-ends`. Where the text is
# finished, the model outweighs it only when it is sure; where the text says nothing, it takes half of the ends for
# unfinished below 0.95, and none below 0.9.
_SURE, _OPEN, _LIKELY_OPEN = 0.03, 0.5, 0.9


class TurnDetector(Protocol):
    """Says how likely a turn is over. One detector serves one session."""

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        """The probability that the speaker has finished; None where the detector cannot tell.

        Args:
            samples: of the turn up to now, the quiet so far included.
            text: all that was said in it, as far as it was recognised.
            language: of the text; empty where it is not known.
        """


class Sound(Protocol):
    """A model that hears whether a turn is over, such as `smart_turn.SmartTurn`."""

    def probability(self, samples: Samples) -> float: ...


class TextDetector:
    """Goes by the words, with no model: it costs nothing, and knows the languages of `open_words`."""

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        return finished(text, language)


class SoundDetector:
    """Goes by the words, and where these are finished or unknown by the sound."""

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
    """The best detector that is installed here. One that does not load is done without: the log says why."""
    from . import smart_turn

    if (path := smart_turn.weights()) is None:
        return TextDetector()
    try:
        return SoundDetector(smart_turn.SmartTurn(path))
    except Exception as error:  # onnxruntime's exceptions share no other base
        print(f"smart-turn does not load from {path}: {reason(error)}", file=sys.stderr)
        return TextDetector()


def wait_s(probability: float | None, silence_s: float) -> float:
    """Seconds of quiet after which a turn is over: `silence_s`, and for an unfinished one up to `LONGEST_S`.

    Never less than `silence_s`, so that nobody is cut off whom silence alone would not cut off; and just that where a
    detector cannot tell, or `silence_s` is longer than `LONGEST_S`. Between `EVEN` and `WEAK` it grows by equal ratios.
    """
    if probability is None or silence_s >= LONGEST_S:
        return silence_s
    share = min(1.0, max(0.0, (EVEN - probability) / (EVEN - WEAK)))
    return float(silence_s ** (1 - share) * LONGEST_S**share)
