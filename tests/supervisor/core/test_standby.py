"""Templates in the pool: when they start and leave, what of memory they count for, and who is forked from them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hushd_schema.settings import Settings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core import standby
from hushd_supervisor.core.memory.pressure import Level
from support.house import MB, A, B, C, House

ENGINE = "stt/a"
P = standby.Phase


def phase(house: House) -> standby.Phase:
    return P(next(row.state for _, row in house.pool.templates() if row.name == ENGINE))


def started(house: House) -> list[do.Action]:
    """Waits until a template starts."""
    house.wait(standby.CALM_S + 1)
    return house.of(do.Prepare)


def ready(**options: object) -> House:
    """A pool with one template that is ready."""
    house = House(standby=(ENGINE,), **options)  # type: ignore[arg-type]
    started(house)
    house.tell(ev.TemplateReady(ENGINE, 1, 40 * MB))
    assert phase(house) is P.READY
    return house


def gone(house: House, final: bool = False) -> None:
    house.tell(ev.TemplateGone(ENGINE, house.of(do.Prepare)[-1].gen, "it died", final))


# What each stimulus makes of each phase; what is not named leaves it as it is.
STIMULI: dict[str, Callable[[standby.Template], object]] = {
    "start": lambda t: t.start(2, 0.0) if t.phase is P.ABSENT else None,
    "measured": lambda t: t.ready(standby.GUESS),
    "release": lambda t: t.release(1.0, "it makes room"),
    "gone": lambda t: t.gone(ev.TemplateGone("e", t.gen, "it died"), 1.0),
    "final": lambda t: t.gone(ev.TemplateGone("e", t.gen, "no", final=True), 1.0),
    "an old one's end": lambda t: t.gone(ev.TemplateGone("e", t.gen - 1, "it died"), 1.0),
    "configuration": lambda t: t.forgive(),
}
TABLE = {
    P.ABSENT: {"start": P.STARTING},
    P.STARTING: {
        "measured": P.READY, "release": P.LEAVING, "gone": P.ABSENT, "final": P.ABSENT,
    },
    P.READY: {"release": P.LEAVING, "gone": P.ABSENT, "final": P.ABSENT},
    P.LEAVING: {"gone": P.ABSENT, "final": P.ABSENT},
}  # fmt: skip


def template_in(phase: standby.Phase) -> standby.Template:
    """A template brought into a phase along the table."""
    template = standby.Template("e")
    if phase is not P.ABSENT:
        template.start(1, 0.0)
    if phase in (P.READY, P.LEAVING):
        template.ready(standby.GUESS)
    if phase is P.LEAVING:
        template.release(0.6, "it makes room")
    assert template.phase is phase
    return template


@pytest.mark.parametrize(("before", "stimulus"), list(itertools.product(standby.Phase, STIMULI)), ids=str)
def test_every_phase_answers_every_stimulus(before: standby.Phase, stimulus: str) -> None:
    """One row of the table of moves."""
    template = template_in(before)
    STIMULI[stimulus](template)
    assert template.phase is TABLE[before].get(stimulus, before)


def test_the_moves_have_no_twins_and_every_phase_can_be_left() -> None:
    """The table names each pair of phases once, and no phase is a dead end."""
    assert len(standby.ALLOWED) == len(standby.MOVES)
    assert {move.source for move in standby.MOVES} == set(standby.Phase) == {move.target for move in standby.MOVES}


def test_it_starts_once_it_is_calm() -> None:
    """A template takes no core from a worker that starts, and starts a moment after the last has."""
    house = House(standby=(ENGINE,))
    house.request(A)
    house.wait(8)
    assert not house.of(do.Prepare)
    house.ready(A)
    house.wait(standby.CALM_S - 0.1)
    assert not house.of(do.Prepare)
    house.wait(0.2)
    assert house.of(do.Prepare) == [do.Prepare(ENGINE, 1)]
    house.wait(3600)
    assert len(house.of(do.Dismiss)) == 1, f"one that is not ready within {standby.START_S} s is ended"


def test_one_that_is_not_ready_in_time_is_ended_however_late_that_is_seen() -> None:
    """The supervisor was asleep at the moment itself."""
    house = House(standby=(ENGINE,))
    started(house)
    house.now += standby.START_S + 60.0
    house.tick()
    assert house.of(do.Dismiss) == [do.Dismiss(ENGINE, 1)]


def test_workers_are_forked_from_a_template_that_is_ready() -> None:
    """Every model of its engine is, and no other engine's; none while it starts, or once it is gone."""
    house = House(standby=(ENGINE,))
    started(house)
    house.request(B)
    house.tell(ev.TemplateReady(ENGINE, 1, 40 * MB))
    house.ready(B)
    house.finish(B)
    house.request(A)
    assert [(spawn.worker, spawn.template) for spawn in house.of(do.Spawn)] == [(B, 0), (A, 1)]
    house.exit(A, 1)
    gone(house)
    house.wait(1)
    assert [(spawn.worker, spawn.template) for spawn in house.of(do.Spawn)][2:] == [(A, 0)]


