"""A client's way to the supervisor: one connection, made when it is needed, and again when it was lost."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Request
from hushd_protocol.system import paths

from .attempts import GONE
from .connection import Connection
from .source import File

if TYPE_CHECKING:
    from .liveness import Liveness
    from .remote import RemoteMachine

PAUSE_S = 0.02  # before the next attempt to connect
FIND_S = 5.0  # in which a running supervisor must answer; a start has its own limit
BUSY_S = 60.0  # the same for one that works, or waits for its turn, beside other busy programs
AnyInput = TypeVar("AnyInput")


class Link:
    """The connection of one client, or of several that share it. Args as for `hushd.Client`.

    Attributes:
        paths: where this machine's supervisor has its files.
        connection: the last one, which may be lost; None before the first, and once it is closed.
    """

    def __init__(
        self,
        holder: str | None = None,
        start: bool = True,
        compute_device: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self.paths = paths.find()
        self.connection: Connection | None = None
        self._machine = _machine(endpoint, self.paths)
        self._holder = holder
        self._start = start
        self._compute_device = compute_device or ""
        self._lock = threading.Lock()
        self._replaced = False  # an older supervisor, and once only: programs of two versions must not take turns
        self._finalizer: weakref.finalize[..., Link] | None = None

    def close(self) -> None:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        with self._lock:
            if self.connection is not None:
                self.connection.close()
                self.connection = None

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

    def sent(self, input: AnyInput) -> AnyInput:
        """`input` as the supervisor can read it: a file of ours does not exist on another machine."""
        if self._machine and isinstance(input, File):
            input.sent = True
        return input

    def placed(self, request: Request) -> Request:
        """`request` for the device that was asked for; models are managed on none."""
        device = "" if request.worker.partition("/")[0] == "models" else self._compute_device
        return replace(request, compute_device=device)

    def connect(self) -> Connection:
        """Returns the connection, a new one if the last one was lost."""
        with self._lock:
            if connection := self.current():
                return connection
            connection = self.connection = self.find()
            if self._finalizer is not None:
                self._finalizer.detach()
            self._finalizer = weakref.finalize(self, connection.close)
            return connection

    def find(self, open: Callable[..., Connection] | None = None) -> Connection:
        """Connects, by `open` if given; tries again after a failure, having started a supervisor if none listens.

        For some seconds, because several supervisors in a row may be about to end, and because the listener may be a
        service manager that has only begun to start one. On another machine none is started.
        """
        if machine := self._machine:
            from .remote import WELCOME_S as PATIENCE_S

            return machine.connect(lambda: Connection(machine, holder=self._holder, patience=PATIENCE_S))
        open = open or self._open
        paths.prepare_runtime(self.paths)
        try:
            return open(self.paths.client_socket, holder=self._holder)
        except HushdError as error:
            if error.code not in GONE:
                raise
        from . import autostart

        began = time.monotonic()
        while True:
            supervisor = autostart.ensure(self.paths, start=self._start)
            holder = _holder_of(supervisor)
            patience = max(FIND_S / 2, began + FIND_S - time.monotonic())
            try:
                connection = open(supervisor.client_socket, holder=self._holder, patience=patience)
                connection.borrowed = supervisor.runtime != self.paths.runtime
                return connection
            except HushdError as error:
                waited = time.monotonic() - began
                if error.code not in GONE or waited >= BUSY_S or (waited >= FIND_S and not (holder and holder.works())):
                    raise
            time.sleep(PAUSE_S)

    def _open(self, path: os.PathLike[str], **options: Any) -> Connection:
        """Connects to a supervisor of our version; an idle one of an older version is ended, and counts as lost."""
        try:
            return Connection(path, **options)
        except HushdError as error:
            may_start = self._start and os.environ.get("HUSHD_AUTOSTART") != "0"
            borrowed = path != self.paths.client_socket
            if error.code != "version_mismatch" or self._replaced or borrowed or not may_start:
                raise
            from . import versions

            versions.replace_older(path, error)
        self._replaced = True
        raise HushdError("supervisor_lost", "An older supervisor has left: please try again.")


def refuse_borrowed(connection: Connection) -> None:
    """Raises `unsupported` for a supervisor that is at the end of the user's pointer, which is used and not changed."""
    if connection.borrowed:
        folder = os.path.dirname(connection.path)
        raise HushdError(
            "unsupported",
            "The supervisor that answers is another session's, and is neither changed nor ended from here: "
            f"ask again with HUSHD_RUNTIME_DIR={folder}",
            detail={"runtime": folder},
        )


def _holder_of(supervisor: paths.Paths) -> Liveness | None:
    """The supervisor that holds the lock, from now on; None where nobody has written there who it is."""
    from .liveness import Liveness

    try:
        holder = Liveness(int(supervisor.lock.read_text()))
    except (OSError, ValueError):
        return None
    holder.works()
    return holder


def _machine(endpoint: str | None, here: paths.Paths) -> RemoteMachine | None:
    """The other machine that `endpoint`, or else HUSHD_ENDPOINT, names; None for this one."""
    address = os.environ.get("HUSHD_ENDPOINT", "") if endpoint is None else endpoint
    if not address:
        return None
    from .remote import RemoteMachine  # for few

    return RemoteMachine(address, here)
