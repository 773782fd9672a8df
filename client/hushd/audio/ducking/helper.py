"""The process that keeps others quiet for a program that speaks or listens, and that outlives a kill of it."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.system import paths

from .holder_pipe import HolderPipe
from .ledger import PLAYERS, VOLUMES
from .locks import Locks

if TYPE_CHECKING:
    from .players import Players

LOOK_S = 0.1  # between two looks whether the helper that leads has gone
RETRY_S = 2.0  # between two attempts to reach a sound server
RESTORE_S = 15.0  # for one that is just restarting, once volumes are to be brought back


def main(decibels: float) -> None:
    """Keeps others quieter by so much until standard input ends."""
    pipe = HolderPipe()
    # Not by an exception, which could come between a change and its record.
    signal.signal(signal.SIGTERM, lambda *_: pipe.end())
    where = paths.find()
    paths.prepare_runtime(where)
    Helper(pipe, where.runtime, decibels).run()


class Helper:
    """The helper of one holder.

    Args:
        folder: of the locks and ledgers.
    """

    def __init__(self, pipe: HolderPipe, folder: Path, decibels: float) -> None:
        self._pipe = pipe
        self._folder = folder
        self._decibels = decibels
        self._locks = Locks(folder)
        self._players: Players | None = None

    def run(self) -> None:
        """Returns once it is over, and all is as before unless other helpers go on."""
        while not self._pipe.over and not self._locks.try_to_lead():
            self._pipe.wait(LOOK_S)
        while not self._pipe.over:
            self._lead()
        if self._locks.leave():
            self._restore()

    def _lead(self) -> None:
        """Keeps others quiet until it is over, or the sound server has gone."""
        try:
            from . import following
            from .streams import Streams
        except (ImportError, OSError):  # of the extra, or of libpulse: the players remain
            self._pause_players()
            self._pipe.wait(RETRY_S)
            return
        try:
            with following.connected() as pulse:
                streams = Streams(pulse, self._folder, self._decibels)
                follower = following.Following(pulse, streams, self._pipe)
                streams.lower()
                self._pause_players()
                follower.run()
        except following.ERRORS:
            self._pause_players()
            self._pipe.wait(RETRY_S)

    def _pause_players(self) -> None:
        """Pauses those that play, once."""
        if self._players is None and (players := self._reach_players()):
            self._players = players
            players.pause()

    def _restore(self) -> None:
        """Brings volumes back, and then has players go on; what cannot be is left to the next helper."""
        give_up = time.monotonic() + RESTORE_S
        while any(self._folder.glob(VOLUMES)) and not self._brought_back() and time.monotonic() < give_up:
            time.sleep(LOOK_S)
        if (self._folder / PLAYERS).exists() and (players := self._players or self._reach_players()):
            players.resume()

    def _brought_back(self) -> bool:
        """Returns False where the sound server cannot be reached."""
        try:
            from . import following
        except (ImportError, OSError):
            return True
        try:
            following.bring_back(self._folder)
        except following.ERRORS:
            return False
        return True

    def _reach_players(self) -> Players | None:
        try:
            from .players import Players

            return Players(self._folder / PLAYERS)
        except (ImportError, OSError, KeyError, ValueError):  # of the extra; there is no session bus
            return None
