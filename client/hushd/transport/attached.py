"""A person's machine that has attached itself to this one, by `hushd attach` there: its loudspeaker, microphone and
floor are used from here, through a socket that ssh forwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

if TYPE_CHECKING:
    import zmq

    from .remote import RemoteMachine, Tunnel

    Machine: TypeAlias = "AttachedMachine | RemoteMachine"
    ElsewhereWay: TypeAlias = "AttachedMachine | Tunnel"

VARIABLE = "HUSHD_DEVICES"
HERE = "here"  # the value for the devices of this machine
ENDPOINT = "attached:"  # before the socket's path, as `Client(endpoint=…)`
SUFFIX = ".sock"
MODELS = ".models.sock"  # of a machine that lends its models too
WELCOME_S = 10.0
BACK_S = 30.0  # in which a connection that was lost must be back
PAUSE_S = 0.05

T = TypeVar("T")


class AttachedMachine:
    """The machine at the other end of a forwarded socket.

    Attributes:
        place: its name, for people.
        patience, lends_devices: see `RemoteMachine`.
    """

    patience = WELCOME_S
    lends_devices = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = path.name.removesuffix(SUFFIX).removesuffix(".models")
        self._served = False  # whether we had a connection before

    def connect(self, open: Callable[[AttachedMachine], T]) -> T:
        """Returns the connection that `open` makes; waits for one that was lost.

        Raises:
            HushdError: `no_device`.
        """
        give_up = time.monotonic() + (BACK_S if self._served else 0.0)
        while True:
            try:
                connection = open(self)
            except HushdError as error:
                if error.code not in ("supervisor_lost", "shutting_down"):
                    raise
                if time.monotonic() >= give_up:
                    waited = f" for {BACK_S:.0f} s" if self._served else ""
                    raise HushdError(
                        "no_device",
                        f"{self.place}, which was attached to this machine, has not been connected{waited}: "
                        "run `hushd attach` there again.",
                    ) from error
                time.sleep(PAUSE_S)
                continue
            self._served = True
            return connection

    def lead(self, dealer: zmq.Socket[bytes]) -> None:
        """Connects a socket."""
        dealer.connect(f"ipc://{self._path}")

    def explain(self, *, silent: bool) -> HushdError:
        """The reason why there was no welcome."""
        return HushdError("supervisor_lost", f"{self.place} does not answer: is `hushd attach` still running there?")

    def close(self) -> None:
        """Does nothing: the ssh is that of `hushd attach`."""


def find_machine(where: paths.Paths, *, models: bool = False) -> Path | None:
    """The socket of the machine that has attached itself last, and is connected; None where HUSHD_DEVICES is `here`.

    Args:
        models: whether it must lend its models.
    """
    wish = os.environ.get(VARIABLE)
    if wish in ("", HERE):
        return None
    suffix = MODELS if models else SUFFIX
    if wish and "/" in wish:
        return Path(wish) if wish.endswith(suffix) else None
    if not paths.is_private(where.runtime):
        return None  # another user could have lent a microphone of theirs, and hear all that is spoken
    latest = sorted(_sockets(where.attached, suffix), reverse=True)
    return next((path for _, path in latest if path.name.startswith(wish or "") and _answers(path)), None)


def _sockets(folder: Path, suffix: str) -> Iterator[tuple[float, Path]]:
    """Yields the sockets of machines with the time at which each attached itself."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                with suppress(OSError):  # it has just detached itself
                    yield entry.stat().st_mtime, Path(entry.path)


def _answers(path: Path) -> bool:
    """Returns whether anybody listens: of a connection that has ended, the file may have stayed."""
    import socket  # some milliseconds, where nobody has attached

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # an sshd that hangs accepts nobody, and would be waited for
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
