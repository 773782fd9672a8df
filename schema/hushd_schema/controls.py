"""The answers to controls that change something; the answers to `status` and `listen` are in `status`."""

from __future__ import annotations

from collections.abc import Mapping

from hushd_protocol.light_dataclass import dataclass, field

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns(Record):
    """The answer to `stop`, `cancel`, `pause` and `resume`: the numbers of the affected turns."""

    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedWorkers(Record):
    """The answer to `unload`.

    Attributes:
        unloaded: the names of the workers whose processes are gone, or are suspended and off their cards.
        busy: the names of the workers that go on for now, each with the number of other programs' jobs there.
    """

    unloaded: tuple[str, ...]
    busy: Mapping[str, int] = field(default_factory=dict)
