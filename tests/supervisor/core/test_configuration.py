"""Another configuration while workers run: what follows it at once, and what first finishes."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_schema.settings import Settings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.worker.states import State
from msgspec.structs import replace
from support.house import A, B, House


def configure(house: House, worker: dict[str, dict[str, Any]] | None = None, **changes: Any) -> None:
    """The file of the configuration was read again, with other options of workers."""
    tables = {"": {"memory_mb": 300.0}, **(worker or {})}
    house.settings = replace(house.settings, worker=tables, **changes)
    house.tell(ev.Configured(house.settings))


def test_a_need_that_the_user_has_written_counts_from_then_on() -> None:
    """A worker that never ran takes what the new file says: too much before, and little now, or the other way."""
    house = House({A: {"memory_mb": 2000.0}})
    assert house.code(house.request(A)) != ""
    configure(house, {B: {"memory_mb": 2000.0}})
    assert house.code(house.request(A)) == ""
    assert house.spawned() == [A]
    assert house.code(house.request(B)) != ""
    assert house.spawned() == [A]


def test_the_share_of_memory_counts_from_then_on() -> None:
    """A worker that had no room beside a busy one has room now."""
    house = House(memory_share=0.5)
    house.busy(A)
    assert house.code(house.request(B)) == "server_busy"
    configure(house, memory_share=0.9)
    assert house.code(house.request(B)) == ""
    assert house.spawned() == [A, B]


def test_only_a_process_whose_own_options_have_changed_leaves() -> None:
    """An idle one at once; the file's other workers stay."""
    house = House()
    house.idle(A)
    house.idle(B)
    configure(house)
    assert house.drained() == []
    configure(house, {A: {"compute_device": "cpu", "memory_mb": 300.0}})
    assert house.drained() == [A]
    assert house.state(B) is State.READY
    house.leave(A)
    house.request(A)
    assert house.spawned() == [A, B, A]


def test_a_busy_process_finishes_its_job_and_who_waits_has_the_new_one() -> None:
    """Neither request is lost, however long the job takes; each is answered once."""
    house = House()
    running, waiting = house.busy(A), house.request(A)
    configure(house, {A: {"compute_device": "cpu", "memory_mb": 300.0}})
    house.work(A, 200.0)
    assert (house.drained(), house.code(running)) == ([], "")
    house.finish(A)
    assert (house.code(running), house.code(waiting), house.drained()) == ("result", "", [A])
    house.leave(A)
    assert house.spawned() == [A, A]
    house.ready(A)
    house.finish(A)
    assert house.code(waiting) == "result"


@pytest.mark.parametrize(("first", "then", "stays"), [(300.0, 5.0, False), (5.0, 300.0, True)])
def test_the_rest_of_an_idle_worker_is_the_new_one(first: float, then: float, stays: bool) -> None:
    """It counts from now, and nobody is started for it."""
    house = House({A: {"keep_alive": first, "memory_mb": 300.0}})
    house.idle(A)
    configure(house, {A: {"keep_alive": then, "memory_mb": 300.0}})
    house.wait(4.0)
    assert house.drained() == []
    house.wait(2.0)
    assert (house.drained() == []) is stays
    assert house.spawned() == [A]


def test_a_default_model_is_the_new_one_for_the_next_request() -> None:
    """The one that runs goes on under its own name."""
    house = House()
    first = house.request("stt")
    house.ready(house.spawned()[0])
    configure(house, stt="b/y")
    house.request("stt")
    assert house.spawned() == ["stt/a/x", "stt/b/y"]
    house.finish("stt/a/x")
    assert house.code(first) == "result"


def test_that_it_was_read_again_is_logged_once() -> None:
    """Whatever has changed."""
    house = House()
    configure(house, {A: {"memory_mb": 400.0}})
    assert [action.text for action in house.of(do.Log) if "read again" in action.text] == [
        "the configuration was read again"
    ]
    assert isinstance(house.settings, Settings)
