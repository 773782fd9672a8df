"""Sound between two listeners of one device: where the next one begins, and how much is kept for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest
from hushd import HushdError
from hushd_desktop.captions.recent_sound import KEPT_SAMPLES_S, OVERLAP_S, RecentSound

if TYPE_CHECKING:
    from hushd.audio.recording import Device

RATE = 100
SECOND = 2 * RATE  # bytes


class Tape(Iterator[bytes]):
    """A device with so many seconds of sound, each of its own number, and then an error or the end."""

    rate = RATE

    def __init__(self, seconds: int, error: HushdError | None = None) -> None:
        self._seconds = iter(range(seconds))
        self._error = error
        self.closed = self.ended = False

    def __next__(self) -> bytes:
        for number in self._seconds:
            return bytes([number]) * SECOND
        assert not self.ended, "a device is asked no more once it has ended"
        self.ended = True
        if self._error:
            raise self._error
        raise StopIteration

    def close(self) -> None:
        self.closed = True


def recording(seconds: int, error: HushdError | None = None) -> RecentSound:
    return RecentSound(cast("Device", Tape(seconds, error)))


def take(sound: RecentSound, seconds: int) -> None:
    """Has a listener read so many seconds."""
    chunks = sound.read()
    for _ in range(seconds):
        next(chunks)


def first(sound: RecentSound) -> float:
    """Returns the second of the recording with which the next listener begins."""
    chunk = next(sound.read())
    return chunk[0] + 1 - chunk.count(chunk[0]) / SECOND


@pytest.mark.parametrize(("ended_s", "silence_s", "begins_s"), [
    (3.0, 2.0, 3.0 - OVERLAP_S),  # as much as the worker itself keeps
    (3.0, 0.4, 3.0 - 0.3),  # not all of a short silence: the last word is not heard again
    (0.2, 2.0, 0.0),  # not before the listener began
    (9.0, 0.4, 4.0),  # not behind what was recorded
])  # fmt: skip
def test_a_listener_begins_softly_before_its_first_word(ended_s: float, silence_s: float, begins_s: float) -> None:
    """It hears the end of the silence before it, where the next utterance may have begun, and no word twice."""
    sound = recording(6)
    take(sound, 4)
    sound.go_on_at(ended_s, silence_s)
    assert sound.begins_s == pytest.approx(begins_s)
    assert first(sound) == pytest.approx(begins_s)


def test_its_place_counts_from_the_listener_before() -> None:
    """A session tells its own seconds."""
    sound = recording(9)
    take(sound, 4)
    sound.go_on_at(3.0, 0.0)
    take(sound, 4)
    sound.go_on_at(2.0, 0.0)
    assert sound.begins_s == first(sound) == 5.0


@pytest.mark.parametrize(("back_s", "begins_s"), [(0.0, 4.0), (1.5, 2.5), (3.9, 1.0)])
def test_nobody_goes_back_behind_the_listener_before(back_s: float, begins_s: float) -> None:
    """Sound that was heard is not heard again; none of it is where that has killed a worker."""
    sound = recording(6)
    take(sound, 4)
    sound.go_on_at(1.0, 0.0)
    sound.go_back(back_s)
    assert sound.begins_s == pytest.approx(begins_s)
    assert first(sound) == pytest.approx(begins_s)


def test_an_evening_takes_no_memory_and_moves_no_time() -> None:
    """The last seconds are kept, and where the next listener begins is told in those of the whole recording."""
    sound = recording(60)
    take(sound, 60)
    assert len(sound._samples) <= 2 * KEPT_SAMPLES_S * SECOND
    sound.go_back(2.0)
    assert sound.begins_s == first(sound) == 58.0


def test_a_listener_that_is_late_goes_on_with_what_is_kept() -> None:
    """The sound in between is lost, and none comes twice."""
    sound = recording(30)
    late = sound.read()
    next(late)
    take(sound, 30)
    rest = b"".join(late)
    assert rest == b"".join(bytes([number]) * SECOND for number in range(30 - len(rest) // SECOND, 30))
    assert KEPT_SAMPLES_S * SECOND <= len(rest) <= 2 * KEPT_SAMPLES_S * SECOND


def test_each_listener_learns_of_the_end() -> None:
    """A device that fails or ends does so for the one that still waits and for the next, which ask it no more."""
    sound, failing = recording(1), recording(1, HushdError("no_device", "It has gone."))
    readers = [sound.read(), sound.read()]
    assert [len(list(reader)) for reader in readers] == [1, 1]
    for reader in (failing.read(), failing.read()):
        next(reader)
        with pytest.raises(HushdError, match="It has gone"):
            next(reader)
    tape = Tape(5)
    closed = RecentSound(cast("Device", tape))
    closed.close()
    assert tape.closed
    assert list(closed.read()) == []
