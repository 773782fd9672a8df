"""`hushd dictate --install`: installs a service that waits for the key in every desktop session."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hushd_cli.commands import service as units
from hushd_cli.commands.service import Service
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import atomic_file, paths

from hushd_desktop.dictation.keys import Key
from hushd_desktop.dictation.portal import APPLICATION

UNIT = f"app-{APPLICATION}.service"  # older portals read the program's name from it
NAMES = """\
# Words, replacements and commands of `hushd dictate`, a line each.
#
# Kubernetes              a word to expect, written like this
# kates -> k8s            what is heard -> what is written
# next item -> <new line>-
# period -> period        a built-in phrase (comma, period, new line, scratch that, …) as a word again
"""


def install(key: Key, arguments: Sequence[str]) -> None:
    """Writes the files, and starts the service now. Raises `output_failed`."""
    service = find([sys.executable, "-P", "-m", "hushd", "dictate", *arguments])
    names = paths.find().config.parent / "names.txt"
    if not names.exists():
        with os_errors_as("output_failed", f"{names} cannot be written"):
            names.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.replace(names, NAMES)
        console.write(f"wrote {names}\n")
    service.write()
    if not service.start:
        console.write(f"The next session waits for {key}.\n")
        return
    for command in service.start:
        if reason := units.run(command):
            line = shlex.join(command)
            raise HushdError("output_failed", f"The files are written, but {line} says: {reason}.")
    console.write(f"{key} dictates.\n")


def uninstall() -> None:
    """Stops the service and removes its files; names.txt stays."""
    service = find([])
    if not any(os.path.lexists(path) for path in service.files):
        console.write("No key dictates here.\n")
        return
    for command in service.stop:
        units.run(command)
    service.remove()


def find(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> Service:
    """Returns the service that runs `command` in every session, by systemd or the desktop's autostart."""
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    data, config = (
        Path(environ.get(name) or home / usual)
        for name, usual in (("XDG_DATA_HOME", ".local/share"), ("XDG_CONFIG_HOME", ".config"))
    )
    entry = {data / f"applications/{APPLICATION}.desktop": _desktop_entry(command)}
    if shutil.which("systemctl") is None:
        autostart = {config / f"autostart/{APPLICATION}.desktop": _desktop_entry(command)}
        return Service("", entry | autostart, (), (), (), (), ())
    control = ("systemctl", "--user")
    return Service(
        control[0],
        entry | {config / "systemd/user" / UNIT: _unit(command)},
        renew=(),
        start=((*control, "daemon-reload"), (*control, "enable", UNIT), (*control, "restart", UNIT)),
        stop=((*control, "disable", "--now", UNIT),),
        forget=((*control, "daemon-reload"),),
        active=(*control, "is-active", UNIT),
    )


def _unit(command: Sequence[str]) -> str:
    return f"""\
[Unit]
Description=Dictation by a key, hushd
PartOf=graphical-session.target
After=graphical-session.target

[Service]
ExecStart={" ".join(map(units.quoted, command))}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=graphical-session.target
"""


def _desktop_entry(command: Sequence[str]) -> str:
    return f"""\
[Desktop Entry]
Type=Application
Name=Dictation
Comment=What you say becomes text where the cursor is
Exec={" ".join(_desktop_word(word) for word in command)}
Icon=audio-input-microphone
NoDisplay=true
"""


def _desktop_word(word: str) -> str:
    """Quotes a word of a desktop entry's command line."""
    if word and all(sign.isalnum() or sign in "-_./=+:@" for sign in word):
        return word
    escaped = re.sub(r'[\\"`$]', r"\\\g<0>", word).replace("\\", "\\\\").replace("%", "%%")
    return f'"{escaped}"'
