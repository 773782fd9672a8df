"""The decision about a start, in MB: by one snapshot, one answer."""

from __future__ import annotations

import pytest
from hushd_protocol.cards import Card
from hushd_supervisor.core.memory.budget import Headroom, Memory, MissingMemory, Verdict, WorkerSize
from hushd_supervisor.core.memory.cards import CardRoom
from hushd_supervisor.core.memory.decision import CARD_FULL, Decision, Need, Snapshot, Start, WorkerUse, decide
from hushd_supervisor.core.worker.memory import NO_SETBACK, Setback
from hushd_supervisor.core.worker.process import Place

MB = 1_000_000
NEED = Need(300 * MB, 200 * MB)  # on the CPU
START = Start("stt/a/x", "auto", NEED, {}, may_use_cards=False)
SNAPSHOT = Snapshot(Memory(1000 * MB, 900 * MB), 800 * MB, critical=False, workers=())
YES, NO, WAIT = Verdict(True), Verdict(False), Verdict(False, wait=True)
ON_CPU = Place(need=300 * MB)


def use(name: str, size: int, cards: dict[str, int] | None = None, promised: int = 0, **how: object) -> WorkerUse:
    """The use of a worker that takes `size` MB of the machine, and these MB of each card."""
    machine = WorkerSize(name, size * MB, **how)  # type: ignore[arg-type]
    taken = {id: part * MB for id, part in (cards or {}).items()}
    return WorkerUse(machine, taken, promised > 0, promised * MB, bool(cards))


def available(size: int, *workers: WorkerUse, critical: bool = False) -> Snapshot:
    return SNAPSHOT._replace(memory=Memory(1000 * MB, size * MB), workers=workers, critical=critical)


def room(id: str, free: int, *pending: int) -> CardRoom:
    """A card of 8000 MB, of which as many are free and others are about to be."""
    card = Card(f"cuda:{id}", id, "", 8000 * MB, free * MB)
    leaving = tuple(WorkerSize("", size * MB, leaving=True) for size in pending)
    return CardRoom(card, Headroom(8000 * MB, free * MB, 256 * MB), leaving)


def on_cards(asked: str = "auto", setback: Setback = NO_SETBACK, patient: bool = True, **needs: int) -> Start:
    """A start that takes 100 MB of the machine beside a card, and these MB of card `c0`, `c1`, or 1000."""
    each = {id: Need(100 * MB, 100 * MB, size * MB, size * MB) for id in "01" for size in [needs.get(f"c{id}", 1000)]}
    return Start("stt/a/x", asked, NEED, each, may_use_cards=True, setback=setback, patient=patient)


# --- the machine ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "verdict", "missing"), [
    (available(325), YES, 0),  # alone it takes 200, and 125 are left to other programs
    (available(324), NO, 1),
    (available(425, use("b", 400)), YES, 0),
    (available(424, use("b", 400)), NO, 1),
    (available(900, use("b", 501)), NO, 0),  # beyond the share of all workers
    (available(300, use("b", 200, idle_s=1.0)), Verdict(False, ("b",), wait=True), 0),
    (available(300, use("b", 200, leaving=True)), WAIT, 0),
    (available(700, use("b", 300, promised=276)), WAIT, 0),  # it may have taken that since
    (available(700, use("b", 300, promised=275)), YES, 0),
])  # fmt: skip
def test_the_memory_of_the_machine_decides(now: Snapshot, verdict: Verdict, missing: int) -> None:
    """A start is admitted, waits for those that leave, or is refused with the bytes that others would have to free."""
    decision = decide(START, now)
    assert decision.verdict._replace(short_by=0) == verdict
    assert decision.missing == ((MissingMemory(missing * MB),) if missing else ())
    assert (decision.place, bool(decision.message)) == (ON_CPU, verdict == NO)


def test_a_small_start_does_not_wait_for_what_others_may_have_taken() -> None:
    """A tenth of the available memory is little."""
    for need, verdict in ((70, YES), (71, WAIT)):
        start = START._replace(need=Need(need * MB, need * MB))
        assert decide(start, available(700, use("b", 300, promised=560))).verdict == verdict


