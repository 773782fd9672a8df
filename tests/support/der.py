"""The diarization error rate, for tests and scripts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

STEP = 0.01  # seconds


@dataclass(frozen=True)
class Spoken:
    """Somebody speaks from `start` to `end`, in seconds."""

    start: float
    end: float
    who: Any


@dataclass(frozen=True)
class Errors:
    """Seconds of speech, a second of two people at once being two, and its errors."""

    speech: float
    missed: float  # nobody was said to speak, or too few
    alarm: float  # somebody was said to speak who did not
    confused: float  # it was somebody else

    @property
    def rate(self) -> float:
        return (self.missed + self.alarm + self.confused) / self.speech


def diarization_errors(reference: Iterable[Spoken], found: Iterable[Spoken], collar: float = 0.25) -> Errors:
    """Compares two diarizations, names matched so that the least is wrong; overlap counts.

    Args:
        collar: seconds around each beginning and end in `reference` that are not judged.
    """
    reference, found = list(reference), list(found)
    length = round(max([0.0, *(spoken.end for spoken in (*reference, *found))]) / STEP) + 1
    judged = np.ones(length, bool)
    for spoken in reference:
        for edge in (spoken.start, spoken.end):
            judged[max(0, round((edge - collar) / STEP)) : max(0, round((edge + collar) / STEP))] = False
    truth, guess = _speaking(reference, length)[:, judged], _speaking(found, length)[:, judged]
    there, said = truth.sum(axis=0), guess.sum(axis=0)
    together = truth.astype(np.float32) @ guess.T.astype(np.float32)
    return Errors(
        speech=STEP * float(there.sum()),
        missed=STEP * float(np.maximum(there - said, 0).sum()),
        alarm=STEP * float(np.maximum(said - there, 0).sum()),
        confused=STEP * (float(np.minimum(there, said).sum()) - matched(together)),
    )


def _speaking(spoken: list[Spoken], length: int) -> np.ndarray:
    """People by moments."""
    rows = {who: row for row, who in enumerate(dict.fromkeys(each.who for each in spoken))}
    speaking = np.zeros((len(rows), length), bool)
    for each in spoken:
        speaking[rows[each.who], round(each.start / STEP) : round(each.end / STEP)] = True
    return speaking


def matched(together: np.ndarray) -> float:
    """The sum of the best one-to-one choice of rows and columns, for up to a dozen of the fewer."""
    if together.shape[0] > together.shape[1]:
        together = together.T
    best = {0: 0.0}  # by the set of rows taken
    for column in together.T:
        after = dict(best)
        for taken, total in best.items():
            for row, value in enumerate(column):
                if not taken >> row & 1:
                    key = taken | 1 << row
                    after[key] = max(after.get(key, 0.0), total + float(value))
        best = after
    return max(best.values())
