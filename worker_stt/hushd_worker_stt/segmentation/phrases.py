"""Splits a segment at the speaker's pauses, if an engine only returns times for the whole segment."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_protocol.light_dataclass import replace

from hushd_worker_stt.engine import Segment

_STOPS = ".?!,;:…。？！，；："
_TOLERANCE_S = 1.5  # of speech, between a pause and the expected place of its stop


def at_pauses(segment: Segment, speech: Sequence[tuple[float, float]]) -> list[Segment]:
    """Splits `segment` at pauses of the speaker that match stops in the text.

    Args:
        segment: a segment without word times.
        speech: the spans of speech in it, in order, with pauses between them; in seconds, as in `segment`.

    A stop is expected at the time when the share of speech equals the share of letters before the stop. Stops and
    pauses are paired in order, as many and as near to each other as possible. Each part lasts from the start to the end
    of its speech. The text stays the same.
    """
    if segment.words or not speech:
        return [segment]
    words = segment.text.split()
    total = sum(end - start for start, end in speech)
    letters = sum(map(len, words)) or 1
    stops, spelt = [], 0
    for number, word in enumerate(words[:-1], 1):
        spelt += len(word)
        if word[-1] in _STOPS:
            stops.append((number, spelt / letters * total))
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
    """Returns the best pairs of a stop and a pause, by their numbers: a pair earns the tolerance minus its distance."""
    # best[i][j]: the maximum that the first i stops and j pauses can earn, and the pairs that earn it.
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
