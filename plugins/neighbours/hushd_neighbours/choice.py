"""Chooses the models to ask for, so that as little as possible is disturbed; pure. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .holding import ANY_CARD, Holding

Named = tuple[str, Holding]  # a model, and the name of its server


class Lack(NamedTuple):
    """Memory that a start lacks: of the machine, and of the card at a place on the bus; false if none."""

    ram: int = 0
    card: str = ""
    vram: int = 0

    def __bool__(self) -> bool:
        return self.ram > 0 or self.vram > 0

    def less(self, holding: Holding) -> Lack:
        """Returns the rest once a model is gone; memory of a card that its server does not name counts, too."""
        vram = holding.cards.get(self.card, 0) + (holding.cards.get(ANY_CARD, 0) if self.card else 0)
        return Lack(max(0, self.ram - holding.ram), self.card, max(0, self.vram - vram))

    def without(self, models: Iterable[Named]) -> Lack:
        """Returns the rest once models are gone."""
        rest = self
        for _, holding in models:
            rest = rest.less(holding)
        return rest


def choose(models: Iterable[Named], lack: Lack) -> list[Named]:
    """Chooses the models whose end fills `lack`: as few and as small as suffice; none if all do not suffice.

    One alone, if one suffices; else those that fill most, without those that turn out not to be needed.
    """
    useful = sorted((model for model in models if lack.without([model]) != lack), key=lambda model: model[1].size)
    if alone := next((model for model in useful if not lack.without([model])), None):
        return [alone]
    chosen: list[Named] = []
    while (rest := lack.without(chosen)) and useful:
        best = min(useful, key=lambda model: _share(rest, rest.less(model[1])))
        useful.remove(best)
        chosen.append(best)
    if rest:
        return []
    for model in sorted(chosen, key=lambda model: -model[1].size):
        others = [other for other in chosen if other is not model]
        if not lack.without(others):
            chosen = others
    return chosen


def _share(rest: Lack, left: Lack) -> float:
    """Returns how much of `rest` is `left`."""
    return left.ram / (rest.ram or 1) + left.vram / (rest.vram or 1)
