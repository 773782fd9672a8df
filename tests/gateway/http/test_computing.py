"""Computing for programs: in turns, on one thread, and no longer than they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hushd_gateway.http import computing
from support.refusals import hushd_error

MANY = 2_000_000  # parts that take several turns


def test_requests_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short text is read between the parts of a long one that came before."""
    monkeypatch.setattr(computing, "SHARE_S", -1.0)
    made: list[str] = []

    def parts(name: str, count: int) -> Iterator[str]:
        for _ in range(count):
            made.append(name)
            yield name

    async def both() -> list[list[str]]:
        return [*await asyncio.gather(*(computing.collected(each) for each in (parts("long", 5), parts("short", 2))))]

    assert asyncio.run(both()) == [["long"] * 5, ["short"] * 2]
    assert made == ["long", "short"] * 2 + ["long"] * 3


def test_a_request_whose_client_has_left_is_not_computed_any_further() -> None:
    """A long one that is cancelled makes nothing more, and the next one is answered."""
    counted = iter(range(MANY))

    async def leave() -> tuple[int, int]:
        asked = asyncio.create_task(computing.collected(counted))
        await computing.once(int)  # it has had a turn
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await computing.once(int)  # a turn that had begun has ended
        return next(counted), await computing.once(next, counted)

    before, after = asyncio.run(leave())
    assert after == before + 1


def test_a_request_that_takes_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the processor's time; what it waits for others is not counted."""
    monkeypatch.setattr(computing, "LIMIT_S", 0.05)
    with hushd_error("too_large", "send less at once"):
        asyncio.run(computing.collected(iter(range(MANY))))


def test_an_error_is_the_caller_s() -> None:
    """One that the parts raise behind the first comes out, and spoils nothing for the next request."""

    def parts() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(computing.collected(parts()))
    assert asyncio.run(computing.collected(iter([1, 2]))) == [1, 2]
