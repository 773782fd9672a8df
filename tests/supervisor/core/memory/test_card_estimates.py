"""The first needs of a worker on a graphics card, where weights are copies that are pages of their files on a CPU."""

from __future__ import annotations

from hushd_schema.settings import Settings
from hushd_supervisor.core.memory.needs import Estimated, Needs

NAME = "tts/a/x"
MB = 1_000_000
CARD = "0000:65:00.0"
MAPPED = Estimated(memory=1150 * MB, beside_card=3400 * MB, card=4700 * MB)


def needs(estimated: Estimated = MAPPED, **worker: float) -> Needs:
    return Needs(Settings(worker={NAME: worker}), estimate=lambda _: estimated)


def test_the_first_start_on_a_card_counts_what_is_copied_there() -> None:
    """On the CPU the weights are the page cache's; beside a card they pass through memory, and lie on the card."""
    first = needs()
    assert (first.memory(NAME), first.memory_alone(NAME)) == (1150 * MB, 1150 * MB)
    assert (first.memory(NAME, CARD), first.memory_alone(NAME, CARD)) == (3400 * MB, 3400 * MB)
    assert (first.on_card(NAME, CARD), first.on_card_alone(NAME, CARD)) == (4700 * MB, 4700 * MB)


def test_what_the_user_has_set_counts_more() -> None:
    """`memory_mb` is for both devices, and `vram_mb` of the card."""
    own = needs(memory_mb=900.0, vram_mb=2500.0)
    assert own.memory(NAME) == own.memory(NAME, CARD) == 900 * MB
    assert own.on_card(NAME, CARD) == 2500 * MB


def test_a_start_that_takes_more_of_memory_beside_a_card_is_noted_there() -> None:
    """A load is compared with the need on its own device."""
    growing = needs()
    growing.grew(NAME, 3000 * MB, CARD)
    assert growing.table == {}
    growing.grew(NAME, 3500 * MB, CARD)
    assert growing.table == {f"{NAME}@cuda:load": 3500 * MB}
