"""A client's way to the supervisor: one connection, made when it is needed, and again when it was lost.

And the way to the devices in use: this machine's, or another's that has attached itself. Other machines are what the
plugin `remote` adds.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from hushd_models.installation import plugin_needed
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import paths
from hushd_protocol.system.lifeline import Liveness
from hushd_schema.entry_points import entry_points, loaded

from . import autostart
from .connection import Connection
from .source import File

ENDPOINT = "HUSHD_ENDPOINT"  # the variable that names the machine which is asked
DEVICES = "HUSHD_DEVICES"  # the variable that names the machine whose devices are used
HERE = "here"  # its value for the devices of this machine
GONE = ("supervisor_lost", "shutting_down")  # codes of a supervisor that the next one will follow
CONNECT_DELAY_S = 0.02  # seconds before the next attempt to connect
FIND_S = 5.0  # seconds in which a running supervisor must answer; a start has its own limit, a service manager's too
OLD_SUPERVISOR_TIMEOUT_S = 10.0  # seconds for one that refuses requests to have gone: longer than its grace of 5 s
BUSY_S = 60.0  # the same for one that works, or waits for its turn, beside other busy programs
AnyInput = TypeVar("AnyInput")


class Link:
    """The connection of one client, or of several that share it. Args as for `hushd.Client`.

    Attributes:
        holder: the name under which it holds workers.
        paths: where this machine's supervisor has its files.
        starts: whether one is started where there is none.
        connection: the last one, which may be lost; None before the first, and once it is closed.
    """

    def __init__(self, holder: str | None = None, start: bool = True, endpoint: str | None = None) -> None:
        self.paths = paths.find()
        self.connection: Connection | None = None
        self._machine = _machine(endpoint, self.paths)
        self.holder = holder
        self.starts = start
        self._lock = threading.Lock()
        # A supervisor that leaves has a connection in which requests go on, beside that to the next.
        self._connections: list[Connection] = []
        weakref.finalize(self, _close, self._connections)

    @property
    def place(self) -> str:
        """The name of the other machine at its end; empty for this machine."""
        return self._machine.place if self._machine else ""

    @property
    def devices(self) -> Any:
        """The module that uses the devices of the machine at its end; None where it lends none."""
        return self._machine.devices if self._machine else None

    def close(self) -> None:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        with self._lock:
            self.connection = None
            _close(self._connections)

    def current(self) -> Connection | None:
        """Returns the connection if it can be used; never waits."""
        connection = self.connection
        return connection if connection is not None and (connection.foreign or connection.usable) else None

    def wait_lost(self, timeout: float | None = None) -> bool:
        """Waits until the connection is lost, at the latest by the end of its supervisor, or there is none.

        Returns whether that came within `timeout` seconds.
        """
        connection = self.connection
        return connection is None or connection.wait_lost(timeout)

    @property
    def is_local(self) -> bool:
        """True if the supervisor is this machine's."""
        return self._machine is None

    def sent(self, input: AnyInput) -> AnyInput:
        """Returns `input` as the supervisor can read it: a file of ours does not exist on another machine."""
        if self._machine and isinstance(input, File):
            input.sent = True
        return input

    def connect(self, needed: Callable[[], bool] = lambda: True) -> Connection:
        """Returns the connection, a new one if the last one was lost.
        `needed`: asked before a new one is made, which from then on `close` waits for; where it says no, `cancelled` is
        raised."""
        with self._lock:
            if connection := self.current():
                return connection
            if not needed():
                raise HushdError("cancelled", "The connection is not needed any more.")
            connection = self.connection = self._after(self.connection)
            self._connections.append(connection)  # first: whoever is interrupted here may close it
            self._connections[:] = [each for each in self._connections if each is connection or not each.wait_lost(0)]
            return connection

    def _after(self, last: Connection | None) -> Connection:
        """Connects, but not at once to the supervisor that has refused the `last` one's requests because it leaves.

        Where a service manager listens, connections reach that one until it has gone, and each would be refused. Its
        end is that of the `last` connection: one that follows it in a container has its process number too.
        """
        connection = self.find()
        if last is None or not last.leads_to_leaving(connection):
            return connection
        connection.close()
        last.wait_lost(OLD_SUPERVISOR_TIMEOUT_S)
        return self.find()

    def find(self) -> Connection:
        """Connects; tries again after a failure, having started a supervisor if none listens.

        For some seconds, because several supervisors in a row may be about to end, and because the listener may be a
        service manager that has only begun to start one.
        """
        # No open file is left, or the disk fails.
        with os_errors_as("no_supervisor", "The supervisor cannot be reached", "please try again"):
            return self._search()

    def _search(self) -> Connection:
        if self._machine:
            return self._machine.connect(self.holder)
        paths.prepare_runtime(self.paths)
        try:
            return Connection(self.paths.client_socket, holder=self.holder)
        except HushdError as error:
            if error.code not in GONE:
                raise

        supervisor = autostart.ensure(self.paths, start=self.starts)  # this takes as long as a start does
        first = began = time.monotonic()
        owner = None
        while True:
            owner = _owner_of(supervisor, owner)
            patience = max(FIND_S / 2, began + FIND_S - time.monotonic())
            try:
                connection = Connection(supervisor.client_socket, holder=self.holder, patience=patience)
                connection.borrowed = supervisor.runtime != self.paths.runtime
                return connection
            except HushdError as error:
                now = time.monotonic()
                limit = FIND_S if owner else autostart.START_TIMEOUT_S
                if error.code not in GONE or now - first >= BUSY_S:
                    raise
                if owner and not owner.exists():
                    began = now  # it made us wait, and has left: the next one has all its time
                elif now - began >= limit and not (owner and owner.works()):
                    raise
            time.sleep(CONNECT_DELAY_S)
            supervisor = autostart.ensure(self.paths, start=self.starts)


