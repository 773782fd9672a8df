"""A load that failed, short of memory: once idle workers have left it is tried again, then there is a fall-back."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass


@dataclass(slots=True)
class Shortage:
    """The failure of a worker's load.

    Attributes:
        message: the process's sentence on what is short.
        on_card: a graphics card's memory is short, not the machine's.
        final: it was the second try.
        ever: nobody who leaves would change it, and no second try.
        evicted: others were asked to leave for a second try.
    """

    message: str
    on_card: bool = False
    final: bool = False
    evicted: bool = False
    ever: bool = False
