"""The working day: its trace, the clock that makes minutes of it, and the account."""

from __future__ import annotations

import pytest
import soundfile
from benches.stage import recording
from day import TRACE
from working_day.clock import Account, Clock
from working_day.report import figures, picture, section, table
from working_day.trace import DAY_S, between, bursts, parse, seconds


class RealClock:
    """A real clock in the test's hands."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_day_that_comes_along_can_be_played() -> None:
    """Its requests lie within a day, and its recordings are as long as they are asked for."""
    requests = parse(TRACE.read_text())
    assert 0 < requests[0].second <= requests[-1].second < DAY_S
    assert {request.what for request in requests} == {"say", "listen"}
    for request in requests:
        if request.what == "listen":
            assert 0 < request.length <= soundfile.info(recording(request.subject)).duration


@pytest.mark.parametrize(
    "line", ["9:00 whisper Hello.", "9:00 say", "9:00 listen a.wav", "9:00 listen a.wav long", "9:61 say Hello.", "say"]
)
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    """An error names the line's number, counted with comments."""
    with pytest.raises(ValueError, match="Line 2"):
        parse(f"# a comment\n{line}\n")


def test_a_trace_is_in_order() -> None:
    """A line that is earlier than the one above is refused."""
    with pytest.raises(ValueError, match="Line 2 is earlier"):
        parse("10:00 say Hello.\n09:59:59 say Hello.\n")


def test_a_part_of_the_day_begins_at_zero() -> None:
    """Requests before and after the part are left out, and the others are counted from its beginning."""
    requests = parse("08:59:59 say A\n09:00:30 say B\n10:00 say C\n")
    assert [(one.second, one.subject) for one in between(requests, seconds("9:00"), seconds("10:00"))] == [(30, "B")]


def test_bursts_are_what_follows_soon() -> None:
    """Requests that are five minutes apart or less are one burst."""
    requests = parse("09:00 say A\n09:05 say B\n09:10:01 say C\n")
    assert [[one.subject for one in burst] for burst in bursts(requests)] == [["A", "B"], ["C"]]


def test_waiting_is_sped_up_and_work_is_not() -> None:
    """A second counts for the speed while nothing runs, and for one second of work."""
    real = RealClock()
    clock = Clock(60, real)
    real.now += 2
    assert clock.time() == 120
    with clock.at_work():
        real.now += 3
        assert clock.time() == 123
    real.now += 1
    assert clock.time() == 183
    clock.skip(1000)
    assert clock.time() == 1183


def test_a_keep_alive_costs_as_much_at_any_speed() -> None:
    """A worker of 90 MB that works for 2 s and waits for 5 minutes, partly beside another's work, costs the same."""
    costs = []
    for speed in (1, 60):
        real = RealClock()
        worker, other = Clock(speed, real), Clock(speed, real)
        account, last = Account(), 0.0
        keep_alive = 300 / speed
        for wait, works in ((2.0, worker), (0.25, other), (keep_alive - 0.25, None)):
            if works:
                with works.at_work():
                    real.now += wait
            else:
                real.now += wait
            now = worker.time()
            account.add(now, {"TTS worker": (90.0, 100.0)}, {"TTS worker": now - last})
            last = now
        costs.append((account.pss["TTS worker"], account.rss["TTS worker"]))
    assert costs[0] == pytest.approx(costs[1])
    assert costs[0] == pytest.approx((90 * 302 / 3600, 100 * 302 / 3600))


def _account(name: str, megabytes: float, hours: float) -> Account:
    account = Account()
    account.add(0.0, {name: (megabytes, 2 * megabytes)}, {name: hours * 3600})
    account.points.append((hours * 3600, {name: megabytes}))
    return account


def test_the_figures_of_a_day() -> None:
    """The share is hushd's megabyte-hours by the resident server's; waiting is the difference, request by request."""
    hushd, resident = _account("TTS worker", 100, 1), _account("resident server", 400, 10)
    found = figures(hushd, resident, [0.5, 0.03, 0.04], [0.02, 0.02, 0.02], [True, False, False])
    assert found["pss"]["share"] == found["rss"]["share"] == 0.025
    assert found["pss"]["by_process_mbh"] == {"supervisor": 0, "TTS worker": 100, "STT worker": 0}
    assert found["added_s"]["median"] == pytest.approx(0.02)
    assert found["added_s"]["median_cold"] == pytest.approx(0.48)
    assert found["added_s"]["sum"] == pytest.approx(0.5)
    assert "2.5%" in table(found)
    played = {"date": "2026-11-21", "bursts": 2, "speed": 40, "took_s": 60, "cores": 2, "load": 0.1, "versions": {}}
    rows = section(found | played).splitlines()
    assert "| megabyte-hours (PSS) | 100 | 4000 | 2.5% | 5% |" in rows
    assert "| waiting added to a request, median | 0.020 s | | | 0.1 s |" in rows
    assert {row.count("|") for row in rows if row.startswith("|")} == {6}
    drawn = picture(hushd, resident, found, seconds("8:00"), 36_000)
    assert "100 megabyte-hours" in drawn
    assert ">12:00<" in drawn


def test_a_thinned_account_keeps_every_step() -> None:
    """Points between which nothing moves are left out; the one before a step stays, so that it is drawn upright."""
    account = Account()
    for second, size in enumerate([10, 10, 10, 50, 50, 50, 50, 0]):
        account.add(second, {"supervisor": (size, size)}, {"supervisor": 1.0})
    assert [second for second, _ in account.thinned(2.0)] == [0, 2, 3, 6, 7]
