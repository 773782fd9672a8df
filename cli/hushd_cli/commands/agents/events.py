"""Events of coding agents: the JSON for their hooks, and the last answer in a session's transcript.

- Claude Code 2.1 (https://code.claude.com/docs/en/hooks, and the schema in its program): `session_id`,
  `transcript_path`, `cwd`, `hook_event_name`, newer ones `prompt_id`, within a subagent `agent_id`; Stop adds
  `stop_hook_active` and, in newer ones, `last_assistant_message`; Notification `message` and `notification_type`;
  UserPromptSubmit `prompt`; SessionEnd `reason`.
- Codex (https://developers.openai.com/codex/hooks): the same names, with `turn_id`. Its older `notify` passes an
  argument: `{"type": "agent-turn-complete", "thread-id", "turn-id", "cwd", "last-assistant-message"}`.
- Gemini CLI (docs/hooks/reference.md of its package): `session_id`, `transcript_path`, `cwd`, `hook_event_name`,
  `timestamp`; AfterAgent adds `prompt_response`, BeforeAgent `prompt`; Notification and SessionEnd are as above.
- opencode has plugins and no hooks (https://opencode.ai/docs/plugins): the one that `install opencode` writes sends
  Claude Code's names, with the id of the message as `prompt_id`.
- Claude Code's transcript has the answers that older ones do not pass to the hook: a file of JSON lines, an entry a
  line, which it may append to at this moment: `type` is `user` or `assistant`, `message.content` a list of blocks, each
  of them in an entry of its own under the same `message.id`. Entries of subagents have `isSidechain`; the results of
  tools come as the user's.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from hushd_protocol import JsonObject
from hushd_protocol.light_dataclass import dataclass

Kind = Literal["answer", "notice", "prompt", "end"]

_KINDS: dict[str, Kind] = {
    "Stop": "answer",
    "AfterAgent": "answer",
    "agent-turn-complete": "answer",
    "Notification": "notice",
    "UserPromptSubmit": "prompt",
    "BeforeAgent": "prompt",
    "SessionEnd": "end",
}
# Notices of events that the user has just heard or caused.
_NEEDLESS = ("idle_prompt", "auth_success", "elicitation_complete", "elicitation_response")
_ANSWERS = ("last_assistant_message", "last-assistant-message", "prompt_response")
_MAX_NAME = 4096


@dataclass(frozen=True, slots=True)
class Event:
    """An event of an agent's session.

    Attributes:
        text: the answer in Markdown; empty where the transcript has it.
        turn: the agent's own name for the person's last prompt; empty: it has none.
        transcript: the path of the session's record; empty if there is none.
    """

    kind: Kind
    session: str
    folder: str = ""
    text: str = ""
    turn: str = ""
    transcript: str = ""


def read(data: bytes) -> Event | None:
    """Returns the event in an agent's JSON; None for other events, a subagent's, and anything else."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):  # not JSON, or not Unicode
        return None
    if not isinstance(fields, dict) or fields.get("agent_id"):
        return None
    kind = _KINDS.get(_text(fields, "hook_event_name", "type"))
    if kind is None or (kind == "notice" and _text(fields, "notification_type") in _NEEDLESS):
        return None
    return Event(
        kind,
        session=_text(fields, "session_id", "thread-id")[:_MAX_NAME],
        folder=_text(fields, "cwd")[:_MAX_NAME],
        text=_text(fields, *(_ANSWERS if kind == "answer" else ("message",) if kind == "notice" else ())),
        turn=_text(fields, "prompt_id", "turn_id", "turn-id")[:_MAX_NAME],
        transcript=_text(fields, "transcript_path")[:_MAX_NAME],
    )


def _text(fields: JsonObject, *names: str) -> str:
    """Returns the first of these fields that is text, without lone surrogates; empty if there is none."""
    for name in names:
        value: Any = fields.get(name)
        if isinstance(value, str):
            return value.encode(errors="replace").decode()
    return ""


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
        if text := _text_of(message.get("content")):
            parts.insert(0, text)
            name = message.get("id")  # type: ignore[assignment]  # compared, and shown to nobody
    return Answer("\n".join(parts), str(name)) if parts else None


def _is_result(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "tool_result" for block in content
    )


def _text_of(content: Any) -> str:
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
