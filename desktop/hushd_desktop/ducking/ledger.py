"""Changes of other programs' volumes and players, written down before they are made, for whoever undoes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hushd_protocol.system import atomic_file

# There are such files only while something is to be undone.
VOLUMES = "ducking-volumes-*.json"  # of each sound server
PLAYERS = "ducking-players.json"
TOLERANCE = 200  # 0.3 %: sound servers round, and a person's smallest step is 1 %
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)

Volume = tuple[int, ...]  # of each channel, in the sound server's units: 65536 is 100 %


def same(volume: Volume, other: Volume) -> bool:
    """Returns whether two volumes are equal but for rounding."""
    return len(volume) == len(other) and all(abs(a - b) <= TOLERANCE for a, b in zip(volume, other, strict=True))


class Lowered(NamedTuple):
    """A stream whose volume was `before`, and is `now`; `identity` tells it from a later one of the same number."""

    identity: str
    before: Volume
    now: Volume


@dataclass(slots=True)
class Ledger:
    """The volumes that are to be brought back.

    Attributes:
        server: the number that one process of the sound server has for itself; streams are of that process.
        streams: by their numbers.
        applications: volumes before and since of their streams, by the name under which the server remembers an
            application's; of every process of that server.
    """

    server: int = 0
    streams: dict[int, Lowered] = field(default_factory=dict)
    applications: dict[str, list[tuple[Volume, Volume]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """The content of the file; an empty one where there is none, or none that can be read."""
        try:
            server, streams, applications = json.loads(path.read_bytes())
            return cls(
                int(server),
                {int(number): Lowered(str(who), _volume(a), _volume(b)) for number, (who, a, b) in streams.items()},
                {name: [(_volume(a), _volume(b)) for a, b in pairs] for name, pairs in applications.items()},
            )
        except _UNREADABLE:
            return cls()

    def write(self, path: Path) -> None:
        """As `write`, below."""
        write(
            path,
            [self.server, self.streams, self.applications] if self.streams or self.applications else None,
        )


def read_players(path: Path) -> tuple[dict[str, str], float]:
    """Players that are to be resumed, their connections to the bus by their names there, and the time of the last
    pause, in seconds since the machine's start."""
    try:
        players, at = json.loads(path.read_bytes())
        return {str(name): str(owner) for name, owner in players.items()}, float(at)
    except _UNREADABLE:
        return {}, 0.0


def write(path: Path, content: Any) -> None:
    """Replaces the file; removes it where there is nothing, None.

    Raises:
        OSError: as on a full disk, and then nothing may be changed.
    """
    if content is None:
        path.unlink(missing_ok=True)
    else:
        atomic_file.replace(path, json.dumps(content), mode=0o600)


def _volume(values: list[int]) -> Volume:
    return tuple(map(int, values))
