"""A microphone beside a loudspeaker that it hears."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hushd_desktop.captions.half_duplex import LATE_S, TAIL_S, HalfDuplexMicrophone

CHUNK_S = 0.1


class Microphone(Iterator[bytes]):
    """Records a numbered chunk every 0.1 s of its own clock."""

    rate = 1000

    def __init__(self, count: int) -> None:
        self.now = 0.0
        self._chunks = iter(range(1, count + 1))

    def __next__(self) -> bytes:
        number = next(self._chunks)
        self.now = number * CHUNK_S
        return bytes([number]) * 4

    def stop(self) -> None:
        self._chunks = iter(())

    close = stop


def heard(count: int, plays: tuple[float, float]) -> list[int]:
    """The chunks of a microphone of so many that are not silent, where something plays between two seconds."""
    microphone: Any = Microphone(count)

    def sounded_s() -> float:
        begins, ends = plays
        return min(microphone.now, ends) if microphone.now >= begins else -math.inf

    with HalfDuplexMicrophone(microphone, CHUNK_S, sounded_s, lambda: microphone.now) as listening:
        chunks = list(listening)
    assert [len(chunk) for chunk in chunks] == [4] * count
    return [chunk[0] for chunk in chunks if any(chunk)]


def test_it_counts_while_the_loudspeaker_is_silent() -> None:
    """Before the sound and after its tail every chunk comes as it is; from a little before the sound to the end of its
    tail there is silence of the same length. The last chunks come when it is closed."""
    assert heard(20, (math.inf, math.inf)) == list(range(1, 21))
    chunks = heard(40, (1.0, 2.0))
    silent = sorted(set(range(1, 41)) - set(chunks))
    assert silent == list(range(silent[0], silent[-1] + 1))
    assert 1.0 - LATE_S - CHUNK_S <= silent[0] * CHUNK_S <= 1.0
    assert 2.0 + TAIL_S - CHUNK_S <= silent[-1] * CHUNK_S <= 2.0 + TAIL_S + CHUNK_S
    assert heard(5, (0.0, math.inf)) == []
