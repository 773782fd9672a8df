"""The switch of `hushd agents hook on|off`: for all agents, or for single sessions or projects."""

from __future__ import annotations

import json
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, paths
from hushd_protocol.system.paths import Paths

MAX_SESSIONS = 200  # the oldest are forgotten


class Switch:
    """Remembers in the state folder which agents are off."""

    def __init__(self, where: Paths) -> None:
        self._where = where
        self._file = where.state / "agent-hook.json"

    def is_off(self, *names: str) -> bool:
        """Returns whether all agents are off, or a session by one of these names."""
        every, off = self._read()
        return every or not {*off}.isdisjoint(names)

    def turn(self, on: bool, name: str | None = None) -> None:
        """Turns a session on or off, by its id or its project's name; None: all of them, where on clears each session's
        switch.

        Raises:
            HushdError: `output_failed`.
        """
        every, off = self._read()
        if name is None:
            every, off = not on, [] if on else off
        else:
            off = [*(other for other in off if other != name), *([] if on else [name])][-MAX_SESSIONS:]
        try:
            paths.prepare_state(self._where)
            atomic_file.replace(self._file, json.dumps({"off": every, "sessions": off}) + "\n", mode=0o600)
        except OSError as error:
            raise HushdError("output_failed", f"{self._file} cannot be written ({error.strerror}).") from error

    def data(self) -> dict[str, Any]:
        """Returns the state for programs: whether agents read aloud, and the sessions and projects that do not."""
        every, off = self._read()
        return {"on": not every, "off": off}

    def state(self) -> str:
        """Says in a sentence which agents are on and which are off."""
        every, off = self._read()
        if every:
            return "Off: `hushd agents hook on` has agents read aloud."
        return f"On, but for {', '.join(off)}." if off else "On."

    def _read(self) -> tuple[bool, list[str]]:
        try:
            table: Any = json.loads(self._file.read_bytes())
            return table["off"] is True, [name for name in table["sessions"] if isinstance(name, str)]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False, []
