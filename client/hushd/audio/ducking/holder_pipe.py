"""The end of the pipe from the program for which a helper works."""

from __future__ import annotations

import os
import select
import time

ORDERLY = b"."  # written by a holder before it closes its pipe
LINGER_S = 2.0  # after an orderly end: the next word of a conversation mostly follows


class HolderPipe:
    """Standard input, and the time at which others need not be quiet any longer."""

    def __init__(self) -> None:
        self._orderly = False
        self._end: float | None = None  # of the lingering, once the pipe has ended
        self.wait(0)
        if self._end is not None:
            self._end = 0.0  # nobody has wanted it for long enough to be noticed

    @property
    def open(self) -> bool:
        """True if it has not ended, as far as it was read."""
        return self._end is None

    @property
    def over(self) -> bool:
        """True if it has ended, and the time after that."""
        self.wait(0)
        return self._end is not None and time.monotonic() >= self._end

    @property
    def left_s(self) -> float | None:
        """Seconds of lingering; None while the pipe is open."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Returns once it is over, or after so long."""
        if self._end is None:
            self._read(seconds)
        elif seconds:
            time.sleep(min(seconds, self.left_s or 0.0))

    def end(self) -> None:
        """Ends it now. Safe in a signal handler: who polls standard input wakes up."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._end = 0.0

    def _read(self, seconds: float) -> None:
        poller = select.poll()
        poller.register(0, select.POLLIN)
        while poller.poll(1000 * seconds):
            data = os.read(0, 64)
            self._orderly |= ORDERLY in data
            if not data:
                self._end = time.monotonic() + (LINGER_S if self._orderly else 0.0)
                return
