"""Calls of `hushd mcp`: tickets, cancelling, and how many there may be."""

from __future__ import annotations

import threading
import time
from importlib.util import find_spec

import pytest
from hushd_protocol.errors import HushdError
from support.diary import RATE, Diary, words
from support.peer import BOUND_S, wait_until
from support.stopwatch import Stopwatch

from .mcp_host import Host, stdio_host, text

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


@pytest.mark.usefixtures("echo")
def test_what_takes_long_gets_a_ticket(diary: Diary) -> None:
    """The answer comes in time and says how to go on; polling ends with the result, which can be had again."""
    with stdio_host("--patience", "0.4", environment=diary.environment) as host:
        with diary.held():
            began = Stopwatch()
            result = host.call("say", text=words(2))
            assert time.monotonic() - began >= 0.4
            assert began.calm < 1.5
            first = result.structured_content
            assert first
            assert first["state"] in ("queued", "speaking")
            assert f"Call `hushd_result` with ticket {first['ticket']!r}" in text(result)
            assert text(result) == first["message"]  # some hosts show the data alone
            assert host.data("status")["calls"][0]["ticket"] == first["ticket"]
        polled = Stopwatch()
        again = host.data("result", ticket=first["ticket"])
        assert polled.calm < 1.5
        last = host.finish(again)
        assert last == {"state": "completed", "duration": 1.0, "voice": "echo"}
        assert host.data("result", ticket=f" {first['ticket'].upper()} ") == last
    assert diary.sounds()[0].heard == 2 * RATE


def test_say_without_waiting(host: Host, diary: Diary) -> None:
    """`wait` false returns at once; the speech goes on, and its ticket can end it."""
    began = Stopwatch()
    answer = host.data("say", text=words(20), wait="false")
    assert began.calm < 1
    diary.wait_for_sound()
    assert host.data("result", ticket=answer["ticket"], wait="0")["state"] == "speaking"
    assert host.data("result", ticket=answer["ticket"], cancel="true")["state"] == "cancelled"
    assert diary.sounds()[0].heard < 20 * RATE
    ended = host.call("result", ticket=answer["ticket"]).structured_content
    assert ended
    assert ended["error"] == {"code": "cancelled", "message": "It was stopped.", "retryable": False}
    assert host.error("result", ticket=answer["ticket"]) == "It was stopped."


def test_cancelling_is_silence(host: Host, diary: Diary) -> None:
    """A cancelled call ends the speech at once, and nothing else: the next one speaks."""
    call = host.begin("say", text=words(20))
    diary.wait_for_sound()
    cancelled = Stopwatch()
    call.cancel()
    wait_until(diary.sounds, "silence")
    assert cancelled.calm < 0.3
    assert host.data("say", text=words(0.1))["state"] == "completed"
    assert host.data("status")["calls"] == []


def test_a_session_has_so_many_calls_at_once() -> None:
    """The next is refused in a sentence, another session's begins, and a ticket is its own session's alone."""
    from hushd_mcp.work import MAX_TASKS, TaskRegistry

    one, two, gate = TaskRegistry(), TaskRegistry(), threading.Event()
    tasks = [one.begin("say", "test", lambda client, task: {"opened": gate.wait(BOUND_S)}) for _ in range(MAX_TASKS)]
    with pytest.raises(HushdError, match="16 calls of this session run already"):
        one.begin("say", "test", lambda client, task: {})
    assert [task.ticket for task in one.under_way()] == [task.ticket for task in tasks]
    assert two.under_way() == []
    two.begin("say", "test", lambda client, task: {}).finished.wait(BOUND_S)
    assert one.find(tasks[0].ticket) is tasks[0]
    with pytest.raises(HushdError, match="There is no ticket"):
        two.find(tasks[0].ticket)
    gate.set()
    one.close()
