"""Scripts that have failed once, written down."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
from simulation.replay import violations
from simulation.script import Script

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the simulated machine is a Linux"),
    pytest.mark.skipif(find_spec("greenlet") is None, reason="needs the package greenlet"),
]

WORK = ("hear_stream", "say", "speak_aloud", "hear", "save", "say")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.night) for seed in range(2, 5))])
def test_a_supervisor_that_leaves_refuses_a_client_once(seed: int) -> None:
    """One that a service manager has started keeps its socket, and is told twice to leave while it works: a client asks
    again once it has gone, and does not spend its attempts on it."""
    told = tuple((0.4 + 0.3 * number, "term", "supervisor", 0) for number in range(30))
    clients = (WORK, WORK[::-1], WORK)
    assert violations(Script(seed, 12.0, clients, told, loops=(1,), door="manager", visitors=(("rest",),))) == []


@pytest.mark.parametrize("moment", [0.9, 0.95])
def test_a_start_outlives_a_standstill(moment: float) -> None:
    """The machine stands still for 40 s while a supervisor starts: its client does not count them to the 30 s that this
    may take."""
    faults = ((moment, "freeze", 20.0), (moment + 19.9, "freeze", 20.0))
    assert violations(Script(5, 45.0, (("status",),), faults)) == []


def test_a_door_without_a_gateway_says_so() -> None:
    """Gateways are killed as they start: a request by HTTP that none has received gets its 503."""
    killed = tuple((1.0 + 0.25 * number, "kill", "gateway", 0, 0) for number in range(60))
    visitors = (("speech",) * 8,) * 5
    assert violations(Script(1, 16.0, (("rest",),), killed, door="manager", visitors=visitors)) == []


@pytest.mark.parametrize("seed", [4, *(pytest.param(seed, marks=pytest.mark.night) for seed in range(5, 7))])
def test_a_supervisor_answers_while_it_waits_for_its_gateway(seed: int) -> None:
    """Its gateway is stopped as it leaves, and the machine for 3 s of that time: clients wait for its end, and do not
    give it up as one that says nothing."""
    faults = ((3.0, "stop", "gateway", 0, 9.0), (3.1, "term", "supervisor", 0), (7.0, "freeze", 3.0))
    visitors = (("speech",) * 3, ("transcript",) * 4)
    clients = (WORK * 2, WORK[::-1] * 2, WORK * 2)
    assert violations(Script(seed, 12.0, clients, faults, loops=(1,), door="manager", visitors=visitors)) == []
