"""A supervisor that was late itself blames nobody: clients are not silent, players not gone, starts not too slow."""

from __future__ import annotations

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.connections import PING_S
from hushd_supervisor.core.floor import LEASE_S
from hushd_supervisor.core.pool import LATE_S
from hushd_supervisor.core.worker.lifecycle import ALARM_S, GRACE_S
from hushd_supervisor.core.worker.progress import HELLO_S
from hushd_supervisor.core.worker.request import CANCEL_S, UNHEARD_STILL_S
from hushd_supervisor.core.worker.states import State
from support.house import ROUTE, A, House


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
    for _ in range(20):
        house.now += PING_S + LATE_S + 0.5
        house.says(A, m.Beat(cpu_s=house.now))
        house.tick()
        assert house.code(request) == ""
    assert not [action for action in house.of(do.Log) if "stopped answering" in action.text]


def test_a_client_that_is_pinged_in_time_and_silent_is_given_up() -> None:
    """The watch goes on where the supervisor is punctual."""
    house, _ = asked()
    for _ in range(5):
        house.now += PING_S
        house.says(A, m.Beat(cpu_s=house.now))
        house.tick()
    assert [action for action in house.of(do.Log) if "stopped answering" in action.text]


def test_a_player_keeps_the_loudspeaker_while_the_supervisor_is_deaf() -> None:
    """It was not pinged for longer than its lease lasts; from then on it counts."""
    house = DeafHouse()
    claim = b"c" * 16
    house.tell(ev.FromClient(ROUTE, m.Claim(id=claim, devices=["speaker"], priority="text")))
    house.now += LEASE_S + LATE_S + 1
    house.tick()
    assert not [action for action in house.of(do.Log) if "turn has stopped answering" in action.text]
    house.wait(LEASE_S + 0.1)
    assert [action for action in house.of(do.Log) if "turn has stopped answering" in action.text]


def test_a_job_that_nobody_waits_for_is_not_blamed_for_sleep_either() -> None:
    """The machine sleeps twice for 4 s, short of the 10 s in which a cancelled job must show work: its process stays.
    The supervisor has looked in between, though no client waits for anything."""
    house, request = asked()
    house.tell(ev.FromClient(ROUTE, m.Cancel(id=request)))
    house.says(A, m.Beat(cpu_s=1.0))
    for _ in range(2):
        house.wait(PING_S - 0.1)
        house.now += 4.0  # asleep
        house.tick()
    house.wait(0.5)
    assert house.state(A) is not State.KILLING
    house.wait(UNHEARD_STILL_S)
    assert house.state(A) is State.KILLING


@pytest.mark.parametrize("first", [m.Beat(cpu_s=1.0), None])
def test_the_part_of_a_sleep_before_a_deadline_counts_for_nobody(first: m.Beat | None) -> None:
    """The engine has 2 s to obey, of which the machine is awake for a half, and sleeps thrice: its process stays until
    the other half has passed too, whether a message or the clock comes first."""
    house, request = asked()
    house.tell(ev.FromClient(ROUTE, m.Cancel(id=request)))
    house.control("unload", A)
    assert house.worker(A).jobs.running.uncancelled == 0
    for _ in range(3):
        house.wait(CANCEL_S / 6)
        house.tell(ev.FromClient(ROUTE, m.Pong()))  # awake until now
        house.now += 8.0  # asleep
        if first:
            house.says(A, first)
        house.tick()
        assert house.state(A) is not State.KILLING
    house.wait(CANCEL_S / 2 - 0.1)
    assert house.state(A) is not State.KILLING
    house.wait(0.2)
    assert house.state(A) is State.KILLING


def test_a_sleep_is_excused_once() -> None:
    """Many beats that lie unread give a worker that drains no more time than it has slept."""
    house, _ = asked()
    house.tell(ev.Shutdown())
    assert house.state(A) is State.DRAINING
    limit = house.worker(A).settings.drain_timeout
    house.now += 20.0
    for _ in range(9):
        house.says(A, m.Beat(cpu_s=house.now))
    house.tick()
    while house.state(A) is State.DRAINING and house.now < 100.0 + 10 * limit:
        house.wait(1.0)
        house.says(A, m.Beat(cpu_s=house.now))
    assert house.now <= 100.0 + limit + 20.0 + LATE_S + 1.0


def test_a_job_that_is_to_end_has_its_time_beside_a_sleep() -> None:
    """A job may go on for a while after the supervisor was told to leave; a sleep of the machine takes none of it."""
    house = House()
    house.busy(A)
    house.tell(ev.Shutdown())
    limit = house.worker(A).settings.drain_timeout
    house.now += limit + LATE_S  # asleep
    house.tick()
    assert house.state(A) is State.DRAINING
    end = house.now + limit - 1.0
    while house.now < end:
        house.wait(1.0)
        house.says(A, m.Beat(cpu_s=house.now))
    assert house.state(A) is State.DRAINING


def test_a_process_that_died_while_the_machine_slept_is_not_said_to_outlive_its_kill() -> None:
    """It is seen to end when the supervisor wakes up; and one that is not, 5 s later."""
    house, _ = asked()
    house.control("unload", A, force=True)
    house.wait(CANCEL_S + 0.1)
    assert house.state(A) is State.KILLING
    house.now += ALARM_S + LATE_S
    house.tick()
    assert not [action for action in house.of(do.Log) if "SIGKILL" in action.text]
    house.wait(ALARM_S)
    assert [action for action in house.of(do.Log) if "SIGKILL" in action.text]


def test_a_worker_that_was_told_to_leave_before_the_machine_slept_has_its_time() -> None:
    """It is not killed for a grace in which it did not run; and is, for one in which it did."""
    house, request = asked()
    house.says(A, m.Result(id=request))
    house.tell(ev.FromClient(ROUTE, m.Control(id=b"u" * 16, action="unload", names=[A])))
    assert house.state(A) is State.STOPPING
    house.now += GRACE_S + LATE_S + 0.1  # asleep
    house.tick()
    assert house.state(A) is State.STOPPING
    house.wait(GRACE_S + 0.1)
    assert house.state(A) is State.KILLING


def test_a_start_counts_from_when_the_process_was_started() -> None:
    """One that waits behind forty others for its start is not too slow for that; once it runs it must say hello."""
    house = DeafHouse()
    house.request(A)
    house.wait(10 * HELLO_S)
    assert house.state(A) is State.STARTING
    house.tell(ev.Spawned(A, 1))
    house.wait(HELLO_S - 0.1)
    assert house.state(A) is State.STARTING
    house.wait(0.2)
    assert house.state(A) is State.KILLING
