"""Reacts to an agent's event in the background: speaks its answer, or stops the speech of its session.

Errors go only to `hushd logs agent-hook`; no process waits for the end. An event is the JSON that agents hand to their
hooks:

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
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hushd import agents
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from hushd_cli.terminal import console

from .sessions import Session, prune

if TYPE_CHECKING:
    from pathlib import Path

    from hushd_protocol.system.paths import Paths

Kind = Literal["answer", "notice", "prompt", "end"]
_KINDS: dict[str, Kind] = {
    "Stop": "answer", "AfterAgent": "answer", "agent-turn-complete": "answer", "Notification": "notice",
    "UserPromptSubmit": "prompt", "BeforeAgent": "prompt", "SessionEnd": "end",
}  # fmt: skip
# Notices of events that the user has just heard or caused.
_NEEDLESS = ("idle_prompt", "auth_success", "elicitation_complete", "elicitation_response")
_ANSWERS = ("last_assistant_message", "last-assistant-message", "prompt_response")
_MAX_NAME_BYTES = 4096
LOG = "agent-hook"
MAX_LOG_BYTES = 64 * 1024  # bytes after which the log is truncated


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


def event_of(data: bytes) -> Event | None:
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
        session=_text(fields, "session_id", "thread-id")[:_MAX_NAME_BYTES],
        folder=_text(fields, "cwd")[:_MAX_NAME_BYTES],
        text=_text(fields, *(_ANSWERS if kind == "answer" else ("message",) if kind == "notice" else ())),
        turn=_text(fields, "prompt_id", "turn_id", "turn-id")[:_MAX_NAME_BYTES],
    )


def _text(fields: JsonObject, *names: str) -> str:
    """Returns the first of these fields that is text, without lone surrogates; empty if there is none."""
    for name in names:
        value: Any = fields.get(name)
        if isinstance(value, str):
            return value.encode(errors="replace").decode()
    return ""


def main(prog: str, argv: Sequence[str]) -> int:
    """Handles the event in the only argument."""
    event = event_of(os.fsencode(argv[0]))
    if event is None:
        return 0
    where = paths.find()
    name = agents.name_of(event.folder)
    speaks = event.kind in ("answer", "notice")
    if speaks and off_mark(where).exists():
        return 0
    if speaks:
        _look_for_devices(where)
    session = Session(where, event.session or event.folder)
    if not speaks:
        session.hush(prompt=event.kind == "prompt")
        prune(where)
        return 0
    if not event.text.strip() or (event.kind == "answer" and not session.remember(event.text, event.turn)):
        return 0
    from .aloud import speak  # noqa: PLC0415 - imported while devices are looked for

    try:
        speak(event.text, name, where, session)
    except HushdError as error:
        if error.code != "cancelled":
            raise HushdError(error.code, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {error.message}") from error
    return 0


def off_mark(where: Paths) -> Path:
    """Returns the file that exists while no agent reads aloud: `hushd agents hook off`."""
    return where.state / "agents-off"


def _look_for_devices(where: Paths) -> None:
    """Starts the search for loudspeakers, the longest step before the first word."""
    os.dup2(_opened_log(where), 2)
    console.silence_libraries()
    from hushd.audio import devices  # noqa: PLC0415 - for events that speak

    devices.load_ahead()


def _opened_log(where: Paths) -> int:
    """Returns the log's descriptor, to append to; the null device's where it cannot be written."""
    log = where.worker_log(LOG)
    best_effort.report_to(console.complain)
    with best_effort.writing(log):
        paths.make_state(where)
        anew = os.O_TRUNC if log.exists() and log.stat().st_size > MAX_LOG_BYTES else 0
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | anew, 0o600)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
