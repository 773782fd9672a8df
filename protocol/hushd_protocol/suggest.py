"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 80  # letters that are looked at: the comparison takes their square


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The one of `known` that is likest to `word`, in letters of any case; None when none is like it, or it is no
    text."""
    from difflib import get_close_matches  # only to help with a mistake

    if not isinstance(word, str):
        return None
    names = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold()[:_LONGEST], names, n=1)
    return names[close[0]] if close else None
