"""`hushd service`: installs and uninstalls hushd as a service of the user's session, and shows its state."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.commands.serve.command import add_addresses
from hushd_cli.terminal import console

from . import units
from .units import Service

SPEECH_DISPATCHER = """\
When speech-dispatcher starts the next time it has the module hushd: try `spd-say -o hushd hello`, choose it in the
screen reader, or make it the usual one with the line DefaultModule hushd in ~/.config/speech-dispatcher/speechd.conf.
"""
EXIT_INACTIVE = 3  # of `status`, as systemctl has it


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    listen = {"http": options.http, "wyoming": options.wyoming}
    service = units.find(listen, speech_dispatcher=options.speech_dispatcher)
    if options.action == "status":
        return _status(service, options.json)
    if options.action == "uninstall":
        _uninstall(service, options.dry_run)
    else:
        _install(service, options.dry_run, SPEECH_DISPATCHER if options.speech_dispatcher else "")
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "Make the system start the supervisor when a program needs it.")
    parser.add_argument("action", choices=("install", "uninstall", "status"))
    parser.add_argument("--dry-run", action="store_true", help="only show the files and the commands")
    parser.add_argument(
        "--speech-dispatcher", action="store_true", help="a voice for screen readers, as a module of it; install"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs; status")
    add_addresses(parser, "; install")
    return parser


def _install(service: Service, dry_run: bool, hint: str) -> None:
    if os.environ.get("HUSHD_RUNTIME_DIR"):
        console.complain(
            "HUSHD_RUNTIME_DIR is set here: programs with this variable will not find the service, which has none."
        )
    if dry_run:
        for path, text in service.files.items():
            console.write(f"# {path}\n{text}\n")
        _show((*service.renew, *service.start))
        return
    if service.manager == "launchctl":
        paths.prepare_runtime(paths.find())  # systemd makes the socket's folder, launchd does not
    for path in service.write():
        console.write(f"wrote {path}\n")
    console.write(hint)
    for command in service.renew:
        units.run(command)
    if shutil.which(service.manager) is None:
        console.write(
            f"There is no {service.manager} here, and hushd needs none: commands start the supervisor themselves.\n"
        )
        console.write(f"Where there is one, run: {_line(service.start)}\n")
        return
    for number, command in enumerate(service.start):
        if reason := units.run(command):
            raise HushdError(
                "output_failed",
                f"The files are written, but {service.manager} says: {reason}. Where it works, run: "
                f"{_line(service.start[number:])}",
            )
    console.write("hushd is a service now: the first request starts it.\n")


def _uninstall(service: Service, dry_run: bool) -> None:
    files = [path for path in service.files if os.path.lexists(path)]
    if dry_run:
        _show(service.stop if files else ())
        _show([["rm", os.fspath(path)] for path in files])
        _show(service.forget if files else ())
        return
    if not files:
        console.write("hushd is not a service here.\n")
        return
    for command in service.stop:
        if reason := units.run(command):
            console.complain(f"{shlex.join(command)}: {reason}")  # a service that does not run need not be stopped
    for path in service.remove():
        console.write(f"removed {path}\n")
    for command in service.forget:
        units.run(command)
    console.write("hushd is no longer a service: commands start the supervisor themselves.\n")


def _status(service: Service, as_json: bool) -> int:
    missing = service.missing()
    installed = any(map(os.path.lexists, service.files))
    files = {
        os.fspath(path): "as it should be" if path not in missing else "differs" if path.exists() else "missing"
        for path in service.files
    }
    reason = units.run(service.active)
    faulty = installed and bool(missing or reason)
    if as_json:
        console.write_json({"files": files, "manager": service.manager, "listens": not reason, "reason": reason or ""})
        return EXIT_INACTIVE if faulty else 0
    if not installed and reason:
        console.write(
            "hushd is not a service here, and need not be: commands start the supervisor themselves. "
            "`hushd service install` makes it one.\n"
        )
        return 0
    console.write("".join(f"{path}: {word}\n" for path, word in files.items()))
    console.write(f"{service.manager}: {f'does not listen ({reason})' if reason else 'listens'}\n")
    if faulty:
        console.write("`hushd service install` repairs this.\n")
    return EXIT_INACTIVE if faulty else 0


def _show(commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        console.write(f"$ {shlex.join(command)}\n")


def _line(commands: Sequence[Sequence[str]]) -> str:
    return " && ".join(shlex.join(command) for command in commands)
