"""Says the words of programs that voices garble, such as kubectl, by `developers.txt`; the user's own list goes before.

The file has the form of `pronunciations.txt`, so that what sounds wrong can be mended there and sent in. Each word is
looked up alone, since most texts have none of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from hushd_models import languages

from .items import MappedText

_FILE = Path(__file__).with_suffix(".txt")
_WORD = re.compile(r"(?<!\w)[A-Za-z]\w+(?!\w)")
# Names with a sign inside, before it is read as one; not in an address or a path.
_NAME = re.compile(r"(?<![\w./@\\-])[A-Za-z]{2,12}[.-][A-Za-z\d]{1,6}(?![\w/@\\-]|\.\w)")


def said(text: MappedText, language: str, own: Collection[str], *, names: bool = False) -> MappedText:
    """Returns a text with the words of programs as they are said.

    Args:
        own: words with a pronunciation of the user's, in lower case, which stay.
        names: whether to look for names with a sign inside, in a text as it was written; else for words.
    """
    table = _table(languages.code(language))
    if not table:
        return text

    def word(match: re.Match[str]) -> str:
        written, lower = match[0], match[0].lower()
        spoken = table.get(written) or table.get(lower)
        return written if spoken is None or lower in own else spoken

    return text.sub(_NAME if names else _WORD, word)


@cache
def _table(code: str) -> Mapping[str, str]:
    """Returns the words of a language; `hushd_schema.pronunciations` reads the same form, with its mistakes."""
    sections = _FILE.read_text("utf-8").split("\n[")
    lines = next((part.splitlines()[1:] for part in sections if part.startswith(f"{code}]")), [])
    return dict(line.split(" -> ") for line in lines if " -> " in line)
