"""Events of agents, as they were recorded, and whatever else may come by standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_cli.commands.agents import reaction

RECORDED = Path(__file__).parent / "recorded"
ANSWER = "Done. I fixed `src/api/server.py`:\n\n```python\nx = 1\ny = 2\n```\n\nAll tests pass."
SESSIONS = {"claude": "e58dca18-0eb8-41a1-a00a-aa509ac86ae4", "codex": "01a20481-c08e-7990-9e3e-a59ae1e5eaa2"}


@pytest.mark.parametrize("name", ["claude-stop", "codex-stop", "codex-notify", "gemini-stop"])
def test_every_agents_answer_is_read(name: str) -> None:
    """The answer, its session and its folder come out of each agent's own words for them."""
    event = reaction.event_of((RECORDED / f"{name}.json").read_bytes())
    assert event
    assert (event.kind, event.text, event.folder) == ("answer", ANSWER, "/home/ada/api")
    assert event.session == SESSIONS.get(name.split("-")[0], event.session) != ""


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini"])
def test_prompts_and_ends_are_read(agent: str) -> None:
    """The events that silence are known of every agent."""
    kinds = [reaction.event_of((RECORDED / f"{agent}-{name}.json").read_bytes()) for name in ("prompt", "end")]
    assert [event and event.kind for event in kinds] == ["prompt", "end"]
    assert len({event and event.session for event in kinds}) == 1


def test_a_question_is_spoken_and_idleness_is_not() -> None:
    """A notice that asks is read; that the agent waits is known to who has heard its answer. An event from within a
    subagent, which has its id, is none."""
    notice = reaction.event_of((RECORDED / "claude-notice.json").read_bytes())
    assert notice
    assert (notice.kind, notice.text) == ("notice", "Claude needs your permission to use Bash")
    assert reaction.event_of((RECORDED / "claude-idle.json").read_bytes()) is None
    fields = json.loads((RECORDED / "claude-stop.json").read_bytes())
    assert reaction.event_of(json.dumps(fields | {"agent_id": "a1"}).encode()) is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xfe\x00", b"null", b"[]", b'{"hook_event_name": 7}', b'{"hook_event_name": ["Stop"]}',
        b'{"hook_event_name": "PreToolUse", "session_id": "a"}', b"[" * 200_000, b'{"a":' * 200_000,
        b'{"hook_event_name": "Stop", "session_id": ',
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_not_an_event_is_none(data: bytes) -> None:
    """Garbage, other events, and JSON deeper than any are read as nothing."""
    assert reaction.event_of(data) is None
