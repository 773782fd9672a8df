"""Reads a piece in which the language may change, and finds speech that a model's text leaves out.

A model of several languages is told one for a piece. Sentences in another one it translates, or leaves out, and at
times it leaves out what stands between them. So where it is unsure of the language each stretch between pauses is heard
in its own, and a stretch without a text is read once more by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from .engine import RATE, DetectedLanguage, Segment
from .segmentation.pieces import Piece
from .wording import SURE_SPEECH, UNSURE, heard

Transcribe = Callable[[Piece, str | None], list[Segment]]
Detect = Callable[[Piece], DetectedLanguage | None]

_SURE_OF_LANGUAGE = 0.6  # the probability from which on a language is believed, as in `whisper_window`
_LEAST_S = 2.0  # seconds of speech that tell a language
_LEFT_OUT_S = 3.0  # seconds of a stretch that a text leaves out: Whisper's times are wrong by 2 s at times
_LEFT_OUT = 0.9  # ... and the share of it without a text
_LEAST_PROBABLE = (
    -1.0
)  # mean log probability of a text's tokens, below which both of Whisper's packages call it a failure
_TOLD_S = 60.0  # seconds of speech without a text that the result is told of
_NO_TEXT = (
    "{:.0f} s of what sounds like speech, the first at {:.0f} s, have no text: the model understood nothing there."
)
_BESIDE_STRETCH_S = 0.4  # seconds of quiet kept beside a stretch


def read(
    piece: Piece, usual: str | None, transcribe: Transcribe, detect: Detect | None, habits: Collection[str] = ()
) -> list[Segment]:
    """Returns the segments of all speech in `piece`, in the order of their beginnings.

    Args:
        usual: the language of the recording.
        transcribe: reads a piece in a language.
        detect: tells the language of a piece; None where it was named, or the model cannot tell.
        habits: see `Engine.HABITS`.
    """
    segments = transcribe(piece, usual)
    if detect and (not segments or any(_unsure(segment) for segment in segments)):
        parts = divided(piece, usual, detect)
        if [tag for _, tag in parts] != [usual]:
            segments = [segment for part, tag in parts for segment in transcribe(part, tag)]
    for rest in left_out(piece, segments):
        (part, tag), *_ = divided(rest, usual, detect) if detect else [(rest, usual)]
        added = heard(transcribe(part, tag), UNSURE, len(part.samples) / RATE, habits)
        if all((segment.log_probability or 0.0) >= _LEAST_PROBABLE for segment in added):
            segments += added
    return sorted(segments, key=lambda segment: segment.start)


def divided(piece: Piece, usual: str | None, detect: Detect) -> list[tuple[Piece, str | None]]:
    """Returns the parts of `piece` in one language each, cut at its pauses; `usual` where none is sure."""
    tags: list[str | None] = []
    for number, (start, end) in enumerate(piece.speech):
        if end - start < _LEAST_S and tags:
            tags.append(tags[-1])
            continue
        detected = detect(part(piece, number, number))
        tags.append(detected.tag if detected and (detected.probability or 0.0) >= _SURE_OF_LANGUAGE else usual)
    runs = [[number for number, _ in run] for _, run in groupby(enumerate(tags), key=lambda each: each[1])]
    return [(part(piece, run[0], run[-1]), tags[run[0]]) for run in runs] or [(piece, usual)]


def left_out(piece: Piece, segments: Sequence[Segment]) -> list[Piece]:
    """Returns the stretches of speech in `piece` of which `segments`, of the rest, have nothing."""
    if not segments or piece.certainty < SURE_SPEECH:
        return []
    return [part(piece, number, number) for number, span in enumerate(piece.speech) if _without_text(span, segments)]


class WithoutText:
    """Counts what sounds like speech, and has no text."""

    def __init__(self) -> None:
        self._seconds = self._first_s = 0.0

    def add(self, piece: Piece, segments: Sequence[Segment]) -> None:
        """Adds a piece with its segments."""
        stretches = left_out(piece, segments) if segments else [piece] if piece.certainty >= SURE_SPEECH else []
        for stretch in stretches:
            self._first_s = self._first_s if self._seconds else stretch.start
            self._seconds += sum(end - start for start, end in stretch.speech)

    @property
    def sentence(self) -> str:
        """Says how much there was; empty below a minute."""
        return _NO_TEXT.format(self._seconds, self._first_s) if self._seconds >= _TOLD_S else ""


def _without_text(span: tuple[float, float], segments: Sequence[Segment]) -> bool:
    start, end = span
    covered = sum(max(0.0, min(end, each.end) - max(start, each.start)) for each in segments)
    return end - start >= _LEFT_OUT_S and covered <= (1 - _LEFT_OUT) * (end - start)


def _unsure(segment: Segment) -> bool:
    return segment.language_probability is not None and segment.language_probability < _SURE_OF_LANGUAGE


def part(piece: Piece, first: int, last: int) -> Piece:
    """Returns `piece` from its span of speech `first` to `last`, with the quiet beside them, or half of it."""
    speech = piece.speech[first : last + 1]
    (start, _), (_, end) = speech[0], speech[-1]
    before = (start - piece.speech[first - 1][1]) / 2 if first else start - piece.start
    after = (piece.speech[last + 1][0] - end) / 2 if last + 1 < len(piece.speech) else piece.end - end
    begin = start - min(_BESIDE_STRETCH_S, before)
    at = round((begin - piece.start) * RATE)
    samples = piece.samples[at : round((end + min(_BESIDE_STRETCH_S, after) - piece.start) * RATE)]
    return replace(piece, start=piece.start + at / RATE, samples=np.ascontiguousarray(samples), speech=speech)
