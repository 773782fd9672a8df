"""Tests of the process that asks neighbours, which here is a program that misbehaves."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from hushd_schema.settings import Settings
from hushd_schema.settings.neighbours import NeighbourSettings
from hushd_supervisor.core.actions import AskNeighbour, RememberAsleep
from hushd_supervisor.core.events import FromNeighbour
from hushd_supervisor.core.neighbours.holds import Hold
from hushd_supervisor.system import neighbours as rim
from hushd_supervisor.system.neighbours import Neighbours
from hushd_supervisor.system.process import Child
from support.peer import BOUND_S

SCRIPT = str(Path(__file__).parents[2] / "support" / "scripted_neighbours.py")
SETTINGS = Settings(
    neighbours={
        "ollama": NeighbourSettings("ollama", "http://127.0.0.1:11434", 60.0, "s3cret"),
        "swap": NeighbourSettings("llama-swap", "http://127.0.0.1:8080"),
    }
)
LLAMA = {
    "model": "llama3",
    "ram": 5,
    "cards": {"": 7},
    "idle_s": 90.0,
    "in_use": False,
    "pinned": False,
    "reload_s": None,
}
FAR = 1e9

Make = Callable[[str], "Talk"]


class Talk:
    """The neighbours' process and its loop: `ask` and `hear`, by a clock that stands still unless `now` is moved."""

    def __init__(self, mode: str, folder: Path) -> None:
        (folder / "holds").write_text(json.dumps({"ollama": [LLAMA]}))
        (folder / "available").write_text("0")
        self.folder = folder
        self.now = 0.0
        self.poller = zmq.Poller()
        command = [sys.executable, SCRIPT, mode, str(folder)]
        self.source = Neighbours(SETTINGS, self.poller, Child, folder, folder, lambda: command, lambda: self.now)

    def ask(self, question: str, *of: Any, until: float = FAR) -> list[FromNeighbour]:
        return [e for e in self.source._ask(AskNeighbour(question, until, *of)) if isinstance(e, FromNeighbour)]

    def hear(self, count: int) -> list[FromNeighbour]:
        """The next answers."""
        heard: list[FromNeighbour] = []
        bound = time.monotonic() + BOUND_S
        while len(heard) < count:
            assert time.monotonic() < bound, heard
            due = self.source.deadline()
            wait = 0 if due is not None and due <= self.now else 1000
            heard += self.source.events(dict(self.poller.poll(wait)), self.now)
        return heard

    def rest(self) -> None:
        """Waits until nothing is left of it."""
        bound = time.monotonic() + BOUND_S
        while self.source._talk or self.source._ending:
            assert time.monotonic() < bound
            due = self.source.deadline()
            wait = 0 if due is not None and due <= self.now else 1000
            list(self.source.events(dict(self.poller.poll(wait)), self.now))
        assert self.source.deadline() is None
        assert not self.poller.sockets


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Talk] = []

    def talk(mode: str) -> Talk:
        made.append(Talk(mode, tmp_path))
        return made[-1]

    yield talk
    for one in made:
        one.source.close()
        one.rest()


def test_one_process_answers_a_look_and_what_follows(make: Make) -> None:
    """It is told of the neighbours, gets one question after the other, and ends once all is answered."""
    talk = make("well")
    assert talk.ask("look") == []
    found = Hold("ollama", "llama3", 5, {"": 7}, 90.0, False, False, None)
    assert talk.hear(3) == [
        FromNeighbour("look", "ollama", holds=(found,)), FromNeighbour("look", "swap"), FromNeighbour("look"),
    ]  # fmt: skip
    talk.rest()
    talk.ask("give", "ollama", "llama3", 5, {"": 7})
    talk.ask("wake", "ollama", "llama3")
    assert talk.hear(2) == [FromNeighbour("give", "ollama", "llama3"), FromNeighbour("wake", "ollama", "llama3")]
    talk.rest()
    asked = [json.loads(line)["do"] for line in (talk.folder / "asked").read_text().splitlines()]
    assert asked == ["look", "give", "wake"]


