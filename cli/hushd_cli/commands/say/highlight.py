"""Highlighting on this terminal, by the names of macOS's `say --interactive=MARKUP`."""

from __future__ import annotations

from typing import NamedTuple

from hushd_protocol.errors import HushdError

USUAL = "smso"
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


class Style(NamedTuple):
    """Control sequences before the sentence, before the word, and after either; empty if the terminal has none."""

    sentence: str = ""
    word: str = ""
    plain: str = ""


def style(markup: str) -> Style:
    """Returns the style of this terminal.

    Args:
        markup: a terminfo capability such as smso, bold or smul, a colour, or colours as TEXT/BACKGROUND, either of
            which may be left out.

    Raises:
        HushdError: `bad_request` for any other `markup`.
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
    """Returns the control sequence of a capability: empty if the terminal lacks it, None for an unknown name."""
    import curses

    try:
        value = curses.tigetstr(name)
    except ValueError:  # characters that are in no name
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
    """Returns the sequence without the delays for paper terminals."""
    import re

    return re.sub(rb"\$<[^$>]*>", b"", value).decode("latin-1")
