"""Graphics cards' memory that workers have left to other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hushd_protocol import duration, size
from hushd_protocol.errors import HushdError


@dataclass(frozen=True, slots=True)
class YieldedCard:
    """A graphics card after a `yield`; sizes in MB (10^6 bytes).

    Attributes:
        device: its name in the configuration, such as `cuda:0`.
        id: its place on the bus.
        freed_mb: what workers have left.
        free_mb: what is free now.
        total_mb: all memory; 0 where it sleeps and its size is not known.
    """

    device: str
    id: str
    freed_mb: float
    free_mb: float
    total_mb: float


@dataclass(frozen=True, slots=True)
class Yielded:
    """The result of a `yield`.

    Attributes:
        cards: those that were asked for; none on a machine without graphics cards.
        unloaded: the workers that have ended.
        busy: by the name of each worker that ends later, the number of jobs after which it does.
        for_s: how long workers keep away from the memory.
    """

    cards: tuple[YieldedCard, ...]
    unloaded: tuple[str, ...]
    busy: Mapping[str, int]
    for_s: float

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Yielded:
        """From the supervisor's answer."""
        names = [field.name for field in fields(YieldedCard)]
        cards = tuple(YieldedCard(*(row[name] for name in names)) for row in data["cards"])
        return cls(cards, tuple(data["unloaded"]), dict(data["busy"]), float(data["for_s"]))

    def short_of(self, vram: int) -> list[YieldedCard]:
        """The cards of which less than `vram` bytes are free."""
        return [card for card in self.cards if card.free_mb * 1e6 < vram - 1e5]

    def sentence(self) -> str:
        """The result in one line, for people and logs."""
        if not self.cards:
            return "No graphics card is known here: there is nothing to free."
        freed = "; ".join(f"{c.device}: {_gb(c.freed_mb)} freed, {_gb(c.free_mb)} free" for c in self.cards)
        left = f", by {', '.join(self.unloaded)}" if self.unloaded else ""
        jobs = ", ".join(f"{name} after {count} job{'s' * (count != 1)}" for name, count in self.busy.items())
        later = f"; {jobs} will leave too" if jobs else ""
        return f"{freed}{left}{later}; workers keep away for {self.for_s:.0f} s."


def options(vram: int | str | None, card: int | str | None, keep_away: float | str) -> dict[str, Any]:
    """The fields of the control.

    Raises:
        HushdError: `bad_request` for what is no size or no length of time.
    """
    wanted = 0 if vram is None else size.parse(vram)
    seconds = duration.parse(keep_away)
    if wanted is None or (vram is not None and wanted == 0):
        raise HushdError("bad_request", f"{vram!r} is no size of memory: use one such as 12G, 500M or 11GiB.")
    if seconds is None or seconds < 0:
        raise HushdError("bad_request", f"{keep_away!r} is no length of time: use one such as 90s or 10m.")
    return {"vram": wanted, "card": "" if card is None else str(card), "for_s": seconds}


def _gb(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB"
