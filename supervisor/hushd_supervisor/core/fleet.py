"""All workers, the memory that they share, and the decisions that concern more than one of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES, ROLES, base
from hushd_schema.settings import Settings
from msgspec import structs

from . import replicas, status
from .actions import Action, Log, ToClient
from .events import Exited, FromWorker, OfProcess, SpawnFailed, StartProbed
from .memory.admission import Admission
from .memory.budget import Memory, mb
from .memory.needs import Estimated
from .memory.pressure import Level
from .memory.unloads import Unloads
from .worker.request import ActiveRequest
from .worker.states import State
from .worker.worker import Worker

if TYPE_CHECKING:
    from hushd_schema.status import MemoryStatus, WorkerStatus

MAX_WORKERS = 64  # names that clients may create
_SIZES, _FAILURES = (m.Ready, m.Beat, m.LoadFailed), (m.LoadFailed, m.Error)
NO_ROOM_S = 5.0  # seconds until the next check whether there is room for another replica
FUTILE_S = 120.0  # seconds without a further replica after one that never became ready


class Fleet:
    """Every worker that was ever asked for, by name. Takes the arguments of the pool."""

    def __init__(
        self,
        settings: Settings,
        memory: Callable[[], Memory],
        needs: Mapping[str, int] | None,
        cores: int,
        has_cards: Callable[[], bool],
        estimate: Callable[[str], Estimated],
        card_kinds: Callable[[str], tuple[str, ...]],
    ) -> None:
        self._workers: dict[str, Worker] = {}
        self.workers: Final[Mapping[str, Worker]] = self._workers
        self.admission = Admission(settings, self.workers, memory, needs, has_cards, estimate)
        self._settings = settings
        self._cores = cores
        self._card_kinds = card_kinds
        self._generations = itertools.count(1)
        self._unloads = Unloads(self.workers)
        self._expected: dict[str, None] = {}  # workers whose announced start needs to know the cards
        self._help_at = math.inf  # time when a worker next deserves another replica
        self._no_help_before: dict[str, float] = {}  # earliest time of help for each worker, by its name

    @property
    def lives(self) -> bool:
        return any(worker.state.has_process for worker in self.workers.values())

    def worker(self, name: str) -> Worker:
        """Returns the worker of this name; creates it on first use. Raises `overloaded` for too many names."""
        worker = self.workers.get(name)
        if worker is None:
            if not self._has_place():
                raise HushdError("overloaded", f"{MAX_WORKERS} different workers are in use; unload some.", 60_000)
            settings = self._settings.for_worker(name)
            kinds, economy = self._card_kinds, self.admission.economy
            worker = self._workers[name] = Worker(name, settings, self._generations, kinds, economy)
        return worker

    def _has_place(self) -> bool:
        """Returns whether another name fits; if need be, forgets a stopped worker: the oldest, with crashes last."""
        workers = self.workers.values() if len(self.workers) >= MAX_WORKERS else ()
        unused = (worker for worker in workers if worker.is_unused)
        if forgotten := min(unused, key=lambda worker: worker.recent_crashes, default=None):
            del self._workers[forgotten.name]
        return len(self.workers) < MAX_WORKERS

    def expect(self, name: str, now: float) -> list[Action]:
        """Starts a worker for a request that will come, if it is at rest and there is room. One that is not kept alive
        waits for the request itself."""
        if name not in self.workers and not self._has_place():
            return []
        worker = self.worker(name)
        family = self._family(name)
        if not worker.settings.keep_alive or any(each.state is not State.STOPPED for each in family):
            return []
        decision = self.admission.spare(worker, now)
        if decision.probe:
            self._expected[name] = None
            return self.admission.cards.probe()
        return worker.memory.help(now, decision.place) if decision.verdict.admit else []

    def probed(self, cards: tuple[Card, ...], error: str, now: float) -> list[Action]:
        """Takes the answer to a probe of the cards, and starts the announced workers that waited for it."""
        actions = self.admission.probed(cards, error, now)
        expected, self._expected = self._expected, {}
        return actions + [action for name in expected for action in self.expect(name, now)]

    def choose(self, request: ActiveRequest) -> Worker:
        return replicas.choose(request, self._family(request.worker))

    def handle(self, event: OfProcess, now: float) -> list[Action]:
        """Decides what to do about news of a process."""
        worker = self.workers.get(event.worker)
        if worker is None or not worker.is_current(event.gen):  # late news
            return []
        match event:
            case FromWorker(message=message):
                if isinstance(message, m.Ready | m.Beat):
                    message = structs.replace(message, cards=self.admission.cards.bounded(message.cards))
                    event = FromWorker(worker.name, event.gen, message)
                loads = worker.state is State.STARTING
                actions = worker.handle(event, now)
                # What a worker says of its load counts if it was loading, and is not killed for what it says.
                believed = isinstance(message, m.Beat) or (loads and worker.state is not State.KILLING)
                if isinstance(message, _SIZES) and believed:
                    self.admission.learn(worker, message)
                if isinstance(message, _FAILURES) and message.code in ("model_missing", "engine_missing"):
                    return [self._with_model(worker.name, action) for action in actions]
                return actions
            case Exited():
                self._learn(worker, now)
                self.admission.ended(worker, event, now)
                scarce = self.admission.level is Level.CRITICAL
                return worker.handle(event, now, scarce) + self.admission.needs.remember()
            case SpawnFailed():
                self._learn(worker, now)
        actions, process = worker.handle(event, now), worker.process
        if isinstance(event, StartProbed) and process.loading:
            self.admission.needs.grew(worker.name, process.loading, process.card)
        return actions

    def _with_model(self, worker: str, action: Action) -> Action:
        """Adds to a missing model's error its name, the setting that names it, and whether to pull it."""
        role, model = base(worker).split("/", 1)
        if role not in ENGINE_ROLES or not isinstance(action, ToClient) or not isinstance(action.message, m.Error):
            return action
        error = action.message
        for key, configured in self._settings.models(role).items():
            if configured == model:
                reason = error.message[:1].lower() + error.message[1:]
                error = structs.replace(error, message=f'The configuration says {key} = "{model}", and {reason}')
        if error.code == "model_missing":
            error = structs.replace(error, detail={"model": model, "pull": self._settings.auto_pull, **error.detail})
        return replace(action, message=error)

    def status(self, now: float) -> list[tuple[int, WorkerStatus]]:
        """The status of each worker, as far as it is known here, with the generation of its process."""
        need = self.admission.needs.memory
        workers = self.workers.values()
        return [(each.process.gen, each.status(mb(need(each.name, each.process.card)), now)) for each in workers]

    def memory(self, now: float) -> MemoryStatus:
        """The state of memory, likewise."""
        return status.memory(self.admission, now)

    def configure(self, settings: Settings, now: float) -> list[Action]:
        """Applies the changes, worker by worker; drops no request."""
        self._settings = settings
        self.admission.configure(settings)
        actions: list[Action] = [Log("INFO", "the configuration was read again")]
        for worker in self.workers.values():
            changed = settings.for_worker(worker.name)
            if changed != worker.settings:
                actions += worker.configure(changed, now)
        return actions

    def unload(self, route: bytes, control: m.Control, now: float) -> list[Action]:
        """Ends the workers that `control` names, or all of them; answers when their processes are gone.

        Workers that run other clients' jobs finish those first, unless `control` forces them: the answer names these
        workers, and does not wait for them.
        Raises `bad_request` for a name that no worker has.
        """
        chosen: dict[str, Worker] = {}
        for prefix in control.names:
            role, *_ = prefix.split("/")
            matching = {n: b for n, b in self.workers.items() if f"{base(n)}/".startswith(f"{prefix}/") or n == prefix}
            if not matching and role not in ROLES:
                raise HushdError("bad_request", f"{prefix[:80]!r} is not a worker: `hushd status` lists them.")
            chosen |= matching
        workers = list((chosen if control.names else self.workers).values())
        actions = [action for worker in workers for action in worker.unload(now, route, control.force)]
        self._unloads.add(route, control.id, workers)
        return actions

    def leave(self, down: bool, now: float) -> list[Action]:
        """Ends every process, at once if `down`, else when its jobs are done; starts nothing that was announced."""
        self._expected.clear()
        workers = self.workers.values()
        return [action for each in workers for action in (each.shutdown(now) if down else each.hold(now))]

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for processes to go."""
        return self._unloads.awaited_by(route)

    @property
    def awaited(self) -> bool:
        """True if any client does."""
        return self._unloads.awaited

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` is due, `math.inf` for never."""
        watches = (worker.deadline() for worker in self.workers.values())
        return min(self.admission.deadline(), self._help_at, *watches)

    def extend_deadlines(self, by_s: float, now: float) -> None:
        """Extends every worker's watches by `by_s` seconds, in which the supervisor heard nobody."""
        for worker in self.workers.values():
            worker.extend_deadlines(by_s, now)

    def on_time(self, now: float) -> list[Action]:
        self.admission.on_time(now)
        overdue = [worker for worker in self.workers.values() if worker.deadline() <= now]
        return [action for worker in overdue for action in worker.on_time(now)]

    # --- after every event ---------------------------------------------------------------------------------------

    def share_work(self, now: float) -> list[Action]:
        """Hands out work and memory, and answers the `unload`s whose processes are gone."""
        actions = self._share(now) + self.admission.admit_waiting(now) + self._help(now)
        return actions + self._unloads.answer_finished()

    def pop_ended(self) -> Iterator[ActiveRequest]:
        """Yields the requests that have ended since the last call; forgets workers that never became ready."""
        for name, worker in list(self.workers.items()):
            yield from worker.pop_ended()
            if worker.state is State.STOPPED and not (worker.was_ready or worker.recent_crashes or worker.waiting):
                del self._workers[name]

    # --- replicas ------------------------------------------------------------------------------------------------

    def _family(self, name: str) -> list[Worker]:
        """The replicas of a worker that exist so far."""
        return [worker for worker in self.workers.values() if base(worker.name) == base(name)]

    def _in_need(self) -> list[list[Worker]]:
        """The families in which a request waits."""
        needy = {base(worker.name) for worker in self.workers.values() if worker.waiting}
        families: dict[str, list[Worker]] = {}
        for worker in self.workers.values() if needy else ():  # most events find no request waiting
            if (name := base(worker.name)) in needy:
                families.setdefault(name, []).append(worker)
        return list(families.values())

    def _share(self, now: float) -> list[Action]:
        """Moves requests that wait at a busy replica to a free one."""
        actions: list[Action] = []
        for family in self._in_need():
            for worker in family if len(family) > 1 else ():
                while request := replicas.next_for(worker, family, now):
                    actions += self.workers[request.worker].hand_over(request, now) + worker.adopt(request, now)
        return actions

    def _help(self, now: float) -> list[Action]:
        """Starts another replica where a request has waited long enough and there is room."""
        self._help_at = math.inf
        actions: list[Action] = []
        for family in self._in_need():
            name = base(family[0].name)
            help_at = max(replicas.help_due(family, self._cores), self._no_help_before.get(name, 0.0))
            if help_at <= now and self._has_place():
                decision = self.admission.spare(family[0], now)
                actions += self.admission.cards.probe() if decision.probe else []
                if decision.verdict.admit:
                    taken = {worker.name for worker in family if worker.state is not State.STOPPED}
                    unused = next(replica for replica in replicas.names(name) if replica not in taken)
                    actions += self.worker(unused).memory.help(now, decision.place)
                    continue
                if self.admission.cards.probing:
                    help_at = math.inf  # the probe's answer leads here again
            if help_at <= now:
                help_at = self._no_help_before[name] = now + NO_ROOM_S
            self._help_at = min(self._help_at, help_at)
        return actions

    def _learn(self, worker: Worker, now: float) -> None:
        """Notes a process that ended before it was ready: another replica would soon fare no better."""
        if worker.process.ready_at == math.inf:
            self._no_help_before = {name: until for name, until in self._no_help_before.items() if until > now}
            self._no_help_before[base(worker.name)] = now + FUTILE_S
