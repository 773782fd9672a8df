"""The last seconds of a microphone, for several readers."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator

import pytest
from hushd_protocol.errors import HushdError
from hushd_wake_words.ring import RING_S, Ring

RATE = 100
BOUND_S = 30


class Tape:
    """A device that records what it is given."""

    rate = RATE

    def __init__(self) -> None:
        self.chunks: queue.Queue[bytes | HushdError | None] = queue.Queue()
        self.read = threading.Semaphore(0)

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.read.release()  # the one before is in the ring
        chunk = self.chunks.get()
        if isinstance(chunk, HushdError):
            raise chunk
        if chunk is None:
            raise StopIteration
        return chunk

    def record(self, *chunks: bytes) -> None:
        """Records these, and returns when the ring has them."""
        for chunk in chunks:
            self.chunks.put(chunk)
            assert self.read.acquire(timeout=BOUND_S)

    def stop(self) -> None:
        self.chunks.put(None)

    def close(self) -> None:
        self.stop()


@pytest.fixture
def tape() -> Iterator[Tape]:
    made = Tape()
    yield made
    made.close()


def second(number: int) -> bytes:
    return bytes([number]) * 2 * RATE


def test_readers_miss_nothing_and_wait_for_nobody(tape: Tape) -> None:
    """One begins at the start, one in the past, one behind silence; each gets all that comes, whoever reads first."""
    ring = Ring(tape)
    assert tape.read.acquire(timeout=BOUND_S)
    first = ring.reader()
    tape.record(second(1), second(2))
    late, silent = ring.reader(1.5), ring.reader(2.0, lead_s=0.5)
    tape.record(second(3))
    tape.stop()
    assert b"".join(late) == second(2)[RATE:] + second(3)
    assert b"".join(silent) == bytes(RATE) + second(3)
    assert b"".join(first) == second(1) + second(2) + second(3)
    assert b"".join(ring.reader(2.0)) == second(3), "also after the end"


def test_it_keeps_the_last_seconds(tape: Tape) -> None:
    """A reader that asks for more gets all there is, and that is bounded however long it records."""
    ring = Ring(tape)
    assert tape.read.acquire(timeout=BOUND_S)
    tape.record(*map(second, range(100)))
    assert RING_S <= 100 - ring.begins_s <= 2 * RING_S + 1
    assert ring.now == 100
    tape.stop()
    past = b"".join(ring.reader(0.0))
    assert past == b"".join(map(second, range(round(ring.begins_s), 100)))


def test_a_device_that_fails_fails_every_reader(tape: Tape) -> None:
    """They get the error after the sound before it; so does one that comes later."""
    ring = Ring(tape)
    assert tape.read.acquire(timeout=BOUND_S)
    reader = ring.reader()
    tape.record(second(1))
    tape.chunks.put(HushdError("no_device", "It is gone."))
    assert next(reader) == second(1)
    for each in (reader, ring.reader(1.0)):
        with pytest.raises(HushdError, match="It is gone"):
            list(itertools.islice(each, 1))
