"""The supervisor's departure: whether it has begun, and when it begins because nobody needs the supervisor."""

from __future__ import annotations

import math

from hushd_protocol import buggify

LEAST_IDLE_S = 0.1  # before an idle exit: a client that was just welcomed is about to send a request


class Departure:
    """The stages of leaving, and the clock of a supervisor that leaves by itself.

    Args:
        auto: whether a client started this supervisor; if so, it leaves after a while without worker or request.

    Attributes:
        at: the time at which the supervisor leaves by itself; `math.inf` for never.
        renewing: new requests wait for the running jobs, and then for the next supervisor.
        down: new requests are refused, and every process ends.
    """

    def __init__(self, auto: bool) -> None:
        self._auto = auto
        self.at = -math.inf if auto else math.inf  # set at the first look at the clock
        self.renewing = False
        self.down = False
        self._left = False
        self._needed = False  # by a program that has used the door

    def visited(self, needed: bool) -> None:
        """Records whether a program that used the door still needs the supervisor; the idle time starts again."""
        self._needed = needed
        self.at = math.inf

    def is_due(self, now: float) -> bool:
        """Returns whether the supervisor has been unused for long enough."""
        return -math.inf < self.at <= now and not self.down

    def settle(self, resting: bool, busy: bool, patience: float, now: float) -> bool:
        """Starts and stops the clock after any event; returns True, once, when the supervisor is to leave now.

        Args:
            resting: whether there is neither a request nor a process.
            busy: whether a claim holds the floor, or waits for it, or memory is kept for a program that runs.
            patience: seconds for which the supervisor stays with nothing to do.
        """
        if self.down:
            self.at = math.inf
            leaves = resting and not self._left
            self._left = self._left or leaves
            return leaves
        if self._auto:
            if not resting or busy or self._needed:
                self.at = math.inf
            elif not math.isfinite(self.at):
                self.at = now + (LEAST_IDLE_S if buggify("idle supervisor leaves") else max(LEAST_IDLE_S, patience))
        return False
