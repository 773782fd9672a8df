"""Reports that the machine is about to sleep, by logind's signal on the system bus, while a worker is on a card.

A delay inhibitor of logind's holds the sleep back until workers have left the cards, for 5 s at most by default.
Without a system bus, or without logind on it, nothing is reported.
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
_READ_BYTES = 65536
_HELLO, _MATCH = 1, 2  # serials; calls of Inhibit have later ones


class SleepWatch:
    """The connection to the system bus, open while a worker is on a card.

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
        self._auth_lines = 0  # read of the bus's two answers to our authentication
        self._serial = _MATCH
        self._lock: int | None = None  # the inhibitor's descriptor; closing it releases the inhibitor
        self._asleep = False

    def watch(self, on_cards: bool) -> None:
        """Connects when a worker is on a card; lets the machine sleep when none is."""
        if on_cards and self._bus is None:
            self._connect()
        elif not on_cards:
            self._unlock()
            if not self._asleep:
                self.close()

    def events(self, ready: Container[object]) -> Iterator[Sleep]:
        """Yields logind's reports; `ready` are readable descriptors."""
        if self._bus is None or self._bus.fileno() not in ready:
            return
        try:
            data, descriptors, _, _ = socket.recv_fds(self._bus, _READ_BYTES, 4)
            if not data:
                raise OSError("the bus has closed the connection")
            self._buffer += data
            if self._auth_lines < 2 and not self._authenticated():
                return
            for message in dbus.decode(self._buffer):
                yield from self._take(message, descriptors)
        except BlockingIOError:
            return
        except (OSError, ValueError) as error:
            self._record("debug", f"lost the connection to the system bus: {error}")
            self.close()

    def close(self) -> None:
        """Releases the inhibitor and closes the connection."""
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
        self._bus, self._buffer, self._auth_lines, self._serial = bus, bytearray(), 0, _MATCH
        self._poller.register(bus.fileno(), zmq.POLLIN)

    def _authenticated(self) -> bool:
        """Reads the two answers to the authentication; after them says hello and asks for the signal and the lock."""
        while self._auth_lines < 2 and b"\r\n" in self._buffer:
            line, _, remaining = bytes(self._buffer).partition(b"\r\n")
            if not line.startswith((b"OK", b"AGREE_UNIX_FD")):
                raise ValueError(f"the bus answers {line[:80]!r}")
            self._buffer, self._auth_lines = bytearray(remaining), self._auth_lines + 1
        if self._auth_lines < 2:
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
    """Returns the socket's path in a D-Bus address; an abstract one begins with a NUL.

    Raises:
        ValueError: the address is neither a path nor an abstract name.
    """
    kind, _, pairs = address.partition(";")[0].partition(":")
    values = dict(pair.partition("=")[::2] for pair in pairs.split(","))
    if kind != "unix" or not ("path" in values or "abstract" in values):
        raise ValueError(address)
    return values.get("path") or f"\0{values['abstract']}"
