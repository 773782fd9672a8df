"""Speaker turns, and the stretches of a recording that belong to one speaker each. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from hushd_schema.results import VOICEPRINT_MODEL

from hushd_worker_stt.engine import RATE, Samples

_BREATH_S = 0.3  # seconds of quiet in one person's speech that do not end a turn
_COUGH_S = 0.15  # the shortest turn
_MIN_TURN_S = 0.25  # the shortest stretch of one person between the turns of others


@dataclass(frozen=True, slots=True)
class Voice:
    """The embedding, of length 1, of a speaker's speech, which lasts `seconds`."""

    embedding: Samples
    seconds: float


@dataclass(frozen=True, slots=True, order=True)
class SpeakerTurn:
    """The speech of one `speaker`, counted from 0, from `start` to `end`, in seconds; others may speak meanwhile."""

    start: float
    end: float
    speaker: int
    voice: Voice | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a recording from `start`, in seconds, to the next stretch, in which only `speaker` is transcribed."""

    start: float
    speaker: int
    voice: Voice | None = field(default=None, compare=False, repr=False)


def tidied(turns: Iterable[SpeakerTurn]) -> list[SpeakerTurn]:
    """Returns `turns` in order, joined across breaths, without coughs, with speakers numbered in the order of their
    first turns."""
    last: dict[int, SpeakerTurn] = {}
    whole: list[SpeakerTurn] = []
    for turn in sorted(turns):
        before = last.get(turn.speaker)
        if before and turn.start - before.end < _BREATH_S:
            last[turn.speaker] = replace(before, end=max(before.end, turn.end))
            continue
        if before:
            whole.append(before)
        last[turn.speaker] = turn
    whole.extend(last.values())
    return numbered(turn for turn in whole if turn.end - turn.start >= _COUGH_S)


def numbered(turns: Iterable[SpeakerTurn]) -> list[SpeakerTurn]:
    """Returns `turns` in order, with speakers numbered in the order of their first turns."""
    numbers: dict[int, int] = {}
    return [replace(turn, speaker=numbers.setdefault(turn.speaker, len(numbers))) for turn in sorted(turns)]


def alone(turns: Iterable[SpeakerTurn]) -> list[SpeakerTurn]:
    """Returns `turns` without overlap: the longest turn wins over others during it."""
    turns = list(turns)
    begins = sorted(turns)
    ends = sorted(turns, key=lambda turn: turn.end)
    moments = sorted({moment for turn in turns for moment in (turn.start, turn.end)})
    speaking: set[SpeakerTurn] = set()
    clear: list[SpeakerTurn] = []
    begun, ended = 0, 0
    for now, after in pairwise(moments):
        while begun < len(begins) and begins[begun].start <= now:
            speaking.add(begins[begun])
            begun += 1
        while ended < len(ends) and ends[ended].end <= now:
            speaking.discard(ends[ended])
            ended += 1
        if not speaking:
            continue
        winner = max(speaking, key=lambda turn: (turn.end - turn.start, -turn.start, -turn.speaker))
        if clear and clear[-1].speaker == winner.speaker and clear[-1].end == now:
            clear[-1] = replace(clear[-1], end=after)
        else:
            clear.append(SpeakerTurn(now, after, winner.speaker, winner.voice))
    return [turn for turn in clear if turn.end - turn.start >= _MIN_TURN_S]


def stretches(turns: Iterable[SpeakerTurn]) -> list[Stretch]:
    """Returns the stretches of all speakers, in order, from 0.0; at least one.

    A stretch ends in the middle of the quiet before another person's turn. Speakers are numbered again, since one who
    only speaks during others' speech is never transcribed.
    """
    parts = [Stretch(0.0, 0)]
    before: SpeakerTurn | None = None
    for turn in numbered(alone(turns)):
        if before is None:
            parts = [Stretch(0.0, 0, turn.voice)]
        elif before.speaker != turn.speaker:
            parts.append(Stretch((before.end + turn.start) / 2, turn.speaker, turn.voice))
        before = turn
    return parts


def divided(blocks: Iterable[Samples], parts: list[Stretch]) -> Iterator[tuple[Stretch, Iterator[Samples]]]:
    """Yields each of `parts` with its share of `blocks`, which must be read before the next part."""
    source = iter(blocks)
    position = 0
    rest: Samples | None = None

    def share(end: int | None) -> Iterator[Samples]:
        nonlocal position, rest
        while end is None or position < end:
            block = rest if rest is not None else next(source, None)
            rest = None
            if block is None:
                return
            if end is not None and position + len(block) > end:
                block, rest = block[: end - position], block[end - position :]
            position += len(block)
            yield block

    for part, following in zip(parts, [*parts[1:], None], strict=True):
        yield part, share(round(following.start * RATE) if following else None)


_MIN_NAMED_S = 0.9  # seconds of speech: less is not named by itself
# The lowest cosine with a person's voiceprint for the person's own voice, by seconds of speech. Of 10,000 pairs of
# different people none had more than 0.44 in 0.9 s and more, 0.41 in 2 s, 0.34 in 3.5 s; through a telephone or in a
# room, less (`scripts/bench people`).
_SECONDS = (_MIN_NAMED_S, 2.0, 4.0)
_SAME = (0.50, 0.47, 0.45)
_APART = 0.10  # distance by which a person must be nearer than any other known one


class KnownPeople:
    """Names voices."""

    def __init__(self, voiceprints: Mapping[str, str]) -> None:
        self._names = tuple(voiceprints)
        self._rows = np.array([_embedding(text) for text in voiceprints.values()], np.float32)

    def name(self, voice: Voice) -> str:
        """Returns the name of `voice`; empty if it resembles nobody enough, or two people equally."""
        if not self._names or voice.seconds < _MIN_NAMED_S:
            return ""
        cosines = self._rows @ voice.embedding
        nearest = int(np.argmax(cosines))
        others = float(np.max(np.delete(cosines, nearest), initial=-1.0))
        least = max(float(np.interp(voice.seconds, _SECONDS, _SAME)), others + _APART)
        return self._names[nearest] if cosines[nearest] >= least else ""


def voiceprint(embedding: Samples) -> str:
    """Returns an embedding of length 1 as text (`hushd_schema.results`)."""
    return f"{VOICEPRINT_MODEL}:{base64.b64encode(embedding.astype('<f2').tobytes()).decode()}"


def _embedding(text: str) -> Samples:
    """Returns the embedding of a voiceprint, of length 1; zeros, which resemble nobody, if it has no direction."""
    row = np.frombuffer(base64.b64decode(text.partition(":")[2]), "<f2").astype(np.float32)
    length = float(np.linalg.norm(row))
    embedding: Samples = row / length if np.isfinite(length) and length > 0 else np.zeros_like(row)
    return embedding
