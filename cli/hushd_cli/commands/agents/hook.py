"""`hushd agents hook`: has coding agents read their answers aloud."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_protocol.errors import os_errors_as
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from . import install, sessions
from .reaction import off_mark

AGENTS = ("claude", "codex", "gemini", "opencode")


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    if options.command in ("install", "uninstall"):
        change = install.install if options.command == "install" else install.uninstall
        change(options.agent, dry=options.dry_run)
        return 0
    if options.command is None:
        parser.print_help()
        return 0
    if options.command in ("on", "off"):
        _switch(options.command == "on")
    on = not off_mark(paths.find()).exists()
    if options.command == "state" and options.json:
        console.write_json({"on": on})
    else:
        console.write("On.\n" if on else "Off: `hushd agents hook on` has agents read aloud.\n")
    return 0


def _switch(on: bool) -> None:
    where = paths.find()
    mark = off_mark(where)
    with os_errors_as("output_failed", f"{mark} cannot be written"):
        paths.prepare_state(where)
        mark.unlink(missing_ok=True) if on else mark.touch(mode=0o600)
    if not on:
        sessions.hush(where)


def make_parser(prog: str) -> Parser:
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
        ("hushd stop api", "silence those in the folder api now"),
    )
    commands = parser.add_commands()
    for name, does in (
        ("install", "add the hooks to an agent's configuration"),
        ("uninstall", "remove the hooks from an agent's configuration"),
    ):
        changed = commands.add(name, does, "It prints the changes; everything else in the file stays.")
        changed.add_argument("agent", choices=AGENTS, metavar="AGENT", help=", ".join(AGENTS))
        changed.add_argument("-n", "--dry-run", action="store_true", help="only print the changes")
    commands.add("on", "read aloud again")
    commands.add("off", "stop reading aloud, until `on`")
    state = commands.add("state", "show whether agents read aloud")
    state.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser
