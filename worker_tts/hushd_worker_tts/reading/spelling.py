"""Spells phonemes with letters, for engines that do not read phonemes."""

from __future__ import annotations

import re

# The least ambiguous English spelling of each sound, which a reader of letters speaks almost correctly.
_SPELLINGS = {
    "tʃ": "ch", "ʧ": "ch", "dʒ": "j", "ʤ": "j", "eɪ": "ay", "aɪ": "igh", "ɔɪ": "oy", "aʊ": "ow", "oʊ": "oh", "əʊ": "oh",
    "ɪə": "eer", "eə": "air", "ʊə": "oor", "ɑː": "ah", "ɔː": "aw", "iː": "ee", "uː": "oo", "ɜː": "ur", "ɜ˞": "ur",
    "ɝ": "ur", "ɚ": "er", "ɑ": "ah", "ɒ": "o", "ɔ": "aw", "æ": "a", "ʌ": "u", "ə": "uh", "ɛ": "e", "e": "e", "ɪ": "i",
    "i": "ee", "ʊ": "oo", "u": "oo", "o": "oh", "ø": "ur", "œ": "ur", "y": "oo", "ŋ": "ng", "ɲ": "ny", "ʎ": "ly",
    "ʃ": "sh", "ʒ": "zh", "θ": "th", "ð": "th", "j": "y", "ɹ": "r", "ʁ": "r", "ɾ": "r", "ɡ": "g", "x": "k", "ç": "h",
    "χ": "k", "ɥ": "w", "ʍ": "wh", "ɫ": "l", "β": "v", "ʔ": "",
}  # fmt: skip
_SOUND = re.compile("|".join(sorted(map(re.escape, _SPELLINGS), key=len, reverse=True)) + "|.", re.DOTALL)


def spelled(ipa: str) -> str:
    """Returns letters that a reader of English speaks almost like the phonemes: nyokee for `njɒki`. Stress is lost."""
    return "".join(_letters(match[0]) for match in _SOUND.finditer(ipa))


def _letters(sound: str) -> str:
    return _SPELLINGS.get(sound, sound if sound.isascii() and (sound.isalpha() or sound == " ") else "")
