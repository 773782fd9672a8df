"""Chooses the models to ask for, so that as little as possible is disturbed; pure. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

from .holding import ANY_CARD, Holding

MAX_COMBINED_MODELS = 12  # the largest, which are combined: 4,096 ways
Named = tuple[str, Holding]  # a model, and the name of its server


class Shortfall(NamedTuple):
    """Memory that a start lacks: of the machine, and of the card at a place on the bus; false if none."""

    ram: int = 0
    card: str = ""
    vram: int = 0

    def __bool__(self) -> bool:
        return self.ram > 0 or self.vram > 0

    def without(self, models: Iterable[Named]) -> Shortfall:
        """Returns the rest once models are gone; memory of a card that its server does not name counts, too."""
        ram, vram = self.ram, self.vram
        for _, holding in models:
            ram -= holding.ram
            vram -= holding.cards.get(self.card, 0) + (holding.cards.get(ANY_CARD, 0) if self.card else 0)
        return Shortfall(max(0, ram), self.card, max(0, vram))


def choose(models: Iterable[Named], shortfall: Shortfall) -> list[Named]:
    """Chooses the models whose end fills `shortfall`: the fewest, then the smallest; none if all do not suffice."""
    useful = [model for model in models if shortfall.without([model]) != shortfall]
    largest = sorted(useful, key=lambda model: -model[1].size)[:MAX_COMBINED_MODELS]
    for count in range(1, len(largest) + 1):
        enough = [chosen for chosen in combinations(largest, count) if not shortfall.without(chosen)]
        if enough:
            return list(min(enough, key=lambda chosen: sum(holding.size for _, holding in chosen)))
    return []
