"""PipeWire without any device, with WirePlumber and its server for PulseAudio's programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from support.outside import lacking
from support.peer import BOUND_S, wait_until

_SERVERS = ("pipewire", "wireplumber", "pipewire-pulse")
# Neither hardware nor a login is watched, for which WirePlumber would need D-Bus and systemd.
_MAIN = """
load_module("metadata")
default_access.properties["enable-flatpak-portal"] = false
default_access.enable()
device_defaults.enable()
stream_defaults.enable()
"""
_VERSION_4 = {"main.lua.d/90-enable-all.lua": _MAIN, "bluetooth.lua.d/90-enable-all.lua": ""}
_VERSION_5 = """
wireplumber.profiles = {
  main = {
    hardware.audio = disabled
    hardware.bluetooth = disabled
    hardware.video-capture = disabled
    support.dbus = disabled
  }
}
"""


def missing() -> str:
    """Names the programs of a loop that are not installed; empty when all are."""
    return lacking(*_SERVERS, "pactl", "pacat")


class PipeWireLoop:
    """As `SoundLoop`. A context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        files = {**_VERSION_4, "wireplumber.conf.d/loop.conf": _VERSION_5}
        for name, text in files.items():
            path = folder / "wireplumber" / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
        self.environment = os.environ | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": f"{folder}/pulse",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere",
            "PULSE_SERVER": f"unix:{folder}/pulse/native",
            "PULSE_SINK": "loop",
        }
        self._folder = folder
        self._servers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> PipeWireLoop:
        try:
            self._start("pipewire", "pipewire-0")
            self._start("wireplumber")
            self._start("pipewire-pulse", "pulse/native")
            self.pactl("load-module", "module-null-sink", "sink_name=loop")
            wait_until(lambda: "loop" in self.pactl("get-default-sink"), "WirePlumber")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._servers):
            server.terminate()
            server.wait(BOUND_S)

    def pactl(self, *arguments: str) -> str:
        """Returns what `pactl` prints."""
        command = ["pactl", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=BOUND_S).stdout

    def _start(self, program: str, socket: str = "") -> None:
        with open(self._folder / f"{program}.log", "wb") as log:
            self._servers.append(subprocess.Popen([program], env=self.environment, stdout=log, stderr=log))
        wait_until((self._folder / socket).exists, program)
