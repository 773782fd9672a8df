"""The table of programs that a test uses beyond Python, pip and git, and `needs()`, by which it says so.

Those of the product stand in `hushd_schema.outside`, and its libraries. `scripts/test --machine hidden` runs all tests
with nothing to be found but what `BASE` has: there a test fails that uses a program and has not asked for it.
"""

from __future__ import annotations

import shutil

import pytest
from hushd_schema.outside import PROGRAMS

# By program, Debian's package.
PACKAGES = {name: outside.debian for name, outside in PROGRAMS.items()} | {
    "aplay": "alsa-utils", "bash": "bash", "cc": "gcc", "chromium": "chromium", "curl": "curl", "dbus-daemon":
    "dbus-daemon", "dh": "debhelper", "ffprobe": "ffmpeg", "fish": "fish", "flite": "flite", "foot": "foot",
    "mandoc": "mandoc", "mmdebstrap": "mmdebstrap", "node": "nodejs", "nsenter": "util-linux", "pacat":
    "pulseaudio-utils", "pactl": "pulseaudio-utils", "paplay": "pulseaudio-utils", "parec": "pulseaudio-utils",
    "pipewire": "pipewire", "pipewire-pulse": "pipewire-pulse", "play": "sox", "pulseaudio": "pulseaudio", "ruby":
    "ruby", "setpriv": "util-linux", "spd-say": "speech-dispatcher", "speech-dispatcher": "speech-dispatcher",
    "sshd": "openssh-server", "sway": "sway", "systemd-analyze": "systemd", "systemd-socket-activate": "systemd",
    "tar": "tar", "unshare": "util-linux", "wireplumber": "wireplumber", "Xvfb": "xvfb", "zsh": "zsh",
}  # fmt: skip

# What Debian's essential packages and macOS have, and git: used without asking.
BASE = (
    "basename", "bash", "cat", "chmod", "chown", "cksum", "cmp", "cp", "cut", "date", "dd", "df", "diff", "dirname",
    "echo", "env", "expr", "false", "find", "getconf", "git", "grep", "gzip", "head", "id", "kill", "ldconfig",
    "ln", "ls", "mkdir", "mkfifo", "mktemp", "mount", "mv", "nice", "nohup", "nproc", "od", "printf", "ps", "pwd",
    "readlink", "realpath", "rm", "rmdir", "sed", "seq", "setsid", "sh", "sleep", "sort", "split", "stat", "stdbuf",
    "stty", "sync", "tail", "tar", "tee", "test", "timeout", "touch", "tr", "true", "tty", "umount", "uname",
    "uniq", "unshare", "wc", "which", "xargs", "yes",
)  # fmt: skip


def lacking(*names: str) -> str:
    """Names those of these programs that are not here, and says how to get them; empty when all are.

    Raises:
        KeyError: one stands in no table.
    """
    packages = {name: PACKAGES[name] for name in names}
    absent = [name for name in names if shutil.which(name) is None]
    wanted = " ".join(sorted({packages[name] for name in absent}))
    return f"{', '.join(absent)} (apt install {wanted})" if absent else ""


def needs(*names: str) -> pytest.MarkDecorator:
    """Skips a test, or by `pytestmark` all of a file, where one of these programs is not here."""
    return pytest.mark.skipif(bool(absent := lacking(*names)), reason=f"not installed: {absent}")
