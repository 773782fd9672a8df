"""The process that makes other programs quieter for one that speaks or listens, and that survives its kill: `python -m
hushd_desktop.ducking.helper DECIBELS`.

Several programs may want it at the same time. Each one's helper holds a shared lock, and the helper with a second lock
changes volumes; the last helper to end restores them. The kernel releases both locks, however a process ends.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.system import atomic_file, paths

from .ledger import VOLUMES

if TYPE_CHECKING:
    from .streams import Streams

ORDERLY = b"."  # written by a holder before it closes its pipe
DUCKED_AFTER_END_S = 2.0  # seconds after an orderly end, since the next word of a conversation mostly follows
LEADER_LOOK_INTERVAL_S = 0.1  # seconds between two looks whether the leading helper has ended
RETRY_S = 2.0  # seconds between two attempts to reach a sound server
SOUND_SERVER_RESTART_S = 15.0  # seconds for a restarting sound server, when volumes are to be restored


class Wish:
    """The holder's wish for quiet: its pipe, which is standard input, and the time until which the wish lasts."""

    def __init__(self) -> None:
        self._orderly = False
        self._end: float | None = None  # end of the lingering, set when the pipe has ended
        if self.over():
            self.end()  # the program ended before others were made quieter

    def end(self) -> None:
        """Ends the wish now. Safe in a signal handler."""
        self._end = 0.0

    def over(self, wait_s: float = 0.0) -> bool:
        """Returns whether the wish is over; waits for that at most `wait_s`."""
        give_up = time.monotonic() + wait_s
        while self._end is None and select.select([0], [], [], max(0.0, give_up - time.monotonic()))[0]:
            data = os.read(0, 64)
            self._orderly |= ORDERLY in data
            if not data and self._end is None:
                self._end = time.monotonic() + (DUCKED_AFTER_END_S if self._orderly else 0.0)
        if self._end is not None:
            time.sleep(max(0.0, min(give_up, self._end) - time.monotonic()))
        return self._end is not None and time.monotonic() >= self._end


class Locks:
    """The locks that helpers share."""

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._wishes = os.open(folder / "ducking.wishes", flags, 0o600)
        self._leader = os.open(folder / "ducking.leader", flags, 0o600)
        fcntl.flock(self._wishes, fcntl.LOCK_SH)  # waits while another, last helper restores volumes

    def try_to_lead(self) -> bool:
        """Returns whether this helper leads; never blocks."""
        return atomic_file.lock(self._leader, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> bool:
        """Releases the wish's lock; returns whether it was the last one, whose helper must restore everything.

        flock(2) gives up the shared lock before it tries the exclusive one: of several that leave at once the last has
        it.
        """
        return atomic_file.lock(self._wishes, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Releases both locks, without looking at other helpers."""
        os.close(self._wishes)
        os.close(self._leader)


class Helper:
    """The helper of one holder.

    Args:
        folder: the folder of the locks and ledgers.
        decibels: how much quieter other programs get.
    """

    def __init__(self, wish: Wish, folder: Path, decibels: float) -> None:
        self._wish = wish
        self._folder = folder
        self._decibels = decibels

    def run(self) -> None:
        """Runs until the wish is over, and restores everything unless other helpers continue."""
        locks = Locks(self._folder)
        while not self._wish.over():
            if not locks.try_to_lead():
                self._wish.over(LEADER_LOOK_INTERVAL_S)
            elif not self._at_the_server(lambda streams: streams.follow(self._wish.over)):
                self._wish.over(RETRY_S)  # the sound server has gone
        if locks.release():
            self._restore()

    def _restore(self) -> None:
        """Restores volumes; leaves failures to the next helper."""
        give_up = time.monotonic() + SOUND_SERVER_RESTART_S
        while any(self._folder.glob(VOLUMES)) and time.monotonic() < give_up:
            if self._at_the_server(lambda streams: streams.bring_back()):
                break
            time.sleep(LEADER_LOOK_INTERVAL_S)

    def _at_the_server(self, work: Callable[[Streams], None]) -> bool:
        """Does `work` with the sound server, if it runs; returns whether it did."""
        try:
            from pulsectl import Pulse

            from . import streams  # noqa: PLC0415 - needs libpulse
        except (ImportError, OSError):  # libpulse is missing
            return False
        try:
            with Pulse("hushd", connect=False) as pulse:
                pulse.connect()
                work(streams.Streams(pulse, self._folder, self._decibels))
        except streams.ERRORS:
            return False
        return True


def main(decibels: float) -> None:
    """Makes other programs quieter by `decibels` until standard input ends."""
    wish = Wish()
    # No exception, which could come between a change and its record.
    signal.signal(signal.SIGTERM, lambda *_: wish.end())
    where = paths.find()
    paths.prepare_runtime(where)
    Helper(wish, where.runtime, decibels).run()


if __name__ == "__main__":
    main(float(sys.argv[1]))
