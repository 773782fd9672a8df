"""The tests for engines of others find one that a cancelled job harms."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hushd_worker import conformance

LONG_S = 10.0  # seconds of a long job


class Engine:
    """An engine whose jobs take `still_s` of the processor after their clients have left; its texts differ once one has
    left between two of its seconds, `harmed_s`."""

    def __init__(self, still_s: float = 0.0, harmed_s: tuple[float, float] = (LONG_S, LONG_S)) -> None:
        self.now = self.left_at = 100.0
        self.left: list[float] = []
        self._still_s, self._harmed_s = still_s, harmed_s

    def work(self, *, long: bool, leave_s: float = LONG_S) -> None:
        self.now += leave_s
        self.left_at = self.now
        if leave_s < LONG_S:
            self.left.append(leave_s)
            self.now += self._still_s

    def gist(self) -> str:
        return "another" if any(self._harmed_s[0] <= left < self._harmed_s[1] for left in self.left) else "text"


def cancels(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def clock() -> float:
        return engine.now

    monkeypatch.setattr(conformance, "time", SimpleNamespace(monotonic=clock, process_time=clock))
    conformance.CASES["a_cancelled_job_ends_and_changes_no_later_one"](engine)


def test_a_job_is_cancelled_wherever_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its beginning, early, and in the middle: an engine that is harmed at any of them is found."""
    cancels(engine := Engine(), monkeypatch)
    first, early, middle = engine.left
    assert first == 0.0 < early < LONG_S / 4 < middle < LONG_S
    for harmed_s in ((0.0, 0.1), (0.1, LONG_S / 4), (LONG_S / 4, LONG_S)):
        with pytest.raises(AssertionError, match="the next job differs"):
            cancels(Engine(harmed_s=harmed_s), monkeypatch)


def test_a_job_that_goes_on_without_its_client_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the processor that it takes."""
    with pytest.raises(AssertionError, match=r"it takes 900\.0 s of the processor"):
        cancels(Engine(still_s=900.0), monkeypatch)
