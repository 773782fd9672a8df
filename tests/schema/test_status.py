"""The answer to `status`, as it is read: of this version, of others, and of nobody's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.status import Status
from msgspec.structs import replace

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "status.json").read_text())
STRANGE = (
    None, True, -1, 0, 2**63, 1e308, float("nan"), float("inf"), "", "x" * 70_000, "\x1b[31m", b"\xff", [], [[]],
    [None], {}, {"": None}, {1: 2}, {"pid": "seven"}, ("a",),
)  # fmt: skip


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in `data` with each of its keys."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield data, key
        yield from places(value)


def test_what_is_read_is_written_as_it_was() -> None:
    """Even the order of its keys stays, so that `hushd status --json` prints what the supervisor has sent."""
    status = Status.from_data(GOLDEN)
    assert json.dumps(status.data()) == json.dumps(GOLDEN)
    assert status.door is not None
    assert status.workers[0].cards_mb == {"0000:01:00.0": 812.0}
    assert (status.door.gateway.pid, status.floor.speaker and status.floor.speaker.client) == (33, "cli")


def test_what_other_programs_take_of_a_card_is_neither_free_nor_used() -> None:
    """Workers are measured a little later than the card, so that more than all of it may seem to be taken."""
    (card,) = Status.from_data(GOLDEN).memory.cards
    assert replace(card, total_mb=8000.0, free_mb=5000.0, used_mb=812.0).others_mb == 2188.0
    assert replace(card, total_mb=8000.0, free_mb=7500.0, used_mb=812.0).others_mb == 0.0


@pytest.mark.parametrize(
    ("pss", "rss", "size"), [(3.0, 5.0, 3.0), (None, 5.0, 5.0), (0.0, 5.0, 5.0), (None, None, None)]
)
def test_a_process_is_as_large_as_its_share_of_pages(pss: float | None, rss: float | None, size: float | None) -> None:
    """Its pages count where the share is unknown; the supervisor always has a size."""
    status = Status.from_data(GOLDEN)
    assert replace(status.workers[0], pss_mb=pss, rss_mb=rss).size_mb == size
    assert replace(status.supervisor, pss_mb=pss, rss_mb=rss).size_mb == (size or 0.0)


def test_what_another_version_adds_is_ignored() -> None:
    """Every map of the answer may have more keys, except for those whose keys are names."""
    newer = copy.deepcopy(GOLDEN)
    for container, key in list(places(newer)):
        if isinstance(container[key], dict) and key not in ("holders", "cards_mb", "machines"):
            container[key]["novelty"] = {"of": [1]}
    assert Status.from_data(newer | {"novelty": 1}) == Status.from_data(GOLDEN)


def test_what_another_version_leaves_out_is_nothing_of_its_kind() -> None:
    """An older supervisor knew no floor, no cards and no door: each key may be missing by itself."""
    for container, key in list(places(GOLDEN)):
        if isinstance(container, dict):
            value = container.pop(key)
            Status.from_data(GOLDEN)
            container[key] = value
    empty = Status.from_data({})
    assert (empty.workers, empty.door, empty.memory.cards) == ((), None, ())
    assert (empty.floor.speaker, empty.floor.waiting, empty.supervisor.pid) == (None, 0, 0)


def read(data: object) -> Status | HushdError:
    try:
        return Status.from_data(data)
    except HushdError as error:
        return error


def test_reading_raises_nothing_but_one_sentence() -> None:
    """Whatever stands in any place; and what can be read is written and read again as the same."""
    rng, refused, taken = Random(21), 0, 0
    for _ in range(5000):
        strange = copy.deepcopy(GOLDEN)
        for _ in range(rng.randint(1, 3)):
            container, key = rng.choice(list(places(strange)))
            match rng.randrange(3):
                case 0:
                    container[key] = rng.choice(STRANGE)
                case 1:
                    del container[key]
                case _:
                    other, there = rng.choice(list(places(GOLDEN)))
                    container[key] = copy.deepcopy(other[there])
        outcome = read(strange)
        if isinstance(outcome, HushdError):
            refused += 1
            assert outcome.code == "protocol_error"
            assert len(outcome.message) < 400
            assert outcome.message.isprintable()
        else:
            taken += 1
            assert Status.from_data(outcome.data()) == outcome
            json.dumps(outcome.data())
    assert min(refused, taken) > 500
    for whole in STRANGE:
        if not isinstance(whole, dict):
            with pytest.raises(HushdError, match="for it must be a map, not"):
                Status.from_data(whole)
