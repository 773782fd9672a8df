"""`hushd service`: installs and uninstalls hushd as a service of the user's session.

The files for systemd and launchd are copies from `packaging`, with the running Python instead of the system's.
"""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from argparse import REMAINDER
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError, os_errors_as, reason
from hushd_protocol.system import atomic_file, paths

from hushd_cli import table
from hushd_cli.arguments import Parser
from hushd_cli.commands.serve import add_addresses
from hushd_cli.terminal import console

PACKAGING = Path(__file__).parents[1] / "packaging"
PYTHON = "/usr/bin/python3"  # interpreter named in the files of `packaging`
UNITS = ("hushd.service", "hushd.socket")
DOOR = {"http": "hushd-http.socket", "wyoming": "hushd-wyoming.socket"}  # units that only some users want
LABEL = "org.hushd"
_LISTEN = re.compile(r"^ListenStream=(.+)$", re.MULTILINE)
COMMAND_S = 100.0  # a stopping service may finish its jobs first


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    listen = {"http": options.http, "wyoming": options.wyoming}
    watched = [watcher(options.watch)] if options.watch else []
    if options.action == "install":
        _install(find(listen).joined(watched))
    elif watched:
        _uninstall(watched[0], "The folder is no longer watched.")
    else:
        service = find(listen).joined(watchers())
        _uninstall(service, "hushd is no longer a service: commands start the supervisor themselves.")
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Make the system start the supervisor when a program needs it.")
    parser.add_argument("action", choices=("install", "uninstall"))
    add_addresses(parser, "; install")
    help = "from each login on, run `hushd watch` with all words that follow; uninstall --watch DIR ends it"
    parser.add_argument("--watch", nargs=REMAINDER, metavar="DIR", help=help)
    return parser


def _install(service: Service) -> None:
    if os.environ.get("HUSHD_RUNTIME_DIR"):
        console.complain(
            "HUSHD_RUNTIME_DIR is set here: programs with this variable will not find the service, which has none."
        )
    if service.manager == "launchctl":
        paths.prepare_runtime(paths.find())  # systemd makes the socket's folder, launchd does not
    service.write()
    if shutil.which(service.manager) is None:
        console.write(
            f"There is no {service.manager} here, and hushd needs none: commands start the supervisor themselves.\n"
        )
        console.write(f"Where there is one, run: {_line(service.start)}\n")
        return
    for number, command in enumerate(service.start):
        if reason := run(command):
            raise HushdError(
                "output_failed",
                f"The files are written, but {service.manager} says: {reason}. Where it works, run: "
                f"{_line(service.start[number:])}",
            )
    console.write("hushd is a service now: the first request starts it.\n")


def _uninstall(service: Service, done: str) -> None:
    files = [path for path in service.files if os.path.lexists(path)]
    if not files:
        console.write("hushd is not a service here.\n")
        return
    for command in service.stop:
        if reason := run(command):
            console.complain(f"{shlex.join(command)}: {reason}")  # a service that does not run need not be stopped
    service.remove()
    console.write(f"{done}\n")


def _line(commands: Sequence[Sequence[str]]) -> str:
    return " && ".join(shlex.join(command) for command in commands)


# --- the files and the commands -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """A service: its `files` by path, and the manager's commands.

    Attributes:
        manager: the program that the commands begin with.
        start: commands after the files were written; `renew` comes before them and may fail.
        stop, forget: commands before and after the files are removed.
        active: the command that succeeds while the manager holds the socket.
    """

    manager: str
    files: Mapping[Path, str]
    renew: Sequence[Sequence[str]]
    start: Sequence[Sequence[str]]
    stop: Sequence[Sequence[str]]
    forget: Sequence[Sequence[str]]
    active: Sequence[str]

    def joined(self, others: Iterable[Service]) -> Service:
        """Returns this service and others of the same manager as one."""
        every = (self, *others)
        commands: dict[str, Any] = {
            part: [*chain(*(getattr(each, part) for each in every))] for part in ("renew", "start", "stop")
        }
        return replace(self, files=dict(chain(*(each.files.items() for each in every))), **commands)

    def missing(self) -> list[Path]:
        """Returns the files that are missing or differ."""
        return [path for path, text in self.files.items() if _read(path) != text]

    def write(self) -> None:
        """Writes the missing files, and prints which. Raises `output_failed`."""
        for path in self.missing():
            with os_errors_as("output_failed", f"{path} cannot be written"):
                path.parent.mkdir(parents=True, exist_ok=True)
                atomic_file.replace(path, self.files[path])
            console.write(f"wrote {path}\n")
        for command in self.renew:
            run(command)

    def remove(self) -> None:
        """Removes the files that exist, and prints which. Raises `output_failed`."""
        for path in filter(os.path.lexists, self.files):
            with os_errors_as("output_failed", f"{path} cannot be removed"):
                path.unlink()
            console.write(f"removed {path}\n")
        for command in self.forget:
            run(command)


def find(
    listen: Mapping[str, Sequence[str]] | None = None,
    environ: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> Service:
    """Returns the service of this user on this system. Raises `unsupported` for addresses with launchd.
    `listen`: addresses by kind, a key of `DOOR`; kinds without addresses keep their unit's."""
    listen = {kind: addresses for kind, addresses in (listen or {}).items() if addresses}
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    if platform == "darwin":
        if listen:
            raise HushdError(
                "unsupported",
                "hushd cannot make launchd listen at addresses yet: set [http] listen and [wyoming] listen instead.",
            )
        return _launchd(home, paths.find(environ).client_socket)
    return _systemd(unit_folder(environ), listen)


def unit_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder of the user's units; a relative path is ignored, as the XDG specification demands."""
    folder = environ.get("XDG_CONFIG_HOME", "")
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    return (Path(folder) if os.path.isabs(folder) else home / ".config") / "systemd/user"


