"""Listens for programs that speak HTTP or Wyoming, and starts a gateway for whoever connects.

Agents that come by HTTP are served by a process of their own, which the gateway's first connection for them starts in
the same way (`LAST`).

As inetd's "wait" and systemd's sockets: the loop polls the listening sockets, and the first connection starts a
gateway, which inherits them and accepts. While it does, nobody looks at them here. A gateway that has had nothing to do
for a while stops accepting, says so by a byte in the channel, a pair of sockets, and leaves; the listening sockets are
polled again. Whoever connects in between waits in a socket's backlog, for the next gateway. The end of the channel asks
a gateway to leave.
"""

from __future__ import annotations

import math
import os
import socket
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.messages import Error, Result
from hushd_protocol.system import best_effort
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import HTTP_TOKEN, Settings

from hushd_supervisor.core.actions import Action, Listen, ToClient
from hushd_supervisor.core.events import ClientGone, Event, Exited, Visited

from . import children
from .children import Running
from .process import Launch
from .source import Outcome, Perform, Source

if TYPE_CHECKING:
    from hushd_schema.settings.access import Address
    from hushd_schema.status import DoorStatus, ListenerStatus

    from .listeners import Listener

KINDS = {"http": "HTTP", "wyoming": "Wyoming"}
LAST = "mcp"  # kind of the socket by which the gateway passes agents' requests on
SOUND = ("ALSA_", "DBUS_SESSION_", "PIPEWIRE_", "PULSE_")  # variables of who speaks and listens itself, as for agents
PROVEN_LIFE_S = 10.0  # a gateway that lived this long had started well
RESTART_DELAY_S = 10.0  # seconds to wait after the second failed start in a row, and after each further one
GATEWAY_END_TIMEOUT_S = 4.0  # seconds for the last answers at the end


@dataclass(slots=True, eq=False)
class Gateway:
    """A gateway's process, or that for agents, until it was reaped.

    Attributes:
        agents: whether it is that for agents.
        channel: our end of the channel; None once it is closed.
        listeners: the sockets that it accepts from; none once it leaves.
        dismissed: whether we have asked it to leave.
    """

    agents: bool
    child: Running
    started: float
    channel: socket.socket | None
    listeners: Sequence[Listener]
    dismissed: bool = False


