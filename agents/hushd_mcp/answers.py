"""The tools' answers: structured content for programs and a text for the model, each complete without the other.

Hosts show their model one of the two and hide the other, so a failure's sentence and a ticket's advice are in both.
The list of voices is short.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hushd_models import languages
from hushd_models.choice.voices import speaking
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, sentence
from hushd_schema.engines import robotic
from mcp_types import CallToolResult, TextContent

from hushd_mcp.work import ENDED, Task

if TYPE_CHECKING:
    from hushd_schema.description import Voice

WORDS = {
    "list_voices": "`hushd_voices` lists them",
    "write_file": "answer in text instead",
    "read_file": "`hushd_transcribe` writes down a recording",
}


def answer(text: str, data: JsonObject) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)


def refusal(error: HushdError) -> CallToolResult:
    message = _message(error)
    reason: JsonObject = {"code": error.code, "message": message, "retryable": error.retryable}
    if error.retry_after_ms is not None:
        reason["retry_after_ms"] = error.retry_after_ms
    state = "cancelled" if error.code == "cancelled" else "failed"
    result = answer(message, {"state": state, "error": reason})
    result.is_error = True
    return result


def of_task(task: Task) -> CallToolResult:
    """Returns the task's result or error; before its end, its state and its ticket."""
    state = task.state
    if state not in ENDED:
        return _pending(task, state)
    if task.error is not None:
        return refusal(task.error)
    result = task.result
    if task.kind == "say":
        return answer(f"Spoken, {result['duration']:.1f} seconds.", {"state": state} | result)
    if not result["text"]:
        return with_message("No words were understood.", {"state": state} | result)
    doubt = f"{result['message']}\n\n" if "message" in result else ""
    return answer(doubt + result["text"], {"state": state} | result)


def with_message(message: str, data: JsonObject) -> CallToolResult:
    """Returns a result with the text in the data too, for hosts that show their model only one of the two."""
    return answer(message, data | {"message": message})


def _message(error: HushdError) -> str:
    """Returns the error's sentence, with advice for the host of a server."""
    message = sentence(error, WORDS)
    if error.code != "no_device" or sys.platform != "linux" or os.environ.get("XDG_RUNTIME_DIR"):
        return message
    return f"{message.removesuffix('.')}; if there is one, have the host pass XDG_RUNTIME_DIR on to `hushd mcp`."


def _pending(task: Task, state: str) -> CallToolResult:
    doing = "waiting for its turn" if state == "queued" else state
    heard = f" Heard so far: {task.heard!r}." if task.heard else ""
    message = f"Still {doing}.{heard} Call `hushd_result` with ticket {task.ticket!r} to wait for the rest."
    so_far = {"text": task.heard} if task.heard else {}
    return with_message(message, {"state": state, "ticket": task.ticket} | so_far)


_MAX_VOICES_LISTED = 20  # voices in a summary

Answer = tuple[str, JsonObject]


def of_language(voices: Iterable[Voice], language: str) -> Answer:
    """Returns the voices that speak a language, installed ones first. Raises `bad_request` if it is not a language."""
    facts = [_facts(voice) for voice in sorted(speaking(voices, language), key=lambda voice: not voice.installed)]
    if not facts:
        return "There is no voice for that language.", {"voices": []}
    return "\n".join(map(_line, facts)), {"voices": facts}


def summary(voices: Sequence[Voice]) -> Answer:
    """Returns the first installed natural voices, and the number of voices of each language."""
    here = [voice for voice in voices if voice.installed]
    natural = [voice for voice in here if not robotic(voice.engine)]
    listed = [_facts(voice) for voice in (natural or here)[:_MAX_VOICES_LISTED]]
    counts = dict(sorted(Counter(languages.code(voice.language) for voice in here).items()))
    spoken = ", ".join(f"{code} {count}" if count > 1 else code for code, count in counts.items())
    more = f"Voices by language: {spoken}. Call `hushd_voices` with a language for its voices." if counts else ""
    text = "\n".join([*map(_line, listed), more or "No voice is installed."])
    return text, {"voices": listed, "languages": counts, "total": len(here)}


def _facts(voice: Voice) -> JsonObject:
    return {
        "name": voice.name,
        "language": voice.language,
        "engine": voice.engine,
        "gender": voice.gender,
        "installed": voice.installed,
    }


def _line(voice: JsonObject) -> str:
    missing = "" if voice["installed"] else "not installed"
    facts = (voice["language"], voice["gender"], voice["engine"], missing)
    return f"{voice['name']}: {', '.join(filter(None, facts))}"
