"""`hushd_wake`: agents that are called by a word: the SDK's own client, real engines, a person at a microphone."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd import Client
from support import moonshine_once
from support.mcp_host import Host, stdio_host, text
from support.peer import BOUND_S, Supervisor, wait_until
from support.programs import DEVICE
from support.wer import words

from .wake_words import needs_micro, room

pytestmark = [needs_micro, pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")]
DOOR = ["open", "the", "red", "door"]


@pytest.fixture(autouse=True)
def engines(start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    """A supervisor with the real engines; nothing is loaded yet."""
    started = start_supervisor(f"{moonshine_once.configuration()}\n[worker.wake]\nkeep_alive = 0.1\n")
    assert started.ready, started.log()
    return started


@pytest.fixture
def room_of(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Returns the environment of a server whose microphone hears something."""

    def environment(*parts: str | float) -> dict[str, str]:
        (tmp_path / "diary").touch()
        (tmp_path / "room").write_bytes(room(*parts or (1.0,)))
        return {
            "PYTHONPATH": str(DEVICE),
            "HUSHD_DIARY": str(tmp_path / "diary"),
            "HUSHD_PERSON": str(tmp_path / "room"),
        }

    return environment


def waiting(host: Host) -> bool:
    """Returns whether the host was told that its call waits for a word."""
    return any(news.message == "waiting" for news in host.news)


def waiters_are(count: int) -> bool:
    """Returns whether so many programs wait for a word, and where none does no worker either."""
    with Client() as client:
        status = client.status()
    workers = [worker for worker in status.workers if worker.role == "wake" and worker.pid is not None]
    return len(status.floor.wake) == count and (count > 0 or not workers)


def test_what_is_said_after_the_word(room_of: Callable[..., dict[str, str]]) -> None:
    """The call returns it without the word, and the host sees it wait and listen."""
    with stdio_host("--patience", "60", environment=room_of(1.0, "alexa", 0.3, "open the red door", 3.0)) as host:
        answer = host.data("wake", word="Alexa")
        assert words(answer["text"]) == DOOR
        assert (answer["state"], answer["word"]) == ("completed", "Alexa")
        states = list(dict.fromkeys((news.message or "").partition(":")[0] for news in host.news))
        assert states[-2:] == ["waiting", "listening"]


def test_each_session_by_its_own_word(room_of: Callable[..., dict[str, str]]) -> None:
    """Two hosts hear the same room; each is told its own word's order, and a third word in one of them nothing."""
    sound = room_of(1.0, "alexa", 0.3, "open the red door", 2.5, "hey jarvis", 0.3, "close the window", 3.0)
    with (
        stdio_host("--patience", "60", environment=sound) as one,
        stdio_host("--patience", "60", environment=sound) as two,
    ):
        never = two.begin("wake", word="okay nabu")
        calls = one.begin("wake", word="alexa"), two.begin("wake", word="hey jarvis")
        door, window = (words(text(call.result(3 * BOUND_S))) for call in calls)
        assert door == DOOR
        assert window[-2:] == ["the", "window"]
        assert not never.done()
        never.cancel()
        wait_until(lambda: waiters_are(0), "the microphones are closed")


def test_nobody_says_it(room_of: Callable[..., dict[str, str]]) -> None:
    """Each answer says so, with a ticket to go on; that can end it, and so does a call that is cancelled."""
    with stdio_host("--patience", "0.3", environment=room_of()) as host:
        answer = host.call("wake", word="alexa")
        data = answer.structured_content
        assert data
        ticket = data["ticket"]
        again = host.data("result", ticket=ticket)
        assert (again["state"], again["ticket"]) == ("waiting", ticket)
        assert again["message"].startswith("Still waiting: nobody has said 'alexa' yet. Call `hushd_result` with")
        wait_until(lambda: waiters_are(1), "the microphone is open")
        assert host.data("result", ticket=ticket, cancel=True)["state"] == "cancelled"
        wait_until(lambda: waiters_are(0), "the microphone is closed")
    with stdio_host("--patience", "60", environment=room_of()) as host:
        call = host.begin("wake", word="alexa")
        wait_until(lambda: waiting(host) and waiters_are(1), "the microphone is open")
        call.cancel()
        wait_until(lambda: waiters_are(0), "the microphone is closed")


def test_a_word_that_nobody_knows(room_of: Callable[..., dict[str, str]]) -> None:
    """It is refused with those that there are."""
    with stdio_host("--patience", "60", environment=room_of()) as host:
        assert "here it knows alexa, hey jarvis" in host.error("wake", word="open sesame")
