"""The models that neighbours hold, and the choice of those to ask for; pure. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hushd_supervisor.core.memory.budget import Lack

RELOAD_SPEED = 500_000_000  # bytes a second, assumed of a model whose neighbour does not say how long it loads
Key = tuple[str, str]  # a neighbour and a model of its


class Hold(NamedTuple):
    """A model that a neighbour has loaded.

    Attributes:
        cards: bytes by the place of the card on the bus; of the card "" where the neighbour does not say which.
        idle_s: since its last use; None where the neighbour does not say.
        in_use: None where the neighbour does not say.
        reload_s: the time to load it again; None where nobody knows.
    """

    neighbour: str
    model: str
    ram: int = 0
    cards: Mapping[str, int] = {}
    idle_s: float | None = None
    in_use: bool | None = None
    pinned: bool = False
    reload_s: float | None = None

    @property
    def key(self) -> Key:
        return self.neighbour, self.model

    @property
    def size(self) -> int:
        """All its bytes."""
        return self.ram + sum(self.cards.values())

    @property
    def cost(self) -> float:
        """The seconds to load it again."""
        return self.size / RELOAD_SPEED if self.reload_s is None else self.reload_s

    def may_go(self, idle: float) -> bool:
        """Returns whether it may be asked for: idle for so long by the neighbour's own report, and not pinned.

        With an `idle` of 0 a model of which nothing is reported may go, too.
        """
        if self.pinned or self.in_use:
            return False
        return idle <= 0 or (self.in_use is False and self.idle_s is not None and self.idle_s >= idle)

    def gives(self, lack: Lack, only_card: str) -> Lack:
        """The part of `lack` that its end would fill; memory of an unnamed card is that of the `only_card`."""
        vram = self.cards.get(lack.card, 0) if lack.card else 0
        if lack.card and lack.card == only_card:
            vram += self.cards.get("", 0)
        return Lack(min(lack.ram, self.ram), lack.card, min(lack.vram, vram))


def less(lack: Lack, holds: Iterable[Hold], only_card: str) -> Lack:
    """The part of `lack` that is left once `holds` are gone."""
    for hold in holds:
        given = hold.gives(lack, only_card)
        lack = Lack(lack.ram - given.ram, lack.card, lack.vram - given.vram)
    return lack


def choose(holds: Iterable[Hold], lack: Lack, only_card: str) -> list[Hold]:
    """Chooses those whose end fills `lack`: as few and as quick to load again as suffice; none if all do not suffice.

    One alone, if one suffices; else those that fill most, without those that turn out not to be needed.
    """
    useful = [hold for hold in holds if any(hold.gives(lack, only_card)[::2])]
    alone = [hold for hold in useful if not less(lack, [hold], only_card)]
    if alone:
        return [min(alone, key=lambda hold: (hold.cost, hold.size, hold.key))]

    def filled(hold: Hold) -> float:
        given = hold.gives(rest, only_card)
        return given.ram / (rest.ram or 1) + given.vram / (rest.vram or 1)

    chosen: list[Hold] = []
    rest = lack
    while rest and useful:
        best = max(useful, key=lambda hold: (filled(hold), -hold.cost, hold.key))
        useful.remove(best)
        chosen.append(best)
        rest = less(rest, [best], only_card)
    if rest:
        return []
    for hold in sorted(chosen, key=lambda hold: -hold.cost):
        others = [other for other in chosen if other is not hold]
        if not less(lack, others, only_card):
            chosen = others
    return chosen
