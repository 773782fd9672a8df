"""`hushd service install --watch DIR …`: services that run `hushd watch` from each login on, one for a folder."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hushd_protocol.system import paths

from hushd_cli import table

from .service import LABEL, Service, launchd_service, quoted, unit_folder

_UNIT = """\
[Unit]
Description=hushd transcribes what is put into a folder
Wants=hushd.socket
After=hushd.socket

[Service]
WorkingDirectory={folder}
ExecStart={command}
# Of a folder that is not mounted yet, too.
Restart=on-failure
RestartSec=60
SuccessExitStatus=143

[Install]
WantedBy=default.target
"""


def find(words: Sequence[str], platform: str = sys.platform) -> Service:
    """Returns the service that runs `hushd watch` with `words`; the folder alone finds an installed one.
    Raises `engine_missing` without the plugin, `bad_request` for words that make no sense."""
    command, _ = table.find(["watch"])
    assert command
    options = command.make_parser("hushd watch").parse(words, "files", files=True)
    folder = os.getcwd()  # from which the paths among the words lead
    name = re.sub(r"\W+", "-", os.path.normpath(os.path.join(folder, *options.files))).strip("-")
    program = [sys.executable, "-P", "-m", "hushd", "watch", *words]
    if platform == "darwin":
        return _agent(
            f"{LABEL}.watch.{name}", ProgramArguments=program, WorkingDirectory=folder, RunAtLoad=True,
            KeepAlive={"SuccessfulExit": False}, StandardErrorPath=str(paths.find().logs / "watch.log"),
        )  # fmt: skip
    line = " ".join(quoted(word).replace("$", "$$") for word in program)
    return _unit(unit_folder() / f"hushd-watch-{name}.service", folder=folder.replace("%", "%%"), command=line)


def installed(platform: str = sys.platform) -> list[Service]:
    """Returns the services of all folders."""
    if platform == "darwin":
        return [_agent(file.stem) for file in (Path.home() / "Library/LaunchAgents").glob(f"{LABEL}.watch.*.plist")]
    return [_unit(file, folder="", command="") for file in unit_folder().glob("hushd-watch-*.service")]


def _agent(label: str, **more: object) -> Service:
    """Returns the service for launchd. Untested, as hushd's own is."""
    return launchd_service(Path.home(), label, {"Label": label, **more})


def _unit(file: Path, **parts: str) -> Service:
    control, unit = ("systemctl", "--user"), file.name
    reload = (*control, "daemon-reload")
    start = (reload, (*control, "enable", unit), (*control, "restart", unit))
    stop = ((*control, "disable", "--now", unit),)
    return Service(control[0], {file: _UNIT.format(**parts)}, (), start, stop, (reload,), (*control, "is-active", unit))
