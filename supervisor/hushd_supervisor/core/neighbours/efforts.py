"""The starts for which neighbours are asked for memory: whom, in which order, and when to give up; pure.

A start for which neither free memory nor idle workers suffice makes an effort: a look at what all neighbours hold, then
requests for the models chosen, each once. Only the kernel's and the driver's figures end an effort well: the start then
fits. What a neighbour says only decides how long that is waited for. After `LIMIT_S` the start goes on as if there were
no neighbours, however many of them hang.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass, field
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, AskNeighbour, Log
from hushd_supervisor.core.events import FromNeighbour
from hushd_supervisor.core.memory.budget import Lack

from .holds import Hold, Key, choose, less
from .sleepers import Sleepers

if TYPE_CHECKING:
    from hushd_schema.status import NeighbourStatus

LIMIT_S = 10.0  # for all neighbours together, from the moment at which a start was found not to fit
LOOK_S = 1.0  # after which the answers that have come must do, so that one who hangs delays nobody
FRESH_S = 2.0  # for which the answers serve the next start, too
HANGS_S = 5.0  # after which the next start does not wait for those that are still missing
SHOWN_S = 3.0  # for memory to be seen free, from a neighbour's word that it has given it
AGAIN_S = 0.1  # between two looks at memory meanwhile,
OTHERS_S = 1.0  # and while no neighbour has given any, as other programs may
SLEEPING_KINDS = ("vllm",)  # whose models are put to sleep, and do not wake by themselves


@dataclass(slots=True)
class _Look:
    """The holds of all neighbours; `ended_at` is `math.inf` until all have answered or had their time."""

    began: float
    ended_at: float = math.inf
    holds: dict[Key, Hold] = field(default_factory=dict)

    def serves(self, now: float) -> bool:
        """Returns whether another start need not ask anew."""
        return now < (self.began + HANGS_S if self.ended_at == math.inf else self.ended_at + FRESH_S)


@dataclass(slots=True)
class _Request:
    """A model that a neighbour was asked for; `until`: when it no longer counts as about to be free."""

    hold: Hold
    until: float
    gave: bool = False


@dataclass(slots=True)
class _Effort:
    """One start's wait for neighbours."""

    until: float
    requests: dict[Key, _Request] = field(default_factory=dict)
    over: bool = False

    def pending(self, now: float) -> list[Hold]:
        """The models whose memory should soon be free."""
        return [request.hold for request in self.requests.values() if now < request.until]

    def given(self) -> list[Hold]:
        """The models that neighbours say they have ended."""
        return [request.hold for request in self.requests.values() if request.gave]


