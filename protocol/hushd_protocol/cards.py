"""A graphics card, as the program `hushd_worker.card` reports it to the supervisor.

A start waits for that program, so this module imports little: without dataclasses it takes some milliseconds less.
"""

from __future__ import annotations

from typing import NamedTuple

COUNTED = "cuda"  # the kind whose cards and memory hushd knows; the others are known to the engine alone
KINDS = (COUNTED, "rocm", "vulkan")
APPLE = "mps"  # Apple's graphics processor: no card, since its memory is the machine's
ANY_KIND = (*KINDS, APPLE)
STAND_IN = "HUSHD_CARDS"  # MODULE:ARGUMENT: the module's `driver(argument)` in place of the driver, for tests


class Card(NamedTuple):
    """A graphics card at a look; sizes in bytes, 0 while it sleeps.

    Attributes:
        device: its name in the configuration: `cuda:0` for the first that CUDA shows us.
        id: the card's place on the PCI bus, such as `0000:65:00.0`.
        asleep: whether its power is off, so that no program uses it.
    """

    device: str
    id: str
    name: str = ""
    total: int = 0
    free: int = 0
    asleep: bool = False


def kind_of(device: str) -> str:
    """Returns the kind of a device: its name without the number."""
    return device.partition(":")[0]


def is_card(device: str) -> bool:
    """Returns whether a device of that name is a graphics card, or any of a kind."""
    return kind_of(device) in KINDS


def means(requested: str, device: str) -> bool:
    """Returns whether `requested`, from the configuration, includes the card named `device`."""
    return requested in ("auto", device, kind_of(device))
