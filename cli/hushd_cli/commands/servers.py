"""`hushd servers`: the speech servers that hushd starts on demand; adds one by its command line, and tries it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hushd import Client
from hushd_models import server_files
from hushd_protocol.errors import HushdError
from hushd_protocol.names import is_name
from hushd_protocol.suggest import quoted
from hushd_protocol.system import atomic_file, paths
from hushd_schema import server_file, toml

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd_schema.status import WorkerStatus

_SENTENCE = "The quick brown fox jumps over the lazy dog."
_ROLES = {"tts": "speaks", "stt": "hears"}


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    argv = list(argv)
    at = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:at])
    if options.command is None:
        parser.print_help()
    elif options.command == "list":
        _list(options.json)
    elif options.command == "add":
        return _add(options, argv[at + 1 :])
    elif options.command == "remove":
        _remove(options.name)
    else:
        return _try(options.name, options.download)
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Speech servers that hushd starts when somebody asks, and ends when they are idle. Each is a file of yours, "
        "servers/NAME.toml beside the configuration: `say -v server/NAME`, `listen --engine server --model NAME`.",
    )
    commands = parser.add_commands()
    listed = commands.add("list", "list them, and what each holds")
    listed.add_argument("--json", action="store_true", help="print JSON, for programs")
    added = commands.add("add", "add a server by its command line, and try it")
    added.usage = f"{prog} add NAME [KEY=VALUE…] [-- COMMAND…]"
    added.add_argument(
        "name", metavar="NAME", help="your name for it; some are known without a command, such as kokoro"
    )
    added.add_argument(
        "keys", metavar="KEY=VALUE", nargs="*",
        help="keys of its file, such as like=openai; the command has {port} where it takes its port",
    )  # fmt: skip
    tried = commands.add("try", "start a server, have it speak and hear, and end it")
    tried.add_argument("name", metavar="NAME")
    for command in (added, tried):
        command.add_argument(
            "--download", action="store_true", help="let it download its model first, and show its log"
        )
    commands.add("remove", "end a server, and remove its file").add_argument("name", metavar="NAME")
    return parser


# --- list ------------------------------------------------------------------------------------------------------------


def _list(as_json: bool) -> None:
    rows = [_row(name) for name in server_files.SERVERS.names()]
    if as_json:
        console.write_json(rows)
    elif not rows:
        console.note("There is no server yet: `hushd servers add NAME -- COMMAND` adds one.")
    else:
        width = max(len(row["name"]) for row in rows)
        for row in rows:
            held = f"{row['size_mb']:.0f} MB" if row["size_mb"] else "-"
            facts = f"{row['like'] or 'own paths':15}{' and '.join(row['does']):17}{row['state']:10}{held}"
            console.write(f"{row['name']:{width}}  {row['problem'] or facts}\n")


def _row(name: str) -> dict[str, Any]:
    row = {"name": name, "like": "", "does": [], "state": "stopped", "size_mb": 0.0, "problem": ""}
    try:
        server = server_files.read(name)
    except HushdError as error:
        return row | {"state": "broken", "problem": error.message}
    workers, elsewhere = _workers(name), server.memory_mb if server.stop else 0.0
    return row | {
        "like": server.like,
        "does": [word for role, word in _ROLES.items() if server.does(role)],
        "state": next((worker.state for worker in workers), "stopped"),
        "size_mb": sum((worker.private_mb or 0.0) + elsewhere for worker in workers),
    }


def _workers(name: str) -> list[WorkerStatus]:
    try:
        with Client(holder="cli", start=False) as client:
            return [row for row in client.status().workers if row.name.split("/", 1)[1] == f"server/{name}" and row.pid]
    except HushdError:
        return []  # no supervisor runs


# --- add and try -----------------------------------------------------------------------------------------------------


def _add(options: Namespace, command: list[str]) -> int:
    if not is_name(options.name):
        raise HushdError("bad_request", f"{quoted(options.name)} cannot be a name: use ASCII letters, digits, - and _.")
    known = server_file.known()
    if not command and options.name not in known:
        how = f"hushd servers add {options.name} -- COMMAND; without one it knows {', '.join(known)}"
        raise HushdError("bad_request", f"Say how it is started: {how}.")
    content: dict[str, Any] = {"run": _with_port(command), "cwd": os.getcwd()} if command else known[options.name]
    for pair in options.keys:
        key, _, value = pair.partition("=")
        content[key] = _value(value)
    try:
        server = server_file.read(options.name, content, "openai")
    except HushdError as error:
        raise HushdError("bad_request", f"{options.name}: {error.message}") from None
    if server.like:
        content["like"] = server.like
    path = server_files.SERVERS.path(options.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.is_file() else b""
    atomic_file.replace(path, server_file.text_of(content))
    status = 1
    try:
        status = _try(options.name, options.download)
    finally:  # Ctrl-C comes here, too
        if status:
            _end_workers(options.name)
        if status and before:
            atomic_file.replace(path, before)
        elif status:
            path.unlink(missing_ok=True)
    if not status:
        console.write(f"wrote {path}: like {server.like or 'no other'}\n")
    return status


def _remove(name: str) -> None:
    path = server_files.existing(name)
    _end_workers(name)
    path.unlink()
    (paths.find().state / "servers" / f"{name}.json").unlink(missing_ok=True)
    console.write(f"removed {path}\n")


def _end_workers(name: str) -> None:
    for worker in _workers(name):
        with Client(holder="cli", start=False) as client:
            client.unload(worker.name)


def _with_port(command: list[str]) -> list[str]:
    """Returns a command that takes its port from hushd: the value of `--port` becomes `{port}`."""
    if any("{port}" in word or "{socket}" in word or "stdio" in word for word in command):
        return command
    words = [re.sub(r"^(--port=|(?:http|tcp)://[^:]+:|127\.0\.0\.1:)\d+$", r"\1{port}", word) for word in command]
    for at, word in enumerate(words[:-1]):
        if word in ("--port", "-p") and words[at + 1].isdigit():
            words[at + 1] = "{port}"
    return words if words != command else [*command, "--host", "127.0.0.1", "--port", "{port}"]


def _value(text: str) -> Any:
    try:
        return toml.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def _try(name: str, download: bool) -> int:
    """Has a server do what it is for, through hushd as any program would, and reports each step; returns the status."""
    server = server_files.read(name)
    if download:
        for role in filter(server.does, _ROLES):
            program = [sys.executable, "-P", "-m", f"hushd_worker_{role}.engines.server", name]
            if subprocess.run(program).returncode:
                return 1
    messages = set()
    with Client(holder="cli") as client:
        spoken: bytes | None = None
        for role in filter(server.does, _ROLES):
            try:
                spoken = (_speak if role == "tts" else _hear)(client, name, spoken)
            except HushdError as error:
                alike = re.sub(r"\d", "", error.message)  # message without the port and the time in its log
                if alike not in messages:
                    console.complain(error.message)
                messages.add(alike)
    return int(bool(messages))


def _speak(client: Client, name: str, _: bytes | None) -> bytes:
    _timed("ready to speak", lambda: client.preload(f"tts/server/{name}"))
    began, first, sound = time.monotonic(), 0.0, b""
    speech = client.synthesize(_SENTENCE, engine="server", model=name, format="wav")
    for piece in speech:
        first = first or time.monotonic() - began
        sound += piece
    console.write(f"first sound    {first * 1000:.0f} ms, all of it {time.monotonic() - began:.1f} s\n")
    _end(client, "tts", name)
    return sound


def _hear(client: Client, name: str, sound: bytes | None) -> bytes:
    sound = sound or b"".join(client.synthesize(_SENTENCE, format="wav"))
    _timed("ready to hear", lambda: client.preload(f"stt/server/{name}"))
    began = time.monotonic()
    text = client.transcribe(sound, engine="server", model=name).text
    console.write(f"said           {_SENTENCE}\nheard          {text} ({time.monotonic() - began:.1f} s)\n")
    _end(client, "stt", name)
    return sound


def _timed(what: str, act: Callable[[], object]) -> None:
    began = time.monotonic()
    act()
    console.write(f"{what:14} {time.monotonic() - began:.1f} s\n")


def _end(client: Client, role: str, name: str) -> None:
    rows = [row for row in client.status().workers if row.name == f"{role}/server/{name}"]
    console.write(f"memory         {sum(row.private_mb or 0 for row in rows):.0f} MB, with hushd's worker\n")
    _timed("ended", lambda: client.unload(f"{role}/server/{name}"))
