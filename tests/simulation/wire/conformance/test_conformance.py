"""The simulated ZeroMQ and libzmq itself play 200 scripts, and every party sees the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulation.wire.conformance.by_hand import BY_HAND
from simulation.wire.conformance.drawn import drawn
from simulation.wire.conformance.play import Script, Side, play
from simulation.wire.conformance.sides import Nursery, Real, Simulated

SCRIPTS, CHUNK = 200, 10
NAMED: dict[str, Script] = {**BY_HAND, **{f"seed {seed}": drawn(seed) for seed in range(SCRIPTS - len(BY_HAND))}}


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("n"))
    yield made
    made.close()


def seen(side: Side, name: str) -> list[object]:
    """All that the parties of a script saw on a side."""
    try:
        return play(side, NAMED[name], str(side.folder))
    finally:
        side.close()


def chunks() -> Iterator[object]:
    """Yields the number of the first of each ten; by day of the scripts written by hand, and the first drawn ones."""
    for first in range(0, SCRIPTS, CHUNK):
        yield pytest.param(first, marks=[pytest.mark.night] if first > len(BY_HAND) else [])


@pytest.mark.parametrize("first", [*chunks()])
def test_both_libraries_show_the_same(first: int, tmp_path: Path, nursery: Nursery) -> None:
    """Each script on libzmq, and under two seeds on the simulated one: 0 of 200 differ."""
    for number, name in list(enumerate(NAMED))[first : first + CHUNK]:
        folders = [tmp_path / f"{number}{side}" for side in "abc"]
        for folder in folders:
            folder.mkdir()
        real = seen(Real(folders[0], nursery), name)
        for seed, folder in zip((number, number + SCRIPTS), folders[1:], strict=True):
            simulated = seen(Simulated(folder, seed), name)
            differences = [pair for pair in zip(simulated, real, strict=False) if pair[0] != pair[1]]
            assert simulated == real, f"{name}, with seed {seed}: {differences[:1]}; simulated first, then libzmq"
