"""`hushd agents hook`: has coding agents read their answers aloud."""

from __future__ import annotations

from collections.abc import Sequence

from hushd.voice_assignments import names
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from . import sessions
from .switch import Switch

AGENTS = ("claude", "codex", "gemini", "opencode")


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    if options.command in ("install", "uninstall"):
        from . import install  # rarely needed

        change = install.install if options.command == "install" else install.uninstall
        change(options.agent, dry=options.dry_run)
        return 0
    switch = Switch(paths.find())
    if options.command in ("on", "off"):
        if options.command == "off" and options.session is not None:
            names.check(options.session)
        switch.turn(options.command == "on", options.session)
        if options.command == "off":
            sessions.hush(paths.find(), options.session)
    if options.command is None:
        parser.print_help()
    elif options.command == "state" and options.json:
        console.write_json(switch.data())
    else:
        console.write(f"{switch.state()}\n")
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Have coding agents read their answers aloud. Claude Code, Codex, Gemini CLI and opencode run this command at "
        "certain events, with JSON on standard input or as the only argument, and do not wait for it. "
        "Code, changes, tables and long paths are announced instead of read. Speech stops when you type.",
    )
    parser.usage = "%(prog)s [COMMAND | JSON]"
    parser.examples = (
        ("hushd agents hook install claude", "have Claude Code read its answers aloud"),
        ("hushd agents hook off", "silence all agents"),
        ("hushd agents hook off --session api", "silence those in the folder api"),
    )
    commands = parser.add_commands()
    for name, does in (
        ("install", "add the hooks to an agent's configuration"),
        ("uninstall", "remove the hooks from an agent's configuration"),
    ):
        changed = commands.add(name, does, "It prints the changes; everything else in the file stays.")
        changed.add_argument("agent", choices=AGENTS, metavar="AGENT", help=", ".join(AGENTS))
        changed.add_argument("-n", "--dry-run", action="store_true", help="only print the changes")
    for name, does in (("on", "read aloud again"), ("off", "stop reading aloud, until `on`")):
        switched = commands.add(name, does)
        switched.add_argument(
            "--session",
            metavar="NAME",
            help="only the session with this id, or the sessions in the folder of this name; default: all",
        )
    state = commands.add("state", "show which agents read aloud")
    state.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser
