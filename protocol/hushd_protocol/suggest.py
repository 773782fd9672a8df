"""Names in error messages: the one that was typed, the one that may have been meant, and those that exist."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 80  # letters compared: the time grows with their square
_SHOWN = 60


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Returns the name in `known` most like `word`, in any case; None when none is close or `word` is not text."""
    from difflib import get_close_matches  # only to help with a mistake

    if not isinstance(word, str):
        return None
    names = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold()[:_LONGEST], names, n=1)
    return names[close[0]] if close else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Returns ` (did you mean X?)`, or nothing when no name is close."""
    close = nearest(word, known)
    return f" (did you mean {close}?)" if close else ""


def quoted(value: object) -> str:
    """Returns a value as messages show it: as in Python, 60 characters at most."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def listed(names: Iterable[str]) -> str:
    """Returns `a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
