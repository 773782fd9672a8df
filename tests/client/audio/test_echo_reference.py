"""Played samples beside recorded ones: the two never drift against each other without need."""

from __future__ import annotations

import random
from array import array
from itertools import pairwise

from hushd.audio.echo_reference import MARGIN_S, EchoReference

RATE = 24000


def samples(first: int, count: int) -> bytes:
    return array("h", [number % 30000 + 1 for number in range(first, first + count)]).tobytes()


def second(both: bytes) -> list[int]:
    return list(array("h", both)[1::2])


def test_nothing_is_played() -> None:
    """The first channel is the recording, the second silence."""
    both = array("h", EchoReference(RATE).beside(samples(0, 4)))
    assert list(both) == [1, 0, 2, 0, 3, 0, 4, 0]


def test_two_devices_with_blocks_of_their_own() -> None:
    """Whatever their blocks, and whichever comes first, all that is played comes once, in order, a little behind."""
    for seed in range(30):
        rng = random.Random(seed)
        reference = EchoReference(RATE)
        played = recorded = 0
        heard: list[int] = []
        ahead = rng.randrange(1200, 2400)  # what the device keeps in its buffer
        reference.play(samples(0, ahead))
        played = ahead
        while recorded < 3 * RATE:
            block = rng.choice((240, 480, 768))
            while played < recorded + block + ahead:
                count = rng.choice((100, 360))
                reference.play(samples(played, count))
                played += count
            heard += second(reference.beside(bytes(2 * block)))
            recorded += block
        assert 0 not in heard
        steps = {(after - before) % 30000 for before, after in pairwise(heard)}
        assert steps == {1}
        assert heard[-1] <= played % 30000


def test_a_late_loudspeaker() -> None:
    """Silence comes where it has nothing more; then it begins again with the newest, but for the margin."""
    reference = EchoReference(RATE)
    reference.play(samples(0, 1000))
    assert second(reference.beside(bytes(2 * 768)))[0] == 1
    heard = second(reference.beside(bytes(2 * 768)))
    assert heard[:232] == [number + 1 for number in range(768, 1000)]
    assert set(heard[232:]) == {0}
    assert set(second(reference.beside(bytes(2 * 768)))) == {0}
    reference.play(samples(1000, 5000))
    assert second(reference.beside(bytes(2 * 768)))[0] == 6000 - 768 - int(MARGIN_S * RATE) + 1


def test_the_end_is_heard_out() -> None:
    """The last samples played come, then silence; the next speech begins anew."""
    reference = EchoReference(RATE)
    reference.play(samples(0, 1500))
    reference.play(None)
    assert second(reference.beside(bytes(2 * 768)))[-1] == 768
    assert second(reference.beside(bytes(2 * 768)))[:732] == [number + 1 for number in range(768, 1500)]
    assert set(second(reference.beside(bytes(2 * 768)))) == {0}
    reference.play(samples(5000, 800))
    assert second(reference.beside(bytes(2 * 768)))[0] == 5001


def test_a_microphone_that_stops_is_not_waited_for() -> None:
    """Of what nobody asks for a second is kept, however long it is played; then the newest counts."""
    reference = EchoReference(RATE)
    reference.play(samples(0, 1000))
    reference.beside(bytes(2 * 768))
    for start in range(1000, 20 * RATE, 1000):
        reference.play(samples(start, 1000))
    first = second(reference.beside(bytes(2 * 768)))[0]
    assert first == (20 * RATE - 768 - int(MARGIN_S * RATE)) % 30000 + 1
