"""The last answer in a transcript, which may be anything by the time that it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hushd_cli.commands.agents.events import Answer, last_answer

from .test_events import ANSWER, RECORDED

PROMPT = {"type": "user", "message": {"role": "user", "content": "again"}}
RESULT = {"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "content": "ok"}]}}


def said_by_agent(text: str, name: str = "m1", **more: Any) -> dict[str, Any]:
    return {"type": "assistant", "message": {"id": name, "content": [{"type": "text", "text": text}]}, **more}


def used_tool(name: str = "m1") -> dict[str, Any]:
    return {"type": "assistant", "message": {"id": name, "content": [{"type": "tool_use", "name": "Bash"}]}}


def answer_of(tmp_path: Path, *entries: dict[str, Any], rest: bytes = b"") -> Answer | None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries) + rest)
    return last_answer(str(path))


def test_a_recorded_transcript_has_the_answer() -> None:
    """Claude Code's own file is read."""
    assert last_answer(str(RECORDED / "claude-transcript.jsonl")) == Answer(ANSWER, "msg_1")


def test_the_last_message_counts(tmp_path: Path) -> None:
    """Words between tools are not the answer; the parts of one message are."""
    entries = [PROMPT, said_by_agent("Let me look."), used_tool(), RESULT, said_by_agent("Done.", "m2")]
    assert answer_of(tmp_path, *entries, said_by_agent("Really.", "m2")) == Answer("Done.\nReally.", "m2")


def test_an_answer_before_the_last_prompt_is_old(tmp_path: Path) -> None:
    """A new answer that is not written yet is not replaced by the one before."""
    assert answer_of(tmp_path, PROMPT, said_by_agent("Old."), PROMPT, used_tool()) is None


def test_subagents_are_left_out(tmp_path: Path) -> None:
    """A sidechain's words are not the agent's."""
    assert answer_of(tmp_path, PROMPT, said_by_agent("Mine."), said_by_agent("Its.", "s", isSidechain=True)) == Answer(
        "Mine.", "m1"
    )