class Door(Source):
    """All listeners, and the gateways that accept from them: mostly none or one.
    `passed`: a service manager's sockets, by name."""

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        paths: Paths,
        record: Callable[[str, str], None],
        passed: Sequence[tuple[str, int]] = (),
        command: Sequence[str] = (sys.executable, "-P", "-m", "hushd_gateway"),
        agents: Sequence[str] = (sys.executable, "-P", "-m", "hushd_mcp"),
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._paths = paths
        self._record = record
        self._passed = passed
        self._commands = command, agents
        self._token = os.environ.pop(HTTP_TOKEN, "")  # workers must not see it
        self._sound = {name: value for name, value in os.environ.items() if name.startswith(SOUND)}
        self._secrets: Mapping[str, str] = {}  # secrets for a gateway's environment alone
        self._settings = Settings()
        self._lent: dict[bytes, tuple[Address, ...]] = {}  # addresses beside those of the settings, by client
        self.listeners: list[Listener] = []
        self._polled: set[int] = set()  # descriptors of the listeners that the loop's poller watches
        self._gateways: list[Gateway] = []  # the newest last
        self._starts = 0
        # Failed starts in a row, and the time before which none is made, each by whether it is for agents.
        self._failures = {False: 0, True: 0}
        self._closed_until: dict[bool, float] = {}
        self._leave_by = math.inf  # time until which gateways may give their last answers, once we leave
        self._leaving = False
        self._was_needed = False

    # --- addresses ---------------------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Listens at the addresses in `settings`, and stops listening at addresses that they no longer name.
        Raises `bad_request` for an address that cannot be used; then nothing changes."""
        self._open(settings, self._lent)
        self._settings = settings
        self._forget_engines()

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Listen: self._listen}

    def _listen(self, action: Listen) -> Iterable[Outcome]:
        """Listens at a client's addresses too; the answer lists all listeners."""
        from hushd_schema.status import Listeners  # loaded on first use

        try:
            self._lend(action.route, action.addresses)
            answer: Result | Error = Result(id=action.id, data=Listeners(listeners=self._rows()).data())
        except HushdError as error:
            answer = Error.of(action.id, error)
        return (ToClient(action.route, answer),)

    def _lend(self, route: bytes, texts: Sequence[str]) -> None:
        """Also listens at `texts` (KIND=ADDRESS) until the client leaves. Raises as `configure`."""
        from .listeners import address_of

        lent = {**self._lent, route: tuple(map(address_of, texts))}
        self._open(self._settings, lent)
        self._lent = lent

    def _take_back(self, route: bytes) -> None:
        """Stops listening at the addresses of a client that has left."""
        if self._lent.pop(route, None):
            try:
                self._open(self._settings, self._lent)
            except HushdError as error:  # such as a missing token file
                self._record("error", f"still listening for a client that has left: {error}")

    def _open(self, configured: Settings, lent: Mapping[bytes, tuple[Address, ...]]) -> None:
        if not (self.listeners or self._passed or lent or configured.http.listen or configured.wyoming.listen):
            return
        from hushd_protocol.system import uploads  # loaded on first use: most supervisors listen for nobody
        from hushd_schema.settings import access

        from . import listeners

        settings = listeners.with_addresses(configured, [each for addresses in lent.values() for each in addresses])
        if not self.listeners:
            uploads.sweep()  # a killed supervisor has left some
        token = self._token or access.read_token(settings)
        new = listeners.open_all(settings, token, self._passed, self.listeners)
        if any(each.address.kind == "http" for each in new):
            ours = [each for each in self.listeners if each.address.kind == LAST]
            new += ours or [listeners.for_agents(self._paths.agents_socket)]
        self._passed = ()
        self._secrets = {"HUSHD_CONFINE": settings.security.confine} | ({HTTP_TOKEN: token} if token else {})
        known = {listener.socket for listener in self.listeners}
        self._replace(new)
        for listener in new:
            if listener.socket not in known and listener.address.kind in KINDS:
                self._record("info", f"serves {KINDS[listener.address.kind]} at {listener.address.text}")
                if warning := access.warning(listener.address, settings):
                    self._record("warning", warning)

    def _replace(self, new: list[Listener]) -> None:
        """Listens with `new` from now on, and closes the old listeners that are not among them."""
        sockets = {listener.socket for listener in new}
        for gateway in self._gateways:
            if any(listener.socket not in sockets for listener in gateway.listeners):
                self._dismiss(gateway)
        old, self.listeners = self.listeners, new
        for listener in old:
            if listener.socket not in sockets:
                self._unpoll(listener)
                listener.close()
        self._watch()

    def invite(self) -> None:
        """Prints the addresses to open, for people at a terminal."""
        from hushd_protocol.hosts import invitation

        for listener in self.listeners:
            if line := invitation(listener.address.kind, listener.address.text):
                print(line, flush=True)

    def status(self) -> DoorStatus | None:
        """Returns the door's part of `hushd status`, without the gateway's memory; None if nobody can connect."""
        if not (self.listeners or self._gateways):
            return None
        from hushd_schema.status import DoorStatus, GatewayStatus  # loaded on first use

        pid = next((each.child.process.pid for each in reversed(self._gateways) if not each.agents), None)
        return DoorStatus(listeners=self._rows(), gateway=GatewayStatus(pid=pid, starts=self._starts, rss_mb=None))

    def _rows(self) -> tuple[ListenerStatus, ...]:
        from hushd_schema.status import ListenerStatus

        return tuple(
            ListenerStatus(kind=each.address.kind, address=each.address.text, service=each.lasting)
            for each in self.listeners
            if each.address.kind in KINDS
        )

    # --- a turn ------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Has the loop poll the listeners from which no gateway accepts; none while no gateway may be started."""
        accepted = {listener.socket for gateway in self._gateways for listener in gateway.listeners}
        for listener in self.listeners:
            closed = self._leaving or (listener.address.kind == LAST) in self._closed_until
            if closed or listener.socket in accepted:
                self._unpoll(listener)
            elif listener.socket.fileno() not in self._polled:
                self._polled.add(listener.socket.fileno())
                self._poller.register(listener.socket.fileno(), zmq.POLLIN)

    def _unpoll(self, listener: Listener) -> None:
        if listener.socket.fileno() in self._polled:
            self._polled.remove(listener.socket.fileno())
            self._poller.unregister(listener.socket.fileno())

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        """Sees to gateways that have stopped accepting or have ended, and starts one if somebody has connected."""
        for gateway in list(self._gateways):
            if gateway.channel and gateway.channel.fileno() in ready:
                leaves = gateway.channel.recv(1)  # a gateway without a word has been killed, and its exit says so
                self._hang_up(gateway)
                if leaves:
                    self._release(gateway)
            descriptor = gateway.child.process.exit_fd
            if descriptor is None or descriptor in ready:  # elsewhere than on Linux SIGCHLD wakes the loop
                self._reap(gateway, now)
        for agents in (False, True):
            waiting = self._polled_listeners(agents)
            if any(each.socket.fileno() in ready for each in waiting):
                self._start(now, waiting, agents)
        yield from self._visits()

    def _visits(self) -> Iterator[Event]:
        """Yields whether anybody needs this process, if that has changed."""
        listen = (each for each in self.listeners if each.address.kind in KINDS)
        needed = bool(self._gateways) or any(not listener.lasting for listener in listen)
        if needed != self._was_needed:
            self._was_needed = needed
            yield Visited(needed)

    def on_time(self, now: float) -> Iterator[Event]:
        """Listens again after the time in which no gateway may be started."""
        for agents, until in list(self._closed_until.items()):
            if until <= now:
                del self._closed_until[agents]
                self._watch()
        yield from self._visits()

    def deadline(self) -> float | None:
        due = min(*self._closed_until.values(), self._leave_by, math.inf)
        return None if due == math.inf else due

    def look(self, event: Event, now: float) -> None:
        """Closes the addresses of clients that have left, and has the engines listed again when a model has come."""
        if isinstance(event, ClientGone):
            self._take_back(event.route)
        elif isinstance(event, Exited) and event.worker.startswith("models/"):
            self._forget_engines()

    def _forget_engines(self) -> None:
        """Removes the file by which a gateway knows the engines, so that it asks for them again."""
        with best_effort.writing(self._paths.listed):
            self._paths.listed.unlink(missing_ok=True)

    # --- gateways ----------------------------------------------------------------------------------------------------

    def _start(self, now: float, accepted: list[Listener], agents: bool) -> None:
        """Starts a gateway, or the process for agents, that accepts from these polled listeners."""
        words = [f"{each.address.kind}={each.socket.fileno()}={each.address.text}" for each in accepted]
        descriptors = [each.socket.fileno() for each in accepted]
        log = self._paths.logs / ("mcp.log" if agents else "gateway.log")
        ours = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                command = [*self._commands[agents], "--channel", str(theirs.fileno()), *words]
                inherited = (theirs.fileno(), *descriptors)
                variables = self._sound if agents else self._secrets
                child = children.start(self._launch, command, log, variables, inherited=inherited)
        except (OSError, ValueError) as error:
            if ours:
                ours.close()
            self._fail(agents, now, 0.0, f"could not be started ({error})")
            return
        self._gateways.append(Gateway(agents, child, now, ours, accepted))
        self._starts += not agents
        self._poller.register(ours.fileno(), zmq.POLLIN)
        if child.process.exit_fd is not None:
            self._poller.register(child.process.exit_fd, zmq.POLLIN)
        self._record(
            "debug", f"started {'the process for agents' if agents else 'a gateway'} (pid {child.process.pid})"
        )
        self._watch()

    def _polled_listeners(self, agents: bool) -> list[Listener]:
        polled = (each for each in self.listeners if each.socket.fileno() in self._polled)
        return [each for each in polled if (each.address.kind == LAST) == agents]

    def _dismiss(self, gateway: Gateway) -> None:
        """Asks a gateway to leave: it finishes what it has, and accepts no more."""
        gateway.dismissed = True
        self._hang_up(gateway)
        self._release(gateway)

    def _hang_up(self, gateway: Gateway) -> None:
        if gateway.channel:
            self._poller.unregister(gateway.channel.fileno())
            gateway.channel.close()
            gateway.channel = None

    def _release(self, gateway: Gateway) -> None:
        """Takes its listeners back from a gateway that accepts no more."""
        gateway.listeners = ()
        self._watch()

    def _reap(self, gateway: Gateway, now: float) -> None:
        """Forgets a gateway that has ended; after one that has failed the next one may have to wait."""
        if (status := gateway.child.process.poll()) is None:
            return
        self._hang_up(gateway)
        if gateway.child.process.exit_fd is not None:
            self._poller.unregister(gateway.child.process.exit_fd)
        gateway.child.close()
        self._gateways.remove(gateway)
        self._watch()
        if status:
            from hushd_protocol.system import uploads

            uploads.sweep()
        if status == 0 or gateway.dismissed:
            self._failures[gateway.agents] = 0
        else:
            self._fail(
                gateway.agents, now, now - gateway.started, f"ended with status {status}, see {gateway.child.log}"
            )

    def _fail(self, agents: bool, now: float, lived: float, reason: str) -> None:
        """Records a failure; from the second start in a row on that fails, closes the connections that wait, and
        starts no gateway for a while."""
        self._record("error", f"the gateway {reason}")
        self._failures[agents] = self._failures[agents] + 1 if lived < PROVEN_LIFE_S else 0
        if self._failures[agents] > 1:
            count = sum(listener.drop_waiting() for listener in self._polled_listeners(agents))
            self._record("error", f"closed {count} connections, and starts no gateway for {RESTART_DELAY_S:.0f} s")
            self._closed_until[agents] = now + RESTART_DELAY_S
            self._watch()

    # --- the end -----------------------------------------------------------------------------------------------------

    def leave(self, *, stop: bool) -> None:
        """Starts no gateway any more; with `stop`, closes our listeners too. A service manager's sockets stay, and
        whoever connects waits for the next supervisor."""
        self._leaving = True
        self._watch()
        if stop:
            self._replace([listener for listener in self.listeners if listener.lasting])

    def finish(self, now: float) -> bool:
        """Asks the gateways to leave; returns whether they have, or have had their time for the last answers."""
        for gateway in self._gateways:
            self._dismiss(gateway)
        self._leave_by = min(self._leave_by, now + GATEWAY_END_TIMEOUT_S)
        return not self._gateways or self._leave_by <= now

    def close(self) -> None:
        """Closes the listeners, and ends the gateways that are left."""
        self.leave(stop=True)
        end = time.monotonic() + GATEWAY_END_TIMEOUT_S
        for gateway in list(self._gateways):
            self._dismiss(gateway)
            gateway.child.process.kill()
            while gateway in self._gateways and time.monotonic() < end:
                self._reap(gateway, math.inf)
                time.sleep(0.001)
        for listener in self.listeners:
            listener.close()
        self.listeners = []
        self._forget_engines()
