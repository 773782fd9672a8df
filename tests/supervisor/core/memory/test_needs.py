"""Needs: estimated for a first start, on a card too, learnt from loads and jobs, and from starts that were killed."""

from __future__ import annotations

from hushd_protocol.limits import UNKNOWN_WORKER
from hushd_schema.settings import Settings
from hushd_supervisor.core.actions import Remember
from hushd_supervisor.core.memory.needs import MAX_ESTIMATES, UNKNOWN_ON_CARD, Estimated, Needs

NAME, OTHER = "tts/a/x", "stt/a/x"
MB = 1_000_000
CARD = "0000:65:00.0"
MAPPED = Estimated(memory=1150 * MB, beside_card=3400 * MB, card=4700 * MB)


def on_card(estimated: Estimated = MAPPED, **worker: float) -> Needs:
    return Needs(Settings(worker={NAME: worker}), estimate=lambda _: estimated)


def test_the_first_start_on_a_card_counts_what_is_copied_there() -> None:
    """The weights are the page cache's on the CPU; beside a card they pass through memory, and lie on the card."""
    first = on_card()
    assert (first.memory(NAME), first.memory_alone(NAME)) == (1150 * MB, 1150 * MB)
    assert (first.memory(NAME, CARD), first.memory_alone(NAME, CARD)) == (3400 * MB, 3400 * MB)
    assert (first.on_card(NAME, CARD), first.on_card_alone(NAME, CARD)) == (4700 * MB, 4700 * MB)


def test_of_whom_nothing_is_known_something_is_assumed() -> None:
    """An unknown worker never counts as one that needs nothing."""
    unknown = on_card(Estimated())
    assert unknown.memory(NAME) == unknown.memory(NAME, CARD) == UNKNOWN_WORKER
    assert unknown.on_card(NAME, CARD) == UNKNOWN_ON_CARD


def test_what_the_user_has_set_counts_more() -> None:
    """`memory_mb` is for both devices, and `vram_mb` of the card."""
    own = on_card(memory_mb=900.0, vram_mb=2500.0)
    assert own.memory(NAME) == own.memory(NAME, CARD) == 900 * MB
    assert own.on_card(NAME, CARD) == 2500 * MB


def test_a_start_that_takes_more_of_memory_beside_a_card_is_noted_there() -> None:
    """A load is compared with the need on its own device."""
    growing = on_card()
    growing.grew(NAME, 3000 * MB, CARD)
    assert growing.remember() == []
    growing.grew(NAME, 3500 * MB, CARD)
    assert growing.remember() == [Remember({f"{NAME}@cuda:load": 3500 * MB})]


def test_each_kill_asks_for_more_than_the_one_before() -> None:
    """A start that was seen with less than at its last end, since nobody looked later, needs more all the same."""
    needs = Needs(Settings())
    sizes = []
    for seen in (400 * MB, 300 * MB, 100 * MB):
        needs.killed(OTHER, seen)
        sizes.append(needs.memory(OTHER))
    assert sizes == [500 * MB, 625 * MB, 781_250_000]


def test_a_success_ends_the_fear() -> None:
    """The need is the size of the load from then on."""
    needs = Needs(Settings())
    needs.killed(OTHER, 400 * MB)
    needs.record(OTHER, 300 * MB, ready=True)
    assert needs.memory(OTHER) == needs.memory_alone(OTHER) == 300 * MB


def test_beside_nobody_the_learnt_load_counts_and_no_guess() -> None:
    """No estimate that is too low, and no large job of long ago, changes what a start alone takes."""
    for guess in (50 * MB, 5_000 * MB):
        needs = Needs(Settings(), estimate=lambda _, guess=guess: Estimated(guess))
        needs.record(OTHER, 300 * MB, ready=True)
        needs.record(OTHER, 900 * MB)
        assert (needs.memory(OTHER), needs.memory_alone(OTHER)) == (900 * MB, 300 * MB)


def test_a_conversion_says_nothing_of_the_next_pull() -> None:
    """Whatever its jobs have taken, a start of it is admitted by the little that it has by itself; of other workers
    the most that was ever seen is remembered."""
    needs = Needs(Settings())
    needs.record("models/store/local", 6_000_000_000)
    needs.record("stt/moonshine/tiny-en", 300_000_000)
    assert needs.remember() == [Remember({"stt/moonshine/tiny-en": 300_000_000})]
    assert needs.memory("models/store/local") == 60_000_000


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    """Each is estimated once, until there are too many names."""
    asked: list[str] = []

    def estimate(name: str) -> Estimated:
        asked.append(name)
        return Estimated(memory=MB)

    needs = Needs(Settings(), estimate=estimate)
    names = [f"stt/a/{number}" for number in range(MAX_ESTIMATES + 1)]
    for name in (*names[:-1], *names[:-1]):
        assert needs.memory(name) == MB
    assert asked == names[:-1]
    needs.memory(names[-1])
    needs.memory(names[0])
    assert asked == [*names, names[0]]


def test_another_cards_size_is_the_largest_that_was_learnt() -> None:
    """Of a card that was not tried yet: neither a load alone counts, nor a size that an older hushd noted by a number,
    which may be of another card by now. A worker that took nothing of any card uses none."""
    other = "0000:01:00.0"
    table = {f"{NAME}@{other}": 3000 * MB, f"{NAME}@{other}:ready": 9000 * MB, f"{NAME}@cuda:0": 8000 * MB}
    needs = Needs(Settings(), table, estimate=lambda _: MAPPED)
    assert (needs.on_card(NAME, CARD), needs.on_card(NAME, other)) == (3000 * MB, 3000 * MB)
    assert needs.uses_cards(NAME)
    assert not Needs(Settings(), {f"{NAME}@{other}": 0}, estimate=lambda _: MAPPED).uses_cards(NAME)
    assert needs.uses_cards(OTHER)
    assert not needs.uses_cards("models/a/x")
