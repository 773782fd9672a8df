"""The user's own program that frees memory: when it is run, who waits for it, and what follows."""

from __future__ import annotations

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_schema.settings.tables import MemorySettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.when_short import RELIEF_RETRY_DELAY_S, SHOWN_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, A, B, House

PLACE = "0000:65:00.0"


def house(available: int = 400, **options: object) -> House:
    """Memory lacks for a worker of 300 MB: 125 MB stay available to others."""
    made = House(memory=MemorySettings(when_short=["free", "it"]), **options)
    made.available = available * MB
    return made


def runs(house: House) -> list[do.Relieve]:
    return [action for action in house.done if isinstance(action, do.Relieve)]


def notes(house: House) -> list[str]:
    """The notes that told clients why their requests wait."""
    return [a.message.note for a in house.done if isinstance(a, do.ToClient) and isinstance(a.message, m.Accepted)]


def test_a_start_that_lacks_memory_waits_for_the_program_and_then_fits() -> None:
    """It is told the bytes that lack, and the client what it waits for; the kernel's figures let the start go on."""
    it = house()
    request = it.request(A)
    assert runs(it) == [do.Relieve(("free", "it"), A, 25 * MB, 0, "", "")]
    assert it.state(A) is State.WAITING
    assert notes(it)[-1] == "waiting for others to free 25 MB"
    it.available = 900 * MB
    it.tell(ev.Relieved(freed=True))
    assert it.spawned() == [A]
    it.ready(A)
    it.finish(A)
    assert it.code(request) == "result"


def test_a_program_that_frees_nothing_ends_in_the_usual_refusal() -> None:
    """It ends at once where the program says so; where that lies, when memory has not been seen free for a moment."""
    it = house()
    request = it.request(A)
    it.tell(ev.Relieved(freed=False))
    assert it.code(request) == "server_busy"
    it.wait(RELIEF_RETRY_DELAY_S)
    request = it.request(A)
    it.tell(ev.Relieved(freed=True))
    assert it.code(request) == ""
    it.wait(SHOWN_S + 0.2)
    assert it.code(request) == "server_busy"
    assert it.code(it.request(A)) == "server_busy"
    assert it.code(it.request(B)) == "server_busy"  # nor is it run for another one soon
    assert len(runs(it)) == 2


def test_one_program_runs_at_a_time() -> None:
    """A second start waits for the first one's program, and has one of its own only if that did not suffice."""
    it = house()
    it.request(A)
    second = it.request(B)
    assert len(runs(it)) == 1
    it.available = 500 * MB
    it.tell(ev.Relieved(freed=True))
    assert it.spawned() == [A]
    assert it.code(second) == ""
    it.available = 200 * MB  # A loads
    it.wait(SHOWN_S + 0.2)
    assert [run.worker for run in runs(it)] == [A, B]


@pytest.mark.parametrize("freed", [True, False])
def test_memory_of_a_card_is_asked_for_by_its_name_and_place(freed: bool) -> None:
    """It is asked for before `auto` goes to the CPU; the card is looked at anew when the program has ended."""
    it = house(900, cards=[Card("cuda:0", PLACE, "", 8000 * MB, 1000 * MB)], worker={"": {"vram_mb": 3000.0}})
    it.request(A)
    [run] = runs(it)
    assert (run.device, run.card, run.ram, run.vram) == ("cuda:0", PLACE, 0, (3000 + 256 - 1000) * MB)
    it.free("cuda:0", 8000 * MB)
    it.tell(ev.Relieved(freed=freed))
    it.wait(1.0)
    assert [spawn.card for spawn in it.done if isinstance(spawn, do.Spawn)] == ["cuda:0"]


def test_memory_of_the_machine_and_of_a_card_is_asked_for_at_once() -> None:
    """The client hears of both in one sum."""
    it = house(cards=[Card("cuda:0", PLACE, "", 8000 * MB, 381 * MB)], worker={"": {"vram_mb": 1000.0}})
    it.request(A)
    [run] = runs(it)
    assert (run.ram, run.vram) == (125 * MB, 875 * MB)
    assert notes(it)[-1] == "waiting for others to free 1.0 GB"


def test_where_memory_is_critically_short_it_is_asked_for_enough_to_end_that() -> None:
    """The pressure from before it freed memory holds nobody back afterwards."""
    it = house(30)
    it.request(A)
    [run] = runs(it)
    assert run.ram == (300 + 125 - 30) * MB
    it.available = 900 * MB
    it.tell(ev.Relieved(freed=True))
    assert it.spawned() == [A]
