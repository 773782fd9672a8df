"""One supervisor per user: a lock that only the end of the process frees, and the listening sockets that it guards.

The lock is taken before the sockets are bound, because binding the path of a living supervisor would succeed and steal
its clients. A service manager may listen in our place and start us for the first connection (`activation`); its socket
outlives us, and neither a supervisor nor a client ever replaces it.
"""

from __future__ import annotations

import fcntl
import math
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hushd_protocol import buggify
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import best_effort, pointer
from hushd_protocol.system.paths import Paths

from hushd_supervisor.core.events import Event, Shutdown

from ..source import Source, WriteLog

LOCK_TIMEOUT_S = 10.0  # seconds for a leaving supervisor: longer than its grace of 5 s and its gateway's 4 s
AFTER_JOBS_S = 15.0  # seconds for a supervisor without jobs: longer than its workers' grace and its gateway's end
LOCK_RETRY_DELAY_S = 0.05
# Seconds between two looks at our sockets, in turns that happen anyway; Linux reports a change at once.
SOCKET_LOOK_INTERVAL_S = 1.0
LOCK_POLL_INTERVAL_S = 0.01  # seconds between two looks at the lock: clients wait for the supervisor that gets it


def acquire(paths: Paths, patience: float = LOCK_TIMEOUT_S, *, activated: bool = False) -> int | None:
    """Takes the lock of the runtime folder and returns its descriptor, which must stay open.

    Returns None if this process is not needed: another supervisor holds the lock and accepts connections, or a service
    manager listens and starts one for the next connection.
    Raises `no_supervisor` if its owner neither leaves nor answers for `patience` seconds; `output_failed` if the lock
    cannot be opened.

    Args:
        activated: whether we have a service manager's socket, so that only we answer at its path. A supervisor that
            holds the lock sees that its own socket there was replaced, finishes its jobs and leaves; this waits for it.
    """
    remedy = "remove it, or set HUSHD_RUNTIME_DIR"
    with os_errors_as("output_failed", f"The lock {paths.lock} cannot be opened", remedy):
        descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    give_up = time.monotonic() + patience
    while buggify("lock is held for a moment") or not _lock(descriptor):  # another process's `_is_held` takes it, too
        owner = _read(descriptor).partition("\n")[0] or "unknown"
        if not activated and answers(paths.client_socket):
            os.close(descriptor)
            return None
        if time.monotonic() >= give_up:
            os.close(descriptor)
            raise HushdError(
                "no_supervisor",
                f"Another supervisor (pid {owner}) holds {paths.lock} and accepts no connections: it may be finishing "
                "its last jobs; ask again in a moment, or end it.",
            )
        time.sleep(LOCK_POLL_INTERVAL_S)
    if not activated and answers(paths.client_socket):
        time.sleep(LOCK_RETRY_DELAY_S)  # the socket of a killed supervisor may outlive its lock for a moment
        if answers(paths.client_socket):
            os.close(descriptor)
            return None
    with best_effort.writing(paths.lock):  # the number is only for people
        os.ftruncate(descriptor, 0)  # may fail: a copy-on-write file system needs room for it
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _read(descriptor: int) -> str:
    try:
        return os.pread(descriptor, 1 << 16, 0).decode(errors="replace")
    except OSError:
        return ""  # the disk fails; the next look may succeed


def claim_pointer(paths: Paths, patience: float = LOCK_TIMEOUT_S, *, activated: bool = False) -> Path | None:
    """Points the user's pointer at our runtime folder, whose lock we hold; returns None if we are to serve.

    If the pointer leads to a living supervisor in another folder, an environment without a session folder uses that
    one: this returns its runtime folder once it accepts connections. An environment with a session folder serves
    there, and leaves the pointer to the other supervisor, unless that one is outside any session. With `activated` the
    pointer is always taken, since a client waits at our socket.
    Raises `no_supervisor` if the other supervisor neither leaves nor answers for `patience` seconds.
    """
    if paths.pointer is None:
        return None
    give_up = time.monotonic() + patience
    while True:
        try:
            with _locked(paths.pointer.parent):
                other = pointer.target(paths)
                gives_way = not (paths.follows or other is None or pointer.in_session(other))
                if other is None or activated or gives_way or not _is_held(other.lock):
                    pointer.publish(paths)
                    return None
                if not paths.follows:
                    return None
        except OSError as error:
            best_effort.failed(paths.pointer, error)
            return None  # each environment without a pointer has its own supervisor
        if answers(other.client_socket):
            return other.runtime
        if time.monotonic() >= give_up:
            raise HushdError(
                "no_supervisor",
                f"Another supervisor holds {other.lock} and accepts no connections: it may be finishing its last jobs; "
                "ask again in a moment, or end it.",
            )
        time.sleep(LOCK_RETRY_DELAY_S)