class Neighbours:
    """All neighbours, and the efforts for which they are asked.

    Args:
        settings: names them.
        only_card: returns the place on the bus of the machine's only graphics card; empty where there are more or none.
        asleep: the models that the last supervisor has left asleep.

    Attributes:
        sleepers: the models that sleep until their workers have left.
        given: bytes that each neighbour has given so far.
        failed: the last sentence in which each has failed, until it answers.
        held: the models that each holds, by its last answer.
        seen_at: when that came.
    """

    def __init__(self, settings: Settings, only_card: Callable[[], str], asleep: Iterable[Key] = ()) -> None:
        self.settings = settings.neighbours
        self._only_card = only_card
        self.sleepers = Sleepers(asleep)
        self.given: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.held: dict[str, tuple[Hold, ...]] = {}
        self.seen_at: dict[str, float] = {}
        self._look = _Look(-math.inf, -math.inf)
        self._efforts: dict[str, _Effort] = {}
        self._down = False

    def configure(self, settings: Settings) -> None:
        """Asks those of another configuration from now on."""
        self.settings = settings.neighbours

    @property
    def busy(self) -> bool:
        """True while a model must still be woken."""
        return self.sleepers.waking

    def since(self) -> float:
        """The time since which neighbours are asked, `math.inf` while they are not: whoever asked first wins."""
        return min((e.until - LIMIT_S for e in self._efforts.values() if not e.over), default=math.inf)

    # --- starts --------------------------------------------------------------------------------------------------

    def ask(self, worker: str, lacks: Sequence[Lack], now: float) -> list[Action]:
        """Goes on with the effort for a worker's start, which needs one of `lacks`; see `awaits` for what follows."""
        effort, actions = self._efforts.get(worker), list[Action]()
        if effort is None:
            if not self.settings or self._down:
                return []
            if not self._look.serves(now):
                self._look = _Look(now)
                actions.append(AskNeighbour("look", now + LIMIT_S))
            effort = self._efforts[worker] = _Effort(now + LIMIT_S)
        if effort.over:
            return []
        if effort.until <= now:
            effort.over = True
        elif self._look.ended_at <= now or self._look.began + LOOK_S <= now:
            actions += self._choose(worker, effort, lacks, now)
        if effort.over and (given := _names(effort.given())):
            actions.append(Log("WARNING", f"too little is free for {worker}, although {_listed(given)} gave memory"))
        return actions

    def awaits(self, worker: str) -> bool:
        """Returns whether a worker's start goes on waiting for neighbours."""
        effort = self._efforts.get(worker)
        return effort is not None and not effort.over

    def has_given(self, worker: str) -> bool:
        """Returns whether a neighbour says that it has given memory for a worker's start."""
        effort = self._efforts.get(worker)
        return effort is not None and bool(effort.given())

    def note(self, worker: str, now: float) -> str:
        """Says in a few words what a worker's start waits for."""
        asked = self._efforts[worker].pending(now)
        if not asked:
            return "asking " + _listed(self.settings) + " for memory"
        sizes = ((name, sum(hold.size for hold in asked if hold.neighbour == name)) for name in _names(asked))
        return "waiting for " + _listed(f"{name} to give {size / 1e9:.1f} GB" for name, size in sizes)

    def fits(self, worker: str) -> str:
        """Notes that a worker's start fits; returns which neighbours have given memory for it, empty for none."""
        effort = self._efforts.pop(worker, None)
        given = effort.given() if effort and not effort.over else []
        for hold in given:
            self.given[hold.neighbour] = self.given.get(hold.neighbour, 0) + hold.size
        sizes = ((name, sum(hold.size for hold in given if hold.neighbour == name)) for name in _names(given))
        return _listed(f"{name} gave {size / 1e9:.1f} GB" for name, size in sizes)

    def _choose(self, worker: str, effort: _Effort, lacks: Sequence[Lack], now: float) -> list[Action]:
        """Asks for the models that suffice, if any do; gives up once there is nothing to wait for."""
        only_card, own = self._only_card(), effort.pending(now)
        asked = {key for other in self._efforts.values() for key in other.requests}
        holds = [
            hold
            for key, hold in self._look.holds.items()
            if key not in asked and hold.neighbour in self.settings and hold.may_go(self.settings[hold.neighbour].idle)
        ]
        for lack in lacks:
            rest = less(lack, own, only_card)
            if not rest:
                return []
            if chosen := choose(holds, rest, only_card):
                return [action for hold in chosen for action in self._request(worker, effort, hold)]
        others = any(other.pending(now) for other in self._efforts.values())
        effort.over = not (others or self._look.ended_at == math.inf)
        return []

    def _request(self, worker: str, effort: _Effort, hold: Hold) -> list[Action]:
        effort.requests[hold.key] = _Request(self._look.holds.pop(hold.key), effort.until)
        asleep = self.settings[hold.neighbour].kind in SLEEPING_KINDS
        size = f"{hold.size / 1e9:.1f} GB"
        return [
            *(self.sleepers.put(hold.key, worker) if asleep else ()),
            Log("INFO", f"{hold.neighbour} is asked to give {size} ({hold.model[:80]}) for {worker}"),
            AskNeighbour("give", effort.until, hold.neighbour, hold.model, hold.ram, hold.cards),
        ]

    # --- answers -------------------------------------------------------------------------------------------------

    def handle(self, event: FromNeighbour, now: float) -> list[Action]:
        """Takes an answer, which may come late."""
        key = event.neighbour, event.model
        if event.question == "wake":
            return self.sleepers.answered(key, event.error, now)
        if event.question == "give":
            return self._gave(key, event, now)
        if not event.neighbour:
            self._look.ended_at = min(self._look.ended_at, now)
        elif not event.error:
            self.seen_at[event.neighbour], self.held[event.neighbour] = now, event.holds
            self._look.holds |= {hold.key: hold for hold in event.holds}
            self.failed.pop(event.neighbour, None)
            return []
        return self._failure(event)

    def _gave(self, key: Key, event: FromNeighbour, now: float) -> list[Action]:
        """Takes a neighbour's word on a model that it was asked for, whichever start that was for."""
        self._look.holds.pop(key, None)
        if not event.error:
            self.held[key[0]] = tuple(hold for hold in self.held.get(key[0], ()) if hold.key != key)
        actions: list[Action] = []
        for effort in self._efforts.values():
            if (request := effort.requests.get(key)) and not request.gave and now < request.until:
                request.gave = not event.error
                request.until = min(request.until, now + SHOWN_S) if request.gave else now
        if event.error:
            return self._failure(event)
        if event.sleeps:
            actions += self.sleepers.put(key, next((w for w, e in self._efforts.items() if key in e.requests), ""))
        elif key[1] in self.sleepers.names(key[0]):
            actions += self.sleepers.forget(key)
        return actions

    def _failure(self, event: FromNeighbour) -> list[Action]:
        if not event.error:
            return []
        name = event.neighbour or "the process that asks neighbours"
        self.failed[event.neighbour] = event.error
        return [Log("WARNING", f"{name}: {event.error}")]

    def status(self, now: float) -> tuple[NeighbourStatus, ...]:
        """The status of each neighbour."""
        from hushd_schema.status import NeighbourStatus  # imported only when used

        return tuple(
            NeighbourStatus(
                name=name,
                kind=settings.kind,
                held_mb=round(sum(hold.size for hold in self.held[name]) / 1e6, 1) if name in self.held else None,
                seen_s=round(now - self.seen_at[name], 1) if name in self.seen_at else None,
                gave_mb=round(self.given.get(name, 0) / 1e6, 1),
                asleep=self.sleepers.names(name),
                failure=self.failed.get(name, ""),
            )
            for name, settings in self.settings.items()
        )

    # --- after every event ---------------------------------------------------------------------------------------

    def settle(self, waiting: Container[str], living: Container[str], now: float) -> list[Action]:
        """Forgets the starts that wait no longer, and wakes the models that sleep for nobody.

        Args:
            waiting: the workers that wait for memory.
            living: these and all that have a process.
        """
        self._efforts = {name: effort for name, effort in self._efforts.items() if name in waiting}
        return self.sleepers.settle(living, now)

    def shut(self) -> None:
        """Asks for nothing but to wake the models that sleep: the supervisor leaves."""
        self._down = True
        self.sleepers.shut()

    def deadline(self, now: float) -> float:
        """The time of the next decision, `math.inf` for never."""
        times = [self.sleepers.deadline()]
        for effort in self._efforts.values() if self._efforts else ():
            if not effort.over:
                times += (effort.until, now + OTHERS_S, *(request.until for request in effort.requests.values()))
                if any(request.gave and now < request.until for request in effort.requests.values()):
                    times.append(now + AGAIN_S)
        if len(times) > 1 and self._look.ended_at == math.inf:
            times.append(self._look.began + LOOK_S)
        return min((time for time in times if time > now or time == -math.inf), default=math.inf)


def _names(holds: Iterable[Hold]) -> list[str]:
    return list(dict.fromkeys(hold.neighbour for hold in holds))


def _listed(words: Iterable[str]) -> str:
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
