"""Each kind of call that hosts of agents make, as they make it: the environments, limits and habits seen with codex,
gemini, the inspector, the TypeScript and Python SDKs, fastmcp, langchain, pydantic-ai and openai-agents."""

from __future__ import annotations

import queue
from importlib.util import find_spec

import pytest
from hushd_protocol.errors import HushdError
from support.diary import Diary
from support.peer import wait_until
from support.stopwatch import Stopwatch

from .mcp_host import text
from .raw_host import RawHost

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


def test_a_host_that_gives_up_without_a_word(environment: dict[str, str], diary: Diary) -> None:
    """Python SDK 1.x ends a call on its own side only: the model's next use of the microphone has it at once."""
    with RawHost(environment=environment) as host:
        given_up = host.call("listen", timeout=60)
        wait_until(lambda: len(diary.lines("open")) == 1, "the microphone")
        with pytest.raises(queue.Empty):
            host.wait(given_up, 5)  # as openai-agents waits
        asked = Stopwatch()
        again = host.call("listen", timeout=60)
        wait_until(lambda: len(diary.lines("open")) == 2, "the microphone")
        assert asked.calm < 1.5
        ended = host.wait(given_up)["structuredContent"]["error"]
        assert ended["message"] == "A later call of the same session has taken the microphone."
        assert [call["tool"] for call in host.data("status")["calls"]] == ["hushd_listen"]
        host.notify("notifications/cancelled", {"requestId": again})
    wait_until(lambda: len(diary.lines("close")) == 2, "the end of it")


def test_a_loudspeaker_that_is_not_found_has_advice_for_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is asked to pass XDG_RUNTIME_DIR on where it is missing; with it that would be no help."""
    from hushd_mcp.answers import refusal

    error = HushdError("no_device", "There is no loudspeaker.")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert text(refusal(error)) == error.message
    reason = {"code": "no_device", "message": error.message, "retryable": False}
    assert refusal(error).structured_content == {"state": "failed", "error": reason}
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert text(refusal(error)).endswith("have the host pass XDG_RUNTIME_DIR on to `hushd mcp`.")
    assert text(refusal(HushdError("no_speech", "Nobody spoke."))) == "Nobody spoke."
