"""Phrases in the units that a model of sherpa-onnx's keyword spotter hears: pieces of words, letters, or sounds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from unicodedata import category

from hushd_models.installation import package_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.suggest import quoted

from hushd_worker_wake.keyword_models import SUBWORDS, TOKENS, Described

_BEGIN = "\N{LOWER ONE EIGHTH BLOCK}"  # of a word, as SentencePiece writes it


def in_units(model: str, folder: Path, description: Described, phrase: str) -> list[str]:
    """The units of a phrase, each of which the model has. A phrase may be written in them: `HH AH0 L OW1`.

    Raises:
        HushdError: `bad_request` for a phrase that cannot be said with them; `engine_missing` where SentencePiece is
            needed and not installed; `model_missing` where its model is damaged.
    """
    known = description.units
    begins = any(unit.startswith(_BEGIN) for unit in known)
    units = phrase.split()
    if not known.issuperset(units) or (begins and not units[0].startswith(_BEGIN)):
        words = _plain(phrase, known)
        if description.subwords:
            units = _subwords(folder / SUBWORDS, words)
        elif all(len(unit.removeprefix(_BEGIN)) <= 1 for unit in known):
            units = [unit for word in words.split() for unit in _letters(word, known, begins=begins)]
        elif begins:
            raise HushdError(
                "model_missing", f"{model} hears pieces of words: put {SUBWORDS}, which divides words, into {folder}."
            )
    lacks = next((unit for unit in units if unit not in known), "")
    if lacks or not units:
        what = f"has no unit {quoted(lacks)}" if lacks else "hears none of its signs"
        how = "" if begins else ", or write it in those units"
        raise HushdError(
            "bad_request",
            f"{model} cannot wait for {quoted(phrase)}, since it {what} in {TOKENS}: choose another phrase{how}.",
        )
    return units


def _plain(phrase: str, known: frozenset[str]) -> str:
    """The phrase in the case of the units, without signs that none of them has."""
    letters = set("".join(known))
    if not any(letter.islower() for letter in letters):
        phrase = phrase.upper()
    elif not any(letter.isupper() for letter in letters):
        phrase = phrase.lower()
    return "".join(sign if sign in letters or category(sign)[0] not in "PSC" else " " for sign in phrase)


def _letters(word: str, known: frozenset[str], *, begins: bool) -> list[str]:
    if not begins:
        return list(word)
    first = _BEGIN + word[0]
    return [_BEGIN, *word] if first not in known and _BEGIN in known else [first, *word[1:]]


def _subwords(file: Path, words: str) -> list[str]:
    if find_spec("sentencepiece") is None:
        raise HushdError(
            "engine_missing", f"SentencePiece divides words for {file}: {package_command('sentencepiece')}."
        )
    import sentencepiece

    try:
        pieces: list[str] = sentencepiece.SentencePieceProcessor(model_file=str(file)).encode(words, out_type=str)
    except (RuntimeError, OSError) as error:
        raise HushdError(
            "model_missing", f"{file} is damaged ({reason(error)}): replace the model by a whole copy."
        ) from error
    return pieces
