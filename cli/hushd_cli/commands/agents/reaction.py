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
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hushd import agents
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.names import USUAL_VOICE, by_session
from hushd_protocol.system import best_effort, paths

from hushd_cli.terminal import console

if TYPE_CHECKING:
    from pathlib import Path

    from hushd.audio.playback import Player
    from hushd.floor import Floor
    from hushd_protocol.system.paths import Paths

    from .sessions import Session

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
LATEST_S = 600  # an answer that could not begin by then is dropped
FADE_AND_END_TIMEOUT_S = 1.0  # seconds to fade out, and to end


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
    from .sessions import Session, prune  # noqa: PLC0415 - read while devices are looked for, as all below

    session = Session(where, event.session or event.folder)
    if not speaks:
        session.hush(prompt=event.kind == "prompt")
        prune(where)
        return 0
    try:
        _speak(event, name, where, session)
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


def _speak(event: Event, name: str, where: Paths, session: Session) -> None:
    text = event.text
    if not text.strip() or (event.kind == "answer" and not session.remember(text, event.turn)):
        return
    signal.alarm(LATEST_S)  # seconds until its first word
    speaker = _Speaker(where, name)

    def silence() -> None:
        speaker.stop()
        time.sleep(FADE_AND_END_TIMEOUT_S)
        os._exit(0)  # the process would wait for a hung supervisor

    with session.speaking(silence) as may_speak:
        if may_speak:
            from .prose import prose  # noqa: PLC0415 - see above

            # Keys first: of a long path prose leaves the last part alone.
            speaker.speak(prose(agents.without_keys(text)), on_begin=_begun)


def _begun() -> None:
    signal.alarm(0)


class _Speaker:
    """Speaks one text, as `say` does, and can be silenced from another thread."""

    def __init__(self, where: Paths, name: str) -> None:
        self._where = where
        self._name = name
        self._lock = threading.Lock()
        self._stopped = False
        self._ends: list[Callable[[], None]] = []

    def speak(self, markdown: str, on_begin: Callable[[], None]) -> None:
        """Speaks Markdown; returns after the last word, or once stopped."""
        from hushd.client import Client  # noqa: PLC0415 - see above

        rate = _rate(self._where.config)
        with Client(holder=self._name) as client:
            usual = by_session(os.environ.get(USUAL_VOICE))
            speech = client.synthesize(markdown, keep=False, markup="markdown", wpm=rate or None, **usual)
            try:
                from hushd.audio.playback import Player  # noqa: PLC0415 - imported while the worker works

                floor = client.floor("speaker")
                player = Player(floor=floor, on_position=lambda _: on_begin())
                if self._ends_with(floor, player):
                    player.play(speech, speech.rate, speech.channels)
            finally:
                speech.close()

    def stop(self) -> None:
        """Silences it at once, from any thread, even before it speaks."""
        with self._lock:
            self._stopped = True
            ends = self._ends
        for end in ends:
            end()

    def _ends_with(self, floor: Floor, player: Player) -> bool:
        """Registers what `stop` must end; returns False if `stop` was called already."""
        with self._lock:
            self._ends = [player.stop, floor.stop]
            return not self._stopped


def _rate(config: Path) -> float:
    """Returns the setting `[agents] rate`; of a configuration that does not name it nothing else is read.
    Raises `bad_request` for an error in the configuration."""
    try:
        if b"agents" not in config.read_bytes():
            return 0.0
    except OSError:
        return 0.0
    from hushd_schema.settings import load  # noqa: PLC0415 - see above

    return load(config).agents.rate
