"""All workers: their brains, the memory they share, and what concerns more than one of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError

from . import replicas
from .actions import Action, Log, ToClient
from .admission import Admission
from .budget import Memory
from .events import Exited, FromWorker, SendFailed, SpawnFailed
from .names import ENGINES, ROLES
from .pressure import Level
from .settings import Settings, base
from .worker.request import Ticket
from .worker.states import State
from .worker.worker import Worker

MAX_WORKERS = 64  # names a client may bring into being
NO_ROOM_S = 5.0  # until it is looked again whether there is room for another replica
FUTILE_S = 120.0  # without another try after a start that came to nothing


@dataclass(slots=True)
class _Waiting:
    """An `unload` that is answered when the processes it ended are gone."""

    route: bytes
    id: bytes
    workers: dict[str, int] = field(default_factory=dict)  # name to the generation that must go
    unloaded: list[str] = field(default_factory=list)


class Fleet:
    """Every worker that was ever asked for, by name; the pool's other half, and as pure.

    Args as for the pool.
    """

    def __init__(
        self,
        settings: Settings,
        memory: Callable[[], Memory],
        needs: Mapping[str, int] | None,
        look_every: float,
        cores: int,
    ) -> None:
        self.brains: dict[str, Worker] = {}
        self.room = Admission(settings, self.brains, memory, needs, look_every)
        self._settings = settings
        self._cores = cores
        self._generations = itertools.count(1)
        self._waiting: list[_Waiting] = []
        self._help_at = math.inf  # when a worker next deserves another replica
        self._no_help_before: dict[str, float] = {}  # by the worker's name

    @property
    def lives(self) -> bool:
        """Whether there is a process."""
        return any(brain.state.has_process for brain in self.brains.values())

    def brain(self, name: str) -> Worker:
        """The worker of this name, made if nobody has asked for it before.

        Raises:
            HushdError: `overloaded` when there are too many names already.
        """
        brain = self.brains.get(name)
        if brain is None:
            if len(self.brains) >= MAX_WORKERS:
                raise HushdError("overloaded", f"{MAX_WORKERS} different workers are in use; unload some.", 60_000)
            brain = self.brains[name] = Worker(name, self._settings.for_worker(name), self._generations)
            brain.jobs.economy = self.room.level >= Level.WARNING
        return brain

    def choose(self, ticket: Ticket) -> Worker:
        """The replica of its worker that a new request goes to."""
        return replicas.choose(ticket, self._family(ticket.brain.name))

    def hear(self, event: FromWorker | Exited | SpawnFailed | SendFailed, now: float) -> list[Action]:
        """News of a process."""
        brain = self.brains.get(event.worker)
        if brain is None:  # late news of a name that never came to life
            return []
        match event:
            case FromWorker(_, gen, message):
                out = brain.receive(gen, message, now)
                self.room.budget.saw(brain.name, brain.pss)
                if isinstance(message, m.LoadFailed | m.Error) and message.code == "model_missing":
                    return [self._named(brain.name, action) for action in out]
                return out
            case Exited(_, gen, status, log_tail, out_of_memory):
                self._learn(brain, gen, now)
                return brain.exited(gen, status, log_tail, now, out_of_memory) + self.room.remember()
            case SpawnFailed(_, gen, reason):
                self._learn(brain, gen, now)
                return brain.spawn_failed(gen, reason, now)
            case SendFailed(_, gen):
                return brain.unreachable(gen, now)

    def _named(self, worker: str, action: Action) -> Action:
        """An answer that a model is missing, with its name, and whether the client is to have it pulled."""
        role, model = base(worker).split("/", 1)
        if role in ENGINES and isinstance(action, ToClient) and isinstance(action.message, m.Error):
            detail = {"model": model, "pull": self._settings.auto_pull, **action.message.detail}
            return replace(action, message=replace(action.message, detail=detail))
        return action

    def rows(self, now: float) -> list[dict[str, Any]]:
        """The status of each worker, as far as it is known here."""
        rows = []
        for brain in self.brains.values():
            role, engine, model = base(brain.name).split("/")
            idle = brain.idle_since if brain.state is State.READY else None
            expiry = brain.deadline() if brain.state is State.READY else math.inf
            rows.append(
                {
                    "name": brain.name,
                    "role": role,
                    "engine": engine,
                    "model": model,
                    "state": brain.state.value,
                    "gen": brain.gen,
                    "idle_s": None if idle is None else round(now - idle, 1),
                    "expires_in_s": None if expiry == math.inf else round(max(0.0, expiry - now), 1),
                    "queued": len(brain.jobs.waiting),
                    "running": len(brain.jobs.running),
                    "sessions": brain.jobs.sessions,
                    "requests": brain.jobs.completed,
                    "starts": brain.starts,
                    "crashes": brain.crashes.total,
                    "holders": brain.leases.holders(now),
                    "need_mb": round(self.room.budget.need(brain.name) / 1e6, 1),
                }
            )
        return rows

    def configure(self, settings: Settings, now: float) -> list[Action]:
        """Applies what has changed, worker by worker; no request is dropped by it."""
        self._settings = settings
        self.room.budget.configure(settings)
        out: list[Action] = [Log("INFO", "the configuration was read again")]
        for brain in self.brains.values():
            changed = settings.for_worker(brain.name)
            if changed != brain.settings:
                out += brain.configure(changed, now)
        return out

    def unload(self, route: bytes, control: m.Control, now: float) -> list[Action]:
        """Ends the workers that `control` names, or all; answered when their processes are gone.

        Raises:
            HushdError: `bad_request` for a name that is none.
        """
        chosen: dict[str, Worker] = {}
        for wanted in control.names:
            role, *_ = wanted.split("/")
            matching = {n: b for n, b in self.brains.items() if f"{base(n)}/".startswith(f"{wanted}/") or n == wanted}
            if not matching and role not in ROLES:
                raise HushdError("bad_request", f"{wanted[:80]!r} is no worker; `hushd status` lists them.")
            chosen |= matching
        waiting = _Waiting(route, control.id)
        out: list[Action] = []
        for name, brain in (chosen if control.names else dict(self.brains)).items():
            if brain.state.has_process:
                waiting.workers[name] = brain.gen
                waiting.unloaded.append(name)
            out += brain.unload(now)
        self._waiting.append(waiting)
        return out

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """When `on_time` is due, `math.inf` for never."""
        return min((self.room.due, self._help_at, *(brain.deadline() for brain in self.brains.values())))

    def on_time(self, now: float) -> list[Action]:
        """What is due."""
        self.room.on_time(now)
        due = [brain for brain in self.brains.values() if brain.deadline() <= now]
        return [action for brain in due for action in brain.on_time(now)]

    # --- after every event ---------------------------------------------------------------------------------------

    def settle(self, now: float) -> list[Action]:
        """Gives out work and memory, and answers who waited for an exit."""
        out = self._share(now) + self.room.settle(now) + self._help(now)
        for waiting in list(self._waiting):
            waiting.workers = {
                name: gen
                for name, gen in waiting.workers.items()
                if name in self.brains and self.brains[name].gen == gen and self.brains[name].state.has_process
            }
            if not waiting.workers:
                self._waiting.remove(waiting)
                out.append(ToClient(waiting.route, m.Result(id=waiting.id, data={"unloaded": waiting.unloaded})))
        return out

    def take_ended(self) -> Iterator[Ticket]:
        """The tickets that have ended since the last call; names that never came to life are forgotten."""
        for name, brain in list(self.brains.items()):
            yield from brain.jobs.ended
            brain.jobs.ended.clear()
            if brain.state is State.STOPPED and not (brain.was_ready or brain.crashes or brain.jobs.waiting):
                del self.brains[name]

    # --- replicas ------------------------------------------------------------------------------------------------

    def _family(self, name: str) -> list[Worker]:
        """All replicas of a worker that were ever asked for."""
        return [brain for brain in self.brains.values() if base(brain.name) == base(name)]

    def _in_need(self) -> list[list[Worker]]:
        """The families in which somebody waits."""
        return [self._family(name) for name in {base(b.name): None for b in self.brains.values() if b.jobs.waiting}]

    def _share(self, now: float) -> list[Action]:
        """Gives who waits at a busy replica to one that is free."""
        out: list[Action] = []
        for family in self._in_need():
            for brain in family if len(family) > 1 else ():
                while ticket := replicas.next_for(brain, family):
                    out += ticket.brain.give(ticket, now) + brain.adopt(ticket, now)
        return out

    def _help(self, now: float) -> list[Action]:
        """Starts another replica where somebody has waited for long enough, and there is room."""
        self._help_at = math.inf
        out: list[Action] = []
        for family in self._in_need():
            name, settings = base(family[0].name), family[0].settings
            most = replicas.limit(settings, name.split("/")[0], family, self._cores)
            due = max(replicas.help_due(family, most), self._no_help_before.get(name, 0.0))
            if due > now:
                self._help_at = min(self._help_at, due)
            elif len(self.brains) < MAX_WORKERS and self.room.fits(name, now):
                taken = {brain.name for brain in family if brain.state is not State.STOPPED}
                unused = next(other for other in replicas.names(name) if other not in taken)
                out += self.brain(unused).help(now)
            else:
                self._no_help_before[name] = now + NO_ROOM_S
                self._help_at = min(self._help_at, now + NO_ROOM_S)
        return out

    def _learn(self, brain: Worker, gen: int, now: float) -> None:
        """A process has ended: if it never was of use, another one soon would be of none either."""
        if gen == brain.gen and brain.state.has_process and brain.ready_at == math.inf:
            self._no_help_before = {name: until for name, until in self._no_help_before.items() if until > now}
            self._no_help_before[base(brain.name)] = now + FUTILE_S
