"""The tools' answers: structured content for programs and a text for the model, each complete without the other.

Hosts show their model one of the two and hide the other, so a failure's sentence and a ticket's advice are in both.
"""

from __future__ import annotations

import os
import sys

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, sentence
from mcp_types import CallToolResult, TextContent

from .task import ENDED, Task

WORDS = {
    "list_voices": "`hushd_voices` lists them",
    "write_file": "answer in text instead",
    "read_file": "`hushd_transcribe` writes down a recording",
}


def answer(text: str, data: JsonObject) -> CallToolResult:
    """Returns a result with both."""
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)


def refusal(error: HushdError) -> CallToolResult:
    """Returns the tool's error result."""
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
        nothing = f"{task.word!r} was said, and nothing after it." if task.word else "No words were understood."
        return with_message(nothing, {"state": state} | result)
    if result.get("unlikely"):
        return answer(f"{result['message']}\n\n{result['text']}", {"state": state} | result)
    return answer(result["text"], {"state": state} | result)


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
    doing = {"queued": "waiting for its turn", "waiting": f"waiting: nobody has said {task.word!r} yet"}.get(
        state, state
    )
    heard = f" Heard so far: {task.heard!r}." if task.heard else ""
    message = f"Still {doing}.{heard} Call `hushd_result` with ticket {task.ticket!r} to wait for the rest."
    so_far = {"text": task.heard} if task.heard else {}
    return with_message(message, {"state": state, "ticket": task.ticket} | so_far)
