"""The answers to controls that change something; the answers to `status` and `listen` are in `status`."""

from __future__ import annotations

from collections.abc import Mapping

from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.suggest import plural

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns(Record):
    """The answer to `stop`, `cancel`, `pause` and `resume`: the numbers of the affected turns."""

    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedWorkers(Record):
    """The answer to `unload`.

    Attributes:
        unloaded: the names of the workers whose processes are gone.
        busy: the names of the workers that go on for now, each with the number of other programs' jobs there.
    """

    unloaded: tuple[str, ...]
    busy: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class YieldedCard(Record):
    """A graphics card after a `yield`; sizes in MB (10^6 bytes).

    Attributes:
        device: its name in the configuration, such as `cuda:0`.
        id: its place on the bus.
        freed_mb: the memory that workers have freed.
        free_mb: the memory that is free now.
        total_mb: all memory; 0 if the card sleeps and its size is unknown.
    """

    device: str
    id: str
    freed_mb: float
    free_mb: float
    total_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class YieldedMemory(Record):
    """The machine's memory after a `yield`; sizes in MB (10^6 bytes)."""

    freed_mb: float
    free_mb: float
    total_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Yielded(Record):
    """The answer to `yield`.

    Attributes:
        ram: the machine's memory; None if it was not requested.
        cards: the requested cards; none on a machine without graphics cards.
        unloaded: the workers that have ended.
        busy: the workers that end later, each with the number of jobs that it finishes first.
        for_s: the seconds for which workers keep away from the memory; None for as long as the connection lives.
    """

    cards: tuple[YieldedCard, ...]
    unloaded: tuple[str, ...]
    busy: Mapping[str, int]
    for_s: float | None
    ram: YieldedMemory | None = None

    def short_of(self, vram: int) -> list[YieldedCard]:
        """Returns the cards with less than `vram` bytes free."""
        return [card for card in self.cards if card.free_mb * 1e6 < vram - 1e5]

    def sentence(self) -> str:
        """Returns the result in one line, for people and logs."""
        if not self.cards and not self.ram:
            return "No graphics card is known here: there is nothing to free."
        devices = [(card.device, card.freed_mb, card.free_mb) for card in self.cards]
        devices += [("memory", self.ram.freed_mb, self.ram.free_mb)] if self.ram else []
        freed = "; ".join(f"{name}: {_gb(freed)} freed, {_gb(free)} free" for name, freed, free in devices)
        left = f", by {', '.join(self.unloaded)}" if self.unloaded else ""
        jobs = ", ".join(f"{name} after {plural(count, 'job')}" for name, count in self.busy.items())
        later = f"; {jobs} will leave too" if jobs else ""
        return f"{freed}{left}{later}; workers keep away{'' if self.for_s is None else f' for {self.for_s:.0f} s'}."


def _gb(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB"
