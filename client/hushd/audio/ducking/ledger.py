"""Changes of other programs' volumes and players, written down before they are made, for whoever undoes them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hushd_protocol.system import atomic_file

if TYPE_CHECKING:
    from pathlib import Path

# There are such files only while something is to be undone.
VOLUMES = "ducking-volumes-*.json"  # of each sound server
PLAYERS = "ducking-players.json"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)

TOLERANCE = 200  # 0.3 %: sound servers round, and a person's smallest step is 1 %

Volume = tuple[int, ...]  # of each channel, in the sound server's units: 65536 is 100 %


def same(volume: Volume, other: Volume) -> bool:
    """Returns whether two volumes are equal but for rounding."""
    return len(volume) == len(other) and all(abs(a - b) <= TOLERANCE for a, b in zip(volume, other, strict=True))


@dataclass(frozen=True, slots=True)
class Lowered:
    """A stream whose volume was `before`, and is `now`; `identity` tells it from a later one of the same number."""

    identity: str
    before: Volume
    now: Volume


@dataclass(slots=True)
class Remembered:
    """The volume that the sound server remembers for the next stream of an application.

    Attributes:
        before: and `channels`, the names of its channels; both empty where it remembered none.
        properties: of its streams, by which PipeWire remembers.
        ours: the volumes of its streams that were lowered, before and since, which it may have got by that.
    """

    before: Volume
    channels: list[str]
    properties: dict[str, str] = field(default_factory=dict)
    ours: list[tuple[Volume, Volume]] = field(default_factory=list)

    def before_that_of(self, volume: Volume) -> Volume | None:
        """The volume from before of a stream that has a lowered one; None for any other."""
        return next((before for before, now in self.ours if same(now, volume)), None)


@dataclass(slots=True)
class Ledger:
    """The volumes that are to be brought back.

    Attributes:
        server: the number that one process of the sound server has for itself; streams are of that process.
        streams: by their numbers.
        remembered: by the name of an application's entry; of every process of that server.
    """

    server: int = 0
    streams: dict[int, Lowered] = field(default_factory=dict)
    remembered: dict[str, Remembered] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """The content of the file; an empty one where there is none, or none that can be read."""
        try:
            fields: Any = json.loads(path.read_bytes())
            return cls(
                int(fields["server"]),
                {int(number): _lowered(**entry) for number, entry in fields["streams"].items()},
                {str(name): _remembered(**entry) for name, entry in fields["remembered"].items()},
            )
        except _UNREADABLE:
            return cls()

    def write(self, path: Path) -> None:
        """Replaces the file; removes it once there is nothing to bring back.

        Raises:
            OSError: as on a full disk, and then nothing may be changed.
        """
        _write(path, self, bool(self.streams or self.remembered))


@dataclass(slots=True)
class Paused:
    """The players that are to be resumed: their connections to the bus, by their names there.

    Attributes:
        at: the time of the last pause, in seconds since the machine's start.
    """

    players: dict[str, str] = field(default_factory=dict)
    at: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Paused:
        """As `Ledger.read`."""
        try:
            fields: Any = json.loads(path.read_bytes())
            return cls({str(name): str(owner) for name, owner in fields["players"].items()}, float(fields["at"]))
        except _UNREADABLE:
            return cls()

    def write(self, path: Path) -> None:
        """As `Ledger.write`."""
        _write(path, self, bool(self.players))


def _write(path: Path, content: Ledger | Paused, needed: bool) -> None:
    if needed:
        atomic_file.replace(path, json.dumps(asdict(content)), mode=0o600)
    else:
        path.unlink(missing_ok=True)


def _lowered(identity: str, before: list[int], now: list[int]) -> Lowered:
    return Lowered(str(identity), _volume(before), _volume(now))


def _remembered(
    before: list[int], channels: list[str], properties: dict[str, str], ours: list[tuple[list[int], list[int]]]
) -> Remembered:
    pairs = [(_volume(earlier), _volume(now)) for earlier, now in ours]
    names = {str(name): str(value) for name, value in properties.items()}
    return Remembered(_volume(before), [str(name) for name in channels], names, pairs)


def _volume(values: list[int]) -> Volume:
    return tuple(int(value) for value in values)
