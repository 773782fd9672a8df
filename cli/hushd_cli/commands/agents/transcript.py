"""The last answer in a session's transcript, for agents that do not pass it to the hook.

Claude Code's is a file of JSON lines, an entry a line, which it may append to at this moment: `type` is `user` or
`assistant`, `message.content` a list of blocks, each of them in an entry of its own under the same `message.id`.
Entries of subagents have `isSidechain`; the results of tools come as the user's.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

from hushd_protocol import JsonObject

_TAIL = 4 << 20  # bytes: a longer answer is not read aloud
_BLOCK = 1 << 16


class Answer(NamedTuple):
    """An answer, and the id of its message."""

    text: str
    id: str


def last_answer(path: str) -> Answer | None:
    """Returns the agent's answer to the last prompt; None if there is none yet, or no transcript.

    It never blocks, and ignores paths that are not regular files.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):  # a path with a NUL
        return None
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return _last(_entries(descriptor))
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return None


def _last(entries: Iterator[JsonObject]) -> Answer | None:
    """Returns the newest message with text in `entries`, which begin with the last one."""
    parts: list[str] = []
    name = ""
    for entry in entries:
        message = entry.get("message")
        if entry.get("isSidechain") or not isinstance(message, dict):
            continue
        if entry.get("type") == "user" and not _is_result(message.get("content")):
            break
        if entry.get("type") != "assistant":
            continue
        if parts and message.get("id") != name:
            break
        if text := _text(message.get("content")):
            parts.insert(0, text)
            name = message.get("id")  # type: ignore[assignment]  # compared, and shown to nobody
    return Answer("\n".join(parts), str(name)) if parts else None


def _is_result(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "tool_result" for block in content
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str)).strip()


def _entries(descriptor: int) -> Iterator[JsonObject]:
    """Yields the entries backwards from the last one, without incomplete and invalid lines."""
    for line in _lines(descriptor):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry


def _lines(descriptor: int) -> Iterator[bytes]:
    """Yields the complete lines of the last `_TAIL` bytes, backwards."""
    end = os.fstat(descriptor).st_size
    first = max(0, end - _TAIL)
    blocks: list[bytes] = []  # the blocks of a line not yet read to its beginning, the last one first
    while end > first:
        start = max(first, end - _BLOCK)
        head, *lines = os.pread(descriptor, end - start, start).split(b"\n")
        end = start
        if lines:
            yield lines.pop() + b"".join(reversed(blocks))
            yield from reversed(lines)
            blocks = []
        blocks.append(head)
    if first == 0:
        yield b"".join(reversed(blocks))
