"""Judges by its last words whether a text is a finished turn. Pure; no model."""

from __future__ import annotations

import re

from hushd_models import languages

from .open_words import OPEN_WORDS, OpenWords

STRONG, WEAK, EVEN, FINISHED = 0.05, 0.15, 0.5, 0.7  # at EVEN nothing is known
_SUBJECT = 3  # words of a clause that may be a subject without its verb
_SHORT = 6  # words of a clause that may wait for the main one
_DICTATED = range(3, 7)  # digits in groups that more of them follow: a telephone number has seven and more
_LAST_GROUP = 4  # digits, which may end one, or be a year
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.?!]\s+")


def finished(text: str, language: str) -> float | None:
    """Returns the probability that the turn whose transcript so far is `text` is over.

    Three values rather than a scale, since this is knowledge of grammar and not a measurement: `STRONG` behind a word
    that no sentence ends with, `WEAK` behind one that few do, `FINISHED` behind any other.

    Args:
        language: as in `ModelInfo.languages`.

    Returns:
        None where the language is not known here, or there is no text.
    """
    known = OPEN_WORDS.get(languages.code(language)) if language else None
    clause = _SENTENCE_END.split(text.strip())[-1].replace("’", "'")
    words = _WORD.findall(clause.lower())
    if known is None or not words:
        return None
    if text.rstrip().endswith(("…", "...", "-", "–", "—")):
        return STRONG
    asks = text.rstrip().endswith("?")
    return min(_last_word(words, known, asks=asks), _number(words, known), _clause(words, known, "," in clause[:-1]))


def _last_word(words: list[str], known: OpenWords, *, asks: bool) -> float:
    last = words[-1]
    if last in known.strong or (len(words) == 1 and last in known.alone):
        return STRONG
    if last not in known.weak or len(words) == 1 or asks:  # "What are you looking at?"
        return FINISHED
    return FINISHED if last in known.particles and words[-2] in known.before_particle else WEAK


def _number(words: list[str], known: OpenWords) -> float:
    """A number half said: digits too few for a telephone's, or a round one that its rest may follow."""
    groups: list[int] = []
    for word in reversed(words):
        if not (digits := len(word) if word.isdecimal() else int(word in known.digits)):
            break
        groups.append(digits)
    dictated = len(groups) > 1 and groups[0] < _LAST_GROUP and sum(groups) in _DICTATED
    return WEAK if dictated or words[-1] in known.tens else FINISHED


def _clause(words: list[str], known: OpenWords, parted: bool) -> float:
    """A clause of which the main one is still to come, or a subject alone; one `parted` by a comma has both."""
    waits = words[0] in known.opening and len(words) <= _SHORT
    subject = words[0] in known.beginning and len(words) <= _SUBJECT
    return WEAK if (waits or subject) and not parted else FINISHED
