"""Reports when the machine is about to sleep, by logind's signal on the system bus, while a worker is on a card.

A lock that logind calls a delay inhibitor holds the sleep back until workers have left the cards, for the 5 s that
logind allows by default. Where there is no bus, or no logind on it, nothing is reported.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Container, Iterator, Mapping

import zmq

from hushd_supervisor.core.events import Sleep

from . import dbus

_BUS = "unix:path=/run/dbus/system_bus_socket"
_LOGIND, _PATH, _MANAGER = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
_RULE = f"type='signal',sender='{_LOGIND}',path='{_PATH}',interface='{_MANAGER}',member='PrepareForSleep'"
_INHIBIT = ("sleep", "hushd", "workers leave the graphics cards", "delay")
_READ = 65536
_HELLO, _MATCH = 1, 2  # serials; the calls of Inhibit have later ones


class SleepWatch:
    """The connection to the bus, while there is one.

    Args:
        poller: watches the connection.
        record: writes to the supervisor's log (level, text).
    """

    def __init__(
        self, poller: zmq.Poller, record: Callable[[str, str], None], environment: Mapping[str, str] = os.environ
    ) -> None:
        self._poller = poller
        self._record = record
        self._address = environment.get("DBUS_SYSTEM_BUS_ADDRESS", _BUS)
        self._bus: socket.socket | None = None
        self._buffer = bytearray()
        self._lines = 0  # of the authentication that were answered
        self._serial = _MATCH
        self._lock: int | None = None  # logind's, as long as it is open
        self._asleep = False

    def watch(self, on_cards: bool) -> None:
        """Connects once a worker is on a card; the machine may sleep once none is."""
        if on_cards and self._bus is None:
            self._connect()
        elif not on_cards:
            self._unlock()
            if not self._asleep:
                self.close()

    def events(self, ready: Container[object]) -> Iterator[Sleep]:
        """Yields what logind has reported; `ready` are readable descriptors."""
        if self._bus is None or self._bus.fileno() not in ready:
            return
        try:
            data, descriptors, _, _ = socket.recv_fds(self._bus, _READ, 4)
            if not data:
                raise OSError("the bus has ended")
            self._buffer += data
            if self._lines < 2 and not self._authenticated():
                return
            for message in dbus.decode(self._buffer):
                yield from self._take(message, descriptors)
        except BlockingIOError:
            return
        except (OSError, ValueError) as error:
            self._record("debug", f"the system bus is not heard any more: {error}")
            self.close()

    def close(self) -> None:
        """Leaves the bus."""
        self._unlock()
        if self._bus is not None:
            self._poller.unregister(self._bus.fileno())
            self._bus.close()
            self._bus = None

    # --- inside --------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        path = _path(self._address)
        bus = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            bus.connect(path)
            user = str(os.getuid()).encode().hex()
            bus.sendall(f"\0AUTH EXTERNAL {user}\r\nNEGOTIATE_UNIX_FD\r\n".encode())
        except (OSError, ValueError):  # no bus
            bus.close()
            return
        self._bus, self._buffer, self._lines, self._serial = bus, bytearray(), 0, _MATCH
        self._poller.register(bus.fileno(), zmq.POLLIN)

    def _authenticated(self) -> bool:
        """Reads the two answers; after them it begins, says hello, and asks for the signal and the lock."""
        while self._lines < 2 and b"\r\n" in self._buffer:
            line, _, rest = bytes(self._buffer).partition(b"\r\n")
            if not line.startswith((b"OK", b"AGREE_UNIX_FD")):
                raise ValueError(f"the bus answers {line[:80]!r}")
            self._buffer, self._lines = bytearray(rest), self._lines + 1
        if self._lines < 2:
            return False
        bus = "org.freedesktop.DBus"
        self._send(b"BEGIN\r\n" + dbus.call(_HELLO, bus, "/org/freedesktop/DBus", bus, "Hello"))
        self._send(dbus.call(_MATCH, bus, "/org/freedesktop/DBus", bus, "AddMatch", _RULE))
        self._ask_for_lock()
        return True

    def _ask_for_lock(self) -> None:
        self._serial += 1
        self._send(dbus.call(self._serial, _LOGIND, _PATH, _MANAGER, "Inhibit", *_INHIBIT))

    def _send(self, data: bytes) -> None:
        assert self._bus
        self._bus.sendall(data)

    def _take(self, message: dbus.Message, descriptors: list[int]) -> Iterator[Sleep]:
        if message.kind == dbus.RETURN and message.fields.get("reply_to") == self._serial and descriptors:
            self._unlock()
            self._lock = descriptors.pop(0)
        elif message.kind == dbus.SIGNAL and message.fields.get("member") == "PrepareForSleep":
            self._asleep = any(message.body[:4])
            yield Sleep(self._asleep)
            if not self._asleep and self._bus is not None:
                self._ask_for_lock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _path(address: str) -> str:
    """The socket's path in an address of D-Bus; a NUL first for an abstract one.

    Raises:
        ValueError: it is not a socket in the file system, and none in Linux's abstract names.
    """
    kind, _, rest = address.partition(";")[0].partition(":")
    values = dict(pair.partition("=")[::2] for pair in rest.split(","))
    if kind != "unix" or not ("path" in values or "abstract" in values):
        raise ValueError(address)
    return values.get("path") or f"\0{values['abstract']}"
