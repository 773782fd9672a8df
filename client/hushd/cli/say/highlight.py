"""How a word is highlighted on this terminal, as macOS's `say --interactive=MARKUP` names it."""

from __future__ import annotations

from typing import NamedTuple

from hushd_protocol.errors import HushdError

USUAL = "smso"
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


class Style(NamedTuple):
    """What to write before the sentence, before the word, and behind either; empty on a terminal that cannot."""

    sentence: str = ""
    word: str = ""
    plain: str = ""


def style(markup: str) -> Style:
    """The style of this terminal.

    Args:
        markup: a terminfo capability such as smso, bold or smul, a colour, or colours as TEXT/BACKGROUND, either of
            which may be left out.

    Raises:
        HushdError: `bad_request` for what is none of that.
    """
    import curses

    try:
        curses.setupterm(fd=1)
    except curses.error:
        return Style()
    word = _colours(markup) if markup.strip("/").partition("/")[0] in _COLOURS else _capability(markup)
    if word is None:
        raise HushdError(
            "bad_request",
            f"There is no markup {markup!r}: use a terminfo capability such as bold, or {', '.join(_COLOURS)}.",
        )
    return Style(_capability("bold") or "", word, _capability("sgr0") or "")


def _capability(name: str) -> str | None:
    """The string of a terminal's capability: empty where it lacks it, None where there is none of that name."""
    import curses

    try:
        value = curses.tigetstr(name)
    except ValueError:  # of characters that no name has
        return None
    if value is None:
        return "" if name in ("smso", "bold", "smul", "rev", "sgr0") else None
    return _sent(value)


def _colours(markup: str) -> str | None:
    import curses

    written = ""
    for name, setting in zip(markup.split("/"), ("setaf", "setab"), strict=False):
        if name:
            if name not in _COLOURS or markup.count("/") > 1:
                return None
            if value := curses.tigetstr(setting):
                written += _sent(curses.tparm(value, _COLOURS.index(name)))
    return written


def _sent(value: bytes) -> str:
    """As it is sent: without the pauses that terminals of paper needed."""
    import re

    return re.sub(rb"\$<[^>]*>", b"", value).decode("latin-1")
