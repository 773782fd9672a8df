"""Tests of the answer to `status`: what it costs those who wait while somebody asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_schema.status import DoorStatus, GatewayStatus, ListenerStatus
from hushd_supervisor.core import actions as do
from hushd_supervisor.core.events import FromClient
from hushd_supervisor.system import status
from hushd_supervisor.system.memory import measure
from hushd_supervisor.system.memory.measure import Usage
from hushd_supervisor.system.status import FRESH_S, Usages
from support.house import MB, ROUTE, A, B, House


def test_a_process_is_measured_ten_times_a_second_at_most() -> None:
    """A flood of `status` measures each process once, until the measure is a tenth of a second old."""
    measured: list[int] = []

    def usage(pid: int) -> Usage:
        measured.append(pid)
        return Usage(len(measured), 0, 0)

    now = 50.0
    usages = Usages(usage, lambda: now)
    for number in range(1000):
        now = 50.0 + number * FRESH_S / 1000
        assert (usages.of(1), usages.of(2)) == (Usage(1, 0, 0), Usage(2, 0, 0))
    assert measured == [1, 2]
    now = 50.0 + FRESH_S
    assert usages.of(1) == Usage(3, 0, 0)


GOLDEN = Path(__file__).with_name("status.json")


def test_the_answer_is_the_golden_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key, in its order and form: programs read `hushd status --json`."""
    monkeypatch.setattr("os.getpid", lambda: 4711)
    monkeypatch.setattr(measure, "resident_usage", lambda pid: Usage(1_000_000, 0, 0))
    monkeypatch.setattr(status, "__version__", "0.1.0")
    house = House(cards=[Card("cuda:0", "0000:01:00.0", "NVIDIA X", 24000 * MB, 20000 * MB)])
    house.idle(A, cards={"0000:01:00.0": 812 * MB})
    house.request(A, keep_alive=900.0), house.finish(A)
    house.request(B), house.ready(B)
    house.control("unload", "wake", for_s=30.0)
    house.tell(FromClient(ROUTE, m.Claim(id=bytes(16), devices=["speaker"])))
    house.wait(2.5)

    def usage(pid: int) -> Usage:
        return Usage(pid * MB, pid * 900_000, pid * 1_100_000, pid * 600_000, pid * 400_000)

    gateway = GatewayStatus(pid=33, starts=2, rss_mb=None)
    listeners = (ListenerStatus(kind="http", address="127.0.0.1:8890", service=False),)
    door = DoorStatus(listeners=listeners, gateway=gateway)
    pids = {(name, house.gen(name)): 300 + number for number, name in enumerate((A, B))}
    asked = house.control("status")
    (floor,) = [action.floor for action in house.of(do.ReportStatus) if action.id == asked]
    report = status.report(house.pool.status(house.now), house.pool.memory(house.now), floor, pids, 12.34, usage, door)
    assert json.dumps(report.data(), indent=2) + "\n" == GOLDEN.read_text()