def test_more_than_all_workers_may_take_is_refused_for_ever() -> None:
    for alone, ever in ((800, False), (801, True)):
        assert decide(START._replace(need=Need(900 * MB, alone * MB)), SNAPSHOT).ever is ever


@pytest.mark.parametrize(("now", "held", "missing"), [
    (available(425, critical=True), False, 0),
    (available(424, critical=True), True, 1),
    (available(424, critical=False), False, 0),
    (available(700, use("b", 400, promised=276), critical=True), True, 1),
    (available(400, use("b", 25, leaving=True), critical=True), True, 0),
    (available(400, use("b", 24, leaving=True), critical=True), True, 1),
])  # fmt: skip
def test_while_memory_is_critically_short_it_starts_what_fits_as_it_is_measured(
    now: Snapshot, held: bool, missing: int
) -> None:
    """Another start is held, and what leaving workers will not free, others would have to."""
    decision = decide(START, now)
    assert decision.held is held
    assert decision.missing == ((MissingMemory(missing * MB),) if missing else ())
    assert ("critically short" in decision.message) is held


def test_while_memory_is_critically_short_a_small_start_is_not_held() -> None:
    """It takes a tenth of the available memory at most, with what starting workers were promised."""
    start = START._replace(need=Need(10 * MB, 10 * MB))
    for promised, held in ((0, False), (10, False), (11, True)):
        workers = (use("b", 20, promised=promised),) if promised else ()
        short = SNAPSHOT._replace(memory=Memory(2000 * MB, 200 * MB), workers=workers, critical=True)
        assert decide(start, short).held is held


# --- a load that failed ---------------------------------------------------------------------------------------------

BUSY, IDLE, LEAVING = use("busy", 100, {"0": 9}), use("idle", 100, idle_s=1.0), use("leaving", 100, leaving=True)


@pytest.mark.parametrize(("setback", "workers", "verdict", "then"), [
    (Setback(1, "No."), (BUSY, IDLE), Verdict(False, ("idle",), wait=True), Setback(1, "No.", evicted=True)),
    (Setback(1, "No.", evicted=True), (BUSY, LEAVING), WAIT, Setback(1, "No.", evicted=True)),
    (Setback(1, "No.", evicted=True), (BUSY,), YES, None),
    (Setback(1, "No."), (BUSY,), NO, None),  # nobody has left, so that nothing has changed
    (Setback(2, "No.", evicted=True), (BUSY, IDLE), NO, None),
    (Setback(1, "No.", on_card=True), (IDLE,), YES, Setback(cpu_reason=CARD_FULL)),  # which holds no card
])  # fmt: skip
def test_after_a_load_that_found_too_little_memory_others_leave_once(
    setback: Setback, workers: tuple[WorkerUse, ...], verdict: Verdict, then: Setback | None
) -> None:
    """It is tried again when those have left that could; a second failure is the last, but for the CPU in the place of
    a card."""
    decision = decide(START._replace(setback=setback), available(900, *workers))
    assert (decision.verdict, decision.setback) == (verdict, then)


def test_a_refusal_after_two_loads_has_the_words_of_the_last_and_who_holds_the_memory() -> None:
    twice = START._replace(setback=Setback(2, "Too little."))
    held = "Too little. Some of it is held by busy, which cannot leave now."
    assert decide(twice, available(900, BUSY)).message == held
    assert decide(twice, available(900)).message == "Too little. No other worker holds any."


