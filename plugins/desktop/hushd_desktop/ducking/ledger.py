"""The record of changed volumes, written before each change so that any helper can undo it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hushd_protocol.system import atomic_file

# One file for each sound server, only while there are changes to undo.
VOLUMES = "ducking-volumes-*.json"
TOLERANCE = 200  # 0.3 %: sound servers round, and users change by at least 1 %
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)

Volume = tuple[int, ...]  # volume of each channel; 65536 is 100 %


def same(volume: Volume, other: Volume) -> bool:
    """Returns whether two volumes are equal except for rounding."""
    return len(volume) == len(other) and all(abs(a - b) <= TOLERANCE for a, b in zip(volume, other, strict=True))


class Lowered(NamedTuple):
    """A stream's volumes, `before` and `now`; `identity` tells it from a later stream with the same number."""

    identity: str
    before: Volume
    now: Volume


@dataclass(slots=True)
class Ledger:
    """The volumes to be restored.

    Attributes:
        server: the cookie of the sound server's process to which the streams belong.
        applications: volumes before and after, by the server's name for each application's remembered volume; valid for
            all its processes.
    """

    server: int = 0
    streams: dict[int, Lowered] = field(default_factory=dict)
    applications: dict[str, list[tuple[Volume, Volume]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Reads the file; empty if it is missing or unreadable."""
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
        """Replaces the file; removes it if nothing is lowered. Raises OSError: then no change may be made."""
        if self.streams or self.applications:
            content = [self.server, self.streams, self.applications]
            atomic_file.replace(path, json.dumps(content), mode=0o600)
        else:
            path.unlink(missing_ok=True)


def _volume(values: list[int]) -> Volume:
    return tuple(map(int, values))
