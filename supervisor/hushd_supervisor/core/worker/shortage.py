"""A load that failed for lack of memory: it is tried again once idle workers have left, then there is a fall-back."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass


@dataclass(slots=True)
class Shortage:
    """The failure of a worker's load for lack of memory.

    Attributes:
        message: the process's sentence about the shortage.
        on_card: whether a graphics card's memory is short, not the machine's.
        final: whether it was the second try.
        evicted: whether other workers were asked to leave for a second try.
    """

    message: str
    on_card: bool = False
    final: bool = False
    evicted: bool = False
