"""logind's part of the system bus, on a real dbus-daemon of its own: locks that delay sleep, and its announcement."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import time
from pathlib import Path

from hushd_supervisor.system import dbus
from support.outside import lacking

from .peer import BOUND_S

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""
LOGIND, PATH, MANAGER, BUS = (
    "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "org.freedesktop.DBus",
)  # fmt: skip


def is_there() -> bool:
    """Returns whether a bus can be started here."""
    return not lacking("dbus-daemon")


class LoginManager:
    """A bus at `address`, and logind on it. `stop` ends both."""

    def __init__(self, folder: Path) -> None:
        path = folder / "bus"
        config = folder / "bus.conf"
        config.write_text(_CONFIG.format(path=path))
        self.address = f"unix:path={path}"
        self._daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE,
        )
        assert self._daemon.stdout
        assert self._daemon.stdout.readline()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(BOUND_S)
        self._socket.connect(str(path))
        self._socket.sendall(f"\0AUTH EXTERNAL {str(os.getuid()).encode().hex()}\r\nNEGOTIATE_UNIX_FD\r\n".encode())
        answered = b""
        while answered.count(b"\r\n") < 2:
            answered += self._socket.recv(4096)
        self._buffer = bytearray()
        self._serial = 0
        self._locks: list[int] = []  # ours, of each lock the end that stays
        self._socket.sendall(b"BEGIN\r\n")
        self._call("Hello")
        name = struct.pack("<I", len(LOGIND)) + LOGIND.encode() + b"\0"
        body = name + bytes(-len(name) % 4) + struct.pack("<I", 0)
        self._send(dbus.CALL, {"path": "/", "interface": BUS, "member": "RequestName", "destination": BUS}, body, "su")
        self._await(lambda message: message.kind == dbus.RETURN and message.fields.get("reply_to") == self._serial)

    def give_lock(self) -> str:
        """Answers the next request for a lock; returns who has asked, and for what."""
        message = self._await(lambda message: message.fields.get("member") == "Inhibit")
        ours, theirs = os.pipe()
        self._locks.append(ours)
        fields = {"destination": message.fields["sender"], "reply_to": message.serial, "signature": "h", "fds": 1}
        self._serial += 1
        data = dbus.encode(dbus.RETURN, self._serial, fields, struct.pack("<I", 0))
        socket.send_fds(self._socket, [data], [theirs])
        os.close(theirs)
        return message.body.replace(b"\0", b" ").decode(errors="replace")

    def announce(self, sleep: bool) -> None:
        """Sends the signal that the machine is about to sleep, or awake again."""
        fields: dict[str, str | int] = {"path": PATH, "interface": MANAGER, "member": "PrepareForSleep"}
        self._send(dbus.SIGNAL, fields, struct.pack("<I", sleep), "b")

    def wait_for_release(self) -> None:
        """Waits until the last lock is given back."""
        readable, _, _ = select.select([self._locks[-1]], [], [], BOUND_S)
        assert readable, "the lock was kept"

    @property
    def locked(self) -> bool:
        """Returns whether the last lock is held."""
        return not select.select([self._locks[-1]], [], [], 0)[0]

    def stop(self) -> None:
        """Ends the bus."""
        self._socket.close()
        for lock in self._locks:
            os.close(lock)
        self._daemon.terminate()
        self._daemon.wait(BOUND_S)
        assert self._daemon.stdout
        self._daemon.stdout.close()

    def _call(self, member: str) -> None:
        self._serial += 1
        self._socket.sendall(dbus.call(self._serial, BUS, "/org/freedesktop/DBus", BUS, member))

    def _send(self, kind: int, fields: dict[str, str | int], body: bytes, signature: str) -> None:
        self._serial += 1
        self._socket.sendall(dbus.encode(kind, self._serial, fields | {"signature": signature}, body))

    def _await(self, wanted: object) -> dbus.Message:
        assert callable(wanted)
        end = time.monotonic() + BOUND_S
        while time.monotonic() < end:
            for message in dbus.decode(self._buffer):
                if wanted(message):
                    return message
            self._buffer += self._socket.recv(4096)
        raise AssertionError("the bus is silent")
