"""Giving each phrase of a text its own time, where an engine knows only when the whole was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hushd_worker_stt.engine import Segment

_STOPS = ".?!,;:…。？！，；："
_TOLERANCE_S = 1.5  # of speech, between where a pause is and where its stop is expected


def at_pauses(segment: Segment, speech: Sequence[tuple[float, float]]) -> list[Segment]:
    """`segment` in as many parts as its text has stops where its speaker pauses.

    Args:
        segment: without words' times.
        speech: when somebody speaks in it, in order, with pauses between; seconds, as in `segment`.

    A stop is expected where as great a share of the letters has been said as of the speech. Stops and pauses are
    paired, in order, so that as many are as possible, as near to each other as possible. Every part lasts from the
    start of its speech to the end of it. The text stays the same.
    """
    if segment.words or not speech:
        return [segment]
    words = segment.text.split()
    total = sum(end - start for start, end in speech)
    letters = sum(map(len, words)) or 1
    stops, said = [], 0
    for number, word in enumerate(words[:-1], 1):
        said += len(word)
        if word[-1] in _STOPS:
            stops.append((number, said / letters * total))
    pauses, spoken = [], 0.0
    for number, (start, end) in enumerate(speech[:-1], 1):
        spoken += end - start
        pauses.append((number, spoken))
    parts, first, span = [], 0, 0
    for last, next_span in [*_pairs(stops, pauses), (len(words), len(speech))]:
        text = " ".join(words[first:last])
        parts.append(replace(segment, start=speech[span][0], end=speech[next_span - 1][1], text=text))
        first, span = last, next_span
    return parts


def _pairs(stops: list[tuple[int, float]], pauses: list[tuple[int, float]]) -> list[tuple[int, int]]:
    """The best pairs of a stop and a pause, by their numbers: each earns what it is nearer than the tolerance."""
    # best[i][j]: what the first i stops and j pauses can earn, and the pairs that earn it.
    best: list[list[tuple[float, list[tuple[int, int]]]]] = [[(0.0, [])] * (len(pauses) + 1)]
    for stop, expected in stops:
        row: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
        for index, (pause, at) in enumerate(pauses):
            earned, pairs = best[-1][index]
            worth = _TOLERANCE_S - abs(expected - at)
            choices = [best[-1][index + 1], row[index]]
            if worth > 0:
                choices.append((earned + worth, [*pairs, (stop, pause)]))
            row.append(max(choices, key=lambda choice: choice[0]))
        best.append(row)
    return best[-1][-1][1]
