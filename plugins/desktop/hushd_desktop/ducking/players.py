"""Pauses and resumes media players by MPRIS, over the session's D-Bus."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from jeepney import DBusAddress, DBusErrorResponse, HeaderFields, MatchRule, Properties, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from .ledger import read_players, write

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_S = 0.5  # for the bus, and for each player
ALL_S = 2.0  # for all players together
STALE_S = 600.0  # after which a player paused by a killed process stays paused
_PREFIX = "org.mpris.MediaPlayer2."
_PLAYER = "org.mpris.MediaPlayer2.Player"
_PATH = "/org/mpris/MediaPlayer2"
_AGENT = f"{_PREFIX}playerctld"  # repeats another player


class Players:
    """The players on the session's bus.

    Args:
        path: the file of the paused players, also of earlier processes.

    Raises:
        OSError, KeyError, ValueError: if there is no bus.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paused, self._paused_at = read_players(path)
        self._changes: deque[Any] = deque()
        self._connection = open_dbus_connection(bus="SESSION")
        rule = MatchRule(type="signal", interface="org.freedesktop.DBus.Properties", path=_PATH)
        self._connection.filter(rule, queue=self._changes)
        self._ask(message_bus.AddMatch(rule))

    def pause(self) -> None:
        """Pauses playing players that can pause; none if the file cannot be written."""
        give_up = time.monotonic() + ALL_S
        for name in (self._ask(message_bus.ListNames()) or ((),))[0]:
            if not name.startswith(_PREFIX) or name == _AGENT or name in self._paused:
                continue
            if time.monotonic() > give_up:
                return
            owner = (self._ask(message_bus.GetNameOwner(name)) or ("",))[0]
            if owner and self._property(owner, "PlaybackStatus") == "Playing" and self._property(owner, "CanPause"):
                self._pause(name, owner)

    def resume(self) -> None:
        """Resumes players that are still paused and were not started meanwhile."""
        fresh = _now() - self._paused_at < STALE_S
        for owner in self._paused.values() if fresh else ():
            if self._property(owner, "PlaybackStatus") == "Paused" and owner not in self._started():
                self._call(owner, "Play")
        self._paused = {}
        write(self._path, None)

    def _pause(self, name: str, owner: str) -> None:
        self._paused[name], self._paused_at = owner, _now()
        try:
            write(self._path, [self._paused, self._paused_at])
        except OSError:
            del self._paused[name]
            return
        self._changes.clear()  # drops earlier signals
        self._call(owner, "Pause")

    def _started(self) -> set[str]:
        """Returns the players that have started since they were paused, by their queued signals."""
        started: set[str] = set()
        for message in self._changes:
            interface, changed, *_ = message.body
            if interface == _PLAYER and changed.get("PlaybackStatus", ("s", ""))[1] == "Playing":
                started.add(message.header.fields[HeaderFields.sender])
        return started

    def _property(self, owner: str, name: str) -> Any:
        answer = self._ask(Properties(DBusAddress(_PATH, owner, _PLAYER)).get(name))
        return answer[0][1] if answer else None

    def _call(self, owner: str, method: str) -> None:
        self._ask(new_method_call(DBusAddress(_PATH, owner, _PLAYER), method))

    def _ask(self, message: Any) -> Any:
        """Returns the answer's content; None on an error or timeout."""
        try:
            return unwrap_msg(self._connection.send_and_get_reply(message, timeout=ANSWER_S))
        except (DBusErrorResponse, OSError, EOFError):  # includes TimeoutError
            return None


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
