"""Text in messages: the name that may have been meant, the existing ones, a count, and escapes in foreign text."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_LETTERS = 80  # compared: the time grows with their square
_MAX_QUOTED_CHARACTERS = 60  # characters of a quoted value


def nearest(word: object, names: Iterable[str]) -> str | None:
    """Returns the name most like `word`, in any case; None if none is close or `word` is not text."""
    if not isinstance(word, str):
        return None
    by_folded_name = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold()[:_MAX_LETTERS], by_folded_name, n=1)
    return by_folded_name[close[0]] if close else None


def did_you_mean(word: object, names: Iterable[str]) -> str:
    """Returns ` (did you mean X?)`, or nothing if no name is close."""
    close = nearest(word, names)
    return f" (did you mean {close}?)" if close else ""


def quoted(value: object) -> str:
    """Returns a value as messages show it: Python's repr, 60 characters at most."""
    text = repr(value)
    return text if len(text) <= _MAX_QUOTED_CHARACTERS else text[: _MAX_QUOTED_CHARACTERS - 3] + "..."


def plural(count: int, noun: str) -> str:
    """Returns `1 noun`, or `2 nouns`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def readable(size: float) -> str:
    """Returns a size in bytes as `312 MB` or `1.4 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def listed(names: Iterable[str]) -> str:
    """Returns `a, b or c`."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


# --- text from elsewhere, which must not control a terminal ---

# C0 without tab and newline, DEL, C1, line separators, and the bidirectional embeddings, overrides and isolates, which
# show characters in another order than the text's.
CONTROLS = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in CONTROLS}


class Styled(str):
    """Text with hushd's own control sequences, and its other parts already escaped."""

    __slots__ = ()


def escaped(text: str) -> str:
    r"""Returns `text` with visible control characters: `\x1b`, `\u202e`."""
    return text if isinstance(text, Styled) else text.translate(_ESCAPES)
