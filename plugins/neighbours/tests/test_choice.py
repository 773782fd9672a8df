"""The choice of models: as few and as small as suffice."""

from __future__ import annotations

import pytest
from hushd_neighbours.choice import Shortfall, choose
from hushd_neighbours.holding import ANY_CARD, Holding

CARD, OTHER = "0000:65:00.0", "0000:01:00.0"
MODELS = {
    "small": Holding("small", 2),
    "middle": Holding("middle", 5),
    "large": Holding("large", 9),
    "on-card": Holding("on-card", 1, {CARD: 6}),
    "elsewhere": Holding("elsewhere", 1, {OTHER: 9}),
    "somewhere": Holding("somewhere", 0, {ANY_CARD: 5}),
}


@pytest.mark.parametrize(("shortfall", "chosen"), [
    (Shortfall(1), {"small"}), (Shortfall(4), {"middle"}), (Shortfall(9), {"large"}),
    (Shortfall(13), {"large", "middle"}),
    (Shortfall(100), set()), (Shortfall(0, CARD, 5), {"somewhere"}), (Shortfall(0, CARD, 6), {"on-card"}),
    (Shortfall(0, CARD, 8), {"on-card", "somewhere"}), (Shortfall(0, CARD, 12), set()),
    (Shortfall(8, CARD, 6), {"on-card", "large"}),
])  # fmt: skip
def test_as_few_and_as_small_as_suffice_are_chosen(shortfall: Shortfall, chosen: set[str]) -> None:
    """One alone where one suffices, of the card that lacks memory, and none where all together do not."""
    models = [("it", MODELS[name]) for name in ("small", "middle", "large", "on-card", "elsewhere", "somewhere")]
    assert {holding.model for _, holding in choose(models, shortfall)} == chosen
