"""All workers and all clients: takes every event and passes it to the part that decides about it.

The pool is as pure as its workers: events and the time in, actions out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hushd_protocol import messages as m
from hushd_protocol.cards import ANY_KIND
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.limits import ID_BYTES, MAX_ARGUMENTS, MAX_CONNECTIONS, PROTOCOL
from hushd_schema import description
from hushd_schema.settings import Settings
from msgspec.structs import replace

from . import events as ev
from .acceptance import Requests
from .actions import Action, Configure, Leave, Listen, Log, PrepareEnd, ReportMemory, ReportStatus, ToClient
from .connections import PING_S, Connections, Departure
from .directory import Directory
from .fleet import Fleet
from .floor import Floor
from .memory.admission import PLENTY
from .memory.budget import Memory
from .memory.needs import Estimated

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

    Attributes:
        fleet, connections, departure, requests, floor: its parts, to ask; the pool alone passes events to them.
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
        self.fleet = Fleet(settings, memory, needs, cores, has_cards, estimate, card_kinds)
        self._workers, self._admission = self.fleet.workers, self.fleet.admission
        self.connections = Connections(m.Welcome(protocol=PROTOCOL, version=version, pid=pid), most_clients)
        self._directory = Directory()
        self.departure = Departure(auto)
        self.requests = Requests(self.connections, self.fleet, self.departure, default_model)
        self.floor = Floor(paused)
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
                actions = self.fleet.handle(event, now)
            case ev.OfProcess():
                actions = self.fleet.handle(event, now)
            case ev.Described(role, catalogue, error):
                actions = self._described(role, catalogue, error)
            case ev.CardsProbed(cards, error):
                actions = self.fleet.probed(cards, error, now)
            case ev.Relieved(freed):
                self._admission.relieved(freed, now)
                actions = []
            case ev.Configured(settings):
                self._settings = settings
                self.departure.begin_again()
                actions = self.fleet.configure(settings, now)
            case ev.Expected():
                actions = self.requests.expect(event, self._settings, now)
            case ev.Visited(needed):
                self.departure.visited(needed)
                actions = []
            case ev.Shutdown(renew):
                actions = self._leave(renew, now)
        return actions + self._after(now)

    def on_time(self, now: float) -> list[Action]:
        """Acts on deadlines that have passed; call it after `deadline`, once all events up to `now` were handled."""
        self._extend_if_late(now)
        actions = self.fleet.on_time(now)
        if self.floor.deadline() <= now:
            actions += self.floor.on_time(now)
        if self._next_ping <= now:
            actions += self._ping(now)
        if self.departure.is_due(now):
            actions.append(Log("INFO", "no program uses this supervisor: leaving"))
            actions += self._leave(False, now)
        return actions + self._after(now)

    def _extend_if_late(self, now: float) -> None:
        """Excuses silence for the seconds in which the supervisor was stopped or busy, or the machine slept.

        It excuses the whole time since the pool last did anything: excusing only the time past a deadline would leave
        that deadline due at once.
        """
        watches = (worker.deadline() for worker in self._workers.values())
        late = now - max(self._extended_at, min((self._next_ping, self.floor.deadline(), *watches)))
        if late > STANDSTILL_S:
            late = max(late, now - self._awake_at)
            self._extended_at = now
            self.fleet.extend_deadlines(late, now)
            self.connections.reset_unanswered()
        self._awake_at = now

    def deadline(self) -> float | None:
        """The time at which `on_time` is due, in the clock of `now`; None while nothing is."""
        deadline = min(self.fleet.deadline(), self.floor.deadline(), self._next_ping, self.departure.deadline())
        return None if deadline == math.inf else deadline

    # --- clients -----------------------------------------------------------------------------------------------------

    def _from_client(self, route: bytes, message: m.Message, now: float) -> list[Action]:
        if isinstance(message, m.Hello):
            return self.connections.hello(route, message)
        if not self.connections.heard(route):
            error = HushdError("protocol_error", "The first message of a connection must be hello.")
            return [ToClient(route, m.Error.of(getattr(message, "id", b""), error))]
        return self.floor.alive(route, now) + self._from_connection(route, message, now)

    def _from_connection(self, route: bytes, message: m.Message, now: float) -> list[Action]:
        match message:
            case m.Request():
                new = self._is_new(route, message.id)
                return (
                    self.requests.submit(route, message, self._settings, now) if new else [ToClient(route, _ID_IN_USE)]
                )
            case m.Control():
                return self._control(route, message, now)
            case m.Claim():
                return self._claim(route, message, now)
            case m.Yield():
                return self.floor.give_back(route, message.id, message.keep, now)
            case m.Cancel() if self.floor.has(route, message.id):
                return self.floor.cancel(route, message.id, now)
            case m.Chunk() | m.Credit() | m.Cancel():
                return self.requests.forward(route, message, now)
        return []

    def _client_gone(self, route: bytes, now: float) -> list[Action]:
        connection = self.connections.gone(route)
        self._directory.gone(route)
        actions = self.floor.gone(route, now) + self.requests.client_gone(route, now)
        if connection and connection.own_holder:
            for worker in self._workers.values():
                actions += worker.release(connection.holder, now)
        return actions

    def _ping(self, now: float) -> list[Action]:
        pinged, quiet, silent = self.connections.ping_round(self._waits)
        actions: list[Action] = [ToClient(route, m.Ping()) for route in pinged]
        for route in quiet:
            actions += self.floor.silenced(route, now)
        for route in silent:  # its socket may still live, as a stopped process's does: workers become free
            actions.append(Log("WARNING", "a client with a request has stopped answering"))
            actions += self.requests.cancel_all_of(route, now, "slow_consumer")
        self._next_ping = now + self.connections.next_ping_s
        return actions

    def _waits(self, route: bytes) -> bool:
        """Returns whether a client waits for anything."""
        parts = self.requests.awaited_by, self.floor.watches, self._directory.awaited_by, self.fleet.awaited_by
        return any(part(route) for part in parts)

    # --- the floor ---------------------------------------------------------------------------------------------------

    def _claim(self, route: bytes, claim: m.Claim, now: float) -> list[Action]:
        if not self._is_new(route, claim.id):
            return [ToClient(route, _ID_IN_USE)]
        connection = self.connections[route]
        return self.floor.claim(route, claim, connection.program, connection.pid, now)

    def _is_new(self, route: bytes, name: bytes) -> bool:
        return len(name) == ID_BYTES and not self.requests.has(route, name) and not self.floor.has(route, name)

    # --- control -----------------------------------------------------------------------------------------------------

    def _control(self, route: bytes, control: m.Control, now: float) -> list[Action]:
        try:
            if len(control.id) != ID_BYTES or len(control.names) > MAX_ARGUMENTS:
                raise HushdError("bad_request", f"A control needs an id and at most {MAX_ARGUMENTS} names.")
            match control.action:
                case "status":
                    return [ReportStatus(route, control.id, self.floor.status(now))]
                case "memory":
                    return [ReportMemory(route, control.id)]
                case "unload":
                    return self.fleet.unload(route, control, now)
                case "describe":
                    return self._directory.describe(route, control)
                case "reload":
                    return [Configure(route, control.id)]
                case "listen":
                    if self.departure.down or self.departure.renewing:
                        raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
                    return [Listen(route, control.id, tuple(control.names))]
                case "stop" | "cancel" | "pause" | "resume":
                    return self.floor.control(control, route, self.connections.of, now)
                case "shutdown" | "restart":
                    prepare, *leaves = self._leave(control.action == "restart", now)
                    return [prepare, ToClient(route, m.Result(id=control.id)), *leaves]
            raise HushdError("unsupported", f"There is no control {control.action[:40]!r}.")
        except HushdError as error:
            return [ToClient(route, m.Error.of(control.id, error))]

    def _described(self, role: str, printed: Mapping[str, Any], error: str) -> list[Action]:
        if error:
            return self._directory.described(role, None, error)
        try:
            catalogue = description.read(role, printed)
        except HushdError as unread:
            return self._directory.described(role, None, f"{reason(unread)}.")
        settings = self._settings
        usual, by_language = settings.default_model(role), settings.by_language(role)
        return self._directory.described(role, replace(catalogue, default=usual, by_language=by_language))

    def _leave(self, renew: bool, now: float) -> list[Action]:
        """Shuts down, or first lets running jobs finish, for the next supervisor. New clients are turned away before
        anybody is told."""
        down = self.departure.asked(renew)
        actions: list[Action] = [PrepareEnd(stop=down)]
        if down:
            actions += self.floor.shut(now) + self._directory.shut()
        return actions + self.fleet.leave(down, now)

    # --- after every event -------------------------------------------------------------------------------------------

    def _after(self, now: float) -> list[Action]:
        """Settles the workers, forgets ended requests, and leaves when nothing remains to be done."""
        actions = self.fleet.share_work(now)
        if self.departure.renewing and not self.departure.down and not self.fleet.lives:
            actions += self._leave(False, now) + self.fleet.share_work(now)
        self.requests.forget_ended()
        active, floors_busy = self.requests.busy, self.floor.busy
        # A worker may also run jobs that no client waits for: without pings its watches would count our own sleep.
        works = any(worker.running for worker in self._workers.values())
        if not (active or works or floors_busy or self._directory.busy or self.fleet.awaited):
            self._next_ping = math.inf
        elif self._next_ping == math.inf:
            self._next_ping = now + PING_S
        resting = not (active or self._directory.busy or self.fleet.lives)
        if self.departure.leaves_now(resting, floors_busy, self._settings.exit_when_idle, now):
            actions += (*self.floor.close(), Leave())
        return actions
