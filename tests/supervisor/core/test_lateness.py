"""A supervisor that was late itself blames nobody: clients are not silent, players not gone, starts not too slow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.connections import MISSED_PONGS, PING_S, QUIET_PONGS
from hushd_supervisor.core.pool import STANDSTILL_S
from hushd_supervisor.core.worker.lifecycle import ALARM_S, BEAT_TIMEOUT_S, EXIT_TIMEOUT_S, ROOM_S
from hushd_supervisor.core.worker.request import NO_CREDIT_TIMEOUT_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, B, House


class DeafHouse(House):
    """Clients answer no ping until they are told to."""

    def _take(self, actions: list[do.Action]) -> list[do.Action]:
        self.done += actions
        return actions


def asked(route: bytes = ROUTE) -> tuple[DeafHouse, bytes]:
    """A pool with a request that runs, whose client answers no pings."""
    house = DeafHouse()
    request = house.request(A)
    house.tell(ev.Spawned(A, 1))
    house.ready(A)
    return house, request


def test_a_client_that_was_not_pinged_in_time_has_missed_nothing() -> None:
    """Each ping comes three seconds late, as in a supervisor that works on its kills: no request is cancelled."""
    house, request = asked()
    for _ in range(2 * MISSED_PONGS):
        house.now += PING_S + STANDSTILL_S + 0.5
        house.says(A, m.Beat(cpu_s=house.now))
        house.tick()
        assert house.code(request) == ""
    assert not [action for action in house.of(do.Log) if "stopped answering" in action.text]


def test_a_player_keeps_the_loudspeaker_while_the_supervisor_is_deaf() -> None:
    """It was not pinged for long; from then on three pings without an answer count, in six seconds."""
    house = DeafHouse()
    claim = b"c" * 16
    house.tell(ev.FromClient(ROUTE, m.Claim(id=claim, devices=["speaker"], priority="text")))
    house.wait(2 * PING_S)
    house.now += QUIET_PONGS * PING_S + STANDSTILL_S + 1
    house.tick()
    assert not [action for action in house.of(do.Log) if "turn has stopped answering" in action.text]
    house.wait(QUIET_PONGS * PING_S - 0.1)
    assert not [action for action in house.of(do.Log) if "turn has stopped answering" in action.text]
    house.wait(0.2)
    assert [action for action in house.of(do.Log) if "turn has stopped answering" in action.text]


def test_a_process_that_is_killed_is_said_to_live_once_it_has_had_its_time() -> None:
    """A sleep does not count: a line about the kernel would have people look for a cause that is not there."""
    house = House()
    house.busy(A)
    house.wait(BEAT_TIMEOUT_S)
    assert house.state(A) is State.KILLING
    house.now += ALARM_S + STANDSTILL_S  # asleep
    house.tick()
    house.wait(ALARM_S - 0.1)
    assert len(house.of(do.Kill)) == 1
    house.wait(0.2)
    assert len(house.of(do.Kill)) == 2


def test_a_client_that_could_not_be_read_has_its_patience_beside_a_sleep() -> None:
    """A client may grant nothing for a minute, to which a sleep of the machine does not count."""
    house = House()
    request = house.request(A, credit=0)
    house.ready(A)
    house.work(A, 30.0)
    house.now += NO_CREDIT_TIMEOUT_S + STANDSTILL_S  # asleep
    house.tick()
    house.work(A, NO_CREDIT_TIMEOUT_S - 32)
    assert house.code(request) == ""
    house.work(A, 4)
    assert house.code(request) == "slow_consumer"


def test_a_sleep_is_excused_once() -> None:
    """A beat that is read after it, before anything overdue was done, gives a start no more time than it lost."""
    house = House()
    house.idle(A)
    house.request(B)
    house.says(B, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.now += 100.0
    house.tell(ev.FromClient(ROUTE, m.Pong()))
    house.says(A, m.Beat(cpu_s=1.0))
    house.wait(WorkerSettings().start_timeout - 0.1)
    assert house.state(B) is State.STARTING
    house.wait(0.2)
    assert house.state(B) is State.KILLING


def draining() -> House:
    house = House()
    house.busy(A)
    house.control("shutdown")
    return house


def stopping() -> House:
    house = House()
    house.idle(A)
    house.control("unload", A)
    return house


def waiting() -> House:
    """B is asked to leave for A, and does not even die of SIGKILL."""
    house = House()
    house.idle(B)
    house.available = 200 * MB
    house.request(A)
    return house


@pytest.mark.parametrize(
    ("begun", "limit_s", "during", "after"),
    [
        (draining, WorkerSettings().drain_timeout, State.DRAINING, State.KILLING),
        (stopping, EXIT_TIMEOUT_S, State.STOPPING, State.KILLING),
        (waiting, ROOM_S, State.WAITING, State.STOPPED),
    ],
)
def test_a_sleep_takes_nothing_of_the_time_that_a_state_has(
    begun: Callable[[], House], limit_s: float, during: State, after: State
) -> None:
    """A drain, an exit and the wait for room each go on for as long as if the machine had not slept, and no longer."""
    house = begun()
    house.now += limit_s + STANDSTILL_S  # asleep
    house.tick()
    for _ in range(int(limit_s) - 1):
        if during is State.DRAINING:
            house.says(A, m.Beat(cpu_s=house.now))
        house.wait(1.0)
    assert house.state(A) is during
    house.wait(2.0)
    assert house.state(A) is after


def test_a_process_that_drains_has_to_beat() -> None:
    """Its jobs have a minute, and a hang is not one of them."""
    house = draining()
    house.wait(BEAT_TIMEOUT_S - 0.1)
    assert house.state(A) is State.DRAINING
    house.wait(0.2)
    assert house.state(A) is State.KILLING
