"""Opens the door once the configuration, a service manager or a client names an address; before, it costs nothing."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.messages import Error, Result
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import HTTP_TOKEN, Settings

from hushd_supervisor.core.actions import Action, Listen, ToClient
from hushd_supervisor.core.events import ClientGone, Described, Event, Exited, Visited

from .process import Launch
from .source import Outcome, Perform, Source

if TYPE_CHECKING:
    from hushd_schema.settings.access import Address
    from hushd_schema.status import DoorStatus, ListenerStatus, Status

    from .serving.door import Door

KINDS = {"http": "HTTP", "wyoming": "Wyoming"}
_EXITS_ARE_READABLE = sys.platform == "linux"  # elsewhere SIGCHLD wakes the loop, and the door must check for exits


class DoorSource(Source):
    """Opens and closes the door, and connects it to the loop.

    Args:
        poller: the loop's poller, which watches the door's one descriptor.
        launch: starts a process.
        record: writes to the supervisor's log (level, text).
        passed: a service manager's sockets, by name.

    Attributes:
        describe: lists a role's engines in a child process; returns the error if that cannot begin.
        report: returns the answer to `status`, for `/metrics`.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        paths: Paths,
        record: Callable[[str, str], None],
        passed: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._paths = paths
        self._record = record
        self._passed = passed
        self._token = os.environ.pop(HTTP_TOKEN, "")  # workers must not see it
        self._door: Door | None = None
        self._needed = False
        self._settings = Settings()
        self._lent: dict[bytes, tuple[Address, ...]] = {}  # by client: addresses beside those of the settings
        self.describe: Callable[[str, float], Described | None] = lambda role, now: None
        self.report: Callable[[], Status] | None = None

    def configure(self, settings: Settings) -> None:
        """Listens at the addresses in `settings`, and stops listening at addresses that they no longer name.

        Raises:
            HushdError: `bad_request` for an address that cannot be used; then nothing changes.
        """
        self._open(settings, self._lent)
        self._settings = settings

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Listen: self._listen}

    def _listen(self, action: Listen) -> Iterable[Outcome]:
        """Listens at a client's addresses too; the answer lists all listeners."""
        from hushd_schema.status import Listeners  # loaded on first use

        try:
            listeners = Listeners(listeners=self.lend(action.route, action.addresses))
            answer: Result | Error = Result(id=action.id, data=listeners.data())
        except HushdError as error:
            answer = Error.of(action.id, error)
        return (ToClient(action.route, answer),)

    def lend(self, route: bytes, texts: Sequence[str]) -> tuple[ListenerStatus, ...]:
        """Also listens at `texts` (KIND=ADDRESS) until the client leaves; returns all listeners.

        Raises:
            HushdError: `bad_request` for an address that cannot be used; then nothing changes.
        """
        lent = {**self._lent, route: tuple(self._as_configured(_address(text)) for text in texts)}
        self._open(self._settings, lent)
        self._lent = lent
        return self._door.status().listeners if self._door else ()

    def _as_configured(self, address: Address) -> Address:
        """Returns the address as first requested (with port 0) if it is that of a listener; else `address`."""
        for listener in self._door.listeners if self._door else ():
            if listener.configured and replace(listener.address, text=address.text) == address:
                return replace(
                    address, text=listener.configured, port=0 if listener.configured.endswith(":0") else address.port
                )
        return address

    def _take_back(self, route: bytes) -> None:
        """Stops listening at the addresses of a client that has left."""
        if self._lent.pop(route, None):
            try:
                self._open(self._settings, self._lent)
            except HushdError as error:  # such as a missing token file
                self._record("error", f"still listening for a client that has left: {error}")

    def _open(self, configured: Settings, lent: Mapping[bytes, tuple[Address, ...]]) -> None:
        settings = _with(configured, [address for addresses in lent.values() for address in addresses])
        if self._door is None and not (self._passed or settings.http.listen or settings.wyoming.listen):
            return
        from hushd_schema.settings import access

        from .serving import listeners

        old_listeners = self._door.listeners if self._door else ()
        passed = () if self._door else self._passed
        token = self._token or access.read_token(settings)
        new_listeners = listeners.open_all(settings, token, passed, old_listeners)
        if self._door is None:
            from .serving.door import open_door

            self._door = open_door(settings, self._launch, self._paths, self._record, self._figures)
            self._poller.register(self._door.fd, zmq.POLLIN)
        self._door.configure(settings, token, new_listeners)
        old_sockets = {listener.socket for listener in old_listeners}
        for listener in new_listeners:
            if listener.socket not in old_sockets:
                self._record("info", f"serves {KINDS[listener.address.kind]} at {listener.address.text}")
                if warning := access.warning(listener.address, settings):
                    self._record("warning", warning)

    def invite(self) -> None:
        """Prints the addresses to open, for people at a terminal."""
        from hushd_protocol.hosts import invitation

        for listener in self._door.listeners if self._door else ():
            if line := invitation(listener.address.kind, listener.address.text):
                print(line, flush=True)

    def events(self, ready: Container[object], now: float) -> Iterable[Event]:
        """Serves the door's ready connections."""
        if self._door and self._door.fd in ready:
            self._door.handle()
        return ()

    def on_time(self, now: float) -> Iterator[Event]:
        """Acts on expired deadlines, and yields events for the pool."""
        if self._door is None:
            return
        if self._door.deadline() <= now or not _EXITS_ARE_READABLE:
            self._door.on_time()
        for role in self._door.answers.wanted(now):
            if failed := self.describe(role, now):
                yield failed
        needed = self._door.must_stay
        if self._door.take_used() or needed != self._needed:
            self._needed = needed
            yield Visited(needed)

    def deadline(self) -> float | None:
        """The time at which `on_time` is due; None if never."""
        due = self._door.deadline() if self._door else math.inf
        return None if due == math.inf else due

    def look(self, event: Event, now: float) -> None:
        """Updates the answers to polls, and the listeners of clients that have left."""
        if self._door is None:
            return
        if isinstance(event, ClientGone):
            self._take_back(event.route)
        elif isinstance(event, Described):
            self._door.answers.described(event, now)
            self._door.described()
        elif isinstance(event, Exited) and event.worker.startswith("models/"):
            self._door.answers.renew()  # a model may have come or gone

    def status(self) -> DoorStatus | None:
        """Returns the door's part of `hushd status`; None without a door."""
        return self._door.status() if self._door else None

    def leave(self, *, stop: bool) -> None:
        """Answers only polls until the next supervisor takes over; with `stop`, nothing."""
        if self._door:
            self._door.leave()
            if stop:
                self._door.stop()

    def finish(self, now: float) -> bool:
        """Returns whether the gateway has given its last answers, or has had its time for them."""
        return self._door is None or self._door.finish(now)

    def close(self) -> None:
        """Closes all connections and ends the gateway."""
        if self._door:
            self._poller.unregister(self._door.fd)
            self._door.close()
            self._door = None

    def _figures(self) -> str:
        from hushd_schema import metrics

        return metrics.text(self.report()) if self.report else ""


def _address(text: str) -> Address:
    """Parses KIND=ADDRESS. Raises `bad_request`."""
    from hushd_protocol.suggest import quoted
    from hushd_schema.settings.access import parse

    kind, _, address = text.partition("=")
    if kind not in ("http", "wyoming"):
        raise HushdError("bad_request", f"hushd cannot listen at {quoted(text)}: use http=… or wyoming=….")
    return parse("http" if kind == "http" else "wyoming", address)


def _with(settings: Settings, addresses: Sequence[Address]) -> Settings:
    """Returns `settings` with further addresses to listen at; skips those that they already name."""
    if not addresses:
        return settings
    from hushd_schema.settings.access import addresses as configured_addresses

    endpoints = {(each.kind, each.host, each.port, each.path) for each in configured_addresses(settings)}
    http, wyoming = list(settings.http.listen), list(settings.wyoming.listen)
    for each in addresses:
        endpoint = (each.kind, each.host, each.port, each.path)
        if endpoint not in endpoints:
            endpoints.add(endpoint)
            (http if each.kind == "http" else wyoming).append(each.text)
    return replace(
        settings, http=replace(settings.http, listen=http), wyoming=replace(settings.wyoming, listen=wyoming)
    )