# --- cards ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "rooms", "place", "verdict"), [
    (on_cards(), (room("0", 1256), room("1", 1255)), "cuda:0", YES),
    (on_cards(), (room("0", 3000), room("1", 4000)), "cuda:1", YES),  # the emptiest
    (on_cards(), (room("0", 1255), room("1", 1255)), "cpu", YES),
    (on_cards("cuda:0"), (room("0", 3000), room("1", 4000)), "cuda:0", YES),
    (on_cards("cuda"), (room("0", 1255),), "cuda:0", NO),
    (on_cards(), (room("0", 1000, 256), room("1", 900, 300)), "cuda:0", WAIT),
    (on_cards(patient=False), (room("0", 1000, 256),), "cpu", YES),
    (on_cards("cuda", patient=False), (room("0", 1000, 256),), "cuda:0", WAIT),
    (on_cards(c0=0), (room("0", 9000), room("1", 2000)), "cuda:1", YES),  # its engine does not use the first
    (on_cards(c0=0, c1=0), (room("0", 9000),), "", YES),
    (on_cards(), (), "", YES),
    (on_cards(setback=Setback(cpu_reason="it failed")), (room("0", 9000),), "cpu", YES),
])  # fmt: skip
def test_a_start_has_the_best_card(start: Start, rooms: tuple[CardRoom, ...], place: str, verdict: Verdict) -> None:
    """A card with room is taken, one that will have some is waited for, and the CPU does for `auto` alone."""
    decision = decide(start, SNAPSHOT._replace(cards=rooms))
    assert (decision.place.device, decision.verdict._replace(short_by=0)) == (place, verdict)
    assert decision.place.need == (100 if place.startswith("cuda") else 300) * MB
    assert bool(decision.place.why) is (place == "cpu")


def test_cards_that_are_not_known_are_looked_at_first() -> None:
    """A start that may not use one does not wait for that; one that must have a card is refused if the driver fails."""
    unknown = SNAPSHOT._replace(probed=False)
    assert [decide(start, unknown).probe for start in (on_cards(), START)] == [True, False]
    broken = SNAPSHOT._replace(cards_error="no driver")
    assert decide(on_cards(), broken).place.why == "the graphics cards cannot be used: no driver"
    assert "since the graphics cards cannot be used: no driver" in decide(on_cards("cuda"), broken).message


def test_others_may_free_a_card_before_auto_is_the_cpu() -> None:
    """The card that lacks least comes first, whatever the verdict on the CPU is."""
    decision = decide(on_cards(), SNAPSHOT._replace(cards=(room("0", 1000), room("1", 1200))))
    assert [(each.card, each.vram) for each in decision.missing] == [("1", 56 * MB), ("0", 256 * MB)]
    assert decision.verdict == YES


def test_a_promise_on_a_card_may_be_taken_already() -> None:
    """A start that would fit beside it waits until it is known; one on a card of unknown size does so, too."""
    loads = use("b", 10, {"0": 1000}, promised=1)
    for free, verdict in ((2256, YES), (2255, WAIT), (1256, WAIT)):
        assert (
            decide(on_cards("cuda:0"), SNAPSHOT._replace(cards=(room("0", free),), workers=(loads,))).verdict == verdict
        )
    asleep = CardRoom(Card("cuda:0", "0", asleep=True), Headroom(1 << 60, 1 << 60, 256 * MB))
    assert decide(on_cards(), SNAPSHOT._replace(cards=(asleep,), workers=(loads,))).verdict == WAIT
    assert decide(on_cards(), SNAPSHOT._replace(cards=(asleep,))).verdict == YES


def test_the_machine_and_the_card_must_both_have_room() -> None:
    """A full machine is not a full card: the refusal names none, and others may free both at once."""
    small = available(300, use("b", 50))._replace(cards=(room("0", 1000),))
    wide = on_cards("cuda")._replace(on_cards={"0": Need(200 * MB, 200 * MB, 1000 * MB, 1000 * MB)})
    assert decide(wide, small).missing == (MissingMemory(25 * MB, "0", 256 * MB),)
    full = decide(wide, small._replace(cards=(room("0", 8000),)))
    assert (full.place, full.missing) == (Place(), (MissingMemory(25 * MB, "0", 0),))
    assert isinstance(full, Decision)
    assert "There is no memory for stt/a/x (200 MB)" in full.message
