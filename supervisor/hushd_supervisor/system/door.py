"""Listens for programs that speak HTTP or Wyoming: at the configuration's addresses, a client's, a service manager's.

The gateway serves whoever connects. Agents that come by HTTP are served by a process of their own, which the gateway's
first connection for them starts in the same way (`on_demand`).
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.hosts import invitation
from hushd_protocol.messages import Error, Result
from hushd_protocol.system import best_effort, uploads
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import HTTP_TOKEN, Settings, access
from hushd_schema.status import DoorStatus, GatewayStatus, Listeners, ListenerStatus

from hushd_supervisor.core.actions import Action, Listen, ToClient
from hushd_supervisor.core.events import ClientGone, Event, Exited, Visited

from . import listeners
from .children import Children
from .listeners import address_of
from .on_demand import OnDemand
from .source import REFUSALS, Outcome, Perform, Source, WriteLog

if TYPE_CHECKING:
    from hushd_schema.settings.access import Address

    from .listeners import Listener

KINDS = {"http": "HTTP", "wyoming": "Wyoming"}
SOUND = ("ALSA_", "DBUS_SESSION_", "PIPEWIRE_", "PULSE_")  # variables of who speaks and listens itself, as for agents
AGENTS = (sys.executable, "-P", "-m", "hushd_mcp")
GATEWAY_END_TIMEOUT_S = 4.0  # seconds for the last answers at the end


class Door(Source):
    """All listeners, and the two programs that accept from them.
    `passed`: a service manager's sockets, by name."""

    def __init__(
        self,
        children: Children,
        paths: Paths,
        record: WriteLog,
        passed: Sequence[tuple[str, int]] = (),
        command: Sequence[str] = (sys.executable, "-P", "-m", "hushd_gateway"),
    ) -> None:
        self._start = children, record
        self._paths = paths
        self._record = record
        self._passed = passed
        self._command = command
        self._token = os.environ.pop(HTTP_TOKEN, "")  # workers must not see it
        self._settings = Settings()
        self._lent: dict[bytes, tuple[Address, ...]] = {}  # addresses beside those of the settings, by client
        self._programs: tuple[OnDemand, ...] = ()  # gateway and process for agents, once there is something to serve
        self._leaving = False
        self._leave_by = math.inf  # time until which they may give their last answers, once we leave
        self._was_needed = False

    @property
    def listeners(self) -> Sequence[Listener]:
        """The sockets for HTTP and Wyoming."""
        return self._programs[0].listeners if self._programs else ()

    def configure(self, settings: Settings) -> None:
        """Listens at the addresses in `settings`, and stops listening at addresses that they no longer name.
        Raises `bad_request` for an address that cannot be used; then nothing changes."""
        self._open(settings, self._lent)
        self._settings = settings
        self._forget_engines()

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Listen: self._listen}

    def _listen(self, action: Listen) -> Iterable[Outcome]:
        """Listens at a client's addresses too, until it leaves; the answer lists all listeners."""
        try:
            lent = {**self._lent, action.route: tuple(map(address_of, action.addresses))}
            self._open(self._settings, lent)
            self._lent = lent
            answer: Result | Error = Result(id=action.id, data=Listeners(listeners=self._rows()).data())
        except HushdError as error:
            answer = Error.of(action.id, error)
        return (ToClient(action.route, answer),)

    def _open(self, configured: Settings, lent: Mapping[bytes, tuple[Address, ...]]) -> None:
        if not (self.listeners or self._passed or lent or configured.http.listen or configured.wyoming.listen):
            return
        settings = listeners.with_addresses(configured, [each for addresses in lent.values() for each in addresses])
        if not self._programs:
            self._programs = self._make_programs()
        gateway, agents = self._programs
        token = self._token or access.read_token(settings)
        new = listeners.open_all(settings, token, self._passed, gateway.listeners)
        known = {listener.socket for listener in gateway.listeners}
        of_agents: Sequence[Listener] = ()
        if any(each.address.kind == "http" for each in new):
            try:
                of_agents = agents.listeners or [listeners.for_agents(self._paths.agents_socket)]
            except OSError:
                for listener in new:
                    if not listener.lasting and listener.socket not in known:
                        listener.close()
                raise
        self._passed = ()
        gateway.variables = {"HUSHD_CONFINE": settings.security.confine} | ({HTTP_TOKEN: token} if token else {})
        gateway.listen(new)
        agents.listen(of_agents)
        for listener in new:
            if listener.socket not in known:
                self._record("info", f"serves {KINDS[listener.address.kind]} at {listener.address.text}")
                if warning := access.warning(listener.address, settings):
                    self._record("warning", warning)

    def _make_programs(self) -> tuple[OnDemand, OnDemand]:
        uploads.sweep()  # a killed supervisor has left some
        make, logs = partial(OnDemand, *self._start, self._leaving), self._paths.logs
        sound = {name: value for name, value in os.environ.items() if name.startswith(SOUND)}
        gateway = make("the gateway", self._command, logs / "gateway.log", {})
        return gateway, make("the process for agents", AGENTS, logs / "mcp.log", sound)

    def invite(self) -> None:
        """Prints the addresses to open, for people at a terminal."""
        for listener in self.listeners:
            if line := invitation(listener.address.kind, listener.address.text):
                print(line, flush=True)

    def status(self) -> DoorStatus | None:
        """Returns the door's part of `hushd status`, without its processes' memory; None if nobody can connect."""
        if not any(each.listeners or each.processes for each in self._programs):
            return None
        gateway, agents = (GatewayStatus(pid=each.pid, starts=each.starts, rss_mb=None) for each in self._programs)
        return DoorStatus(listeners=self._rows(), gateway=gateway, agents=agents)

    def _rows(self) -> tuple[ListenerStatus, ...]:
        return tuple(
            ListenerStatus(kind=each.address.kind, address=each.address.text, service=each.lasting)
            for each in self.listeners
        )

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        for program in self._programs:
            program.turn(ready, now)
        yield from self._visits()

    def _visits(self) -> Iterator[Event]:
        """Yields whether anybody needs this process, if that has changed."""
        needed = any(each.processes for each in self._programs) or any(not each.lasting for each in self.listeners)
        if needed != self._was_needed:
            self._was_needed = needed
            yield Visited(needed)

    def on_time(self, now: float) -> Iterator[Event]:
        for program in self._programs:
            program.on_time(now)
        yield from self._visits()

    def deadline(self) -> float | None:
        due = min([self._leave_by, *(each.closed_until for each in self._programs)])
        return due if due < math.inf else None

    def observe(self, event: Event, now: float) -> None:
        """Closes the addresses of clients that have left, and has the engines listed again when a model has come."""
        if isinstance(event, ClientGone) and self._lent.pop(event.route, ()):
            try:
                self._open(self._settings, self._lent)
            except (HushdError, *REFUSALS) as error:  # such as a missing token file
                self._record("error", f"still listening for a client that has left: {error}")
        elif isinstance(event, Exited) and event.worker.startswith("models/"):
            self._forget_engines()

    def _forget_engines(self) -> None:
        """Removes the file by which a gateway knows the engines, so that it asks for them again."""
        with best_effort.writing(self._paths.listed):
            self._paths.listed.unlink(missing_ok=True)

    def prepare_end(self, *, stop: bool) -> None:
        """Starts no process any more; with `stop`, closes our listeners too, but not a service manager's."""
        self._leaving = True
        for program in self._programs:
            program.prepare_end(stop=stop)

    def finish(self, now: float) -> bool:
        """Asks the processes to leave. Returns True once they have left or their grace is over."""
        for program in self._programs:
            program.dismiss()
        self._leave_by = min(self._leave_by, now + GATEWAY_END_TIMEOUT_S)
        return not any(each.processes for each in self._programs) or self._leave_by <= now

    def close(self) -> None:
        """Closes the listeners, and ends the processes that are left."""
        self.prepare_end(stop=True)
        for program in self._programs:
            program.close(GATEWAY_END_TIMEOUT_S)
        self._programs = ()
        self._forget_engines()
