"""Divides phrases into the units of a model of sherpa-onnx's keyword spotter: pieces of words, letters, or sounds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from unicodedata import category

from hushd_models.installation import package_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.suggest import quoted

from hushd_worker_wake.keyword_models import SUBWORDS, TOKENS, Described

_BEGIN = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's mark at the beginning of a word


def in_units(model: str, folder: Path, description: Described, phrase: str) -> list[str]:
    """Returns the units of a phrase, all of them in the model. A phrase may be written in units: `HH AH0 L OW1`.

    Raises:
        HushdError: `bad_request` for a phrase that the units cannot express; `engine_missing` if SentencePiece is
            needed but not installed; `model_missing` if its model is damaged.
    """
    model_units = description.units
    begins = any(unit.startswith(_BEGIN) for unit in model_units)
    units = phrase.split()
    if not model_units.issuperset(units) or (begins and not units[0].startswith(_BEGIN)):
        words = _plain(phrase, model_units)
        if description.subwords:
            units = _subwords(folder / SUBWORDS, words)
        elif all(len(unit.removeprefix(_BEGIN)) <= 1 for unit in model_units):
            units = [unit for word in words.split() for unit in _letters(word, model_units, begins=begins)]
        elif begins:
            raise HushdError(
                "model_missing", f"{model} hears pieces of words: put {SUBWORDS}, which divides words, into {folder}."
            )
    lacks = next((unit for unit in units if unit not in model_units), "")
    if lacks or not units:
        what = f"has no unit {quoted(lacks)}" if lacks else "hears none of its signs"
        how = "" if begins else ", or write it in those units"
        raise HushdError(
            "bad_request",
            f"{model} cannot wait for {quoted(phrase)}, since it {what} in {TOKENS}: choose another phrase{how}.",
        )
    return units


def _plain(phrase: str, known: frozenset[str]) -> str:
    """Returns the phrase in the units' case, without characters that no unit has."""
    letters = set("".join(known))
    if not any(letter.islower() for letter in letters):
        phrase = phrase.upper()
    elif not any(letter.isupper() for letter in letters):
        phrase = phrase.lower()
    return "".join(sign if sign in letters or category(sign)[0] not in "PSC" else " " for sign in phrase)


def _letters(word: str, units: frozenset[str], *, begins: bool) -> list[str]:
    if not begins:
        return list(word)
    first = _BEGIN + word[0]
    return [_BEGIN, *word] if first not in units and _BEGIN in units else [first, *word[1:]]


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