def run(command: Sequence[str]) -> str:
    """Runs a command of the manager; returns the reason if it fails, else an empty text."""
    if shutil.which(command[0]) is None:
        return f"there is no {command[0]} here"
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=COMMAND_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return reason(error)
    complaint = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else complaint[-1] if complaint else f"status {done.returncode}"


def _systemd(folder: Path, listen: Mapping[str, Sequence[str]]) -> Service:
    control = ("systemctl", "--user")
    files = {folder / name: _unit((PACKAGING / "systemd/user" / name).read_text(encoding="utf-8")) for name in UNITS}
    doors = {folder / name: listen.get(kind) or _addresses(folder / name) for kind, name in DOOR.items()}
    files |= {path: _socket(path.name, addresses) for path, addresses in doors.items() if addresses}
    sockets = [path.name for path in files if path.suffix == ".socket"]
    # systemd does not start a socket of a running service.
    stop = ((*control, "stop", "hushd.service"),) if listen else ()
    return Service(
        control[0],
        files,
        renew=(),
        start=((*control, "daemon-reload"), *stop, (*control, "enable", "--now", *sockets)),
        stop=((*control, "disable", "--now", *sockets),),  # ends the service first
        forget=((*control, "daemon-reload"),),
        active=(*control, "is-active", *sockets),
    )


def _socket(name: str, addresses: Sequence[str]) -> str:
    """Returns a unit of `DOOR` that listens at `addresses`, in the configuration's notation."""
    text = (PACKAGING / "systemd/user" / name).read_text(encoding="utf-8")
    (packaged,) = _LISTEN.findall(text)
    plain = [address.removeprefix("tcp://").removeprefix("unix://") for address in addresses]
    return text.replace(f"ListenStream={packaged}", "\n".join(f"ListenStream={address}" for address in plain))


def _addresses(unit: Path) -> list[str]:
    return _LISTEN.findall(_read(unit) or "")


def _unit(text: str) -> str:
    return text.replace(f"={PYTHON} ", f"={quoted(sys.executable)} ")


def quoted(path: str) -> str:
    """Quotes a path for a unit file's command line."""
    path = path.replace("%", "%%")
    return path if re.fullmatch(r"[\w%/.-]+", path) else '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _launchd(home: Path, socket: Path) -> Service:
    """Returns the service for launchd. Untested: written from launchd.plist(5) and launchctl(1)."""
    agent = plistlib.loads((PACKAGING / "launchd" / f"{LABEL}.plist").read_bytes())
    agent["ProgramArguments"][0] = sys.executable
    agent["Sockets"]["client"]["SockPathName"] = os.fspath(socket)
    return launchd_service(home, LABEL, agent)


def launchd_service(home: Path, label: str, agent: Mapping[str, object]) -> Service:
    """Returns the service of a launchd agent, with its file in the user's `home`."""
    file = home / f"Library/LaunchAgents/{label}.plist"
    domain = f"gui/{os.getuid()}"
    bootout_command = ("launchctl", "bootout", f"{domain}/{label}")
    return Service(
        "launchctl",
        {file: plistlib.dumps(dict(agent)).decode()},
        renew=(bootout_command,),
        start=(("launchctl", "bootstrap", domain, os.fspath(file)),),
        stop=(bootout_command,),
        forget=(),
        active=("launchctl", "print", f"{domain}/{label}"),
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


# --- watched folders: a service for each, that runs `hushd watch` ---------------------------------------------------

_WATCHER = """\
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


def watcher(words: Sequence[str], platform: str = sys.platform) -> Service:
    """Returns the service that runs `hushd watch` with `words` from each login on; the folder alone finds it again.
    Raises `engine_missing` without the plugin, `bad_request` for words that make no sense."""
    command, _ = table.find(["watch"])
    assert command
    options = command.make_parser("hushd watch").parse(words, "files", files=True)
    folder = os.getcwd()  # the paths among the words lead from here
    name = re.sub(r"\W+", "-", os.path.normpath(os.path.join(folder, *options.files))).strip("-")
    program = [sys.executable, "-P", "-m", "hushd", "watch", *words]
    if platform == "darwin":
        return _watching_agent(
            f"{LABEL}.watch.{name}", ProgramArguments=program, WorkingDirectory=folder, RunAtLoad=True,
            KeepAlive={"SuccessfulExit": False}, StandardErrorPath=str(paths.find().logs / "watch.log"),
        )  # fmt: skip
    line = " ".join(quoted(word).replace("$", "$$") for word in program)
    return _watching_unit(unit_folder() / f"hushd-watch-{name}.service", folder.replace("%", "%%"), line)


def watchers(platform: str = sys.platform) -> list[Service]:
    """Returns the services of all watched folders."""
    if platform == "darwin":
        files = (Path.home() / "Library/LaunchAgents").glob(f"{LABEL}.watch.*.plist")
        return [_watching_agent(file.stem) for file in files]
    return [_watching_unit(file) for file in unit_folder().glob("hushd-watch-*.service")]


def _watching_agent(label: str, **more: object) -> Service:
    """Returns the service of a folder for launchd. Untested, as hushd's own is."""
    return launchd_service(Path.home(), label, {"Label": label, **more})


def _watching_unit(file: Path, folder: str = "", command: str = "") -> Service:
    control, unit = ("systemctl", "--user"), file.name
    reload = (*control, "daemon-reload")
    return Service(
        control[0],
        {file: _WATCHER.format(folder=folder, command=command)},
        renew=(),
        start=(reload, (*control, "enable", unit), (*control, "restart", unit)),
        stop=((*control, "disable", "--now", unit),),
        forget=(reload,),
        active=(*control, "is-active", unit),
    )
