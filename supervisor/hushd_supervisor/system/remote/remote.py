"""Other machines of the same owner, where the configuration lets them come; without that it costs nothing."""

from __future__ import annotations

import fcntl
import math
import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Result
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import RemoteSettings, Settings

from hushd_supervisor.core.actions import Action, CheckKeys, ToClient
from hushd_supervisor.core.events import ClientGone, Event, FromClient, Revoked, Visited

from ..libzmq.routers import LINGER_MS
from ..sockets.client_socket import BATCH, LEAVING, TURN_S
from ..source import Outcome, Perform, Source

if TYPE_CHECKING:
    from hushd_protocol.system.keys import KeyFiles
    from hushd_schema.status import RemoteStatus

    from .keyring import Keyring
    from .remote_socket import RemoteSocket

LOOKUPS = 64  # of keys in a turn
_CHANGES = (
    ("DN_CREATE", "DN_DELETE", "DN_MODIFY", "DN_RENAME", "DN_MULTISHOT") if sys.platform == "linux" else ()
)  # in the folder of the keys


class Remote(Source):
    """Listens for clients on other machines, and stands between their socket and the loop.

    Args:
        poller: the loop's.
        record: writes to the supervisor's log (level, text).
    """

    def __init__(self, poller: zmq.Poller, paths: Paths, record: Callable[[str, str], None]) -> None:
        self._poller = poller
        self._paths = paths
        self._record = record
        self._wanted = ""  # the address in the configuration
        self._socket: RemoteSocket | None = None
        self._keyring: Keyring | None = None
        self._files: KeyFiles | None = None
        self._folder = -1  # of the keys, watched while it is open
        self._news: list[FromClient | ClientGone | Revoked | Visited] = []  # for the loop

    # --- opening and closing -----------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Listens where `settings` say, and no longer elsewhere.

        Raises:
            HushdError: for an address or a key that cannot be used; then nothing changes.
        """
        address, before = settings.remote.listen, self._wanted
        if address == before:
            return
        from hushd_schema.settings.address import parse_remote

        if address and self._socket and parse_remote(address)[1] == parse_remote(self._socket.text)[1]:
            self._shut()  # a port is had once
        try:
            opened = self._open(address) if address else None
        except HushdError:
            if before and self._socket is None:
                self._start(before, self._open(before))
            raise
        self._shut()
        self._start(address, opened)

    def _start(self, address: str, opened: RemoteSocket | None) -> None:
        self._wanted, self._socket = address, opened
        if opened:
            for source in (opened.socket, opened.authenticator):
                self._poller.register(source, zmq.POLLIN)
            opened.limit.watch(self._poller)
            self._record("info", f"serves other machines at {opened.text}, which know it by the key {opened.public}")
        self._news.append(Visited(opened is not None, "remote"))

    def _open(self, address: str) -> RemoteSocket:
        from hushd_protocol.system.keys import KeyFiles, check_curve

        from .keyring import Keyring
        from .remote_socket import RemoteSocket

        check_curve()
        self._files = self._files or KeyFiles(self._paths)
        self._files.generate()
        secret = self._files.secret()
        assert secret
        if self._keyring is None:
            self._keyring = Keyring(self._files, self._record)
        self._keyring.refresh()
        self._watch(self._files)
        return RemoteSocket(address, secret, self._keyring, self._files.touch)

    def _shut(self, linger_ms: int = 0) -> None:
        """Ends all connections; the pool gets to know by `_news`."""
        if self._socket is None:
            return
        for source in (self._socket.socket, self._socket.authenticator, self._socket.monitor):
            self._poller.unregister(source)
        self._news += self._socket.all_gone()
        self._socket.shut(linger_ms)
        self._socket = None

    def _watch(self, files: KeyFiles) -> None:
        """Has SIGIO sent when a key file changes, by dnotify; elsewhere `hushd keys` says so."""
        if self._folder < 0 and _CHANGES:
            self._folder = os.open(files.folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.fcntl(self._folder, fcntl.F_NOTIFY, sum(getattr(fcntl, name) for name in _CHANGES))
            except OSError:
                pass  # a kernel without dnotify

    def close(self) -> None:
        if self._socket:
            self._socket.refuse(LEAVING)
        self._shut(LINGER_MS)

    # --- the loop's turns --------------------------------------------------------------------------------------------

    def actions(self) -> Mapping[type[Action], Perform]:
        return {CheckKeys: self._answer}

    def deadline(self) -> float | None:
        return -math.inf if self._news else None

    def unread(self) -> bool:
        return self._socket is not None and bool(self._socket.socket.poll(0))

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        while self._news:
            yield self._news.pop(0)
        if (end := self._socket) is None:
            return
        if end.authenticator in ready:
            end.authenticate(LOOKUPS)
            assert self._keyring
            yield from map(Revoked, self._keyring.take_lost())
        if end.monitor in ready:
            yield from end.departures()
        if end.socket in ready:
            yield from end.receive(BATCH, TURN_S)

    def _answer(self, action: CheckKeys) -> Iterable[Outcome]:
        from hushd_schema.controls import Machines  # once somebody asks

        machines = Machines(machines=self.check_keys())
        return (ToClient(action.route, Result(id=action.id, data=machines.data())),)

    def look_at_keys(self, _: float) -> Iterable[Event]:
        """Reads the key files again, when one may have changed."""
        self.check_keys()
        return ()

    def check_keys(self) -> dict[str, int]:
        """Reads the key files again, and ends the connections that may no longer be; returns how many each machine has.

        With a new key of this machine's own, all end.
        """
        if self._socket is None or self._keyring is None or self._files is None:
            return {}
        self._socket.check_keys()
        self._news += map(Revoked, self._keyring.take_lost())
        try:
            secret = self._files.secret()
            if secret is None or not self._socket.serves(secret):
                self._record("info", "this machine has another key: other machines must know it to come again")
                address, self._wanted = self._wanted, ""
                self._shut()
                self.configure(Settings(remote=RemoteSettings(address)))
        except HushdError as error:
            self._record("error", f"no other machine may come: {error.message}")
        return self._socket.machines() if self._socket else {}

    def status(self) -> RemoteStatus | None:
        """The part of `hushd status` about other machines; None where none may come."""
        from hushd_schema.status import RemoteStatus  # once somebody asks

        socket = self._socket
        if socket is None:
            return None
        return RemoteStatus(address=socket.text, key=socket.public, machines=socket.machines())

    def send(self, route: bytes, message: Message) -> ClientGone | None:
        """As `ClientSocket.send`."""
        return self._socket.send(route, message) if self._socket else None

    def end_bad(self, greedy: bool) -> int:
        """Ends connections that send a message without an end, and, if `greedy`, the greediest; returns how many."""
        if self._socket is None:
            return 0
        return self._socket.end_endless() + (self._socket.end_greediest() if greedy else 0)
