"""What the tools answer: data for programs and a text for the model, both from the same errand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field

from .task import ENDED, Task

State = Literal["queued", "speaking", "listening", "transcribing", "completed", "failed", "cancelled"]


class Said(BaseModel):
    """A part of a transcript."""

    start: float
    end: float
    text: str
    speaker: str | None = None


class Answer(BaseModel):
    """What became of a call."""

    state: Annotated[State, Field(description="completed: done; anything before that: see ticket")]
    ticket: Annotated[str | None, Field(description="not done yet: pass it to `result`")] = None
    text: Annotated[str | None, Field(description="what was heard, so far or in all")] = None
    language: Annotated[str | None, Field(description="of the text, such as en")] = None
    duration: Annotated[float | None, Field(description="seconds of audio spoken or heard")] = None
    voice: Annotated[str | None, Field(description="who spoke")] = None
    segments: Annotated[list[Said] | None, Field(description="the text with times in seconds")] = None


class VoiceEntry(BaseModel):
    """A voice."""

    name: str
    language: str
    engine: str
    gender: str = ""
    installed: bool = True


class Voices(BaseModel):
    """The voices there are."""

    voices: list[VoiceEntry]


class Pending(BaseModel):
    """A call that is not done."""

    ticket: str
    tool: str
    state: State


class Status(BaseModel):
    """What `hushd status --json` prints, where a supervisor runs, and the calls of this server that are not done."""

    model_config = ConfigDict(extra="allow")

    running: bool
    calls: list[Pending]


def answer(text: str, data: BaseModel | dict[str, Any]) -> CallToolResult:
    """A result with both."""
    structured = data if isinstance(data, dict) else data.model_dump(exclude_none=True)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


def refusal(sentence: str, state: str | None = None) -> CallToolResult:
    """An error, in one sentence."""
    structured = {"state": state} if state else None
    return CallToolResult(
        content=[TextContent(type="text", text=sentence)], structured_content=structured, is_error=True
    )


def of_task(task: Task) -> CallToolResult:
    """The end of an errand, or how far it is and its ticket."""
    state = task.state
    if state not in ENDED:
        return answer(_meanwhile(task, state), {"state": state, "ticket": task.ticket} | _so_far(task))
    if task.error is not None:
        return refusal(task.error.message, state)
    result = task.result
    if task.kind == "say":
        text = f"Spoken, {result['duration']:.1f} seconds."
    else:
        text = result["text"] or "(nothing was understood)"
    return answer(text, {"state": state} | result)


def _so_far(task: Task) -> dict[str, str]:
    return {"text": task.heard} if task.heard else {}


def _meanwhile(task: Task, state: str) -> str:
    doing = "waiting for its turn" if state == "queued" else state
    heard = f" Heard so far: {task.heard!r}." if task.heard else ""
    return f"Still {doing}.{heard} Call `result` with ticket {task.ticket!r} to wait for the rest."
