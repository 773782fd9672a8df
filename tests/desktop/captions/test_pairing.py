"""Two recordings beside each other: pairs stay paired, whichever of them is late."""

from __future__ import annotations

import random
from array import array
from itertools import pairwise

from hushd_desktop.captions.pairing import LEAD_S, PATIENCE_S, Pairing
from support.seeds import seeds

RATE = 1000
LEAD = round(LEAD_S * RATE)
PATIENCE = round(PATIENCE_S * RATE)


def samples(first: int, count: int) -> bytes:
    """So many numbered samples, never 0, which stands for silence."""
    return array("h", [number % 30000 + 1 for number in range(first, first + count)]).tobytes()


def paired(pairs: bytes) -> list[tuple[int, int]]:
    both = array("h", pairs)
    return list(zip(both[::2], both[1::2], strict=True))


@seeds(40)
def test_whichever_is_late(seed: int) -> None:
    """All that is recorded comes once, in order, and the distance to what plays never changes."""
    rng = random.Random(seed)
    pairing = Pairing(RATE)
    heard: list[tuple[int, int]] = []
    recorded = played = now = 0
    while now < 30 * PATIENCE:
        now += rng.choice((1, 10, 100, 2 * PATIENCE))  # the machine is busy, and then brings all at once
        new = max(recorded, now - rng.randrange(PATIENCE // 4))  # a device brings what it has in its own time
        loud = max(played, now - rng.randrange(PATIENCE // 4))
        heard += paired(pairing.add(samples(recorded, new - recorded), samples(played, loud - played)))
        recorded, played = new, loud
    assert [mine for mine, _ in heard] == [number % 30000 + 1 for number in range(len(heard))]
    assert len(heard) > recorded - PATIENCE
    distances = {(theirs - mine) % 30000 for mine, theirs in heard if theirs}
    assert len(distances) == 1
    assert max(distances) >= LEAD - PATIENCE // 4
    silent = [theirs == 0 for _, theirs in heard]
    assert sum(before != after for before, after in pairwise(silent)) <= 1  # before the loudspeaker's first sample


def test_nothing_plays() -> None:
    """The microphone waits for a while, then comes with silence."""
    pairing = Pairing(RATE)
    assert pairing.add(samples(0, PATIENCE), b"") == b""
    heard = paired(pairing.add(samples(PATIENCE, 1), b""))
    assert heard == [(number + 1, 0) for number in range(PATIENCE + 1)]


def test_the_newest_beside_the_newest() -> None:
    """At first, but for the lead of what plays."""
    pairing = Pairing(RATE)
    assert pairing.add(samples(0, 400), b"") == b""
    heard = paired(pairing.add(samples(400, 100), samples(0, 300)))
    assert heard[:50] == [(number + 1, 0) for number in range(50)]
    assert heard[50:] == [(number + 1, number + 1 - 200 + LEAD) for number in range(50, 500 - LEAD)]


def test_another_loudspeaker() -> None:
    """The newest are put beside the newest again, and nothing of the microphone is lost."""
    pairing = Pairing(RATE)
    heard = paired(pairing.add(samples(0, 500), samples(0, 500)))
    assert heard[-1] == (500 - LEAD, 500)
    pairing.begin_anew()
    heard += paired(pairing.add(samples(500, 500), samples(5000, 100)))
    heard += paired(pairing.add(samples(1000, 500), samples(5100, 500)))
    assert [mine for mine, _ in heard] == list(range(1, 1500 - LEAD + 1))
    assert heard[-1] == (1500 - LEAD, 5600)


def test_a_microphone_that_stops() -> None:
    """Sound is not kept for it; when it goes on, the newest counts."""
    pairing = Pairing(RATE)
    pairing.add(samples(0, 500), samples(0, 500))
    for start in range(500, 9500, 100):
        assert pairing.add(b"", samples(start, 100)) == b"" or start < 500 + LEAD
    heard = paired(pairing.add(samples(500, 400), samples(9500, 400)))
    assert heard[-1][1] == 9900
