"""A stand-in for the desktop's portals on a private bus: it asks nobody, and keeps the keys typed.

Global keys are pressed by `press` and `release`; a text field is what arrives by RemoteDesktop.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
from support.outside import lacking

PATH = "/org/freedesktop/portal/desktop"
NAME = "org.freedesktop.portal.Desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
REMOTE = "org.freedesktop.portal.RemoteDesktop"
REGISTRY = "org.freedesktop.host.portal.Registry"
BACKSPACE, RETURN = 0xFF08, 0xFF0D


def missing() -> str:
    """Names the missing packages; empty when all is."""
    return lacking("dbus-daemon")


class PortalDesktop:
    """A bus with portals; a context manager.

    Args:
        folder: for the bus's socket.
        offers: the portals that it has.
        refuses: the methods that the user does not allow.

    Attributes:
        address: of the bus.
        calls: every method that was called, with its arguments.
        typed: the text, as a field would have it.
        pressed: keysyms that are down.
    """

    def __init__(
        self, folder: Path, offers: tuple[str, ...] = (SHORTCUTS, REMOTE), refuses: tuple[str, ...] = ()
    ) -> None:
        self.address = f"unix:path={folder}/bus"
        self._offers, self._refuses = offers, refuses
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.typed = ""
        self.pressed: list[int] = []
        self._sessions: dict[str, str] = {}  # handles by the interface
        self._client = ""
        self._bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", f"--address={self.address}", "--print-address"],
            stdout=subprocess.PIPE,
        )
        assert self._bus.stdout
        self._bus.stdout.readline()

    def __enter__(self) -> PortalDesktop:
        self._connection = open_dbus_connection(self.address)
        self._connection.send_and_get_reply(message_bus.RequestName(NAME))
        self._sending = threading.Lock()
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Ends the bus, as a logout does. Safe to call twice."""
        self._bus.terminate()
        self._bus.wait()
        assert self._bus.stdout
        self._bus.stdout.close()
        self._serving.join(60)
        self._connection.close()

    def press(self) -> None:
        self._shortcut("Activated")

    def release(self) -> None:
        self._shortcut("Deactivated")

    def called(self, method: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.calls if name == method]

    def _shortcut(self, member: str) -> None:
        body = (self._sessions[SHORTCUTS], "dictate", 1, {})
        self._send(new_signal(DBusAddress(PATH, interface=SHORTCUTS), member, "osta{sv}", body))

    def _send(self, message: Any) -> None:
        with self._sending:
            self._connection.send(message)

    def _serve(self) -> None:
        try:
            while True:
                message = self._connection.receive()
                if message.header.message_type is MessageType.method_call:
                    self._answer(message)
        except (OSError, EOFError):
            pass  # the bus has ended

    def _answer(self, message: Any) -> None:
        fields = message.header.fields
        interface, method = fields.get(HeaderFields.interface), fields[HeaderFields.member]
        self._client = fields[HeaderFields.sender]
        self.calls.append((method, message.body))
        if method == "Get":
            return self._version(message)
        if interface == REGISTRY:
            return self._send(new_method_return(message))
        if interface not in self._offers:
            return self._send(
                new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", ("No such interface",))
            )
        if method == "NotifyKeyboardKeysym":
            self._type(*message.body[2:])
            return self._send(new_method_return(message))
        return self._respond(message, interface, method)

    def _version(self, message: Any) -> None:
        if message.body[0] in self._offers:
            self._send(new_method_return(message, "v", (("u", 2),)))
        else:
            self._send(new_error(message, "org.freedesktop.DBus.Error.InvalidArgs", "s", ("No such interface",)))

    def _respond(self, message: Any, interface: str, method: str) -> None:
        """Sends the answer before the handle of the request, which is the order that loses answers."""
        options = message.body[-1]
        token = options["handle_token"][1]
        sender = self._client[1:].replace(".", "_")
        handle = f"{PATH}/request/{sender}/{token}"
        results: dict[str, Any] = {}
        if method == "CreateSession":
            session = f"{PATH}/session/{sender}/{options['session_handle_token'][1]}"
            self._sessions[interface] = session
            results["session_handle"] = ("s", session)
        elif method == "Start":
            results |= {"devices": ("u", 1), "restore_token": ("s", "again")}
        code = 1 if method in self._refuses else 0
        address = DBusAddress(handle, interface="org.freedesktop.portal.Request")
        self._send(new_signal(address, "Response", "ua{sv}", (code, results)))
        self._send(new_method_return(message, "o", (handle,)))

    def _type(self, keysym: int, state: int) -> None:
        if not state:
            self.pressed.remove(keysym)
            return
        self.pressed.append(keysym)
        if keysym == BACKSPACE:
            self.typed = self.typed[:-1]
        elif len(self.pressed) == 1:
            self.typed += "\n" if keysym == RETURN else chr(keysym & 0xFFFFFF)
