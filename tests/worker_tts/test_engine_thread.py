"""The turns of jobs at an engine: one thread, piece by piece, client by client, and nobody waits for a reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hushd_worker.job import Cancelled
from hushd_worker_tts.engine_thread import EngineThread
from support.peer import BOUND_S


def nothing() -> None:
    """The check of a job that nobody cancels."""


class Gate:
    """A turn that holds the engine until `open` is called."""

    def __init__(self, engine: EngineThread) -> None:
        self._begun, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: list(engine.stream(self._hold, nothing, client=1)), daemon=True)
        self._thread.start()
        assert self._begun.wait(BOUND_S)

    def _hold(self) -> Iterator[None]:
        self._begun.set()
        assert self._over.wait(BOUND_S)
        yield None

    def open(self) -> None:
        self._over.set()
        self._thread.join(BOUND_S)


def test_clients_take_turns_however_many_jobs_one_has() -> None:
    """Client 1 has had the last turn and has four jobs in line: those of 2 and 3 go first, then all in turns."""
    engine = EngineThread()
    gate = Gate(engine)
    order: list[str] = []
    threads = []
    for name in ("1a", "1b", "1c", "2a", "2b", "3a"):

        def make(name: str = name) -> Iterator[None]:
            order.append(name)
            yield None

        line = len(engine._line)
        threads.append(threading.Thread(target=lambda m=make, n=name: list(engine.stream(m, nothing, int(n[0])))))
        threads[-1].start()
        while len(engine._line) == line:
            threading.Event().wait(0.001)
    gate.open()
    for thread in threads:
        thread.join(BOUND_S)
    assert order == ["2a", "3a", "1a", "2b", "1b", "1c"]


def test_a_job_that_is_cancelled_in_the_line_leaves_it() -> None:
    """It does not wait for a piece of somebody else's that takes minutes, and is never begun."""
    engine = EngineThread()
    gate = Gate(engine)
    begun: list[int] = []

    def cancelled() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        list(engine.stream(lambda: iter(begun.append(1) or ()), cancelled, client=2))
    assert not engine._line
    gate.open()
    assert engine.call(lambda: 7) == 7
    assert not begun


def test_an_error_is_the_jobs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a piece raises ends its job, after the earlier pieces, and no other: `SystemExit` too."""
    engine = EngineThread()

    def fails(error: BaseException) -> Iterator[int]:
        yield 1
        raise error

    for error in (ValueError("no"), SystemExit(3), MemoryError()):
        stream = engine.stream(lambda error=error: fails(error), nothing)
        assert next(stream) == 1
        with pytest.raises(type(error)):
            next(stream)
    assert engine.call(lambda: 7) == 7
