"""The table of programs and libraries that a test uses beyond Python, pip and git, and `needs()`, by which it says so.

Those of the product stand in `hushd_models.installation`, and its libraries. `scripts/test --machine hidden` runs all
tests with nothing to be found but what all systems have: there a test fails that uses a program without asking for it.
"""

from __future__ import annotations

import shutil
from ctypes import util
from functools import cache

import pytest
from hushd_models.installation import LIBRARIES, PROGRAMS

# Debian's package of each program or library.
PACKAGES = {name: outside.debian for name, outside in (LIBRARIES | PROGRAMS).items()} | {
    "aplay": "alsa-utils", "bash": "bash", "cc": "gcc", "chromium": "chromium", "curl": "curl", "dbus-daemon":
    "dbus-daemon", "dh": "debhelper", "fish": "fish", "flite": "flite", "foot": "foot",
    "mandoc": "mandoc", "mmdebstrap": "mmdebstrap", "node": "nodejs", "nsenter": "util-linux", "pacat":
    "pulseaudio-utils", "pactl": "pulseaudio-utils", "paplay": "pulseaudio-utils", "parec": "pulseaudio-utils",
    "pipewire": "pipewire", "pipewire-pulse": "pipewire-pulse", "play": "sox", "pulseaudio": "pulseaudio", "ruby":
    "ruby", "setpriv": "util-linux", "spd-say": "speech-dispatcher", "speech-dispatcher": "speech-dispatcher",
    "sshd": "openssh-server", "sway": "sway", "systemd-analyze": "systemd", "systemd-socket-activate": "systemd",
    "tar": "tar", "unshare": "util-linux", "wireplumber": "wireplumber", "Xvfb": "xvfb", "zsh": "zsh",
}  # fmt: skip


def lacking(*names: str) -> str:
    """Names those of these programs and libraries that are not here, and says how to get them; empty when all are.

    Raises:
        KeyError: one stands in no table.
    """
    packages = {name: PACKAGES[name] for name in names}
    absent = [name for name in names if (_library if name in LIBRARIES else shutil.which)(name) is None]
    wanted = " ".join(sorted({packages[name] for name in absent}))
    return f"{', '.join(absent)} (apt install {wanted})" if absent else ""


@cache
def _library(name: str) -> str | None:
    return util.find_library(name)  # it runs ldconfig


def needs(*names: str) -> pytest.MarkDecorator:
    """Skips a test, or by `pytestmark` all of a file, where one of these is not here."""
    return pytest.mark.skipif(bool(absent := lacking(*names)), reason=f"not installed: {absent}")
