"""`hushd voices`, `mute` and `unmute`: the voices of those who speak, by name, and who may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hushd.reports.display import Column, laid_out
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

_NAME = "as it is listed here or in `hushd said`: for an agent's session its project's folder"


def main(prog: str, argv: Sequence[str]) -> int:
    from hushd.roster import names
    from hushd.roster.roster import Roster

    options = make_parser(prog).parse_args(argv)
    roster = Roster(paths.find())
    if options.command == "assign":
        from hushd.client import Client

        with Client(holder="cli") as client:
            choice = roster.assign(names.check(options.name), options.voice, client.describe("tts").tts)
        console.write(f"{options.name} speaks with {choice.voice}.\n")
    elif options.command == "take-back":
        if not roster.release(options.name):
            raise HushdError("bad_request", f"{options.name!r} has no voice of its own: `hushd voices` lists those.")
    else:
        _list(roster.assignments(), roster.muted, getattr(options, "json", False))
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(
        prog,
        "Lists the names that have a voice of their own. A session of an agent that names no voice gets one of those "
        "here when it first speaks, where there are several, and keeps it. All voices: say -v '?'",
    )
    parser.examples = (
        ("hushd voices", "who has which"),
        ("hushd voices assign api af_bella", "another for the sessions in the folder api"),
    )
    commands = parser.add_commands()
    assigned = commands.add("assign", "give a name a voice")
    assigned.add_argument("name", metavar="NAME", help=_NAME)
    assigned.add_argument("voice", metavar="VOICE", help="one of those that say -v '?' lists")
    released = commands.add("take-back", "take it back: the next one is chosen for it")
    released.add_argument("name", metavar="NAME", help=_NAME)
    listed = commands.add("list", "list the names")
    listed.add_argument("--json", action="store_true", help="for programs")
    return parser


def _list(voices: dict[str, str], muted: Sequence[str], as_json: bool) -> None:
    if as_json:
        console.write_json({"voices": voices, "muted": list(muted)})
        return
    if names := sorted({*voices, *muted}):
        columns: tuple[Column[str], ...] = (
            Column("NAME", str, left=True),
            Column("VOICE", lambda name: voices.get(name, "the usual one"), left=True),
            Column("", lambda name: "muted" if name in muted else "", left=True),
        )
        console.write("".join(f"{line}\n" for line in laid_out(columns, names, console.width())))
    else:
        console.note("Nobody has a voice of their own yet.")


class Muting(NamedTuple):
    """`hushd mute` or `hushd unmute`, as `hushd_cli.command.Command` runs them."""

    description: str
    on: bool

    def main(self, prog: str, argv: Sequence[str]) -> int:
        """Runs the command; returns the exit status."""
        options = self.make_parser(prog).parse_args(argv)
        from hushd.roster import names
        from hushd.roster.roster import Roster

        where = paths.find()
        roster = Roster(where)
        for name in [names.check(name) for name in options.names] if self.on else options.names:
            roster.mute(name, self.on)
            if self.on:
                from .agent_hook import sessions

                sessions.hush(where, name)
        return 0

    def make_parser(self, prog: str) -> Parser:
        """Its parser."""
        parser = Parser(prog, self.description)
        parser.add_argument("names", nargs="+", metavar="NAME", help=_NAME)
        return parser


MUTE = Muting("Keep agents of a name from speaking, by hooks and by MCP, until `hushd unmute`.", on=True)
UNMUTE = Muting("Let agents speak that were muted.", on=False)