def _close(connections: list[Connection]) -> None:
    while connections:
        connections[-1].close()
        connections.pop()  # last, so that whoever was interrupted may close it once more


def refuse_borrowed(connection: Connection) -> None:
    """Raises `unsupported` for a supervisor found by the user's pointer: it may be used, and not changed."""
    if connection.borrowed:
        folder = os.path.dirname(connection.path)
        raise HushdError(
            "unsupported",
            "The supervisor that answers is another session's, and is neither changed nor ended from here: "
            f"ask again with HUSHD_RUNTIME_DIR={folder}",
            detail={"runtime": folder},
        )


def _owner_of(supervisor: paths.Paths, last: Liveness | None) -> Liveness | None:
    """The supervisor that holds the lock, from now on; None where there is none, or not yet. The `last` one where the
    lock cannot be read."""
    try:
        owner = Liveness(int(supervisor.lock.read_text().partition("\n")[0]))
    except (FileNotFoundError, ValueError):
        return None
    except OSError:
        return last
    if not owner.exists():  # a supervisor that was killed has left its number
        return None
    owner.works()
    return owner


def _machine(endpoint: str | None, here: paths.Paths) -> Machine | None:
    """The other machine that `endpoint`, or else HUSHD_ENDPOINT, names, or that has attached itself and lends its
    models; None for this one. Raises `bad_request` for what is not an endpoint, and as `_remote` does."""
    address = os.environ.get(ENDPOINT) if endpoint is None else endpoint
    if address == "" or (address is None and not _has_guests(here)):
        return None
    machine: Machine | None = _remote("machine", address or _ATTACHED)(address, here)
    return machine


def _has_guests(here: paths.Paths) -> bool:
    """Returns whether machines may be attached to this one: their folder is there, and not empty."""
    try:
        return bool(os.listdir(here.attached))
    except OSError:
        return False


def floor_link(link: Link) -> Link:
    """The link to the machine whose floor concerns the programs that use `link`."""
    return link if link.devices else devices_link(link.holder) or own_link(link)


def own_link(link: Link) -> Link:
    """`link`, or, where that leads to a machine whose devices are not used, the one to this machine's supervisor."""
    return _link("", link.holder, os.getpid(), link.starts) if link.place and not link.devices else link


def devices_link(holder: str | None = None) -> Link | None:
    """The link to the machine whose devices are to be used; None where they are this one's.

    A process has one link of each holder, so that a claim and the speech that it is for take the same way.
    """
    here = paths.find()
    if os.environ.get(DEVICES) in ("", HERE) or not _has_guests(here):
        return None
    endpoint = str(_remote("lender", _ATTACHED)(here))  # address of the attached machine; empty where there is none
    return _link(endpoint, holder, os.getpid(), False) if endpoint else None


@lru_cache(maxsize=8)
def _link(endpoint: str, holder: str | None, pid: int, starts: bool) -> Link:
    return Link(holder, start=starts, endpoint=endpoint)


# --- other machines ---------------------------------------------------------------------------------------------------


class Machine(Protocol):
    """A machine that an endpoint names, or that has attached itself to this one.

    Attributes:
        place: its name, for people.
        devices: the module that uses its loudspeaker and microphone by a link (`listed`, `open_microphone`,
            `open_loudspeaker`); None: it lends none.
    """

    place: str
    devices: Any

    def connect(self, holder: str | None) -> Connection:
        """Connects to the supervisor there. Raises HushdError, with the cause in one sentence."""


_ATTACHED = "A machine that is attached to this one"


def _remote(name: str, what: str) -> Callable[..., Any]:
    """Returns a function that the plugin adds. Raises `engine_missing`, with the line that installs it.
    `what`: the subject of the sentence where the plugin is not installed."""
    if target := entry_points("hushd.client").get(name):
        function: Callable[..., Any] = loaded(target)
        return function

    raise HushdError("engine_missing", plugin_needed("remote", what))
