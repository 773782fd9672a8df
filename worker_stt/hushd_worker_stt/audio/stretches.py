"""Levels a piece of speech by stretches, so that two people with very different levels get the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from hushd_protocol.light_dataclass import dataclass

from hushd_worker_stt.engine import RATE, LevelRange

from .level import FAR, SILENCE, level, normalise

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_MIN_S = 1.0  # of speech in a stretch; less is a soft word of the person who speaks around it
Span = tuple[int, int]  # samples


def normalised(samples: Samples, speech: Sequence[Span], levels: LevelRange) -> Samples:
    """Returns `samples` like `normalise`; if the level changes by 15 dB or more, each stretch separately.

    Args:
        speech: the spans of speech in them, in order. The level changes in the pauses between them.
    """
    stretches = _stretches(samples, speech)
    if len(stretches) < 2:
        return normalise(samples, levels)
    places: list[int] = []
    gains: list[float] = []
    for stretch in stretches:
        target = min(max(stretch.level, levels.quietest), levels.loudest)
        places += stretch.spans[0][0], stretch.spans[-1][1] - 1
        gains += [target / stretch.level if stretch.level >= SILENCE else 1.0] * 2
    gain = np.interp(np.arange(len(samples)), places, gains).astype(np.float32)
    levelled: Samples = np.clip(samples * gain, -1.0, 1.0)
    return levelled


@dataclass
class _Stretch:
    """Successive spans of speech with about the same level."""

    spans: list[Span]
    level: float

    @property
    def length(self) -> int:
        return sum(end - start for start, end in self.spans)

    def near(self, other: _Stretch) -> bool:
        return self.ratio(other) < FAR

    def ratio(self, other: _Stretch) -> float:
        return max(self.level, other.level) / max(min(self.level, other.level), SILENCE)


def _stretches(samples: Samples, speech: Sequence[Span]) -> list[_Stretch]:
    """Divides `speech` into stretches of one level each, with at least a second of speech; a shorter stretch joins the
    neighbour with the nearer level, whose level does not change."""

    def of(spans: list[Span]) -> _Stretch:
        return _Stretch(spans, level(np.concatenate([samples[start:end] for start, end in spans])))

    def together(stretches: Sequence[_Stretch]) -> list[_Stretch]:
        joined: list[_Stretch] = []
        for stretch in stretches:
            if joined and joined[-1].near(stretch):
                joined[-1] = of(joined[-1].spans + stretch.spans)
            else:
                joined.append(stretch)
        return joined

    stretches = together([of([span]) for span in speech])
    while len(stretches) > 1:
        short = min(range(len(stretches)), key=lambda number: stretches[number].length)
        if stretches[short].length >= _MIN_S * RATE:
            break
        own = stretches.pop(short)
        around = stretches[max(0, short - 1) : short + 1]
        nearer = min(around, key=own.ratio)
        nearer.spans = sorted(nearer.spans + own.spans)
        stretches = together(stretches)
    return stretches
