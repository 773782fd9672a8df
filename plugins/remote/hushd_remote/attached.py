"""A person's machine that has attached itself to this one, by `hushd attach` there: its loudspeaker, microphone and
floor are used from here, through a socket that ssh forwards."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hushd.transport.connection import Connection
from hushd.transport.link import DEVICES, Machine
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from . import devices
from .endpoint import SshMachine

ENDPOINT = "attached:"  # prefix of the socket's path in `Client(endpoint=…)`
SUFFIX = ".sock"
MODELS = ".models.sock"  # ending of the socket of a machine that lends its models too
REMOTE_WELCOME_TIMEOUT_S = 10.0
BACK_S = 30.0  # seconds in which a connection that was lost must be back
ATTACH_DELAY_S = 0.05


def machine(address: str | None, here: paths.Paths) -> Machine | None:
    """Returns the machine that `address` names; without one, the attached one that lends its models, if any does.
    Raises `bad_request` for what is not an endpoint."""
    if address is None or address.startswith(ENDPOINT):
        path = Path(address.removeprefix(ENDPOINT)) if address else find(here, MODELS)
        return AttachedMachine(path) if path else None

    return SshMachine(address, here)


def lender(here: paths.Paths) -> str:
    """Returns the endpoint of the attached machine whose devices are to be used; empty where there is none."""
    path = find(here, SUFFIX)
    return f"{ENDPOINT}{path}" if path else ""


def find(where: paths.Paths, suffix: str) -> Path | None:
    """Returns the socket of the machine that has attached itself last, and is connected."""
    if not paths.is_private(where.runtime):
        return None  # another user could have lent a microphone of theirs, and hear all that is spoken
    wish = os.environ.get(DEVICES, "")
    latest = sorted(_sockets(where.attached, suffix), reverse=True)
    return next((path for _, path in latest if path.name.startswith(wish) and _answers(path)), None)


class AttachedMachine:
    """The machine at the other end of a forwarded socket: a `Machine`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = path.name.removesuffix(SUFFIX).removesuffix(".models")
        self.devices: Any = devices
        self._served = False  # whether we had a connection before

    def connect(self, holder: str | None) -> Connection:
        """Connects; waits for a connection that was lost. Raises `no_device`."""
        give_up = time.monotonic() + (BACK_S if self._served else 0.0)
        while True:
            try:
                connection = Connection(self._path, holder=holder, patience=REMOTE_WELCOME_TIMEOUT_S, place=self.place)
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
                time.sleep(ATTACH_DELAY_S)
                continue
            self._served = True
            return connection


def _sockets(folder: Path, suffix: str) -> Iterator[tuple[float, Path]]:
    """Yields the sockets of machines with the time at which each attached itself."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                with suppress(OSError):  # it has just detached itself
                    yield entry.stat().st_mtime, Path(entry.path)


def _answers(path: Path) -> bool:
    """Returns whether anybody listens: of a connection that has ended, the file may have stayed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # an sshd that hangs accepts nobody, and would be waited for
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
