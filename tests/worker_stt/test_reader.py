"""Pieces of several jobs at one engine: together where that pays, live speech first, and each with its own end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hushd_schema.engines import EngineSpec
from hushd_worker.job import Cancelled, Job
from hushd_worker_stt.engine import Options, Segment
from hushd_worker_stt.reader import Reader
from support.peer import BOUND_S
from support.stt_jobs import EngineAtOnce, make_job

OPTIONS = Options()


class Counting(EngineAtOnce):
    """Says of each piece its first sample; a test holds it up, or has it fail."""

    SPEC = EngineSpec("counting", "stt", "")
    batch = 4
    compute_device = "cuda"

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.fail: Callable[[list[int]], None] = lambda numbers: None

    def transcribe(self, samples: np.ndarray, options: Options) -> list[Segment]:
        return self.transcribe_batch([samples], [options])[0]

    def transcribe_batch(self, pieces: Sequence[np.ndarray], options: Sequence[Options]) -> list[list[Segment]]:
        numbers = [int(samples[0]) for samples in pieces]
        self.batches.append(numbers)
        self.entered.set()
        assert self.gate.wait(BOUND_S)
        self.check()
        self.fail(numbers)
        return [[Segment(0.0, 1.0, str(number))] for number in numbers]


def pieces(*numbers: int) -> list[np.ndarray]:
    return [np.full(16_000, number, np.float32) for number in numbers]


class Client(threading.Thread):
    """A job with pieces; `outcome` is its text or its error."""

    def __init__(self, reader: Reader, *numbers: int, live: bool = False, economy: bool = False) -> None:
        super().__init__(daemon=True)
        self.job = make_job(b"", economy=economy)[0]
        self.outcome: Any = None
        self._ask = lambda: reader.read(self.job, pieces(*numbers), OPTIONS, live=live)

    def run(self) -> None:
        try:
            self.outcome = [segments[0].text for segments in self._ask()]
        except BaseException as error:
            self.outcome = error

    def end(self) -> Any:
        self.join(BOUND_S)
        assert not self.is_alive()
        return self.outcome


class Desk:
    """A reader whose engine is held up in a first piece, so that what comes then waits together."""

    def __init__(self) -> None:
        self.engine = Counting()
        self.reader = Reader(self.engine)
        self.engine.gate.clear()
        self.first = Client(self.reader, 0)
        self.first.start()
        assert self.engine.entered.wait(BOUND_S)
        self.clients: list[Client] = []

    def ask(self, *numbers: int, **options: Any) -> Client:
        waiting = self._waiting
        client = Client(self.reader, *numbers, **options)
        client.start()
        while self._waiting == waiting:
            threading.Event().wait(0.001)
        self.clients.append(client)
        return client

    @property
    def _waiting(self) -> int:
        return len(self.reader._lock._files) + len(self.reader._lock._live)

    def open(self) -> list[list[int]]:
        """Lets the engine work; the batches that it got."""
        self.engine.gate.set()
        for client in (self.first, *self.clients):
            client.end()
        return self.engine.batches


def test_pieces_of_a_job_go_together() -> None:
    """They go in order, as many as pay, each with its own text."""
    reader = Reader(engine := Counting())
    job: Job = make_job(b"")[0]
    found = reader.read(job, pieces(1, 2, 3, 4, 5, 6), OPTIONS)
    assert [segments[0].text for segments in found] == list("123456")
    assert engine.batches == [[1, 2, 3, 4], [5, 6]]


def test_jobs_that_wait_are_served_together() -> None:
    """The one whose turn it is takes the others along."""
    desk = Desk()
    clients = [desk.ask(number) for number in (1, 2, 3)]
    assert desk.open() == [[0], [1, 2, 3]]
    assert [client.outcome for client in clients] == [["1"], ["2"], ["3"]]


def test_live_speech_goes_first_and_among_itself() -> None:
    """No file's piece makes it wait longer."""
    desk = Desk()
    desk.ask(1, 2)
    desk.ask(3, live=True)
    desk.ask(4, live=True)
    assert desk.open() == [[0], [3, 4], [1, 2]]


def test_a_piece_that_fails_is_its_jobs_own_failure() -> None:
    """The batch is read again one by one, and the others have their text."""
    desk = Desk()

    def fail(numbers: list[int]) -> None:
        if 2 in numbers:
            raise ValueError("not this one")

    desk.engine.fail = fail
    good, bad, other = desk.ask(1), desk.ask(2), desk.ask(3)
    first, batch, *alone = desk.open()
    assert (first, batch, sorted(alone)) == ([0], [1, 2, 3], [[1], [2], [3]])
    assert (good.outcome, other.outcome) == (["1"], ["3"])
    assert isinstance(bad.outcome, ValueError)


def test_memory_that_runs_out_makes_batches_smaller() -> None:
    """The batch is read one by one, and later ones are half as large; nothing is degraded by it."""
    desk = Desk()

    def fail(numbers: list[int]) -> None:
        if len(numbers) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    desk.engine.fail = fail
    client = desk.ask(1, 2, 3, 4, 5, 6, 7)
    assert desk.open() == [[0], [1, 2, 3, 4], [1], [2], [3], [4], [5, 6], [7]]
    assert client.outcome == list("1234567")
    assert not client.job.degraded


@pytest.mark.parametrize("gone", [0, 1])
def test_a_client_that_leaves_during_a_batch(gone: int) -> None:
    """It ends at once, whether its turn it was or another's; the other's piece is read again."""
    desk = Desk()
    desk.engine.entered.clear()
    clients = [desk.ask(1), desk.ask(2)]
    release, gate = desk.engine.gate, threading.Event()
    desk.engine.gate = gate  # of the batch
    release.set()
    assert desk.engine.entered.wait(BOUND_S)
    clients[gone].job.cancel()
    gate.set()
    outcomes = [client.end() for client in clients]
    assert isinstance(outcomes[gone], Cancelled)
    assert outcomes[1 - gone] == [str(2 - gone)]
    assert desk.open() == [[0], [1, 2], [2 - gone]]
