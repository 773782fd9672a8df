"""The graphics cards as they were last seen, and the changes of their memory since then; pure. Sizes in bytes.

The supervisor asks no driver: a `Look` has a short-lived process do it, and its answer comes as an event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from hushd_protocol.cards import Card
from hushd_protocol.light_dataclass import dataclass

from hushd_supervisor.core.actions import Action, Look

from .budget import Resident, Room

FRESH_S = 1.0  # for which a look is good for a decision
AGAIN_S = 0.1  # to the next look while memory is awaited of which the driver does not report yet that it is free
RELEASE_S = 5.0  # for the driver to report that; then the memory is somebody else's
UNKNOWN = 1 << 60  # the memory of a card that has slept since the first look: nobody uses it


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
        there: whether the machine may have any; cheap.

    Attributes:
        seen: at the last look.
        taken: what living workers took of each card then.
        error: the reason why that look has failed.
        asked_at: when the last look began, also one that is under way.
        seen_at: the same of the last one that was answered; `-math.inf` once it is too old.
        answered_at: when that answer came.
        due: when the next look should begin.
        looking: whether one is under way.
    """

    def __init__(self, driver_here: Callable[[], bool]) -> None:
        self.there = driver_here
        self.seen: tuple[Card, ...] = ()
        self.error = ""
        self.seen_at = self.asked_at = self.answered_at = -math.inf
        self.due = math.inf
        self.taken: Mapping[str, int] = {}
        self.looking = False
        self._changed = False  # since the look under way began
        self._totals: dict[str, int] = {}
        self._releases: list[_Release] = []
        self._kept: dict[str, tuple[int, float]] = {}  # by card: the most that workers may take, and until when

    # --- looks -------------------------------------------------------------------------------------------------------

    def look(self, now: float) -> list[Action]:
        """Begins a look, unless one is under way."""
        if self.looking:
            return []
        self.looking, self._changed, self.asked_at, self.due = True, False, now, math.inf
        return [Look()]

    def fresh(self, now: float) -> bool:
        """Returns whether the last look is good for a decision."""
        return not self.looking and now - self.seen_at <= FRESH_S

    def take(self, cards: Iterable[Card], error: str, taken: Mapping[str, int], now: float) -> None:
        """Takes the answer to a look; `taken` is what living workers take of each card."""
        self.looking, self.seen_at = False, -math.inf if self._changed else self.asked_at
        self.seen, self.taken, self.error, self.answered_at = tuple(cards), taken, error, now
        self._totals |= {card.id: card.total for card in self.seen if card.total}
        cards_by_id = {card.id: card for card in self.seen}
        self._releases = [r for r in self._releases if now < r.until and _awaited(r, cards_by_id.get(r.card), taken)]

    def gone(self, sizes: Mapping[str, int], now: float) -> None:
        """Notes that a process that took `sizes` is gone: the figures of those cards are old."""
        if not sizes:
            return
        free = {card.id: card.free for card in self.seen}
        self._releases += [_Release(id, size, free.get(id, UNKNOWN), now + RELEASE_S) for id, size in sizes.items()]
        self.forget()

    def forget(self) -> None:
        """Makes the last look too old, and the one under way: the memory of a card has changed."""
        self.seen_at, self._changed = -math.inf, True

    def ask_again(self, now: float) -> None:
        """Has another look soon: somebody waits for memory that should be free by now."""
        self.due = min(self.due, now + AGAIN_S)

    def on_time(self, now: float) -> None:
        """Makes the last look old, when the next one is due."""
        if self.due <= now:
            self.due = math.inf
            self.forget()

    # --- memory ------------------------------------------------------------------------------------------------------

    def free(self, id: str) -> int:
        """The free memory of a card at the last look; 0 where it was not there."""
        return next((card.free for card in self.seen if card.id == id), 0)

    def total(self, card: Card) -> int:
        """A card's memory, 0 where it has slept since the first look."""
        return card.total or self._totals.get(card.id, 0)

    def room(self, card: Card, promised: int, reserve: int, now: float) -> Room:
        """A card's room, of which starting workers were `promised` a part that they have not taken yet."""
        total = self.total(card) or UNKNOWN
        free = total if card.asleep else card.free
        return Room(min(total, self.limit(card.id, now)), free - promised, min(reserve, total // 8))

    def pending(self, id: str) -> list[Resident]:
        """The processes that are gone, and whose memory of a card is not known to be free."""
        return [Resident("", r.size, leaving=True) for r in self._releases if r.card == id]

    def keep(self, id: str, limit: int, until: float) -> None:
        """Lets workers take no more than `limit` of a card until then."""
        self._kept[id] = limit, until

    def limit(self, id: str, now: float) -> int:
        """The most that workers may take of a card now."""
        limit, until = self._kept.get(id, (UNKNOWN, 0.0))
        return limit if now < until else UNKNOWN

    def kept_until(self, id: str, now: float) -> float | None:
        """Until when a card is kept for other programs; None where it is not."""
        _, until = self._kept.get(id, (UNKNOWN, 0.0))
        return until if now < until else None


def _awaited(release: _Release, card: Card | None, taken: Mapping[str, int]) -> bool:
    """Returns whether a look does not show yet that the memory of a process is free.

    It is once more is free than before by most of it, or no more is used than living workers take and a little.
    """
    if card is None or card.asleep:
        return False
    risen = card.free - release.free_before >= release.size // 2
    return not risen and card.total - card.free > taken.get(card.id, 0) + release.size // 2
