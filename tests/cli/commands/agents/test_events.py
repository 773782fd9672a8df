"""Events of agents, as they were recorded, and whatever else may come by standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_cli.commands.agents import events
from hypothesis import given, settings
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "recorded"
ANSWER = "Done. I fixed `src/api/server.py`:\n\n```python\nx = 1\ny = 2\n```\n\nAll tests pass."
SESSIONS = {"claude": "e58dca18-0eb8-41a1-a00a-aa509ac86ae4", "codex": "01a20481-c08e-7990-9e3e-a59ae1e5eaa2"}


@pytest.mark.parametrize("name", ["claude-stop", "codex-stop", "codex-notify", "gemini-stop"])
def test_every_agents_answer_is_read(name: str) -> None:
    """The answer, its session and its folder come out of each agent's own words for them."""
    event = events.read((RECORDED / f"{name}.json").read_bytes())
    assert event
    assert (event.kind, event.text, event.folder) == ("answer", ANSWER, "/home/ada/api")
    assert event.session == SESSIONS.get(name.split("-")[0], event.session) != ""


def test_codex_tells_one_turn_twice_alike() -> None:
    """Its hook and its older `notify` name the same session and turn, so that one of them is left out."""
    hook, notify = (events.read((RECORDED / f"codex-{name}.json").read_bytes()) for name in ("stop", "notify"))
    assert hook
    assert notify
    assert (hook.session, hook.turn) == (notify.session, notify.turn)
    assert hook.turn


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini"])
def test_prompts_and_ends_are_read(agent: str) -> None:
    """The events that silence are known of every agent."""
    kinds = [events.read((RECORDED / f"{agent}-{name}.json").read_bytes()) for name in ("prompt", "end")]
    assert [event and event.kind for event in kinds] == ["prompt", "end"]
    assert len({event and event.session for event in kinds}) == 1


def test_a_question_is_spoken_and_idleness_is_not() -> None:
    """A notice that asks is read; that the agent waits is known to who has heard its answer."""
    notice = events.read((RECORDED / "claude-notice.json").read_bytes())
    assert notice
    assert (notice.kind, notice.text) == ("notice", "Claude needs your permission to use Bash")
    assert events.read((RECORDED / "claude-idle.json").read_bytes()) is None


def test_a_subagent_is_not_heard() -> None:
    """An event from within a subagent, which has its id, is none."""
    fields = json.loads((RECORDED / "claude-stop.json").read_bytes())
    assert events.read(json.dumps(fields | {"agent_id": "a1"}).encode()) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'{"hook_event_name": 7}',
        b'{"hook_event_name": ["Stop"]}',
        b'{"hook_event_name": "PreToolUse", "session_id": "a"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"hook_event_name": "Stop", "session_id": ',
    ],
    ids=range(10),
)
def test_what_is_not_an_event_is_none(data: bytes) -> None:
    """Garbage, other events, and JSON deeper than any are read as nothing."""
    assert events.read(data) is None


def test_fields_of_other_types_are_left_out() -> None:
    """A number for a path and half a character in a text end nothing."""
    event = events.read(
        b'{"hook_event_name": "Stop", "transcript_path": 3, "cwd": null, "last_assistant_message": "a\\ud800"}'
    )
    assert event == events.Event("answer", session="", text="a?")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_of_unicode_are_read(encoding: str) -> None:
    """JSON in UTF-16 or with a mark before it is JSON."""
    text = (RECORDED / "claude-stop.json").read_text()
    event = events.read(text.encode(encoding))
    assert event
    assert event.text == ANSWER


@settings(deadline=None)  # on a busy machine
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(
    st.sampled_from(["hook_event_name", "type", "session_id", "cwd", "message", "turn_id", "last_assistant_message"]),
    inner | st.sampled_from(["Stop", "Notification", "SessionEnd"])) | st.lists(inner), max_leaves=10))  # fmt: skip
def test_any_json_is_read(value: object) -> None:
    """No JSON value raises, and an event's fields are texts that can be written as UTF-8."""
    if event := events.read(json.dumps(value).encode()):
        assert "".join((event.session, event.folder, event.text, event.turn, event.transcript)).encode() is not None
