"""Selected text by AT-SPI: windows of a stand-in on a private bus, and a real one of GTK."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_desktop.read_selection import accessible, selection
from support.outside import needs
from support.peer import wait_until

from .. import desktop
from ..desktop import Desktop

media_player = pytest.importorskip("support.media_player", reason="jeepney is not installed")

from jeepney import HeaderFields, Message, MessageType, message_bus, new_error, new_method_return  # noqa: E402
from jeepney.io.blocking import DBusConnection, open_dbus_connection  # noqa: E402

pytestmark = needs("dbus-daemon")

ACTIVE, SHOWN = 1 << 1, 1 << 25
GTK = """
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
view = Gtk.TextView()
view.get_buffer().set_text("Not this. This one. Nor this.")
begin, end = (view.get_buffer().get_iter_at_offset(number) for number in (10, 19))
view.get_buffer().select_range(begin, end)
window = Gtk.Window(title="a window")
window.add(view)
window.show_all()
Gtk.main()
"""


class Windows:
    """Programs with windows; a context manager.

    Args:
        tree: each object by its path: its states, the paths of its children, its text, and the range selected in it.
        hangs: whether a second program is there that does not answer.
    """

    def __init__(self, address: str, tree: dict[str, tuple[int, str, str, tuple[int, int]]], hangs: bool = False):
        self.calls = 0
        self._address, self._tree = address, tree
        self._connection = self._open("org.a11y.Bus", "org.a11y.atspi.Registry")
        self._hanging = self._open() if hangs else None
        self._serving = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Windows:
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._serving.join(60)
        for connection in filter(None, (self._connection, self._hanging)):
            connection.close()

    def _open(self, *names: str) -> DBusConnection:
        connection = open_dbus_connection(self._address)
        for name in names:
            connection.send_and_get_reply(message_bus.RequestName(name))
        return connection

    def _serve(self) -> None:
        while True:
            try:
                message = self._connection.receive()
            except (OSError, EOFError):
                return
            if message.header.message_type is MessageType.method_call:
                self.calls += 1
                self._connection.send(self._answer(message))

    def _answer(self, message: Message) -> Message:
        fields = message.header.fields
        path, method = fields[HeaderFields.path], fields[HeaderFields.member]
        if method == "GetAddress":
            return new_method_return(message, "s", (self._address,))
        if path == "/org/a11y/atspi/accessible/root":
            programs = [(self._connection.unique_name, "/program")]
            programs[:0] = [(self._hanging.unique_name, "/program")] if self._hanging else []
            return new_method_return(message, "a(so)", (programs,))
        states, children, text, (begin, end) = self._tree[path]
        answers: dict[str, tuple[str, Any]] = {
            "GetChildren": ("a(so)", [(self._connection.unique_name, child) for child in children.split()]),
            "GetState": ("au", [states, 0]),
        }
        if text:
            answers["GetNSelections"] = "i", int(begin < end)
            answers["GetText"] = "s", text[slice(*message.body)] if method == "GetText" else ""
        if method == "GetSelection":
            return new_method_return(message, "ii", (begin, end))
        if method not in answers:
            return new_error(message, "org.freedesktop.DBus.Error.UnknownInterface")
        signature, answer = answers[method]
        return new_method_return(message, signature, (answer,))


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus of its own, without any display; whoever answers has time for it."""
    monkeypatch.setattr(accessible, "_ANSWER_S", 60.0)
    monkeypatch.setattr(accessible, "LOOK_S", 60.0)
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    with media_player.SessionBus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
        yield bus.address


PAGE = {
    "/program": (SHOWN, "/old /hidden /window", "", (0, 0)),
    "/old": (SHOWN, "", "Another window's.", (0, 17)),
    "/hidden": (ACTIVE, "", "A hidden one's.", (0, 15)),
    "/window": (ACTIVE | SHOWN, "/menu /page", "", (0, 0)),
    "/menu": (0, "", "A closed menu's.", (0, 16)),
    "/page": (SHOWN, "/before /first /second", "\ufffc\ufffc\ufffc", (1, 3)),
    "/before": (SHOWN, "", "Before it.", (0, 0)),
    "/first": (SHOWN, "/link", "See \ufffc first.", (0, 12)),
    "/link": (SHOWN, "", "this link", (0, 9)),
    "/second": (SHOWN, "", "And half of this.", (0, 8)),
}


def test_a_page_is_read_in_its_order(bus: str) -> None:
    """Links within their sentence, a line for each paragraph; of the active window that is shown, and nothing else."""
    with Windows(bus, PAGE):
        assert accessible.selected() == "See this link first.\nAnd half"
        assert selection.selected() == "See this link first.\nAnd half"


def test_a_window_of_gtk(bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real toolkit tells the part of a text that is selected."""
    if lacks := desktop.missing():
        pytest.skip(f"not installed: {lacks}")
    python = "/usr/bin/python3"
    look = subprocess.run([python, "-c", "import gi; gi.require_version('Gtk', '3.0')"], capture_output=True)
    if look.returncode or not Path("/usr/libexec/at-spi-bus-launcher").exists():
        pytest.skip("not installed: python3-gi, gir1.2-gtk-3.0, at-spi2-core")
    with Desktop(tmp_path) as screen:
        monkeypatch.setenv("DISPLAY", screen.display)
        program = subprocess.Popen([python, "-c", GTK])
        try:
            wait_until(lambda: accessible.selected() == "This one.", "the selected text")
        finally:
            program.kill()
            program.wait()
