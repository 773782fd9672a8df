"""Prepares an agent's answer for reading aloud: the worker announces code, tables and changes. Pure.

The worker that speaks reads Markdown (see SPEAKING.md): it announces a block of code by its lines and language, and an
address by its host. Here tables become blocks, which it announces by their rows, and long paths their last part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})")
_DELIMITERS = re.compile(r"\s*+\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+$")
_WORD = re.compile(r"[^\s`<>\"“”()\[\]{}|,;]+")
_PATH = re.compile(
    r"(?P<root>~?/|\.{1,2}/)?(?:[\w.@+-]+/){1,40}(?P<name>[\w.@+-]*[^\W_])(?P<place>(?::\d+){0,2}(?:-\d+)?)(?P<tail>[.:!?*_]*)"
)
_FILE = re.compile(r"\w\.[A-Za-z]\w{0,4}$")
_READ_ROWS = 2
_MAX_PATH_PARTS = 2  # parts of a path that is read completely


def prose(markdown: str) -> str:
    """Returns the Markdown to be spoken instead."""
    return "\n".join(_blocks(markdown.split("\n")))


def _blocks(lines: list[str]) -> Iterator[str]:
    fence = ""  # the mark that closes the open block of code
    table: list[str] = []  # the lines of the open one
    for number, line in enumerate(lines):
        if table and "|" not in line:
            yield from _announced(table)
            table = []
        if fence:
            fence = "" if line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence
            yield line
        elif opened := _FENCE.match(line):
            fence = opened["fence"]
            yield line
        elif table or ("|" in line and _is_delimiters(lines[number + 1 : number + 2])):
            table.append(line)
        else:
            yield _WORD.sub(_shortened, line)
    yield from _announced(table)


def _is_delimiters(lines: list[str]) -> bool:
    return any("|" in line and _DELIMITERS.match(line) for line in lines)


def _announced(table: list[str]) -> Iterator[str]:
    """Returns a table as the block that the worker announces; a table of one or two rows is read out."""
    rows = table[2:]
    if len(rows) <= _READ_ROWS:
        yield from (_WORD.sub(_shortened, line) for line in table)
    else:
        yield from ("", "```table", *rows, "```", "")


def _shortened(match: re.Match[str]) -> str:
    """Returns the last part of a long path."""
    word = match[0]
    path = _PATH.fullmatch(word)
    if path is None or "://" in word:
        return word
    parts = word.strip("/").count("/") + 1
    is_path = path["root"] or _FILE.search(path["name"]) or parts > _MAX_PATH_PARTS + 1
    if not is_path or (parts <= _MAX_PATH_PARTS and not path["place"]):
        return word
    return path["name"] + path["tail"]
