"""The graphics cards as last seen, with the memory that leaves them.

Pure; sizes in bytes. The supervisor never calls a driver: on `Look`, a short-lived process does, and its answer comes
as an event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping

from hushd_protocol.cards import Card
from hushd_protocol.light_dataclass import dataclass

from hushd_supervisor.core.actions import Action, Look

from .budget import RESERVE, Room, WorkerSize

LOOK_FRESH_S = 1.0  # seconds in which a look is fresh enough for a decision
RELEASE_LOOK_INTERVAL_S = 0.1  # seconds between looks while the driver does not report yet that memory was freed
NO_LIMIT = 1 << 60  # the assumed memory of a card that has slept since the first look: no program uses it
RELEASE_S = 5.0  # seconds for the driver to report that; after them, another program must have taken the memory


@dataclass(slots=True)
class _Release:
    """The memory of a process that is gone, until the driver reports that it is free."""

    card: str
    size: int
    free_before: int
    until: float


class Cards:
    """The cards of this machine.

    Args:
        there: whether the machine may have cards; cheap.

    Attributes:
        seen: the cards at the last look.
        taken: what living workers took of each card then.
        error: the reason why that look failed.
        asked_at: when the last look began, even if it is under way.
        seen_at: when the last look's answer came, which was true until then; `-math.inf` once it is too old.
        due: when the next look should begin.
    """

    def __init__(self, driver_here: Callable[[], bool]) -> None:
        self.there = driver_here
        self.seen: tuple[Card, ...] = ()
        self.error = ""
        self.seen_at = self.asked_at = self.answered_at = -math.inf
        self.due = math.inf
        self.taken: Mapping[str, int] = {}
        self.looking = False
        self._changed = False  # whether memory has changed since the look under way began
        self._totals: dict[str, int] = {}
        self._releases: list[_Release] = []

    # --- looks -------------------------------------------------------------------------------------------------------

    def look(self, now: float) -> list[Action]:
        """Begins a look unless one is under way."""
        if self.looking:
            return []
        self.looking, self._changed, self.asked_at, self.due = True, False, now, math.inf
        return [Look()]

    def fresh(self, now: float) -> bool:
        """Returns whether the last look is fresh enough for a decision."""
        return not self.looking and now - self.seen_at <= LOOK_FRESH_S

    def take(self, cards: Iterable[Card], error: str, taken: Mapping[str, int], now: float) -> None:
        """Takes the answer to a look; `taken` is what living workers take of each card."""
        # The look counts from its answer: a driver may take seconds, and a look that begins again and again is never
        # fresh.
        self.looking, self.seen_at = False, -math.inf if self._changed else now
        self.seen, self.taken, self.error, self.answered_at = tuple(cards), taken, error, now
        self._totals |= {card.id: card.total for card in self.seen if card.total}
        cards_by_id = {card.id: card for card in self.seen}
        self._releases = [r for r in self._releases if now < r.until and _awaited(r, cards_by_id.get(r.card), taken)]

    def gone(self, sizes: Mapping[str, int], now: float) -> None:
        """Notes that a process which took `sizes` is gone: those cards' figures are old."""
        if not sizes:
            return
        free = {card.id: card.free for card in self.seen}
        self._releases += [_Release(id, size, free.get(id, NO_LIMIT), now + RELEASE_S) for id, size in sizes.items()]
        self.forget()

    def forget(self) -> None:
        """Marks the last look, and one under way, as too old: a card's memory has changed."""
        self.seen_at, self._changed = -math.inf, True

    def ask_again(self, now: float) -> None:
        """Schedules another look soon: a start waits for memory that should be free by now."""
        self.due = min(self.due, now + RELEASE_LOOK_INTERVAL_S)

    def on_time(self, now: float) -> None:
        """Marks the last look as old when the next one is due."""
        if self.due <= now:
            self.due = math.inf
            self.forget()

    # --- memory ------------------------------------------------------------------------------------------------------

    def free(self, id: str) -> int:
        """The free memory of a card at the last look; 0 if the card was not there."""
        return next((card.free for card in self.seen if card.id == id), 0)

    def total(self, card: Card) -> int:
        """A card's memory, 0 if it has slept since the first look."""
        return card.total or self._totals.get(card.id, 0)

    def room(self, card: Card, promised: int) -> Room:
        """A card's room, less the part `promised` to starting workers."""
        total = self.total(card) or NO_LIMIT
        free = total if card.asleep else card.free
        return Room(total, free - promised, reserve(total))

    def release_due(self, ids: Container[str], now: float) -> float:
        """Returns when the last process that has left one of these cards counts as gone; `-math.inf` if all are."""
        return max((r.until for r in self._releases if r.card in ids and r.until > now), default=-math.inf)

    def pending(self, id: str) -> list[WorkerSize]:
        """The processes that are gone but whose memory on a card is not known to be free."""
        return [WorkerSize("", r.size, leaving=True) for r in self._releases if r.card == id]


def reserve(total: int) -> int:
    """The bytes of a card's `total` that are left to other programs, as of the machine's memory."""
    return min(RESERVE, total // 8)


def _awaited(release: _Release, card: Card | None, taken: Mapping[str, int]) -> bool:
    """Returns whether a process's memory is still missing from the free memory of a look.
    It is free once the free memory has grown by most of it, or little more is used than living workers take."""
    if card is None or card.asleep:
        return False
    risen = card.free - release.free_before >= release.size // 2
    return not risen and card.total - card.free > taken.get(card.id, 0) + release.size // 2
