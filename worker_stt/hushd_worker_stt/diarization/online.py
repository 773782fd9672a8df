"""Separates speakers while they speak: each turn gets a speaker as it grows, which may be corrected later.

Pure: embeddings in, numbers of speakers out. A turn is a stretch of one person's speech without a break. Its speaker
may change while it grows, when two speakers turn out to be the same person, and at the session's end, when all turns
are clustered like those of a recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from hushd_protocol.light_dataclass import dataclass, field

from .clustering import centroids, people
from .turns import Voice

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

# The lowest cosine with a known speaker for a turn of the speaker's, by seconds of speech. Measured on nineteen readers
# of five languages, against 4 s of another part of the same clip, of the same reader's other clip, and of other
# readers: for the same reader, 1 s has 0.33 or more in 99 of 100 cases, and for others 0.30 or less; 2 s 0.45, 0.30; 4
# s 0.58, 0.32 (at most 0.42). The first 0.6 s of 65 turns of such sessions have 0.28 in 95 of 100 cases, and 0.30 for
# others: 0.25 was wrong in 2 of them, 0.30 in 5.
_SECONDS = (0.6, 1.0, 2.0, 4.0)
_KNOWN = (0.25, 0.32, 0.37, 0.42)
_LIKE = 0.32  # the lowest cosine of a second of speech that is like another speaker's
# A second of speech is another person's if its cosine with its turn so far, by the turn's seconds, and with the turn's
# speaker is lower; or if it is nearer by a margin to another speaker whom it is like.
_TURN_S = (1.0, 3.0)
_OTHER = (0.20, 0.30)
_MARGIN = 0.10
_ONE_PERSON = 0.45  # two speakers with so close centroids are the same person
_FOUNDS_S = 1.0  # of speech: less does not start a speaker, except the first one
MAX_TURNS = 4000  # each of 1 kB


@dataclass(eq=False, slots=True)
class Turn:
    """A stretch of one person's speech.

    Attributes:
        speaker: a number from 0.
        seconds: the seconds of embedded speech.
        total: the sum of its embeddings, each weighted by its seconds.
        ended: whether it counts as its speaker's speech.
    """

    speaker: int = 0
    seconds: float = 0.0
    total: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    ended: bool = False

    @property
    def voice(self) -> Samples:
        """Returns the embedding of the whole turn, of length 1."""
        return _unit(self.total)


class OnlineSpeakers:
    """The speakers of a session.

    Args:
        count: the number of speakers; 0: unknown.

    Attributes:
        turns: the turns that have ended, in order. Beyond `MAX_TURNS` the older half is dropped, and keeps its
            speakers.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = count
        self._sums: dict[int, Samples] = {}  # of each speaker's turns
        self._seconds: dict[int, float] = {}  # of each speaker's turns
        self._dropped = False
        self._last = 0  # the speaker of the last turn
        self.turns: list[Turn] = []

    @property
    def known(self) -> frozenset[int]:
        """Returns the speakers of turns that have ended."""
        return frozenset(self._sums)

    def voice(self, turn: Turn) -> Voice:
        """Returns the voice of the speaker of `turn`, which may still be in progress, by all of the speaker's
        speech."""
        ended = self._sums.get(turn.speaker)
        if ended is None:
            return Voice(turn.voice, turn.seconds)
        more = 0.0 if turn.ended else 1.0
        return Voice(_unit(ended + np.float32(more) * turn.total), self._seconds[turn.speaker] + more * turn.seconds)

    def is_other(self, turn: Turn, embedding: Samples) -> bool:
        """Returns whether `embedding`, of the next second of a turn, is another person's."""
        if not turn.seconds or self._count == 1:
            return False
        cosines = {number: float(embedding @ _unit(total)) for number, total in self._sums.items()}
        nearest = max(float(embedding @ turn.voice), cosines.pop(turn.speaker, -1.0))
        if nearest < float(np.interp(turn.seconds, _TURN_S, _OTHER)):
            return True
        return max(cosines.values(), default=-1.0) >= max(nearest + _MARGIN, _LIKE)

    def grow(self, turn: Turn, embedding: Samples, seconds: float) -> None:
        """Adds the next seconds to a turn in progress, and finds its speaker again."""
        weighted = embedding * np.float32(seconds)
        turn.total = turn.total + weighted if turn.seconds else weighted
        turn.seconds += seconds
        turn.speaker = self._speaker(turn, float(np.interp(turn.seconds, _SECONDS, _KNOWN)))

    def end(self, turn: Turn) -> list[Turn]:
        """Ends a turn; returns the turns whose speaker has changed by it, perhaps this one.

        A turn without any embedding is assigned to the last speaker.
        """
        if not turn.seconds:
            turn.speaker = self._last
            return []
        if turn.seconds < _FOUNDS_S and self._sums:
            turn.speaker = self._speaker(turn, -1.0)
        self._last = turn.speaker
        self.turns.append(turn)
        self._sums[turn.speaker] = self._sums.get(turn.speaker, np.float32(0)) + turn.total
        self._seconds[turn.speaker] = self._seconds.get(turn.speaker, 0.0) + turn.seconds
        turn.ended = True
        changed = self._merge(turn.speaker)
        if len(self.turns) > MAX_TURNS:
            del self.turns[: MAX_TURNS // 2]
            self._dropped = True
        return changed

    def settle(self, check: Callable[[], None] = lambda: None) -> list[Turn]:
        """Clusters all turns like those of a recording; returns the turns whose speaker has changed.

        Speakers are numbered in the order of their first turns. Called once, at the end; does
        nothing after turns were dropped.
        """
        if not self.turns or self._dropped:
            return []
        voices = np.array([turn.voice for turn in self.turns], np.float32)
        seconds = np.array([turn.seconds for turn in self.turns], np.float32)
        nearest = np.argmax(voices @ people(voices, seconds, self._count, check=check).T, axis=1)
        numbers: dict[int, int] = {}
        changed = []
        for turn, person in zip(self.turns, nearest, strict=True):
            speaker = numbers.setdefault(int(person), len(numbers))
            if speaker != turn.speaker:
                turn.speaker = speaker
                changed.append(turn)
        self._sums = {number: _sum(self.turns, number) for number in numbers.values()}
        self._seconds = {
            number: sum(turn.seconds for turn in self.turns if turn.speaker == number) for number in numbers.values()
        }
        return changed

    def _speaker(self, turn: Turn, least: float) -> int:
        """Returns the known speaker whose voice is nearest to that of `turn`, by a cosine of at least `least`; or else
        a new one."""
        free = next(number for number in range(len(self._sums) + 1) if number not in self._sums)
        if not self._sums:
            return free
        numbers = list(self._sums)
        cosines = centroids_of(self._sums) @ turn.voice
        nearest = int(np.argmax(cosines))
        if cosines[nearest] >= least or len(numbers) == self._count:
            return numbers[nearest]
        return free

    def _merge(self, speaker: int) -> list[Turn]:
        """Merges `speaker` with others who turn out to be the same person, who keeps the lowest number."""
        changed: list[Turn] = []
        while others := [number for number in self._sums if number != speaker]:
            voice = _unit(self._sums[speaker])
            cosine, other = max((float(voice @ _unit(self._sums[number])), number) for number in others)
            if cosine < _ONE_PERSON:
                break
            gone, speaker = max(speaker, other), min(speaker, other)
            self._sums[speaker] = self._sums[speaker] + self._sums.pop(gone)
            self._seconds[speaker] += self._seconds.pop(gone)
            moved = [turn for turn in self.turns if turn.speaker == gone]
            for turn in moved:
                turn.speaker = speaker
            changed += moved
            self._last = speaker
        return changed


def centroids_of(sums: dict[int, Samples]) -> Samples:
    """Returns the unit vectors of `sums`, a row each."""
    rows = np.array(list(sums.values()), np.float32)
    return centroids(rows, np.ones(len(rows), np.float32), np.arange(len(rows)))


def _sum(turns: list[Turn], speaker: int) -> Samples:
    total: Samples = np.sum([turn.total for turn in turns if turn.speaker == speaker], axis=0, dtype=np.float32)
    return total


def _unit(vector: Samples) -> Samples:
    unit: Samples = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))
    return unit
