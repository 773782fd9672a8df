"""The memory of graphics cards over time, as the supervisor has recorded it. Sizes in bytes.

A look at the cards says what is free of each; what workers take they report themselves. The rest is other programs',
which is known at looks alone, so it stays as it was from one to the next.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from hushd_protocol import JsonObject
from hushd_protocol.light_dataclass import dataclass, replace

from .memory_record import SUPERVISOR, lines

if TYPE_CHECKING:
    from hushd_schema.status import CardStatus, Status


class Look(NamedTuple):
    """A card at a look; `others` is the memory of other programs in a status, None in the record."""

    time: float
    id: str
    total: int
    free: int
    device: str
    name: str
    others: int | None = None
    budget: int = 0


class Taken(NamedTuple):
    """The part of each card, by its id, that a worker takes from now on; none at its end, and at the supervisor's."""

    time: float
    worker: str
    sizes: Mapping[str, int]


Event: TypeAlias = "Look | Taken"


@dataclass(frozen=True, slots=True)
class CardMoment:
    """A card's memory from `time` until the next moment: of workers by name, and of others, 0 before the first look."""

    time: float
    workers: Mapping[str, int]
    others: int

    @property
    def taken(self) -> int:
        """The memory that workers take."""
        return sum(self.workers.values())


@dataclass(frozen=True, slots=True)
class CardHistory:
    """A card over a window of time; workers may take `budget` of its `total`."""

    id: str
    device: str
    name: str
    total: int
    budget: int
    moments: Sequence[CardMoment]

    @property
    def described(self) -> str:
        """Its name and its memory, in words."""
        bound = f", of which workers may take {self.budget / 1e9:.1f}" if self.budget < self.total else ""
        return f"{f'{self.device} {self.name}'.strip()}: {self.total / 1e9:.1f} GB{bound}"

    def data(self) -> JsonObject:
        """Its part of what `hushd top --history --json` prints."""
        return {
            "device": self.device,
            "id": self.id,
            "name": self.name,
            "total_mb": _mb(self.total),
            "budget_mb": _mb(self.budget),
            "moments": [
                {
                    "time": moment.time,
                    "workers_mb": {name: _mb(size) for name, size in moment.workers.items()},
                    "others_mb": _mb(moment.others),
                }
                for moment in self.moments
            ],
        }


def read(path: Path) -> list[Event]:
    """The events of the record at `path`; lines that are none are passed over."""
    return sorted(_events(lines(path)), key=lambda event: event.time)


def _events(recorded: Iterable[str]) -> Iterator[Event]:
    for line in recorded:
        try:
            match line.split(" "):
                case [time, "card", id, total, free, device, *name]:
                    yield Look(float(time), id, int(total), int(free), device, " ".join(name))
                case [time, "taken", worker, *parts]:
                    pairs = (part.rpartition("=") for part in parts)
                    yield Taken(float(time), worker, {id: int(size) for id, _, size in pairs})
                case [time, "exit", worker, *_]:
                    yield Taken(float(time), worker, {})
                case [time, "start", name, *_] if name == SUPERVISOR:  # workers of one that was killed have ended
                    yield Taken(float(time), SUPERVISOR, {})
        except ValueError:
            continue


def histories(events: Sequence[Event], status: Status | None, start: float, end: float) -> list[CardHistory]:
    """The cards from `start` to `end`, in the order of their names, with what holds now by `status`."""
    now = [event for event in (*events, *_current(status, end)) if event.time <= end]
    cards = {event.id: event for event in now if isinstance(event, Look)}
    ordered = sorted(cards.values(), key=lambda look: look.device)
    return [_history(look, list(_moments(now, look.id)), start, end) for look in ordered]


def _current(status: Status | None, now: float) -> Iterator[Event]:
    if status is None:
        return
    yield Taken(now, SUPERVISOR, {})
    for worker in status.workers:
        if worker.cards_mb:
            yield Taken(now, worker.name, {id: int(size * 1e6) for id, size in worker.cards_mb.items()})
    for card in status.memory.cards:
        if card.total_mb:
            yield _of_status(card, now)


def _of_status(card: CardStatus, now: float) -> Look:
    total, free, others, budget = (
        int(size * 1e6) for size in (card.total_mb, card.free_mb, card.others_mb, card.budget_mb)
    )
    return Look(now, card.id, total, free, card.device, card.name, others, budget)


def _moments(events: Iterable[Event], id: str) -> Iterator[CardMoment]:
    """The memory of card `id` after each event."""
    workers: dict[str, int] = {}
    others = 0
    for event in events:
        match event:
            case Look() if event.id == id:
                remainder = event.total - event.free - sum(workers.values())
                others = max(0, remainder) if event.others is None else event.others
            case Taken(_, worker, sizes):
                other_workers = (
                    {} if worker == SUPERVISOR else {name: size for name, size in workers.items() if name != worker}
                )
                workers = other_workers | ({worker: sizes[id]} if id in sizes else {})
        yield CardMoment(event.time, workers, others)


def _history(look: Look, moments: Sequence[CardMoment], start: float, end: float) -> CardHistory:
    first = bisect_right(moments, start, key=lambda moment: moment.time) - 1
    last_moment = moments[first] if first >= 0 else CardMoment(start, {}, moments[0].others)
    inside = moments[first + 1 :]
    window = [replace(last_moment, time=start), *inside, replace((inside or [last_moment])[-1], time=end)]
    return CardHistory(look.id, look.device, look.name, look.total, look.budget or look.total, window)


def highest(moments: Sequence[CardMoment], count: int) -> list[CardMoment]:
    """`count` equal parts of a window, each shown by its moment of most memory."""
    start, end = moments[0].time, moments[-1].time
    width = (end - start) / count or 1.0
    parts: list[CardMoment] = []
    for index in range(count):
        first = max(0, bisect_right(moments, start + index * width, key=lambda moment: moment.time) - 1)
        last = bisect_right(moments, start + (index + 1) * width, key=lambda moment: moment.time)
        most = max(moments[first : max(first + 1, last)], key=lambda moment: moment.taken + moment.others)
        parts.append(replace(most, time=start + index * width))
    return parts


def _mb(size: float) -> float:
    return round(size / 1e6, 1)
