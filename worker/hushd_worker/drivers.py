"""The drivers of graphics cards: those of this machine, and several as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Driver(Protocol):
    """The part of a card's driver that is used here; `id` is a place on the bus."""

    def ids(self) -> list[str]:
        """The cards, those of an `api` in the order of its numbers: for CUDA that of their places on the bus."""

    def api(self, id: str) -> str:
        """The interface that numbers the card: `cuda`, `rocm`, or empty for none but Vulkan."""

    def counts(self, id: str) -> bool:
        """Returns whether the card has memory of its own; one that has none only takes a number."""

    def asleep(self, id: str) -> bool: ...

    def uuid(self, id: str) -> str: ...

    def name(self, id: str) -> str: ...

    def memory(self, id: str) -> tuple[int, int]:
        """All memory, and the free part."""

    def processes(self, id: str) -> dict[int, int]:
        """The memory of each process that computes on the card, by its pid."""


def drivers() -> list[Driver]:
    """The drivers of this machine that know any card."""
    from .drm import Drm
    from .nvml import Nvml
    from .pci import nvidia_cards

    known: list[Driver] = []
    try:
        known.append(Nvml(nvidia_cards()))
    except OSError:  # no driver
        pass
    others = Drm()
    return [*known, others] if others.ids() else known


class Drivers:
    """Several drivers; a `card.Driver` that asks the one whose card it is."""

    def __init__(self, drivers: Sequence[Driver]) -> None:
        self._by_card = {id: driver for driver in drivers for id in driver.ids()}

    def ids(self) -> list[str]:
        return [*self._by_card]

    def api(self, id: str) -> str:
        return self._by_card[id].api(id)

    def counts(self, id: str) -> bool:
        return self._by_card[id].counts(id)

    def asleep(self, id: str) -> bool:
        return self._by_card[id].asleep(id)

    def uuid(self, id: str) -> str:
        return self._by_card[id].uuid(id)

    def name(self, id: str) -> str:
        return self._by_card[id].name(id)

    def memory(self, id: str) -> tuple[int, int]:
        return self._by_card[id].memory(id)

    def processes(self, id: str) -> dict[int, int]:
        return self._by_card[id].processes(id)
