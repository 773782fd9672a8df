"""Names and numbers in messages: the typed name, the one that may have been meant, the existing ones, a count."""

from __future__ import annotations

from collections.abc import Iterable

_MAX_LETTERS = 80  # compared: the time grows with their square
_MAX_CHARACTERS = 60  # of a quoted value


def nearest(word: object, names: Iterable[str]) -> str | None:
    """Returns the name most like `word`, in any case; None if none is close or `word` is not text."""
    from difflib import get_close_matches  # imported only for a mistake

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
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 3] + "..."


def plural(count: int, noun: str) -> str:
    """Returns `1 noun`, or `2 nouns`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def listed(names: Iterable[str]) -> str:
    """Returns `a, b or c`."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
