"""Rewrites what agents write and nobody says so: tallies, rulers, hashes, names with signs."""

from __future__ import annotations

import re

from .items import MappedText
from .words import Words

# A sign several times in a row, and those around it: rulers, marks of a merge, progress bars with their brackets.
_SIGNS = r"[=\-_*#~+<>|^:/\\]"
_RULER = re.compile(  # each run of space or signs is looked at once, from its beginning
    rf"(?:(?<!\s)\s++)?(?P<open>[\[({{]\s*+)?(?P<signs>(?<!{_SIGNS})(?={_SIGNS}*?({_SIGNS})\3{{2}}){_SIGNS}++|[\u2500-\u259f]++)"
    r"(?(open)(?:[\s.]*+[\])}])?)\s*+"
)
_OPERATORS = ("===", "!==")
_EMPHASIS = re.compile(r"\*{3}|_{3}")  # marks beside a word
_HIGHLIGHT = re.compile(r"(?<![\w=])==(?=[^\s=])([^=\n]{1,200}(?<!\s))==(?![\w=])")
_STOPS = ".,;:!?…"

_UUID = re.compile(r"[{(]?\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b[})]?", re.IGNORECASE)
_KEY = re.compile(r"(?<![\w-])(?=[A-Za-z_-]*\d)(?=[\d_A-Z-]*[a-z])(?=[\d_a-z-]*[A-Z])[\w-]{24,256}(?![\w-])", re.ASCII)
_HEX = re.compile(
    r"(?P<commit>\b(?i:commits?|revision|rev|merge)\s+)?(?<![\w-])(?P<number>0x)?(?!\d+e\d+\b)"
    r"(?P<signs>(?(number)[0-9A-Fa-f]{1,256}|(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])(?:[0-9a-f]{7,256}|[0-9A-F]{7,256})))(?![\w-])"
)
_HASH = 32  # signs of the shortest whole hash
_SPELLED = 7  # signs of a hash that are read, as git shows it

_NET = re.compile(r"(?P<word>(?<=\w))?(?<!\.)\.NET\b")
_PLUS = re.compile(r"(?<=[A-Za-z])\+\+(?![A-Za-z_+])(?=(\d?))")
_SHARP = re.compile(r"\b([A-G])#(?!\w)")


def identified(text: MappedText, words: Words | None) -> MappedText:
    """Returns the text with what a UUID, a key or a hash is instead of it; a short one's first signs are spelled."""
    if words is not None:
        text = text.sub(_UUID, words.an_id).sub(_KEY, words.an_id)

    def hash(match: re.Match[str]) -> str:
        commit, signs = match["commit"] or "", match["signs"]
        if words is not None and not commit and len(signs) >= _HASH:
            return str(words.a_hash)
        commit, most = ("0X ", None) if match["number"] else (commit, _SPELLED)
        return commit + re.sub(r"(?<=\d) (?=[A-F]\Z)", ", ", " ".join(signs[:most].upper()))  # 0 A: no amperes

    return text.sub(_HEX, hash)


def named(text: MappedText) -> MappedText:
    """Returns the text with the names of languages and the like as everybody says them."""
    text = text.sub(_NET, lambda match: "dot net" if match["word"] is None else " dot net")
    text = text.sub(_PLUS, lambda match: " plus plus" + " " * bool(match[1]))
    return text.sub(_SHARP, lambda match: f"{match[1]} sharp")


def unruled(text: MappedText) -> MappedText:
    """Returns the text with a pause instead of signs in a row; the words between them stay."""
    return text.sub(_HIGHLIGHT, lambda match: match[1]).sub(_RULER, _pause)


def _pause(match: re.Match[str]) -> str:
    signs, text = match["signs"], match.string
    before, after = text[: match.start()], text[match.end() :]
    beside = text[: match.start("signs")][-1:] + text[match.end("signs") :][:1]
    if signs in _OPERATORS or (_EMPHASIS.fullmatch(signs) and any(map(str.isalnum, beside))):
        return match[0]
    return " " if not before or not after or before[-1] in _STOPS or after[0] in _STOPS else ", "