@pytest.mark.parametrize("own", [{"command": ("mine",)}, {"environment": {"OMP_NUM_THREADS": "1"}}], ids=str)
def test_a_worker_with_a_program_or_an_environment_of_its_own_is_not_forked(own: dict[str, object]) -> None:
    """The imports of a template are made by the engine's program, in the engine's environment."""
    house = ready(worker={A: own})
    house.request(A)
    (spawn,) = house.of(do.Spawn)
    assert spawn.template == 0


def test_it_is_the_first_to_make_room() -> None:
    """A start for which memory lacks ends the template, though a worker has been idle for long."""
    house = ready()
    house.idle(C)
    house.total = 790 * MB  # of which 632 are for workers: both fit, and the template beside them does not
    house.wait(100)
    house.request(B)
    assert house.of(do.Dismiss) == [do.Dismiss(ENGINE, 1)]
    assert house.drained() == []
    gone(house)
    assert house.spawned()[-1] == B


def test_it_counts_for_what_its_end_would_give_back() -> None:
    """The budget has the size that it had when it was ready; news of an earlier process changes nothing."""
    for total, leaves in ((801, False), (799, True)):  # of which 640.8 and 639.2 are for workers
        house = ready()
        house.tell(ev.TemplateReady(ENGINE, 0, 90 * MB))
        assert [(gen, row.state, row.private_mb) for gen, row in house.pool.templates()] == [(1, "ready", 40.0)]
        house.idle(C)
        house.total = total * MB
        house.request(B)
        assert (len(house.of(do.Dismiss)), house.spawned() == [C, B]) == (leaves, not leaves)


@pytest.mark.parametrize("level", [Level.WARNING, Level.CRITICAL], ids=str)
def test_pressure_ends_it_first_and_it_comes_back(level: Level) -> None:
    """A warning is enough, before any worker leaves; another starts after a pause, once memory is not short."""
    house = ready()
    house.idle(C)
    before = len(house.done)
    house.press(level)
    leaving = [action for action in house.done[before:] if isinstance(action, do.Dismiss | do.ToWorker)]
    assert leaving[0] == do.Dismiss(ENGINE, 1)
    assert (house.drained() == [C]) == (level is Level.CRITICAL)
    gone(house)
    house.wait(standby.PAUSE_S - 1)
    assert len(house.of(do.Prepare)) == 1
    house.wait(standby.CALM_S + 2)
    assert house.of(do.Prepare)[1:] == [do.Prepare(ENGINE, 2)]


def test_the_next_one_comes_ten_minutes_after_a_death_and_none_after_a_refusal() -> None:
    """A refusal holds until the configuration is read again; `status` has the reason."""
    house = ready()
    gone(house)
    house.wait(standby.DEATH_PAUSE_S - 1)
    assert len(house.of(do.Prepare)) == 1
    house.wait(2)
    assert len(house.of(do.Prepare)) == 2
    gone(house, final=True)
    house.wait(10 * standby.DEATH_PAUSE_S)
    assert len(house.of(do.Prepare)) == 2
    assert house.pool.templates()[0][1].why == "it died"
    house.tell(ev.Configured(Settings(standby=(ENGINE,))))
    assert len(started(house)) == 3


@pytest.mark.parametrize(
    ("short", "enough"),
    [
        ((1000 * MB, 125 * MB + standby.GUESS - 1), (1000 * MB, 125 * MB + standby.GUESS)),  # 125 are left to others
        ((450 * MB - 1, 450 * MB), (450 * MB, 450 * MB)),  # of which 360 are for workers
    ],
)
def test_none_starts_where_there_is_no_room(short: tuple[int, int], enough: tuple[int, int]) -> None:
    """To the last byte; nobody leaves for a template, it looks again after a while, and `status` has the reason."""
    house = House(standby=(ENGINE,))
    house.idle(C)
    house.total, house.available = short
    house.wait(10)
    assert not house.of(do.Prepare)
    assert house.drained() == []
    assert house.pool.templates()[0][1].why == "there is no room for it"
    house.total, house.available = enough
    house.wait(standby.PAUSE_S)
    assert house.of(do.Prepare)


def test_the_configuration_decides() -> None:
    """One that is no longer wanted, or whose environment changes, leaves; one that is new starts."""
    house = ready()
    house.tell(ev.Configured(replace(house.settings, duck=0.0)))
    assert (house.of(do.Dismiss), phase(house)) == ([], P.READY)
    changed = {ENGINE: {"environment": {"X": "1"}}}
    house.tell(ev.Configured(Settings(standby=(ENGINE, "tts/c"), worker=changed)))
    assert house.of(do.Dismiss) == [do.Dismiss(ENGINE, 1)]
    house.tell(ev.TemplateGone(ENGINE, 1, "killed"))
    assert {prepared.name for prepared in started(house)[1:]} == {ENGINE, "tts/c"}
    house.tell(ev.Configured(Settings()))
    assert len(house.of(do.Dismiss)) == 3
    for prepared in house.of(do.Prepare)[1:]:
        house.tell(ev.TemplateGone(prepared.name, prepared.gen, "killed"))
    assert house.pool.templates() == []
