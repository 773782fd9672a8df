"""`hushd keys`: which other machines may come to this one, and the key by which this one comes to others."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from hushd.reports.display import Column, clock, laid_out
from hushd_protocol import JsonObject
from hushd_protocol.endpoint import Endpoint, key_text, read_key, split_address
from hushd_protocol.errors import UNANSWERED, HushdError
from hushd_protocol.system import paths
from hushd_protocol.system.keys import KeyFiles

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

_EVERYWHERE = ("", "0.0.0.0", "::")


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    files = KeyFiles(paths.find())
    if options.command is None:
        parser.print_help()
    elif options.command == "generate":
        _generate(files, options.new)
    elif options.command == "allow":
        _allow(files, options.name, read_key(options.key))
    elif options.command == "revoke":
        files.revoke(options.name)
        _connections()
    else:
        _list(files, options.json)
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(
        prog,
        "Manages the keys of machines of yours that use each other's hushd over the network, encrypted. The one that "
        "comes runs `generate`, the other `allow` with the key that was printed, and the first sets HUSHD_ENDPOINT to "
        "what that prints.",
    )
    commands = parser.add_commands()
    generated = commands.add("generate", "print this machine's public key; made the first time")
    generated.add_argument("--new", action="store_true", help="make another: machines that know this one need it too")
    allowed = commands.add("allow", "let another machine come, and print what it needs to find this one")
    allowed.add_argument("name", metavar="NAME", help="for that machine, such as laptop")
    allowed.add_argument("key", metavar="KEY", help="that `hushd keys generate` has printed there")
    listed = commands.add("list", "list this machine's key, and the machines that may come")
    listed.add_argument("--json", action="store_true", help="for programs")
    revoked = commands.add("revoke", "no longer let a machine come; its connections end at once")
    revoked.add_argument("name", metavar="NAME")
    return parser


def _generate(files: KeyFiles, new: bool) -> None:
    key = key_text(files.generate(anew=new))
    if new:
        _connections()
    console.write(f"{key}\n")
    console.note(f"On the machine to use: hushd keys allow {socket.gethostname().partition('.')[0]} {key}")


def _allow(files: KeyFiles, name: str, key: bytes) -> None:
    files.allow(name, key)
    own = files.generate()
    _connections()
    if not (listens := _listens()):
        console.complain(
            f"{name} may come once this machine listens: hushd config set remote.listen tcp+curve://0.0.0.0:7300"
        )
        return
    host, port = listens
    endpoint = Endpoint(own, socket.gethostname() if host in _EVERYWHERE else host, port)
    console.write(f"{endpoint}\n")
    console.note(f"On {name}: export HUSHD_ENDPOINT={endpoint}")


def _listens() -> tuple[str, int] | None:
    """The host and port at which the configuration has other machines come."""
    from hushd_schema.settings import load

    return split_address(load(paths.find().config).remote.listen.partition("://")[2])


def _connections() -> dict[str, int]:
    """Has a running supervisor read the keys; returns the number of connections by the name of the machine."""
    from hushd.client import Client
    from hushd_schema.controls import Machines

    try:
        with Client(holder="cli", start=False, endpoint="") as client:
            return dict(Machines.from_data(client.control("keys")).machines)
    except HushdError as error:
        if error.code not in (*UNANSWERED, "unsupported"):
            raise
        return {}


def _list(files: KeyFiles, as_json: bool) -> None:
    own, allowed = files.public(), files.allowed()
    connections = _connections() if allowed else {}
    rows = [
        {"name": name, "key": key_text(key), "connections": connections.get(name, 0), "seen": files.seen(name)}
        for name, key in sorted(allowed.items())
    ]
    if as_json:
        console.write_json({"key": own and key_text(own), "allowed": rows})
        return
    if own:
        console.write(f"this machine's key: {key_text(own)}\n")
    if rows:
        console.write("\n".join(["", *laid_out(_COLUMNS, rows, console.width()), ""]))
    else:
        console.note("No other machine may come; `hushd keys allow NAME KEY` lets one.")


def _seen(row: JsonObject) -> str:
    return "never" if row["seen"] is None else f"{clock(max(0.0, time.time() - row['seen']))} ago"


_COLUMNS: tuple[Column[JsonObject], ...] = (
    Column("MACHINE", lambda row: str(row["name"]), left=True),
    Column("CONNECTIONS", lambda row: str(row["connections"])),
    Column("CAME", _seen),
    Column("KEY", lambda row: str(row["key"]), left=True),
)
