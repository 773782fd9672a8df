"""`hushd attach HOST`: lends this machine's loudspeaker, microphone and floor to programs on another machine."""

from __future__ import annotations

import os
import shlex
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from hushd.transport.link import DEVICES, ENDPOINT, HERE
from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.suggest import quoted
from hushd_protocol.system import paths
from hushd_protocol.system.lifeline import remove_left

from .attached import MODELS, SUFFIX
from .permissions import Permissions
from .server import AttachServer
from .tunnel import Tunnel

PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before each attempt to reconnect; the last one for all further ones


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if not options.host or options.host.startswith("-") or not options.host.isprintable():
        raise HushdError("bad_request", f"HOST must be a name that ssh knows, or a folder, not {options.host!r}.")
    ssh = _command(options.ssh)
    os.environ[DEVICES] = HERE  # lends this machine's own devices
    os.environ.pop(ENDPOINT, None)
    where = paths.find()
    paths.prepare_runtime(where)
    permissions = Permissions(
        options.host.rpartition("@")[2].rstrip("/").rpartition("/")[2], not options.no_microphone, options.models
    )
    name = f"{_machine()}-{os.getpid()}{MODELS if options.models else SUFFIX}"
    try:
        if "/" in options.host:
            _serve_folder(Path(options.host), name, permissions)
        else:
            _attach(ssh, options.host, where, name, permissions)
    except KeyboardInterrupt:  # the usual end
        console.note("Detached.")
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Lend this machine's loudspeaker, microphone and floor to hushd's programs on another machine, by ssh, until "
        "Ctrl-C. Programs there use them automatically; hushd need not run there.",
    )
    parser.add_argument(
        "host", metavar="HOST", help="the machine's name for ssh, or a container's runtime folder, such as ./folder"
    )
    parser.add_argument("--no-microphone", action="store_true", help="lend the loudspeaker alone")
    parser.add_argument("--models", action="store_true", help="also lend this machine's models")
    parser.add_argument(
        "--ssh", metavar="COMMAND", default="ssh", help="the ssh command with its options, such as 'ssh -p 2222'"
    )
    parser.examples = (
        ("hushd attach server", "agents on server speak and listen here"),
        ("hushd attach --models --no-microphone server", "they need no models there, and hear nothing"),
    )
    return parser


def _command(text: str) -> list[str]:
    """Returns the words of a command line."""
    try:
        if words := shlex.split(text):
            return words
        fault = "there is no command in it"
    except ValueError as error:
        fault = str(error).rstrip(".").lower()
    raise HushdError("bad_request", f"--ssh {quoted(text)} cannot be run ({fault}): write it as 'ssh -p 2222'.")


def _attach(ssh: Sequence[str], host: str, where: paths.Paths, name: str, permissions: Permissions) -> None:
    remove_left(where.runtime, "lent-*.sock", "ssh-*")
    local = where.runtime / f"lent-{os.getpid()}.sock"
    paths.check_socket(local)
    tunnel = Tunnel(ssh, host, local, where.runtime / f"ssh-{os.getpid()}", name)
    server = AttachServer(local, permissions)
    try:
        tunnel.open()
        while True:
            console.note(
                f"Attached to {permissions.host}: its programs speak{_listens(permissions)} here, until Ctrl-C."
            )
            tunnel.keep(lambda seconds: setattr(server, "round_trip", seconds))
            console.note(f"The connection to {permissions.host} was lost.")
            _again(tunnel)
    finally:
        tunnel.close()
        server.close()


def _again(tunnel: Tunnel) -> None:
    """Reconnects, however long that takes."""
    attempt, reason = 0, ""
    while True:
        tunnel.close(patience=0.0)
        time.sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
        attempt += 1
        try:
            return tunnel.open()
        except HushdError as error:
            if error.message != reason:
                console.complain(reason := error.message)


def _serve_folder(folder: Path, name: str, permissions: Permissions) -> None:
    """Serves programs that see `folder` as their runtime folder, until Ctrl-C."""
    attached = folder / "attached"
    with os_errors_as("output_failed", f"{attached} cannot be made"):
        attached.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.check_socket(attached / name, "name a folder with a shorter path")
    remove_left(attached, f"{_machine()}-*{SUFFIX}")
    server = AttachServer(attached / name, permissions)
    try:
        console.note(f"Attached to {folder}: programs with HUSHD_RUNTIME_DIR there speak{_listens(permissions)} here.")
        while True:
            time.sleep(3600)
    finally:
        server.close()


def _listens(permissions: Permissions) -> str:
    return " and listen" if permissions.microphone else ""


def _machine() -> str:
    name = socket.gethostname().partition(".")[0]
    return "".join(sign for sign in name if sign.isalnum() or sign in "-_")[:20] or "machine"
