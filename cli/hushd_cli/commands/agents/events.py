"""The JSON that coding agents hand to their hooks, as one kind of event. Pure.

- Claude Code 2.1 (https://code.claude.com/docs/en/hooks, and the schema in its program): `session_id`, `cwd`,
  `hook_event_name`, `prompt_id`, within a subagent `agent_id`; Stop adds `stop_hook_active` and
  `last_assistant_message`; Notification `message` and `notification_type`; UserPromptSubmit `prompt`; SessionEnd
  `reason`.
- Codex (https://developers.openai.com/codex/hooks): the same names, with `turn_id`. Its older `notify` passes an
  argument: `{"type": "agent-turn-complete", "thread-id", "turn-id", "cwd", "last-assistant-message"}`.
- Gemini CLI (docs/hooks/reference.md of its package): `session_id`, `cwd`, `hook_event_name`, `timestamp`; AfterAgent
  adds `prompt_response`, BeforeAgent `prompt`; Notification and SessionEnd are as above.
- opencode has plugins and no hooks (https://opencode.ai/docs/plugins): the one that `install opencode` writes sends
  Claude Code's names, with the id of the message as `prompt_id`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

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
        text: the answer in Markdown, or the notice.
        turn: the agent's own name for the person's last prompt; empty: it has none.
    """

    kind: Kind
    session: str
    folder: str = ""
    text: str = ""
    turn: str = ""


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
    )


def _text(fields: JsonObject, *names: str) -> str:
    """Returns the first of these fields that is text, without lone surrogates; empty if there is none."""
    for name in names:
        value: Any = fields.get(name)
        if isinstance(value, str):
            return value.encode(errors="replace").decode()
    return ""
