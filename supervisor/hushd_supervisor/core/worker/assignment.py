"""The device assigned to a process."""

from __future__ import annotations

from typing import NamedTuple


class Assignment(NamedTuple):
    """The device chosen for a process before its start.

    Attributes:
        device: `cpu` or `cuda:1`, as in the configuration; empty if there was no choice, so that the engine
            follows the configuration.
        card: the graphics card's place on the bus; empty for none.
        why: the reason why a process that might have used a card does not.
    """

    device: str = ""
    card: str = ""
    why: str = ""


ANYWHERE = Assignment()
