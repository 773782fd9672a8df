"""A graphics card, as the program `hushd_worker.card` tells the supervisor of it.

A start waits for that program, so this module imports little: without dataclasses it takes some milliseconds less.
"""

from __future__ import annotations

from typing import NamedTuple

STAND_IN = "HUSHD_CARDS"  # MODULE:ARGUMENT: the module's `driver(argument)` in place of the driver, for tests


class Card(NamedTuple):
    """A graphics card at a look; sizes in bytes, 0 while it sleeps.

    Attributes:
        device: its name in the configuration, `cuda:0` for the first one that CUDA shows us.
        id: its place on the PCI bus, such as `0000:65:00.0`.
        asleep: whether its power is off, so that nobody uses it.
    """

    device: str
    id: str
    name: str = ""
    total: int = 0
    free: int = 0
    asleep: bool = False
