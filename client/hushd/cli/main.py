"""`hushd`: runs the supervisor, and shows and changes what it does."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from hushd_protocol.errors import HushdError

from . import console
from .arguments import Commands, Parser, add_compute_device, positive, refuse_undecodable, whole

if TYPE_CHECKING:
    from hushd.client import Client

STDIO = "stdio://"  # an address of Wyoming
_DESCRIPTION = "Gives programs on this machine a voice and ears, and manages the workers that speak and listen."
OWN_OPTIONS = {  # commands that parse what follows them
    "say": "say.command",
    "listen": "listen.command",
    "models": "models.command",
    "tune": "tune.command",
    "talk": "talk",
    "top": "top.command",
    "memory": "memory",
    "doctor": "doctor.command",
    "config": "config.command",
    "keys": "keys",
    "completion": "completion.command",
    "captions": "captions.command",
    "dictate": "dictate.command",
    "trace": "trace",
    "cluster": "cluster",
}
# Commands about the machine that they run on: its files, its devices, its supervisor.
OWN_MACHINE = ("models", "tune", "memory", "doctor", "trace", "logs", "reload", "restart", "shutdown", "yield")


def main(prog: str, argv: Sequence[str]) -> int:
    refuse_undecodable(argv)
    if argv[:1] == ["help"]:
        argv = [*argv[1:], "--help"]
    command, rest = (argv[0], argv[1:]) if argv else ("", argv)
    asks_for_help = "-h" in rest or "--help" in rest
    if command in OWN_MACHINE and os.environ.get("HUSHD_ENDPOINT") and not asks_for_help:
        _refuse_elsewhere(command)
    if command in OWN_OPTIONS:
        console.program = f"{prog} {command}"
        return int(import_module(f"hushd.cli.{OWN_OPTIONS[command]}").main(console.program, rest))
    if not asks_for_help and command == "run":
        _become_supervisor(rest)
    parser, commands = make_parser(prog)
    if command in commands:
        console.program = f"{prog} {command}"
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 0
    return _do(options)


def _refuse_elsewhere(command: str) -> NoReturn:
    """Raises `unsupported` for a command about this machine, while HUSHD_ENDPOINT leads to another."""
    from hushd_protocol import endpoint

    place = endpoint.parse(os.environ["HUSHD_ENDPOINT"]).host
    raise HushdError(
        "unsupported",
        f"`hushd {command}` is about the machine that it runs on, and HUSHD_ENDPOINT leads to {place}: run it there, "
        "or for this machine with HUSHD_ENDPOINT= before it.",
    )


def _do(options: Namespace) -> int:
    if options.command == "serve":
        if STDIO in options.wyoming:
            _become_wyoming(options)
        listen = [("--http", address) for address in options.http]
        listen += [("--wyoming", address) for address in options.wyoming]
        arguments = [*(word for pair in listen for word in pair), "serve"]
        if options.zeroconf:
            _become("hushd_gateway.announcement", *options.wyoming, "--", *arguments)
        _become_supervisor(arguments)
    if options.command == "service":
        from .service.command import main as serve

        addresses = {"http": options.http, "wyoming": options.wyoming}
        return serve(options.action, options.dry_run, addresses, options.speech_dispatcher)
    if options.command == "mcp":
        from .mcp import host

        return host(options.http, options.holder, options.patience)
    if options.command == "restart":
        from .restart import restart

        restart()
    elif options.command == "yield":
        from .yield_vram import yield_vram

        yield_vram(options)
    elif options.command == "logs":
        from .logs import show, show_request

        if options.request:
            show_request(options.request)
        else:
            show(options.what, options.lines, options.follow)
    else:
        _manage(options)
    return 0


def _manage(options: Namespace) -> None:
    """Sends the running supervisor what the command says."""
    from hushd.client import Client

    device = options.compute_device if options.command == "preload" else None
    with Client(holder="cli", start=options.command == "preload", compute_device=device) as client:
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
            from .unload import unload

            unload(client, options.what, options.force, options.json)
        elif not client.shutdown():
            raise HushdError("shutting_down", "The supervisor is shutting down, once the jobs that run have finished.")


def make_parser(prog: str) -> tuple[Parser, Commands]:
    """The parser of all commands; those of `OWN_OPTIONS` only have their names there."""
    parser = Parser(prog, _DESCRIPTION)
    parser.epilog = "`hushd help COMMAND` describes one of them."
    commands = parser.add_commands()
    commands.add("say", "speak; also a command of its own")
    commands.add("listen", "write down what is said; also a command of its own")
    commands.add("talk", "hold a conversation by loudspeaker and microphone, with a person or with a program")
    commands.add("dictate", "type what is said where the cursor is, while a key is held")
    commands.add("captions", "write down what plays on this machine, while it is said")
    mcp = commands.add("mcp", "give agents a voice and ears, as a server of the Model Context Protocol")
    mcp.add_argument("--http", metavar="HOST:PORT", help="serve at this address; default: standard input and output")
    mcp.add_argument("--holder", metavar="NAME", help="the name in `hushd status`; default: the host's own")
    mcp.add_argument(
        "--patience",
        type=positive,
        metavar="SECONDS",
        help="how long a call may take before it is answered with a ticket; default: 25, or until its end for a host "
        "that starts a process for each call",
    )
    status = commands.add("status", "show what runs, and how much memory it has")
    status.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add("top", "show live what runs, with keys to start and to end it")
    commands.add("memory", "show memory over time, beside what a server that never unloads would have held")
    commands.add("doctor", "look for what is wrong, and say what to do about it")
    commands.add("trace", "show where the time of a cold start goes")
    commands.add("cluster", "serve and transcribe on many machines, with Ray")
    commands.add("completion", "print a script that has a shell complete commands, options and names")
    commands.add("models", "list, download, check and remove models")
    commands.add("tune", "measure which settings are fastest on this machine, and write them into the configuration")
    _add_managing(commands)
    return parser, commands


def _add_managing(commands: Commands) -> None:
    preload = commands.add("preload", "start workers before they are needed")
    preload.add_argument("what", nargs="+", metavar="WHAT", help="such as stt, tts/hibari or stt/moonshine/tiny-en")
    preload.add_argument("--keep-alive", metavar="TIME", help="how long they stay: 300, 5m, 1h30m, -1 (for ever)")
    add_compute_device(preload)
    unload = commands.add("unload", "end workers and give their memory back", "Jobs of other programs finish first.")
    unload.add_argument("what", nargs="*", metavar="WHAT", help="such as stt or tts/hibari; default: all of them")
    unload.add_argument("--force", action="store_true", help="end other programs' jobs now; what can be repeated is")
    unload.add_argument("--json", action="store_true", help="print what has ended, and what goes on, for programs")
    yielding = commands.add("yield", "free memory of graphics cards for another program", "Idle workers end at once.")
    yielding.add_argument("--vram", metavar="SIZE", help="to be free, such as 12G or 11GiB; default: all of ours")
    yielding.add_argument("--card", metavar="NUMBER", help="of the card, or its place on the bus; default: every card")
    yielding.add_argument(
        "--for",
        dest="keep_away",
        default="60s",
        metavar="TIME",
        help="how long workers keep away: 90s, 10m; 0 ends an earlier yield; default: %(default)s",
    )
    yielding.add_argument("--json", action="store_true", help="print what was freed, for programs")
    stop = commands.add("stop-speaking", "end what is spoken, and what waits to be")
    stop.add_argument("--current", action="store_true", help="only what is spoken now; the next goes on")
    pause = commands.add("pause", "interrupt speaking and listening until `hushd resume`", "Nothing is lost.")
    resume = commands.add("resume", "go on where `hushd pause` interrupted")
    for command in (stop, pause, resume):
        command.add_argument(
            "who", nargs="*", metavar="WHO", help="turns or clients, as in `hushd status`; default: all of them"
        )
    logs = commands.add("logs", "show the end of a log")
    logs.add_argument("what", nargs="?", metavar="WHAT", help="a worker; default: the supervisor")
    logs.add_argument("-n", "--lines", type=whole(0), default=50, help="how many; default: 50")
    logs.add_argument("-r", "--request", metavar="ID", help="the lines about one request, from all logs")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what is added")
    commands.add("config", "show, check and change the configuration")
    commands.add("keys", "let other machines of yours use this one's hushd, by key")
    commands.add("reload", "have the supervisor read its configuration again")
    commands.add("restart", "finish what is running, and start a new supervisor", "Requests wait for it meanwhile.")
    commands.add("shutdown", "finish what is running, then end the supervisor")
    commands.add(
        "run", "be the supervisor, in the foreground", "Service managers use it; programs start one themselves."
    )
    service = commands.add("service", "have the system start the supervisor when a program needs it")
    service.add_argument("action", choices=("install", "uninstall", "status"))
    service.add_argument("--dry-run", action="store_true", help="only show the files and the commands")
    service.add_argument(
        "--speech-dispatcher", action="store_true", help="a voice for screen readers, as a module of it; install"
    )
    serve = commands.add(
        "serve",
        "be the supervisor, in the foreground, for programs that speak OpenAI's audio API or Wyoming",
        "Each address may also be unix:///PATH, and each option may be repeated. Without an address, at those in the "
        f"configuration. `--wyoming {STDIO}`, alone, speaks Wyoming on standard input and output.",
    )
    serve.add_argument(
        "--zeroconf", action="store_true", help="announce Wyoming's addresses on the local network, by mDNS"
    )
    for command, suffix in ((serve, ""), (service, "; install")):
        command.add_argument(
            "--http", action="append", default=[], metavar="HOST:PORT", help=f"OpenAI's audio API{suffix}"
        )
        command.add_argument(
            "--wyoming",
            action="append",
            default=[],
            metavar="tcp://HOST:PORT",
            help=f"Wyoming, for Home Assistant{suffix}",
        )


def _become_wyoming(options: Namespace) -> NoReturn:
    """Replaces this process by one that speaks Wyoming on standard input and output."""
    if options.http or options.zeroconf or options.wyoming != [STDIO]:
        raise HushdError("bad_request", f"{STDIO} stands alone: leave out --zeroconf and other addresses.")
    _become("hushd_gateway.stdio")


def _become_supervisor(arguments: Sequence[str]) -> NoReturn:
    """Replaces this process by the supervisor, with the same process id, so that a service manager watches it."""
    _become("hushd_supervisor", *arguments)


def _become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process by a module's.

    -P: a file in the current folder must not be taken for one of Python's modules.
    """
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])


def _status(client: Client, as_json: bool) -> None:
    status = client.status()
    if as_json:
        console.write(json.dumps(status, indent=2) + "\n")
    else:
        from hushd.status_table import table

        console.write(table(status, console.width()))
