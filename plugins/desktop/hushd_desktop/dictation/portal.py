"""Wayland: a global key and typing through the desktop portals, which ask the user once; without root or uinput.

The D-Bus library is jeepney. A program outside a sandbox must first register under the name of
an installed desktop file, which `hushd dictate --install` writes.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import atomic_file, best_effort
from jeepney import DBusAddress, DBusErrorResponse, HeaderFields, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from .keys import Key, keysym

APPLICATION = "org.hushd.Dictate"  # the name of the desktop file
PORTAL_TIMEOUT_S = 10.0  # seconds for the bus and the portal
PERMISSION_TIMEOUT_S = 300.0  # seconds for the user to allow it
END_LOOK_INTERVAL_S = 0.5  # seconds between two looks whether to stop

_SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
_REMOTE = "org.freedesktop.portal.RemoteDesktop"
_SHIFT, _INSERT = 0xFFE1, 0xFF63  # keysyms
_KEYBOARD = 1  # the portal's number for keyboards
_UNTIL_REVOKED = 2  # the permission lasts until the user revokes it
_PATH = "/org/freedesktop/portal/desktop"
_NAME = "org.freedesktop.portal.Desktop"


class Portal:
    """A D-Bus connection to the desktop's portals. Raises `no_device` without a session bus or a portal."""

    def __init__(self) -> None:
        try:
            self._connection = open_dbus_connection(bus="SESSION")
        except (OSError, KeyError, ValueError) as error:
            raise HushdError("no_device", f"There is no session bus that can be used ({reason(error)}).") from error
        self._count = 0
        self._signals: deque[Any] = deque()
        sender = self._connection.unique_name
        self._requests = f"{_PATH}/request/{sender[1:].replace('.', '_')}"
        with self.closed_on_error():
            self.listen("org.freedesktop.portal.Request", "Response")
            self._register()

    @contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Closes the connection when the block fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection and all its sessions."""
        self._connection.close()

    def has(self, interface: str) -> bool:
        """Returns whether the desktop has a portal of this interface."""
        try:
            self.call("org.freedesktop.DBus.Properties", "Get", "ss", (interface, "version"))
        except HushdError:
            return False
        return True

    def session(self, interface: str) -> str:
        """Returns the handle of a new session."""
        options = {"session_handle_token": ("s", self._token())}
        return str(self.ask(interface, "CreateSession", "", (), options)["session_handle"][1])

    def ask(
        self, interface: str, method: str, signature: str, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> dict[str, Any]:
        """Calls a method whose answer is a signal, possibly after the user's decision; returns its results. Raises
        `cancelled` if the user does not allow it."""
        token = self._token()
        body = (*arguments, {"handle_token": ("s", token), **options})
        (handle,) = self.call(interface, method, f"{signature}a{{sv}}", body)
        handles = {handle, f"{self._requests}/{token}"}
        deadline = time.monotonic() + PERMISSION_TIMEOUT_S
        while time.monotonic() < deadline:
            member, path, answer = self.signal(END_LOOK_INTERVAL_S)
            if member == "Response" and path in handles:
                code, results = answer
                if code:
                    raise HushdError("cancelled", f"The desktop did not allow it ({interface.rpartition('.')[2]}).")
                return dict(results)
        raise HushdError("no_device", f"The desktop did not answer in {PERMISSION_TIMEOUT_S:g} s.")

    def call(self, interface: str, method: str, signature: str, arguments: tuple[Any, ...]) -> Any:
        """Calls a method; returns its reply."""
        return self._reply(new_method_call(DBusAddress(_PATH, _NAME, interface), method, signature, arguments))

    def listen(self, interface: str, member: str) -> None:
        """Subscribes `signal` to the signals of a name."""
        rule = MatchRule(type="signal", path_namespace=_PATH, interface=interface, member=member)
        self._connection.filter(rule, queue=self._signals)
        self._reply(message_bus.AddMatch(rule))

    def signal(self, seconds: float) -> tuple[str, str, tuple[Any, ...]]:
        """Returns the name, path and content of the next signal; an empty name on timeout. Raises `no_device` if the
        bus has gone."""
        try:
            message = self._connection.recv_until_filtered(self._signals, timeout=seconds)
        except TimeoutError:
            return "", "", ()
        except (OSError, EOFError) as error:
            raise HushdError("no_device", "The session bus has gone.") from error
        fields = message.header.fields
        return str(fields[HeaderFields.member]), str(fields[HeaderFields.path]), message.body

    def _register(self) -> None:
        """Registers this program; portals before 1.20 find its name by themselves, and lack the method."""
        try:
            self.call("org.freedesktop.host.portal.Registry", "Register", "sa{sv}", (APPLICATION, {}))
        except HushdError as error:
            if error.detail.get("name") == "org.freedesktop.DBus.Error.ServiceUnknown":
                raise HushdError("no_device", "This desktop has no portals: xdg-desktop-portal is missing.") from error

    def _reply(self, message: Any) -> Any:
        try:
            return unwrap_msg(self._connection.send_and_get_reply(message, timeout=PORTAL_TIMEOUT_S))
        except DBusErrorResponse as error:
            text = error.data[0] if error.data and isinstance(error.data[0], str) else error.name
            raise HushdError("no_device", f"The desktop refuses: {text}", detail={"name": error.name}) from error
        except (OSError, EOFError, TimeoutError) as error:
            raise HushdError("no_device", "The session bus does not answer.") from error

    def _token(self) -> str:
        self._count += 1
        return f"hushd{os.getpid()}_{self._count}"


class GlobalKey:
    """A global key of the portal. The user may choose another one when asked. Raises `no_device` if the desktop has no
    such portal, `cancelled` if the user does not allow it.
    `on_press` and `on_release`: called on the thread of `wait`."""

    def __init__(self, key: Key, on_press: Callable[[], None], on_release: Callable[[], None]) -> None:
        self._called = {"Activated": on_press, "Deactivated": on_release}
        self._ended = False
        self._portal = Portal()
        with self._portal.closed_on_error():
            self._session = self._bind(key)

    def wait(self) -> None:
        """Calls back until `stop`. Raises as `Portal.signal` does."""
        with closing(self._portal):
            while not self._ended:
                member, _, content = self._portal.signal(END_LOOK_INTERVAL_S)
                if member in self._called and content[:2] == (self._session, "dictate"):
                    self._called[member]()

    def stop(self) -> None:
        """Ends `wait`. Safe in a signal handler."""
        self._ended = True

    def _bind(self, key: Key) -> str:
        if not self._portal.has(_SHORTCUTS):
            raise HushdError(
                "no_device",
                "This desktop has no portal for global keys: bind `hushd dictate` to a key in its settings.",
            )
        for member in self._called:
            self._portal.listen(_SHORTCUTS, member)
        session = self._portal.session(_SHORTCUTS)
        shortcut = {"description": ("s", "Dictate"), "preferred_trigger": ("s", key.trigger)}
        arguments = (session, [("dictate", shortcut)], "")
        self._portal.ask(_SHORTCUTS, "BindShortcuts", "oa(sa{sv})s", arguments, {})
        return session


class Typist:
    """Types into the focused window, in one portal session; the user is asked once. Raises `no_device` if the desktop
    has no such portal, `cancelled` if the user does not allow it."""

    def __init__(self, token: Path) -> None:
        self._lock = threading.Lock()
        self._portal = Portal()
        with self._portal.closed_on_error():
            self._session = self._begin(token)

    def type(self, text: str) -> None:
        with self._lock:
            for character in text:
                self._send(keysym(character), down=True)
                self._send(keysym(character), down=False)

    def delete(self, count: int) -> None:
        self.type("\b" * count)

    def paste(self) -> None:
        with self._lock:
            for code, down in ((_SHIFT, True), (_INSERT, True), (_INSERT, False), (_SHIFT, False)):
                self._send(code, down)

    def close(self) -> None:
        """Ends the session."""
        self._portal.close()

    def _begin(self, token: Path) -> str:
        if not self._portal.has(_REMOTE):
            raise HushdError("no_device", "This desktop has no portal for typing.")
        session = self._portal.session(_REMOTE)
        earlier = _read(token)
        options: dict[str, Any] = {"types": ("u", _KEYBOARD), "persist_mode": ("u", _UNTIL_REVOKED)}
        options |= {"restore_token": ("s", earlier)} if earlier else {}
        self._portal.ask(_REMOTE, "SelectDevices", "o", (session,), options)
        granted = self._portal.ask(_REMOTE, "Start", "os", (session, ""), {})
        if not granted.get("devices", ("u", 0))[1] & _KEYBOARD:
            raise HushdError("cancelled", "The desktop did not allow typing.")
        if "restore_token" in granted:
            _keep(token, granted["restore_token"][1])
        return session

    def _send(self, code: int, down: bool) -> None:
        self._portal.call(_REMOTE, "NotifyKeyboardKeysym", "oa{sv}iu", (self._session, {}, code, int(down)))


def _keep(token: Path, text: str) -> None:
    with best_effort.writing(token):  # the desktop asks again without the file
        token.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.replace(token, text, mode=0o600)


def _read(token: Path) -> str:
    try:
        return token.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
