"""The device assigned to a process."""

from __future__ import annotations

from typing import NamedTuple


class Assignment(NamedTuple):
    """The device chosen for a process before its start.

    Attributes:
        device: `cpu`, `cuda:1` or `vulkan:0`, as in the configuration; empty where there was nothing to choose from, so
            that the engine goes by the configuration alone.
        card: the graphics card's place on the bus; empty for none.
        why: the reason why it is not on a card, where it might have been on one.
    """

    device: str = ""
    card: str = ""
    why: str = ""


ANYWHERE = Assignment()