def withdraw_pointer(paths: Paths) -> None:
    """Removes the user's pointer if it leads to us, when we leave."""
    if paths.pointer is None:
        return
    with best_effort.writing(paths.pointer), _locked(paths.pointer.parent):
        pointer.withdraw(paths)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other supervisors from reading the pointer until we have changed it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_held(lock: Path) -> bool:
    """Returns whether a living supervisor holds `lock`."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def answers(path: Path) -> bool:
    """Returns whether any process accepts connections at `path`."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


class ListeningSocket:
    """A listening socket at `path`, bound under the lock, so that any file there is stale and can be replaced.

    libzmq does not bind it, since it would unlink the path at its end even if that is another supervisor's by then.
    Raises `output_failed` if it cannot be bound.

    Args:
        inherited: the descriptor of a service manager's socket that already listens there. It is `lasting`: never
            removed, and after our end connections wait in its queue for the supervisor that the manager starts.
    """

    def __init__(self, path: Path, inherited: int | None = None) -> None:
        self.path = path
        self.endpoint = f"ipc://{path}"
        self.lasting = inherited is not None
        if inherited is not None:
            os.set_blocking(inherited, False)
            self._identity = self._inode()
            self.fd = inherited
            return
        endpoint = socket.socket(socket.AF_UNIX)
        try:
            path.unlink(missing_ok=True)
            endpoint.bind(os.fspath(path))
            endpoint.listen(socket.SOMAXCONN)
            self._identity = self._inode()
        except OSError as error:
            endpoint.close()
            raise HushdError(
                "output_failed", f"hushd cannot create the socket {path} ({error.strerror}): set HUSHD_RUNTIME_DIR."
            ) from error
        endpoint.setblocking(False)
        self.fd = endpoint.detach()

    def is_ours(self) -> bool:
        """Returns whether this socket is still at its path (a logout may remove the folder)."""
        return self._identity is not None and self._inode() == self._identity

    def remove(self) -> None:
        """Removes our socket from its path, but not a service manager's; open connections stay."""
        if not self.lasting and self.is_ours():
            with best_effort.writing(self.path):
                self.path.unlink(missing_ok=True)

    def watch(self) -> None:
        """Requests a SIGIO when the folder changes, since the path may then be another supervisor's.
        Uses dnotify, which needs no library and no wake-up at rest; without it the next timer will notice."""
        if sys.platform == "linux":
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)  # watched while it is open
            try:
                changes = fcntl.DN_CREATE | fcntl.DN_DELETE | fcntl.DN_RENAME | fcntl.DN_MULTISHOT
                fcntl.fcntl(folder, fcntl.F_NOTIFY, changes)
            except OSError:
                os.close(folder)  # the kernel has no dnotify

    def _inode(self) -> tuple[int, int] | None:
        try:
            info = os.lstat(self.path)
        except OSError:
            return None
        return info.st_dev, info.st_ino


class SocketWatch(Source):
    """Asks the supervisor to leave, once, when one of its sockets was replaced or removed, as by a logout: without them
    no client can connect.

    Args:
        listeners: the sockets, the clients' first.
        apart: seconds, see `SOCKET_LOOK_INTERVAL_S`.
    """

    def __init__(
        self, listeners: Iterable[ListeningSocket], record: WriteLog, apart: float = SOCKET_LOOK_INTERVAL_S
    ) -> None:
        self._listeners = list(listeners)
        self._record = record
        self._apart = apart
        self._next = -math.inf

    def on_time(self, now: float) -> Iterable[Event]:
        return self.check(now) if now >= self._next else ()

    def check(self, now: float) -> Iterator[Event]:
        """Checks the sockets now."""
        self._next = now + self._apart
        for listener in self._listeners:
            if not listener.is_ours():
                self._record("warning", f"{listener.path} is no longer this supervisor's: leaving")
                yield Shutdown(renew=self._listeners[0].lasting)
                return

    def prepare_end(self, *, stop: bool) -> None:
        self._next = math.inf
        self._listeners = []
