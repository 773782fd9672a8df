"""Leaves out what a model thinks before it answers: `<think>…</think>` at the beginning of a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_UNSEEN = "\u200b"  # in the place of each sign that is left out, so that the others keep theirs
_OPENED = re.compile(r"(?:(?<=\n)|\A)[^\S\n]*<think(?:ing)?>", re.IGNORECASE)
_CLOSED = re.compile(r"</think(?:ing)?>\s?", re.IGNORECASE)
_HELD = len("</thinking> ")  # signs that may be the beginning of a mark
_BEGUN = re.compile(r"[^\S\n]{0,40}(?:<[a-z/]{0,9})?\Z", re.IGNORECASE)


def without_thoughts(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yields the slices of a text with its thoughts unseen, however they are cut; one without an end takes the rest."""
    held, thinking, line_begins = "", False, True
    for text, final in slices:
        text, shown = held + text, ""
        held = ""
        while text:
            if thinking:
                closed = _CLOSED.search(text)
                end = closed.end() if closed else len(text) if final else max(0, len(text) - _HELD)
                shown, text, thinking = shown + _UNSEEN * end, text[end:], closed is None
                if thinking:
                    held, text = text, ""
                line_begins = not thinking or line_begins
                continue
            opened = next((match for match in _OPENED.finditer(text) if match.start() or line_begins), None)
            if opened:
                shown += _closing(text[: opened.start()]) + _UNSEEN * len(opened[0])
                text, thinking = text[opened.end() :], True
                continue
            end = len(text) if final else _safe(text, line_begins=line_begins)
            shown, held, text = shown + _closing(text[:end]), text[end:], ""
        if shown and shown.strip(_UNSEEN):
            line_begins = shown.rstrip(_UNSEEN).endswith("\n")
        yield shown, final


def _closing(text: str) -> str:
    """Returns the text without a mark that closes a thought whose beginning was not sent."""
    return _CLOSED.sub(lambda match: _UNSEEN * len(match[0]), text)


def _safe(text: str, *, line_begins: bool) -> int:
    """Returns the length of the text before a line's beginning, or a closing mark, that may become a mark."""
    line = text.rfind("\n") + 1
    if (line or line_begins) and _BEGUN.fullmatch(text[line:]):
        return line
    begun = text.rfind("<", max(0, len(text) - _HELD))
    return begun if begun >= 0 and "</thinking>".startswith(text[begun:].lower()) else len(text)
