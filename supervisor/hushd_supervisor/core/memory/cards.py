"""The graphics cards as last seen, with the memory that leaves them.

Pure; sizes in bytes. The supervisor never calls a driver: on `ProbeCards`, a short-lived process does; `CardsProbed`
is its answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hushd_protocol.cards import Card

from hushd_supervisor.core.actions import Action, ProbeCards

from .budget import RESERVE, Headroom, WorkerSize

PROBE_FRESH_S = 1.0  # seconds in which a probe is fresh enough for a decision
RELEASE_PROBE_INTERVAL_S = 0.1  # seconds between probes while the driver does not report yet that memory was freed
NO_LIMIT = 1 << 60  # the assumed memory of a card that has slept since the first probe: no program uses it
RELEASE_S = 5.0  # seconds for the driver to report that; after them, another program must have taken the memory


@dataclass(frozen=True, slots=True)
class _Release:
    """The memory of a process that is gone, until the driver reports that it is free."""

    card: str
    size: int
    free_before: int
    until: float


class CardRoom(NamedTuple):
    """The room on a card, with the processes that are gone but whose memory there is not known to be free."""

    card: Card
    headroom: Headroom
    pending: tuple[WorkerSize, ...] = ()


class Cards:
    """The cards of this machine.

    Args:
        driver_here: whether the machine may have cards; cheap.
    """

    def __init__(self, driver_here: Callable[[], bool]) -> None:
        self.there = driver_here
        self._seen: tuple[Card, ...] = ()
        self._taken: Mapping[str, int] = {}  # bytes that living workers took of each card at the last probe
        self._error = ""
        self._answered_at = -math.inf
        self._fresh_at = -math.inf  # time of the last probe's answer, until something has changed since
        self._due = math.inf
        self._probing = False
        self._changed = False  # whether memory has changed since the probe under way began
        self._totals: dict[str, int] = {}
        self._releases: list[_Release] = []

    # --- probes ------------------------------------------------------------------------------------------------------

    def bounded(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Returns what a worker says it takes of each card, at most the whole of those that a probe has seen."""
        totals = {card.id: card.total for card in self._seen}
        return {id: min(size, totals.get(id, size)) for id, size in sizes.items()}

    @property
    def seen(self) -> tuple[Card, ...]:
        """The cards at the last probe."""
        return self._seen

    @property
    def error(self) -> str:
        """The reason why the last probe failed, empty if it did not."""
        return self._error

    @property
    def probing(self) -> bool:
        """True while a probe is under way."""
        return self._probing

    def deadline(self) -> float:
        """The time at which the next probe should begin, `math.inf` for none."""
        return self._due

    def probe(self) -> list[Action]:
        """Begins a probe unless one is under way."""
        if self._probing:
            return []
        self._probing, self._changed, self._due = True, False, math.inf
        return [ProbeCards()]

    def fresh(self, now: float) -> bool:
        """Returns whether the last probe is fresh enough for a decision."""
        return not self._probing and now - self._fresh_at <= PROBE_FRESH_S

    def probed(self, cards: Iterable[Card], error: str, taken: Mapping[str, int], now: float) -> None:
        """Takes the answer to a probe; `taken` is what living workers take of each card."""
        # The probe counts from its answer: a driver may take seconds, and one that begins again and again is never
        # fresh.
        self._probing, self._fresh_at = False, -math.inf if self._changed else now
        self._seen, self._taken, self._error, self._answered_at = tuple(cards), taken, error, now
        self._totals |= {card.id: card.total for card in self._seen if card.total}
        cards_by_id = {card.id: card for card in self._seen}
        self._releases = [r for r in self._releases if now < r.until and _awaited(r, cards_by_id.get(r.card), taken)]

    def gone(self, sizes: Mapping[str, int], now: float) -> None:
        """Notes that a process which took `sizes` is gone: those cards' figures are old."""
        if not sizes:
            return
        free = {card.id: card.free for card in self._seen}
        self._releases += [_Release(id, size, free.get(id, NO_LIMIT), now + RELEASE_S) for id, size in sizes.items()]
        self.memory_changed()

    def memory_changed(self) -> None:
        """Takes a change of a card's memory: the last probe, and one under way, are too old."""
        self._fresh_at, self._changed = -math.inf, True

    def probe_soon(self, now: float) -> None:
        """Schedules another probe soon: a start waits for memory that should be free by now."""
        self._due = min(self._due, now + RELEASE_PROBE_INTERVAL_S)

    def on_time(self, now: float) -> None:
        """Marks the last probe as old when the next one is due."""
        if self._due <= now:
            self._due = math.inf
            self.memory_changed()

    # --- memory ------------------------------------------------------------------------------------------------------

    def free(self, id: str) -> int:
        """The free memory of a card at the last probe; 0 if the card was not there."""
        return next((card.free for card in self._seen if card.id == id), 0)

    def total(self, card: Card) -> int:
        """A card's memory, 0 if it has slept since the first probe."""
        return card.total or self._totals.get(card.id, 0)

    def seen_s(self, now: float) -> float:
        """The seconds since the answer to the last probe."""
        return now - self._answered_at

    def free_beside(self, card: Card, taken: int) -> int:
        """A card's free memory at the last probe, less the workers' part since: they have `taken` so much by now."""
        total = self.total(card)
        free = (total if card.asleep else card.free) + self._taken.get(card.id, 0) - taken
        return min(total, max(0, free))

    def rooms(self) -> list[CardRoom]:
        """The room on each card at the last probe."""
        return [self._room(card) for card in self._seen]

    def pending(self, id: str) -> tuple[WorkerSize, ...]:
        """The processes that are gone but whose memory on a card is not known to be free."""
        return tuple(WorkerSize("", r.size, leaving=True) for r in self._releases if r.card == id)

    def _room(self, card: Card) -> CardRoom:
        total = self.total(card) or NO_LIMIT
        headroom = Headroom(total, total if card.asleep else card.free, reserve(total))
        return CardRoom(card, headroom, self.pending(card.id))


def reserve(total: int) -> int:
    """The bytes of a card's `total` that are left to other programs, as of the machine's memory."""
    return min(RESERVE, total // 8)


def _awaited(release: _Release, card: Card | None, taken: Mapping[str, int]) -> bool:
    """Returns whether a process's memory is still missing from the free memory of a probe.
    It is free once the free memory has grown by most of it, or little more is used than living workers take."""
    if card is None or card.asleep:
        return False
    risen = card.free - release.free_before >= release.size // 2
    return not risen and card.total - card.free > taken.get(card.id, 0) + release.size // 2
