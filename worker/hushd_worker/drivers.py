"""The interface of graphics cards' drivers, and several drivers as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Driver(Protocol):
    """A driver of graphics cards, as far as hushd uses it; `id` is a card's place on the bus."""

    def ids(self) -> list[str]:
        """Returns the cards; those of an `api` are in the order of its numbers, which for CUDA is by their places on
        the bus."""

    def api(self, id: str) -> str:
        """Returns the interface that numbers the card: `cuda`, `rocm`, or empty if there is only Vulkan."""

    def counts(self, id: str) -> bool:
        """Returns whether the card has its own memory; one without it only occupies a number."""

    def asleep(self, id: str) -> bool: ...

    def uuid(self, id: str) -> str: ...

    def name(self, id: str) -> str: ...

    def memory(self, id: str) -> tuple[int, int]:
        """Returns all memory, and the free part."""

    def processes(self, id: str) -> dict[int, int]:
        """Returns the memory of each process that computes on the card, by its pid."""


def drivers() -> list[Driver]:
    """Returns the drivers of this machine that have any card."""
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
    """Several drivers as one, which asks the driver of each card."""

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
