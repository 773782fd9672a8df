"""The gender of a noun that a number counts: by its ending, and by a list of the frequent nouns that differ.

A line of `genders/` has a gender, and endings (`-ión`) and whole nouns of it. They were learnt from free dictionaries,
hunspell's of French and Portuguese (MPL), Morph-it (LGPL), german-nouns (CC BY-SA), Apertium's of Romance languages
(GPL), and the frequencies of wordfreq; where a noun has two genders, from the articles before it in Debian's manuals.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("genders")
# Ends of plurals and of their singulars.
_PLURALS = {
    "fr": (("aux", "al"), ("s", ""), ("x", "")),
    "es": (("ces", "z"), ("iones", "ión"), ("ones", "ón"), ("s", ""), ("es", "")),
    "pt": (("ões", "ão"), ("ães", "ão"), ("ns", "m"), ("is", "l"), ("s", ""), ("es", "")),
}


def of(noun: str, language: str, *, plural: bool = False) -> str | None:
    """Returns the gender of a noun, or of an adjective before it, as `m`, `f` or `n`.

    None for a language without genders here, or a German word that is none of either.

    Args:
        language: a code, such as `fr`.
        plural: whether the noun is in the plural.
    """
    nouns, endings = _table(language)
    if not endings or not noun:
        return None
    if language == "de" and not noun[0].isupper():
        return next(
            (gender for ending, gender in (("e", "f"), ("er", "m"), ("es", "n")) if noun.endswith(ending)), None
        )
    word = noun if language == "de" else noun.lower()
    ends = _PLURALS.get(language, ()) if plural else ()
    for form in (word, *(word.removesuffix(end) + single for end, single in ends if word.endswith(end))):
        if gender := nouns.get(form):
            return gender
    return next(endings[word[at:]] for at in range(len(word) + 1) if word[at:] in endings)


@cache
def _table(language: str) -> tuple[dict[str, str], dict[str, str]]:
    """Returns genders by noun and by ending."""
    nouns, endings = dict[str, str](), dict[str, str]()
    path = _FOLDER / f"{language}.txt"
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        gender, *words = line.split()
        nouns.update({word: gender for word in words if word[0] != "-"})
        endings.update({word[1:]: gender for word in words if word[0] == "-"})
    return nouns, endings