def test_what_makes_no_sense_is_dropped(make: Make) -> None:
    """Neither a strange line nor a stranger's answer does anything; each neighbour is heard once."""
    talk = make("nonsense")
    talk.ask("look")
    assert talk.hear(3) == [
        FromNeighbour("look", "ollama"),
        FromNeighbour("look", "swap", error="Its answer makes no sense."),
        FromNeighbour("look"),
    ]


@pytest.mark.parametrize("row", [
    3, {}, {"model": ""}, {"model": "a\nb"}, {"model": "x" * 201}, {"model": "m", "ram": -1},
    {"model": "m", "ram": 1.5}, {"model": "m", "ram": True}, {"model": "m", "cards": []},
    {"model": "m", "cards": {"": 1 << 60}}, {"model": "m", "idle_s": "x"}, {"model": "m", "reload_s": -1},
    {"model": "m", "idle_s": float("nan")},
])  # fmt: skip
def test_a_model_that_makes_no_sense_is_left_out(row: object) -> None:
    """The others of that answer count."""
    assert rim.holds("ollama", [row, {"model": "m", "in_use": 1, "pinned": "x"}]) == (Hold("ollama", "m", pinned=True),)


@pytest.mark.parametrize(
    ("mode", "fault"),
    [("exits", "ended without an answer"), ("floods", "has written too much"), ("long line", "has written too much")],
)
def test_a_process_that_fails_is_ended_and_said(make: Make, mode: str, fault: str) -> None:
    """It costs its question, in limited memory and a limited part of each turn; the next one is a new process."""
    talk = make(mode)
    talk.ask("look")
    heard = talk.hear(1)
    while heard[-1].neighbour:
        heard += talk.hear(1)
    assert heard[-1] == FromNeighbour("look", error=f"The process that asks neighbours {fault}.")
    talk.rest()


def test_one_that_hangs_is_killed_when_its_time_is_up(make: Make) -> None:
    """However much it ignores; until then nothing of it is due."""
    talk = make("hangs")
    talk.ask("look", until=10.0)
    assert talk.source.deadline() == 10.0
    talk.now = 10.0
    assert talk.hear(1) == [FromNeighbour("look", error="The process that asks neighbours has not answered in time.")]
    talk.rest()


def test_one_that_dies_under_a_request(make: Make) -> None:
    """The request is answered with that."""
    talk = make("dies")
    talk.ask("give", "ollama", "llama3", 5)
    (failed,) = talk.hear(1)
    assert failed == FromNeighbour(
        "give", "ollama", "llama3", error="The process that asks neighbours ended without an answer."
    )
    talk.rest()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """The question is answered at once."""
    source = Neighbours(SETTINGS, zmq.Poller(), Child, tmp_path, tmp_path, lambda: ["/no/such/program"])
    (failed,) = source._ask(AskNeighbour("look", 10.0))
    assert isinstance(failed, FromNeighbour)
    assert "could not be asked" in failed.error
    assert source.deadline() is None


def test_the_record_of_what_sleeps(tmp_path: Path) -> None:
    """It is there for the next supervisor, and gone once nothing sleeps; without it nothing is put to sleep."""
    source = Neighbours(SETTINGS, zmq.Poller(), Child, tmp_path, tmp_path)
    assert source.asleep() == []
    source._remember(RememberAsleep((("vllm", "qwen"),)))
    assert Neighbours(SETTINGS, zmq.Poller(), Child, tmp_path, tmp_path).asleep() == [("vllm", "qwen")]
    source._remember(RememberAsleep(()))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / rim.ASLEEP).mkdir()
    source._remember(RememberAsleep((("vllm", "qwen"),)))
    (failed,) = source._ask(AskNeighbour("give", 10.0, "vllm", "qwen"))
    assert isinstance(failed, FromNeighbour)
    assert "is not asked" in failed.error
    (tmp_path / rim.ASLEEP).rmdir()
    (tmp_path / rim.ASLEEP).write_text('[["a"], 3, ["a", "b", "c"], ["a", 1], ["a", "b"]]')
    assert source.asleep() == [("a", "b")]
    (tmp_path / rim.ASLEEP).write_text("[" * 100_000)
    assert source.asleep() == []
