"""The process that keeps others quiet for a program that speaks or listens, and that outlives a kill of it:
`python -m hushd_desktop.ducking.helper DECIBELS`.

Several programs may want it at the same time. Each helper holds a shared lock for as long, and the one that has a
second lock changes volumes; the last one to leave brings them back. The kernel releases both, however a process ends.
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

from .ledger import PLAYERS, VOLUMES

if TYPE_CHECKING:
    from .players import Players
    from .streams import Streams

ORDERLY = b"."  # written by a holder before it closes its pipe
LINGER_S = 2.0  # after an orderly end: the next word of a conversation mostly follows
LOOK_S = 0.1  # between two looks whether the helper that leads has gone
RETRY_S = 2.0  # between two attempts to reach a sound server
RESTORE_S = 15.0  # for one that is just restarting, once volumes are to be brought back


class Wish:
    """Standard input, the end of the holder's pipe, and the time at which others need not be quiet any longer."""

    def __init__(self) -> None:
        self._orderly = False
        self._end: float | None = None  # of the lingering, once the pipe has ended
        if self.over():
            self.end()  # nobody has wanted it for long enough to be noticed

    def end(self) -> None:
        """Ends it now. Safe in a signal handler."""
        self._end = 0.0

    def over(self, wait_s: float = 0.0) -> bool:
        """Returns whether it is over; waits so long at most."""
        give_up = time.monotonic() + wait_s
        while self._end is None and select.select([0], [], [], max(0.0, give_up - time.monotonic()))[0]:
            data = os.read(0, 64)
            self._orderly |= ORDERLY in data
            if not data and self._end is None:
                self._end = time.monotonic() + (LINGER_S if self._orderly else 0.0)
        if self._end is not None:
            time.sleep(max(0.0, min(give_up, self._end) - time.monotonic()))
        return self._end is not None and time.monotonic() >= self._end


class Locks:
    """A place among those who want other programs to be quieter."""

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._wishes = os.open(folder / "ducking.wishes", flags, 0o600)
        self._leader = os.open(folder / "ducking.leader", flags, 0o600)
        fcntl.flock(self._wishes, fcntl.LOCK_SH)  # waits while the last one of others brings volumes back

    def try_to_lead(self) -> bool:
        """Returns whether it leads; never waits."""
        return atomic_file.lock(self._leader, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def leave(self) -> bool:
        """Gives up the wish; returns whether it was the last one, which must bring everything back.

        Who leaves leads first: so one after the other gives up its wish, and none overlooks that it is the last.
        """
        fcntl.flock(self._leader, fcntl.LOCK_EX)
        return atomic_file.lock(self._wishes, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Gives both up, without a thought for the others."""
        os.close(self._wishes)
        os.close(self._leader)


class Helper:
    """The helper of one holder.

    Args:
        folder: of the locks and ledgers.
        decibels: how far others go down.
    """

    def __init__(self, wish: Wish, folder: Path, decibels: float) -> None:
        self._wish = wish
        self._folder = folder
        self._decibels = decibels
        self._players: Players | None = None

    def run(self) -> None:
        """Returns once it is over, and all is as before unless other helpers go on."""
        locks = Locks(self._folder)
        while not self._wish.over():
            if locks.try_to_lead():
                self._lead()
            else:
                self._wish.over(LOOK_S)
        if locks.leave():
            self._restore()

    def _lead(self) -> None:
        """Keeps others quiet until it is over, or the sound server has gone."""
        if not self._at_the_server(lambda streams: streams.follow(self._wish.over, self._pause_players)):
            self._pause_players()
            self._wish.over(RETRY_S)

    def _restore(self) -> None:
        """Brings volumes back, and then has players go on; what cannot be is left to the next helper."""
        give_up = time.monotonic() + RESTORE_S
        while any(self._folder.glob(VOLUMES)) and time.monotonic() < give_up:
            if self._at_the_server(lambda streams: streams.bring_back()):
                break
            time.sleep(LOOK_S)
        if (self._folder / PLAYERS).exists() and (players := self._players or self._reach_players()):
            players.resume()

    def _at_the_server(self, work: Callable[[Streams], None]) -> bool:
        """Does some work with the sound server, which is not started for it; returns whether it was there."""
        try:
            from pulsectl import Pulse

            from . import streams
        except (ImportError, OSError):  # of the extra, or of libpulse: the players remain
            return False
        try:
            with Pulse("hushd", connect=False) as pulse:
                pulse.connect()
                work(streams.Streams(pulse, self._folder, self._decibels))
        except streams.ERRORS:
            return False
        return True

    def _pause_players(self) -> None:
        """Pauses those that play, once."""
        if self._players is None and (players := self._reach_players()):
            self._players = players
            players.pause()

    def _reach_players(self) -> Players | None:
        try:
            from .players import Players

            return Players(self._folder / PLAYERS)
        except (ImportError, OSError, KeyError, ValueError):  # of the extra; there is no session bus
            return None


def main(decibels: float) -> None:
    """Keeps others quieter by so much until standard input ends."""
    wish = Wish()
    # Not by an exception, which could come between a change and its record.
    signal.signal(signal.SIGTERM, lambda *_: wish.end())
    where = paths.find()
    paths.prepare_runtime(where)
    Helper(wish, where.runtime, decibels).run()


if __name__ == "__main__":
    main(float(sys.argv[1]))
