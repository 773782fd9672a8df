"""Leaves out words that a model writes of music and noise, where the voice detector was unsure. Pure.

The detector lets some music pass: it is sure of few of its frames. A model then writes what its training has so often
beside music: "You", "Thank you for watching!". Of 38 such texts of 64 made-up songs 6 are left. Of 87 words that people
said alone, half of them in noise at 10 dB, the detector's mean probability was 0.71 at least; at 0 dB some fall below.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from .words import keys, split

if TYPE_CHECKING:
    from .engine import Segment

# What each family of models writes beside music: moonshine's as measured, the others' as their users report them.
_SOUNDS = frozenset(("bye", "bye-bye", "hmm", "mm", "mm-h", "mm-hmm", "oh", "okay", "uh", "yeah", "music", "applause"))
MOONSHINE = _SOUNDS | {"you", "thank you", "thank you for watching", "thanks for watching", "transcript Emily Beynon"}
WHISPER = MOONSHINE | {
    "thank you very much", "thank you so much", "please subscribe", "Subtitles by the Amara.org community",
    "Vielen Dank", "Untertitel der Amara.org-Community", "Untertitelung des ZDF, 2020", "Merci",
    "Sous-titres réalisés par la communauté d'Amara.org", "Gracias", "¡Gracias por ver el video!",
    "Subtítulos realizados por la comunidad de Amara.org", "Obrigado", "Legendas pela comunidade Amara.org",
    "Sottotitoli creati dalla comunità Amara.org", "ご視聴ありがとうございました", "謝謝觀看",
    "字幕由Amara.org社区提供", "Продолжение следует",
}  # fmt: skip
TRANSDUCER = _SOUNDS

SURE = 0.68  # the mean probability of speech over a piece, from which on every word counts
UNSURE = 0.5  # below it one or two words do not
_TWO = 2
_MUCH_S = 4.0  # of sound, in which
_FEW = 0.5  # words a second are few


def heard(segments: Sequence[Segment], certainty: float, seconds: float, habits: Collection[str]) -> list[Segment]:
    """Returns the segments of a piece; none if its words are not speech but a habit of the engine.

    Args:
        certainty: the detector's mean probability of speech in the piece, from 0 to 1.
        seconds: the length of the sound that the detector took for speech.
        habits: see `Engine.HABITS`.
    """
    segments = list(segments)
    if certainty >= SURE or not segments:
        return segments
    words = [word for segment in segments for word in keys(split(segment.text)) if word]
    few = (certainty < UNSURE and len(words) <= _TWO) or (seconds >= _MUCH_S and len(words) < _FEW * seconds)
    return [] if few or all(_is_habit(segment.text, habits) for segment in segments) else segments


def _is_habit(text: str, habits: Collection[str]) -> bool:
    letters = _said(text)
    return not letters or any(letters == habit * (len(letters) // len(habit)) for habit in map(_said, habits))


def _said(text: str) -> str:
    """Returns the letters and digits of a text alone, so that signs and spaces make no difference."""
    return "".join(keys(split(text)))
