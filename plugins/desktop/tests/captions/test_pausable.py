"""A microphone that is paused: nothing before it is lost, nothing in it is heard, and times stay what they are."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from hushd_desktop.captions.pausable import PausableMicrophone, Silence

RATE = 1000
CHUNK_S = 0.1
CHUNK = 200  # bytes
End = Callable[[PausableMicrophone], None]


class Clock:
    def __init__(self) -> None:
        self.now, self.step = 50.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Tape(Iterator[bytes]):
    """A microphone whose sound a test records."""

    rate = RATE

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.open = True

    def __enter__(self) -> Tape:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        if chunk := self._chunks.get_nowait():
            return chunk
        raise StopIteration

    def record(self, mark: int) -> bytes:
        chunk = bytes([mark]) * CHUNK
        self._chunks.put(chunk)
        return chunk

    def stop(self) -> None:
        self._chunks.put(None)

    def close(self) -> None:
        self.open = False
        self.stop()


@pytest.fixture
def tapes() -> list[Tape]:
    return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of all silence."""
    clock = Clock()
    monkeypatch.setattr(Silence.__init__, "__defaults__", (clock,))
    return clock


@pytest.fixture
def microphone(tapes: list[Tape], clock: Clock) -> PausableMicrophone:
    def opened() -> Tape:
        tapes.append(Tape())
        return tapes[-1]

    return PausableMicrophone(opened, CHUNK_S)


def test_all_of_it_comes_in_order(microphone: PausableMicrophone, tapes: list[Tape], clock: Clock) -> None:
    """A reader that is late gets the speech before the pause, silence for as long as that, and the speech after it."""
    expected = tapes[0].record(1) + tapes[0].record(2)
    microphone.pause()
    clock.now += 2.5
    microphone.resume()
    expected += bytes(2500 * 2) + tapes[1].record(3)
    microphone.stop()
    assert b"".join(microphone) == expected


def test_a_pause_closes_the_device(microphone: PausableMicrophone, tapes: list[Tape]) -> None:
    """None is open in it, however often it is asked for; afterwards exactly one is."""
    for count in (1, 2, 3):
        assert [tape.open for tape in tapes] == [*[False] * (count - 1), True]
        microphone.pause()
        microphone.pause()
        assert not any(tape.open for tape in tapes)
        microphone.resume()
        microphone.resume()
    microphone.close()
    assert not any(tape.open for tape in tapes)


@pytest.mark.parametrize("end", [PausableMicrophone.stop, PausableMicrophone.close])
def test_nothing_opens_once_it_has_ended(end: End, microphone: PausableMicrophone, tapes: list[Tape]) -> None:
    """A pause or its end that comes with Ctrl-C leaves no microphone open, and no reader without an end."""
    microphone.pause()
    end(microphone)
    microphone.resume()
    assert len(tapes) == 1
    assert list(microphone) == []


@pytest.mark.parametrize("end", [PausableMicrophone.stop, PausableMicrophone.close])
def test_a_pause_that_comes_after_the_end_ends_too(
    end: End, microphone: PausableMicrophone, tapes: list[Tape], clock: Clock
) -> None:
    """The sound so far is read, and the silence of a pause does not go on for ever."""
    expected = tapes[0].record(1)
    end(microphone)
    microphone.pause()
    clock.step = 1.0
    assert b"".join(islice(microphone, 9)) == expected
    microphone.resume()
    assert not any(tape.open for tape in tapes[1:])
