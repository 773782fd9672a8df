"""All workers and all clients: takes every event and passes it to the part that decides about it.

The pool is as pure as its workers: events and the time in, actions out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hushd_protocol import messages as m
from hushd_protocol.cards import ANY_KIND
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.limits import ID_BYTES, MAX_ARGUMENTS, MAX_CONNECTIONS, PROTOCOL
from hushd_schema.settings import Settings

from . import events as ev
from .acceptance import Requests
from .actions import Action, Configure, Leave, Listen, Log, ReportMemory, ReportStatus, ToClient
from .connections import PING_S, Connections, Departure
from .directory import Directory
from .fleet import Fleet
from .floor import Floor
from .memory.admission import PLENTY
from .memory.budget import Memory
from .memory.needs import Estimated

if TYPE_CHECKING:
    from hushd_schema.status import MemoryStatus, WorkerStatus


STANDSTILL_S = 0.5  # seconds late after which a timer says that we were stopped or busy, or the machine slept
# The refusal has no id: an answer with it would end the request that already has it.
_ID_IN_USE = m.Error.of(
    b"", HushdError("protocol_error", f"A request needs an id of {ID_BYTES} bytes that is not in use.")
)


class Pool:
    """Decides everything that the supervisor does.

    Args:
        version, pid: of this supervisor, for `welcome`.
        auto: whether a client started this supervisor; if so, it leaves after `settings.exit_when_idle` without worker
            or request.
        needs: the highest size seen of each worker in earlier lives, in bytes.
        cores: of the processor, which bound the replicas of a worker.
        has_cards: whether the machine may have graphics cards; cheap.
        estimate: estimates what a worker of this name needs; asked before its first life.
        card_kinds: the kinds of graphics cards that the engine of a worker of this name may be able to use.
        default_model: the model that a role's engine has where a request names none.
        most_clients: how many clients there may be at once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        version: str,
        pid: int,
        auto: bool = False,
        memory: Callable[[], Memory] = lambda: PLENTY,
        needs: Mapping[str, int] | None = None,
        cores: int = 1,
        has_cards: Callable[[], bool] = lambda: False,
        estimate: Callable[[str], Estimated] = lambda _: Estimated(),
        card_kinds: Callable[[str], tuple[str, ...]] = lambda _: ANY_KIND,
        default_model: Callable[[str, str], str] = lambda role, engine: "default",
        paused: bool = False,
        most_clients: int = MAX_CONNECTIONS,
    ) -> None:
        self._settings = settings
        self._fleet = Fleet(settings, memory, needs, cores, has_cards, estimate, card_kinds)
        self._workers, self._admission = self._fleet.workers, self._fleet.admission
        self._connections = Connections(m.Welcome(protocol=PROTOCOL, version=version, pid=pid), most_clients)
        self._directory = Directory()
        self._departure = Departure(auto)
        self._requests = Requests(self._connections, self._fleet, self._departure, default_model)
        self._floor = Floor(paused)
        self._next_ping = math.inf
        self._awake_at = self._extended_at = -math.inf  # times when it last did anything, and last extended deadlines

    # --- what the loop calls -----------------------------------------------------------------------------------------

    def handle(self, event: ev.Event, now: float) -> list[Action]:
        """Decides what to do about one event."""
        if now > self._awake_at + STANDSTILL_S:
            self._extend_if_late(now)
        self._awake_at = now
        match event:
            case ev.FromClient(route, message):
                actions = self._from_client(route, message, now)
            case ev.ClientGone(route):
                actions = self._client_gone(route, now)
            case ev.FromWorker(_, _, m.Beat()):
                # Silence is excused before this beat judges the jobs: it may be the first message read after a sleep.
                self._extend_if_late(now)
                actions = self._fleet.handle(event, now)
            case ev.OfProcess():
                actions = self._fleet.handle(event, now)
            case ev.Described(role, catalogue, error):
                actions = self._described(role, catalogue, error)
            case ev.CardsProbed(cards, error):
                actions = self._admission.probed(cards, error, now)
            case ev.Relieved(freed):
                self._admission.relieved(freed, now)
                actions = []
            case ev.Configured(settings):
                self._settings = settings
                actions = self._fleet.configure(settings, now)
            case ev.Visited(needed):
                self._departure.visited(needed)
                actions = []
            case ev.Shutdown(renew):
                actions = self._renew(now) if renew and not self._departure.renewing else self._shutdown(now)
        return actions + self._after(now)

    def on_time(self, now: float) -> list[Action]:
        """Acts on deadlines that have passed; call it after `deadline`, once all events up to `now` were handled."""
        self._extend_if_late(now)
        actions = self._fleet.on_time(now)
        if self._floor.deadline() <= now:
            actions += self._floor.on_time(now)
        if self._next_ping <= now:
            actions += self._ping(now)
        if self._departure.is_due(now):
            actions.append(Log("INFO", "no program uses this supervisor: leaving"))
            actions += self._shutdown(now)
        return actions + self._after(now)

    def _extend_if_late(self, now: float) -> None:
        """Excuses silence for the seconds in which the supervisor was stopped or busy, or the machine slept.

        It excuses the whole time since the pool last did anything: excusing only the time past a deadline would leave
        that deadline due at once.
        """
        watches = (worker.deadline() for worker in self._workers.values())
        late = now - max(self._extended_at, min((self._next_ping, self._floor.deadline(), *watches)))
        if late > STANDSTILL_S:
            late = max(late, now - self._awake_at)
            self._extended_at = now
            self._fleet.extend_deadlines(late, now)
            self._connections.reset_unanswered()
        self._awake_at = now

    def deadline(self) -> float | None:
        """The time at which `on_time` is due, in the clock of `now`; None while nothing is."""
        deadline = min(self._fleet.deadline(), self._floor.deadline(), self._next_ping, self._departure.deadline())
        return None if deadline == math.inf else deadline

    def status(self, now: float) -> list[tuple[int, WorkerStatus]]:
        """The status of each worker, as far as the pool knows it, with its generation; the loop adds its memory."""
        return self._fleet.status(now)

    def memory(self, now: float) -> MemoryStatus:
        """The state of memory, likewise."""
        from . import status  # loaded on first use

        return status.memory(self._admission, now)

    # --- clients -----------------------------------------------------------------------------------------------------

    def _from_client(self, route: bytes, message: m.Message, now: float) -> list[Action]:
        if isinstance(message, m.Hello):
            return self._connections.hello(route, message)
        if not self._connections.heard(route):
            error = HushdError("protocol_error", "The first message of a connection must be hello.")
            return [ToClient(route, m.Error.of(getattr(message, "id", b""), error))]
        return self._floor.alive(route, now) + self._from_connection(route, message, now)

    def _from_connection(self, route: bytes, message: m.Message, now: float) -> list[Action]:
        match message:
            case m.Request():
                new = self._is_new(route, message.id)
                return (
                    self._requests.submit(route, message, self._settings, now) if new else [ToClient(route, _ID_IN_USE)]
                )
            case m.Control():
                return self._control(route, message, now)
            case m.Claim():
                return self._claim(route, message, now)
            case m.Yield():
                return self._floor.give_back(route, message.id, message.keep, now)
            case m.Cancel() if self._floor.has(route, message.id):
                return self._floor.cancel(route, message.id, now)
            case m.Chunk() | m.Credit() | m.Cancel():
                return self._requests.forward(route, message, now)
        return []

    def _client_gone(self, route: bytes, now: float) -> list[Action]:
        connection = self._connections.gone(route)
        self._directory.gone(route)
        self._admission.away.release(route)
        actions = self._floor.gone(route, now) + self._requests.client_gone(route, now)
        if connection and connection.own_holder:
            for worker in self._workers.values():
                actions += worker.release(connection.holder, now)
        return actions

    def _ping(self, now: float) -> list[Action]:
        pinged, quiet, silent = self._connections.ping_round(self._waits)
        actions: list[Action] = [ToClient(route, m.Ping()) for route in pinged]
        for route in quiet:
            actions += self._floor.silenced(route, now)
        for route in silent:  # its socket may still live, as a stopped process's does: workers become free
            actions.append(Log("WARNING", "a client with a request has stopped answering"))
            actions += self._requests.cancel_all_of(route, now, "slow_consumer")
        self._next_ping = now + self._connections.next_ping_s
        return actions

    def _waits(self, route: bytes) -> bool:
        """Returns whether a client waits for anything."""
        parts = self._requests.awaited_by, self._floor.watches, self._directory.awaited_by, self._fleet.awaited_by
        return any(part(route) for part in parts)

    # --- the floor ---------------------------------------------------------------------------------------------------

    def _claim(self, route: bytes, claim: m.Claim, now: float) -> list[Action]:
        if not self._is_new(route, claim.id):
            return [ToClient(route, _ID_IN_USE)]
        connection = self._connections[route]
        return self._floor.claim(route, claim, connection.program, connection.pid, now)

    def _is_new(self, route: bytes, name: bytes) -> bool:
        return len(name) == ID_BYTES and not self._requests.has(route, name) and not self._floor.has(route, name)

    # --- control -----------------------------------------------------------------------------------------------------

    def _control(self, route: bytes, control: m.Control, now: float) -> list[Action]:
        try:
            if len(control.id) != ID_BYTES or len(control.names) > MAX_ARGUMENTS:
                raise HushdError("bad_request", f"A control needs an id and at most {MAX_ARGUMENTS} names.")
            match control.action:
                case "status":
                    return [ReportStatus(route, control.id, self._floor.status(now))]
                case "memory":
                    return [ReportMemory(route, control.id)]
                case "unload":
                    if self._departure.down and (control.hold or control.for_s >= 0):
                        raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
                    return self._fleet.unload(route, control, now)
                case "describe":
                    return self._directory.describe(route, control)
                case "reload":
                    return [Configure(route, control.id)]
                case "listen":
                    if self._departure.down or self._departure.renewing:
                        raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
                    return [Listen(route, control.id, tuple(control.names))]
                case "stop" | "cancel" | "pause" | "resume":
                    return self._floor.control(control, route, self._connections.of, now)
                case "shutdown":
                    return [ToClient(route, m.Result(id=control.id)), *self._shutdown(now)]
                case "restart":
                    return [ToClient(route, m.Result(id=control.id)), *self._renew(now)]
            raise HushdError("unsupported", f"There is no control {control.action[:40]!r}.")
        except HushdError as error:
            return [ToClient(route, m.Error.of(control.id, error))]

    def _described(self, role: str, printed: Mapping[str, Any], error: str) -> list[Action]:
        from hushd_schema import description  # imported only when used

        try:
            catalogue = description.read(role, printed)
        except HushdError as unread:
            catalogue, error = description.read(role, {}), unread.message
        settings = self._settings
        usual, by_language = settings.default_model(role), settings.by_language(role)
        catalogue = replace(catalogue, default=usual, by_language=by_language)
        return self._directory.described(role, catalogue, error)

    def _renew(self, now: float) -> list[Action]:
        """Lets running jobs finish before the shutdown; new requests wait for the next supervisor."""
        self._departure.renew()
        return [action for worker in self._workers.values() for action in worker.hold(now)]

    def _shutdown(self, now: float) -> list[Action]:
        self._departure.shut()
        self._fleet.shut()
        actions = self._floor.shut(now) + self._directory.shut()
        for worker in self._workers.values():
            actions += worker.shutdown(now)
        return actions

    # --- after every event -------------------------------------------------------------------------------------------

    def _after(self, now: float) -> list[Action]:
        """Settles the workers, forgets ended requests, and leaves when nothing remains to be done."""
        actions = self._fleet.share_work(now)
        if self._departure.renewing and not self._departure.down and not self._fleet.lives:
            actions += self._shutdown(now) + self._fleet.share_work(now)
        self._requests.forget_ended()
        active, floors_busy = self._requests.busy, self._floor.busy
        # A worker may also run jobs that no client waits for: without pings its watches would count our own sleep.
        works = any(worker.running for worker in self._workers.values())
        if not (active or works or floors_busy or self._directory.busy or self._fleet.awaited):
            self._next_ping = math.inf
        elif self._next_ping == math.inf:
            self._next_ping = now + PING_S
        resting = not (active or self._directory.busy or self._fleet.lives)
        busy = floors_busy or self._admission.away.left_s(now) > 0
        if self._departure.leaves_now(resting, busy, self._settings.exit_when_idle, now):
            actions += (*self._floor.close(), Leave())
        return actions
