"""A graphics card, as the program `hushd_worker.card` tells the supervisor of it.

A start waits for that program, so this module imports little: without dataclasses it takes some milliseconds less.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

KINDS = ("cuda", "rocm", "vulkan")  # of cards, in the order in which `auto` prefers them
APPLE = "mps"  # Apple's graphics processor: no card, since its memory is the machine's
ANY_KIND = (*KINDS, APPLE)
PLACE = "HUSHD_COMPUTE_CARD"  # in a worker's environment: the place of the card that it was given
STAND_IN = "HUSHD_CARDS"  # MODULE:ARGUMENT: the module's `driver(argument)` in place of the driver, for tests


class Card(NamedTuple):
    """A graphics card at a look; sizes in bytes, 0 while it sleeps.

    Attributes:
        device: its name in the configuration, `cuda:0` for the first one that CUDA shows us, `rocm:0` for the first of
            ROCm's, `vulkan:0` for the first of all where it is neither.
        id: its place on the PCI bus, such as `0000:65:00.0`.
        asleep: whether its power is off, so that nobody uses it.
        also: its name among Vulkan's cards, where `device` is another.
    """

    device: str
    id: str
    name: str = ""
    total: int = 0
    free: int = 0
    asleep: bool = False
    also: str = ""

    def name_for(self, asked: str, kinds: Container[str]) -> str:
        """Returns the name under which it may be used, empty where it may not.

        Args:
            asked: as in the configuration.
            kinds: of cards that can be used at all.
        """
        return next((name for name in (self.device, self.also) if kind_of(name) in kinds and means(asked, name)), "")


def kind_of(device: str) -> str:
    """The kind of a device, which is its name without a number."""
    return device.partition(":")[0]


def is_card(device: str) -> bool:
    """Returns whether a device of that name is a graphics card, or may be any."""
    return kind_of(device) in KINDS


def means(asked: str, device: str) -> bool:
    """Returns whether `asked`, of the configuration, may mean the card named `device`."""
    return asked in ("auto", device, kind_of(device))
