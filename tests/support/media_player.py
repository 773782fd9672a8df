"""A player with MPRIS on a private session bus: it knows whether it plays."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

PATH = "/org/mpris/MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"


class SessionBus:
    """A bus of its own; a context manager.

    Args:
        environment: of the bus, and so of the programs that it starts; None: this process's.

    Attributes:
        address: for DBUS_SESSION_BUS_ADDRESS.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.address = f"unix:path={folder}/bus"
        command = ["dbus-daemon", "--session", "--nofork", f"--address={self.address}", "--print-address"]
        self._bus = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)

    def __enter__(self) -> SessionBus:
        assert self._bus.stdout
        self._bus.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._bus.terminate()
        self._bus.communicate()


class MediaPlayer:
    """A player; a context manager.

    Args:
        hangs: whether it answers nothing.

    Attributes:
        status: as MPRIS has it.
        calls: the methods that were called, but for questions.
    """

    def __init__(
        self, bus: SessionBus, name: str, status: str = "Playing", *, pauses: bool = True, hangs: bool = False
    ):
        self.status = status
        self.calls: list[str] = []
        self._pauses, self._hangs = pauses, hangs
        self._connection = open_dbus_connection(bus.address)
        self._connection.send_and_get_reply(message_bus.RequestName(f"org.mpris.MediaPlayer2.{name}"))
        self._sending = threading.Lock()
        self._serving = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> MediaPlayer:
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._serving.join(60)
        self._connection.close()

    def become(self, status: str) -> None:
        """Changes what it does, as by its own buttons, and says so."""
        self.status = status
        body = (PLAYER, {"PlaybackStatus": ("s", status)}, [])
        address = DBusAddress(PATH, interface="org.freedesktop.DBus.Properties")
        self._send(new_signal(address, "PropertiesChanged", "sa{sv}as", body))

    def _send(self, message: Any) -> None:
        with self._sending:
            self._connection.send(message)

    def _serve(self) -> None:
        try:
            while True:
                message = self._connection.receive()
                if message.header.message_type is MessageType.method_call and not self._hangs:
                    self._answer(message)
        except (OSError, EOFError):
            pass  # it is over

    def _answer(self, message: Any) -> None:
        method = message.header.fields[HeaderFields.member]
        if method == "Get":
            value = {"PlaybackStatus": ("s", self.status), "CanPause": ("b", self._pauses)}[message.body[1]]
            self._send(new_method_return(message, "v", (value,)))
            return
        self.calls.append(method)
        self._send(new_method_return(message))
        self.become({"Play": "Playing", "Pause": "Paused"}[method])
