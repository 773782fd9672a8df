"""Order at the engine: people who speak now before files, and no file waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from hushd_worker.job import Cancelled
from hushd_worker_stt.engine_lock import EngineLock
from support.peer import BOUND_S


class Queue:
    """Turns with one taken, so that others have to wait; each of those notes its name when it has it."""

    def __init__(self, holders: int = 1) -> None:
        self.lock = EngineLock(holders)
        self.order: list[str] = []
        self.threads: list[threading.Thread] = []

    def ask(self, name: str, check: Callable[[], None] = lambda: None, client: int = 0) -> None:
        """A thread that waits for its turn; returns once it does."""

        def wait() -> None:
            with suppress(Cancelled), self.lock.held(check, live=name.startswith("live"), client=client):
                self.order.append(name)

        waiting = self.waiting
        self.threads.append(threading.Thread(target=wait, daemon=True))
        self.threads[-1].start()
        while self.waiting == waiting:
            threading.Event().wait(0.001)

    @property
    def waiting(self) -> int:
        return len(self.lock._live) + len(self.lock._files)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(BOUND_S)
            assert not thread.is_alive()


@pytest.mark.parametrize(("first", "asked", "order"), [
    ("file", ["file 1", "live 1"], ["live 1", "file 1"]),
    ("live", ["live 1", "file 1"], ["file 1", "live 1"]),
    (
        "file",
        ["file 1", "live 1", "live 2", "file 2", "live 3"],
        ["live 1", "file 1", "live 2", "file 2", "live 3"],
    ),
    ("file", ["live 1", "live 2"], ["live 1", "live 2"]),
    ("live", ["live 1", "live 2"], ["live 1", "live 2"]),
    ("file", ["file 1", "file 2"], ["file 1", "file 2"]),
])  # fmt: skip
def test_live_goes_first_and_files_every_other_time(first: str, asked: list[str], order: list[str]) -> None:
    """Equals come in the order of asking; a file that waits lets one live piece pass, not two."""
    queue = Queue()
    with queue.lock.held(lambda: None, live=first == "live"):
        for name in asked:
            queue.ask(name)
        assert queue.order == []
    queue.join()
    assert queue.order == order


def test_an_engine_of_several_cores_has_several_holders() -> None:
    """The next waits until one of them has gone."""
    queue = Queue(holders=2)
    with queue.lock.held(lambda: None, live=False):
        with queue.lock.held(lambda: None, live=True):
            queue.ask("file 1")
            assert queue.order == []
        queue.join()
        assert queue.order == ["file 1"]


def test_who_is_cancelled_waits_no_longer() -> None:
    """An exception of `check` ends the wait, and the others go on without it."""
    queue = Queue()
    cancelled = threading.Event()
    ended = threading.Event()

    def check() -> None:
        if cancelled.is_set():
            ended.set()
            raise Cancelled

    with queue.lock.held(lambda: None, live=False):
        queue.ask("live cancelled", check)
        queue.ask("file 1")
        cancelled.set()
        assert ended.wait(BOUND_S)
        queue.threads[0].join(BOUND_S)
        assert queue.waiting == 1
    queue.join()
    assert queue.order == ["file 1"]


def test_clients_take_turns_however_many_files_one_has() -> None:
    """A client's many files delay another's one by a piece, and not by all of them."""
    queue = Queue()
    with queue.lock.held(lambda: None, live=False, client=1):
        for n in range(4):
            queue.ask(f"file 1.{n}", client=1)
        queue.ask("file 2.0", client=2)
        queue.ask("file 2.1", client=2)
        queue.ask("file 3.0", client=3)
    queue.join()
    clients = [name[5] for name in queue.order]
    assert clients == ["2", "3", "1", "2", "1", "1", "1"]
    assert [name for name in queue.order if name[5] == "1"] == [f"file 1.{n}" for n in range(4)]
