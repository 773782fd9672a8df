"""The supervisor in the memory treaty: its file follows its workers, and what others ask for comes to the pool."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hushd_supervisor.core.actions import Gave
from hushd_supervisor.core.events import Asked, GivenBack, Visited
from hushd_supervisor.core.treaty import Offer
from hushd_supervisor.system.treaty import EVERY_S, MB, Treaty
from hushd_treaty import memory_treaty
from support.peer import CONFIG, Supervisor, wait_until

NEWS = Visited(False)


class Lists:
    """In the pool's place."""

    def __init__(self) -> None:
        self.held: tuple[Offer, ...] = ()

    def offers(self, now: float) -> tuple[Offer, ...]:
        return self.held


class Stage:
    """A source, and what it has logged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "memory-treaty"
        self.lists, self.log = Lists(), list[str]()
        self.source = Treaty(self.lists, lambda _, text: self.log.append(text), lambda: 100.0, lambda: 5000.0)
        self.poller = zmq.Poller()
        self.source.register(self.poller)

    @property
    def party(self) -> memory_treaty.Party:
        (path,) = self.folder.glob("*.json")
        return memory_treaty._read(str(path))

    def asked(self, size: int, since: float = 4990.0) -> tuple[Asked, memory_treaty.Given]:
        """The event of a `give`, which is answered with 7 bytes."""
        answers: list[memory_treaty.Given] = []
        asker = threading.Thread(target=lambda: answers.append(self.party.ask(size, for_s=9.0, since=since)))
        asker.start()
        while True:
            for event in self.source.events(dict(self.poller.poll(100)), 100.0):
                assert isinstance(event, Asked)
                self.source._answer(Gave(event.claim, 7, 1.0, "why"))
                asker.join()
                return event, answers[0]


@pytest.fixture
def stage(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    stage = Stage(runtime)
    yield stage
    stage.source.close()
    assert list(stage.folder.iterdir()) == []


def test_the_file_follows_the_workers(stage: Stage) -> None:
    """Once a second at most; times are Unix times there."""
    assert stage.party.holds == ()
    stage.lists.held = (Offer("stt/a/x", 300 * MB, (("0000:01:00.0", 7),), 90.0, 1.25, True),)
    stage.source.look(NEWS, 100.0)
    held = memory_treaty.Held("stt/a/x", 300 * MB, {"0000:01:00.0": 7}, 4990.0, 1.2, True)
    assert stage.party.holds == (held,)
    stage.lists.held = ()
    stage.source.look(NEWS, 100.1)
    assert (stage.party.holds, stage.source.deadline()) == ((held,), 100.0 + EVERY_S)
    list(stage.source.on_time(100.0 + EVERY_S))
    assert (stage.party.holds, stage.source.deadline()) == ((), None)


def test_what_is_as_before_is_not_written(stage: Stage) -> None:
    """A size that grows by some kB, and a time that is computed anew."""
    stage.lists.held = (Offer("stt/a/x", 300 * MB, (), 90.0, 1.0, False),)
    stage.source.look(NEWS, 100.0)
    (path,) = stage.folder.glob("*.json")
    before = path.stat().st_ino
    stage.lists.held = (Offer("stt/a/x", 300 * MB + 4096, (), 90.0001, 1.0, False),)
    stage.source.look(NEWS, 110.0)
    assert path.stat().st_ino == before


def test_a_give_comes_to_the_pool(stage: Stage) -> None:
    """With the time at which the other began to ask in the pool's own clock; and so does its end."""
    event, given = stage.asked(300)
    assert event == Asked(event.claim, 300, "", 9.0, 90.0)
    assert given == memory_treaty.Given(7, 1.0, event.claim.decode(), "why")
    back = threading.Thread(target=lambda: stage.party.give_back(given.claim))
    back.start()
    events = []
    while not events:
        events = list(stage.source.events(dict(stage.poller.poll(100)), 100.0))
    back.join()
    assert events == [GivenBack(event.claim)]


def test_a_folder_that_cannot_be_written_costs_a_line(stage: Stage) -> None:
    """The next change tries again."""
    for path in stage.folder.iterdir():
        path.unlink()
    stage.folder.rmdir()
    stage.folder.write_text("in its place")
    stage.lists.held = (Offer("stt/a/x", 300 * MB, (), 90.0, 1.0, False),)
    stage.source.look(NEWS, 100.0)
    assert len(stage.log) == 1
    stage.folder.unlink()
    stage.lists.held = ()
    stage.source.look(NEWS, 110.0)
    assert stage.party.holds == ()


def test_a_flood_costs_a_turn_little(stage: Stage) -> None:
    """Of all that is there the pool decides about some, and the rest is refused."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(stage.party.socket)
        connection.sendall(b'{"give": 1}\n' * 40)
        events = []
        for _ in range(3):
            turn = list(itertools.islice(stage.source.events(dict(stage.poller.poll(100)), 100.0), 1000))
            assert len(turn) <= 16
            events += turn
    assert events


def test_a_supervisor_gives_its_idle_workers(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the configuration says so; else there is no folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    supervisor = Supervisor(runtime, CONFIG)
    assert not (runtime / "memory-treaty").exists()
    supervisor.stop()
    supervisor = Supervisor(runtime, f"memory_treaty = true\n{CONFIG}")
    with supervisor.connect() as peer:
        peer.ask("echo")

        def idle() -> memory_treaty.Held | None:
            (party,) = memory_treaty.parties()
            return next((held for held in party.holds if held.idle_since is not None), None)

        held = wait_until(idle)
        (party,) = memory_treaty.parties()
        assert (party.name, held.name) == ("hushd", "stt/echo/a")
        assert abs(held.idle_since - time.time()) < 60
        assert party.ask(1).bytes == held.ram
        wait_until(lambda: memory_treaty.parties()[0].holds == ())
        assert party.ask(1).bytes == 0
    supervisor.stop()
    assert memory_treaty.parties() == []
    assert list((runtime / "memory-treaty").iterdir()) == []


def test_it_is_not_imported_unasked() -> None:
    """Neither by the supervisor's program nor by its core."""
    code = "import hushd_supervisor.run, sys; print([name for name in sys.modules if 'treaty' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert json.loads(done.stdout.replace("'", '"')) == []
