"""Connecting to the supervisor: at the first request, and again when the connection was lost."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Request, Result
from hushd_protocol.system import paths

from . import model_requests
from .attempts import GONE
from .call import new_id
from .connection import WELCOME_S, Connection
from .retry import RetryingCall, with_connection
from .source import File, Source

if TYPE_CHECKING:
    from .remote import Machine

PAUSE_S = 0.02  # before the next attempt to connect
AnyInput = TypeVar("AnyInput")
FIND_S = 5.0  # in which a running supervisor must answer; a start has its own limit


class Connector:
    """A connection that is established when it is needed; a context manager. Args as for `hushd.Client`."""

    def __init__(
        self,
        *,
        holder: str | None = None,
        start: bool = True,
        on_pull: model_requests.OnProgress | None = None,
        compute_device: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._paths = paths.find()
        self._machine = _machine(endpoint, self._paths)
        self._holder = holder
        self._start = start
        self._on_pull = on_pull
        self._compute_device = compute_device or ""
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._replaced = False  # an older supervisor, and once only: programs of two versions must not take turns
        self._finalizer: weakref.finalize[..., Connector] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _current(self) -> Connection | None:
        """Returns the connection if it can be used; never waits."""
        connection = self._connection
        return connection if connection is not None and (connection.foreign or connection.usable) else None

    def _call(self, request: Request, input: Source | None) -> RetryingCall:
        return RetryingCall(self._connect, self._placed(request), self._sent(input), self._pull_missing)

    def _sent(self, input: AnyInput) -> AnyInput:
        """`input` as the supervisor can read it: a file of ours does not exist on another machine."""
        if self._machine and isinstance(input, File):
            input.sent = True
        return input

    def _placed(self, request: Request) -> Request:
        """`request` for the device that was asked for; models are managed on none."""
        device = "" if request.worker.partition("/")[0] == "models" else self._compute_device
        return replace(request, compute_device=device)

    def _pull_missing(self, model: str) -> None:
        on_pull = self._on_pull
        report = on_pull and (lambda _, done, total: on_pull(model, done, total))
        model_requests.pull(self._connect, model, on_progress=report)

    def _control(self, action: str, *names: str, **options: Any) -> dict[str, Any]:
        def ask(connection: Connection) -> Result:
            return connection.start(Control(id=new_id(), action=action, names=list(names), **options)).result()

        return with_connection(self._connect, ask).data

    def _connect(self) -> Connection:
        """Returns the connection, a new one if the last one was lost."""
        with self._lock:
            if connection := self._current():
                return connection
            connection = self._connection = self._find()
            if self._finalizer is not None:
                self._finalizer.detach()
            self._finalizer = weakref.finalize(self, connection.close)
            return connection

    def _find(self, open: Callable[..., Connection] | None = None) -> Connection:
        """Connects, by `open` if given; tries again after a failure, having started a supervisor if none listens.

        For some seconds, because several supervisors in a row may be about to end, and because the listener may be a
        service manager that has only begun to start one. On another machine none is started.
        """
        if machine := self._machine:
            from .remote import WELCOME_S as PATIENCE_S

            return machine.connect(lambda: Connection(machine, holder=self._holder, patience=PATIENCE_S))
        open = open or self._open
        paths.prepare_runtime(self._paths)
        try:
            return open(self._paths.client_socket, holder=self._holder)
        except HushdError as error:
            if error.code not in GONE:
                raise
        from . import autostart

        give_up = time.monotonic() + FIND_S
        while True:
            found = autostart.ensure(self._paths, start=self._start)
            patience = max(WELCOME_S, give_up - time.monotonic())
            try:
                return open(found.client_socket, holder=self._holder, patience=patience)
            except HushdError as error:
                if error.code not in GONE or time.monotonic() >= give_up:
                    raise
            time.sleep(PAUSE_S)

    def _open(self, path: os.PathLike[str], **options: Any) -> Connection:
        """Connects to a supervisor of our version; an idle one of an older version is ended, and counts as lost."""
        try:
            return Connection(path, **options)
        except HushdError as error:
            may_start = self._start and os.environ.get("HUSHD_AUTOSTART") != "0"
            if error.code != "version_mismatch" or self._replaced or not may_start:
                raise
            from . import versions

            versions.replace_older(path, error)
        self._replaced = True
        raise HushdError("supervisor_lost", "An older supervisor has left: please try again.")


def _machine(endpoint: str | None, here: paths.Paths) -> Machine | None:
    """The other machine that `endpoint`, or else HUSHD_ENDPOINT, names; None for this one."""
    wanted = os.environ.get("HUSHD_ENDPOINT", "") if endpoint is None else endpoint
    if not wanted:
        return None
    from .remote import Machine  # for few

    return Machine(wanted, here)
