"""Spiel's provider, asked through GLib's D-Bus, of which libspiel is made: Debian has no package of libspiel itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from array import array
from pathlib import Path

import pytest
from support.peer import BOUND_S, Supervisor

media_player = pytest.importorskip("support.media_player", reason="jeepney is not installed")

from hushd_cli.commands.service import units  # noqa: E402
from hushd_desktop.spiel import interface  # noqa: E402

PYTHON = "/usr/bin/python3"  # the system's, which has what its packages bring
TEXT = "The build is green."
# As libspiel does: it looks for names, reads the properties that the proxy has fetched, and reads a pipe to its end, or
# closes it when an utterance is called off.
_PROGRAM = """
import json, os, sys
from gi.repository import Gio, GLib
xml, name, text, out = sys.argv[1:]
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
def ask(method):
    return bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method, None, None,
                         Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
names = sorted({n for n in ask("ListActivatableNames") + ask("ListNames") if n.endswith(".Speech.Provider")})
info = Gio.DBusNodeInfo.new_for_xml(xml).lookup_interface("org.freedesktop.Speech.Provider")
path = "/" + name.replace(".", "/")
proxy = Gio.DBusProxy.new_sync(bus, Gio.DBusProxyFlags.NONE, info, name, path, info.name)
voices = proxy.get_cached_property("Voices")
def speak(text, voice):
    read, write = os.pipe()
    fds = Gio.UnixFDList.new_from_array([write])
    proxy.call_with_unix_fd_list_sync("Synthesize", GLib.Variant("(hssddbs)", (0, text, voice, 1.0, 1.0, False, "en")),
                                      Gio.DBusCallFlags.NONE, -1, fds, None)
    return os.fdopen(read, "rb")
first = voices.unpack()[0][1]
with speak(text * 200, first) as cancelled:
    cancelled.read(1)
with speak(text, first) as pipe:
    open(out, "wb").write(pipe.read())
try:
    speak(text, "no/such")
except GLib.Error as error:
    refusal = Gio.DBusError.get_remote_error(error)
print(json.dumps([names, proxy.get_cached_property("Name").unpack(), voices.get_type_string(), first, refusal]))
"""


def _missing() -> str:
    if shutil.which("dbus-daemon") is None:
        return "dbus-daemon"
    gi = subprocess.run([PYTHON, "-c", "import gi"], capture_output=True) if os.path.exists(PYTHON) else None
    return "" if gi and gi.returncode == 0 else "python3-gi"


@pytest.mark.skipif(bool(_missing()), reason=f"{_missing()} is not installed")
def test_a_program_of_glib_finds_it_and_hears_it(tmp_path: Path, carried: Supervisor) -> None:
    """It is found by its name, its properties have the published types, a speech that is called off keeps none of the
    next one waiting, and a voice that is not there is an error with a name."""
    from hushd import Client

    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "share"), "HOME": str(tmp_path)}
    service = units.find(environ=environment, platform="linux", spiel=True)
    (provider,) = [path for path in service.files if path.name == units.PROVIDER]
    provider.parent.mkdir(parents=True)
    provider.write_text(service.files[provider])
    with media_player.SessionBus(tmp_path, environment) as bus:
        done = subprocess.run(
            [PYTHON, "-c", _PROGRAM, interface.XML, interface.NAME, TEXT, str(tmp_path / "speech")],
            env=environment | {"DBUS_SESSION_BUS_ADDRESS": bus.address},
            capture_output=True,
            text=True,
            timeout=BOUND_S,
        )
    assert done.returncode == 0, done.stderr
    names, name, form, voice, refusal = json.loads(done.stdout)
    assert (names, name, form) == ([interface.NAME], "hushd", interface.VOICES)
    assert refusal == "org.freedesktop.DBus.Error.InvalidArgs"
    with Client() as client:
        plain = array("h", b"".join(client.synthesize(TEXT, voice=voice, sample_rate=interface.RATE)))
    assert array("h", (tmp_path / "speech").read_bytes()) == plain
