"""`hushd`: runs the supervisor, and shows and changes what it does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from hushd_protocol.errors import HushdError

from . import console
from .arguments import Parser, positive, refuse_undecodable

if TYPE_CHECKING:
    from hushd.client import Client

_DESCRIPTION = "Looks after the workers that speak and listen."


def main(prog: str, argv: Sequence[str]) -> int:
    refuse_undecodable(argv)
    command, rest = (argv[0], argv[1:]) if argv else ("", argv)
    if command == "say":
        from .say.command import main as say

        return say(f"{prog} say", rest)
    if command == "listen":
        from .listen.command import main as listen

        return listen(f"{prog} listen", rest)
    if command == "models":
        from .models.command import main as models

        return models(f"{prog} models", rest)
    if command == "tune":
        from .tune.command import main as tune

        return tune(f"{prog} tune", rest)
    if command == "talk":
        from .talk import main as talk

        return talk(f"{prog} talk", rest)
    if command in ("run", "config"):
        _become_supervisor(rest if command == "run" else argv)
    parser = _parser(prog)
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 0
    if options.command == "service":
        from .service.command import main as serve

        return serve(options.action, options.dry_run)
    if options.command == "restart":
        from .restart import restart

        restart()
        return 0
    if options.command == "logs":
        from .logs import show

        show(options.what, options.lines, options.follow)
        return 0
    if options.command == "mcp":
        from .mcp import host

        return host(options.http, options.holder, options.patience)
    from hushd.client import Client

    with Client(holder="cli", start=options.command == "preload") as client:
        if options.command == "status":
            _status(client, options.json)
        elif options.command == "preload":
            client.preload(*options.what, keep_alive=options.keep_alive)
        elif options.command == "reload":
            client.reload()
        elif options.command == "stop-speaking":
            client.stop_speaking(*options.who, current=options.current)
        elif options.command == "pause":
            client.pause(*options.who)
        elif options.command == "resume":
            client.resume(*options.who)
        elif options.command == "unload":
            client.unload(*options.what)
        elif not client.shutdown():
            raise HushdError("shutting_down", "The supervisor is leaving, but still has jobs to finish.")
    return 0


def _parser(prog: str) -> Parser:
    parser = Parser(prog, _DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Command)
    commands.add_parser("run", help="be the supervisor, in the foreground")
    status = commands.add_parser("status", help="what runs, and how much memory it has")
    status.add_argument("--json", action="store_true", help="for programs")
    preload = commands.add_parser("preload", help="start workers: stt, tts/hibari, stt/moonshine/tiny-en")
    preload.add_argument("what", nargs="+", metavar="WHAT")
    preload.add_argument("--keep-alive", metavar="TIME", help="how long they stay: 300, 5m, 1h30m, -1 (for ever)")
    unload = commands.add_parser(
        "unload", help="end workers (all of them when none is named) and give their memory back"
    )
    unload.add_argument("what", nargs="*", metavar="WHAT")
    commands.add_parser("reload", help="have the configuration read again")
    stop = commands.add_parser("stop-speaking", help="silence: end what is spoken, and what waits to be")
    stop.add_argument("--current", action="store_true", help="only what is spoken now; the next goes on")
    pause = commands.add_parser("pause", help="silence until `hushd resume`; nothing is lost")
    resume = commands.add_parser("resume", help="go on where `hushd pause` interrupted")
    for command in (stop, pause, resume):
        command.add_argument(
            "who", nargs="*", metavar="WHO", help="turns or clients, as in `hushd status`; default: everybody"
        )
    commands.add_parser("shutdown", help="finish what is running, then end the supervisor")
    commands.add_parser("restart", help="the same, and start a new one, for which whoever asks meanwhile waits")
    service = commands.add_parser("service", help="have the system start the supervisor when somebody asks")
    service.add_argument("action", choices=("install", "uninstall", "status"))
    service.add_argument("--dry-run", action="store_true", help="only show the files and the commands")
    logs = commands.add_parser("logs", help="the end of a log")
    logs.add_argument("what", nargs="?", metavar="WHAT", help="a worker; default: the supervisor")
    logs.add_argument("-n", "--lines", type=int, default=50, help="how many; default: 50")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what is added")
    mcp = commands.add_parser("mcp", help="give agents a voice and ears: a server of the Model Context Protocol")
    mcp.add_argument("--http", metavar="HOST:PORT", help="serve at this address; default: standard input and output")
    mcp.add_argument("--holder", metavar="NAME", help="whose name `hushd status` shows; default: the host's own")
    mcp.add_argument(
        "--patience",
        type=positive,
        metavar="SECONDS",
        help="how long a call may take; then it is answered with a ticket; default: 25",
    )
    commands.add_parser("models", help="list, get, check and remove models; `hushd models --help` says more")
    commands.add_parser("tune", help="find out which settings are quickest on this machine, and write them down")
    commands.add_parser("config", help="`config check` reads the configuration and says what is wrong with it")
    commands.add_parser("talk", help="a conversation, by loudspeaker and microphone, with you or with a program")
    commands.add_parser("say", help="speak; also a command of its own")
    commands.add_parser("listen", help="write down what is said; also a command of its own")
    return parser


class _Command(Parser):
    """A subcommand's parser, as argparse makes it."""

    def __init__(self, prog: str, **_: object) -> None:
        super().__init__(prog, _DESCRIPTION)


def _become_supervisor(arguments: Sequence[str]) -> NoReturn:
    """Replaces this process, which keeps its number, so that a service manager sees the supervisor itself.

    -P: a file of the folder we are in must not be taken for one of Python's modules.
    """
    os.execv(sys.executable, [sys.executable, "-P", "-m", "hushd_supervisor", *arguments])


def _status(client: Client, as_json: bool) -> None:
    status = client.status()
    if as_json:
        console.write(json.dumps(status, indent=2) + "\n")
    else:
        from hushd.status_table import table

        console.write(table(status, console.width()))
