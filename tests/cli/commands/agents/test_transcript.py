"""The last answer in a transcript, which may be anything by the time that it is read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hushd_cli.commands.agents.transcript import Answer, last_answer

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


@pytest.mark.parametrize("rest", [b'{"type": "assis', b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"\n\n", b"7\n"])
def test_a_line_that_is_not_whole_is_left_out(tmp_path: Path, rest: bytes) -> None:
    """A reader at the moment of a write gets the lines before."""
    assert answer_of(tmp_path, PROMPT, said_by_agent("Done."), rest=rest) == Answer("Done.", "m1")


def test_only_the_end_of_50_mb_is_read(tmp_path: Path) -> None:
    """A long session costs no more than a short one, and lines across blocks are joined."""
    path = tmp_path / "t.jsonl"
    with open(path, "wb") as file:
        file.truncate(50_000_000)
        file.seek(0, os.SEEK_END)
        long = "word " * 40_000
        file.write(b"\n" + json.dumps(said_by_agent(long)).encode() + b"\n")
    assert last_answer(str(path)) == Answer(long.strip(), "m1")


def test_a_transcript_without_lines_is_none(tmp_path: Path) -> None:
    """50 MB without an end of line are not looked at as a whole."""
    path = tmp_path / "t.jsonl"
    with open(path, "wb") as file:
        file.truncate(50_000_000)
    assert last_answer(str(path)) is None


def test_whatever_is_not_a_file_is_left_alone(tmp_path: Path) -> None:
    """A pipe that nobody writes to, a folder, a device, a dangling link and a bad path have no answer."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "link", tmp_path / "nowhere"):
        assert last_answer(str(path)) is None
    assert last_answer("a\0b") is None
    (tmp_path / "link2").symlink_to(RECORDED / "claude-transcript.jsonl")
    assert last_answer(str(tmp_path / "link2")) == Answer(ANSWER, "msg_1")
