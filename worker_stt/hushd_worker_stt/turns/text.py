"""Judges by its last words whether a text is a finished turn. Pure; no model."""

from __future__ import annotations

import re

from hushd_models import languages

from .open_words import OPEN_WORDS, OpenWords

STRONG, WEAK, EVEN, FINISHED = 0.05, 0.15, 0.5, 0.7  # EVEN is the value of an unknown turn
_SUBJECT = 3  # words of a clause that may be a subject without its verb
_SHORT = 6  # words of a clause that may precede the main one
_DICTATED = range(3, 7)  # digits in groups before further digits: a telephone number has seven or more
_LAST_GROUP = 4  # digits, which may be the last group, or a year
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.?!]\s+")


def finished(text: str, language: str) -> float | None:
    """Returns the probability that the turn whose transcript so far is `text` is over.

    There are three values instead of a scale, since this is knowledge of grammar and not a measurement: `STRONG` after
    a word that ends no sentence, `WEAK` after one that ends few, `FINISHED` after any other.

    Args:
        language: as in `ModelInfo.languages`.

    Returns:
        None if the language is unknown, or there is no text.
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
    """Returns the probability for a number: too few digits for a telephone number, or a round number that may go on."""
    groups: list[int] = []
    for word in reversed(words):
        if not (digits := len(word) if word.isdecimal() else int(word in known.digits)):
            break
        groups.append(digits)
    dictated = len(groups) > 1 and groups[0] < _LAST_GROUP and sum(groups) in _DICTATED
    return WEAK if dictated or words[-1] in known.tens else FINISHED


def _clause(words: list[str], known: OpenWords, parted: bool) -> float:
    """Returns the probability for a clause before its main clause, or a subject alone; a text `parted` by a comma has
    both."""
    waits = words[0] in known.opening and len(words) <= _SHORT
    subject = words[0] in known.beginning and len(words) <= _SUBJECT
    return WEAK if (waits or subject) and not parted else FINISHED
