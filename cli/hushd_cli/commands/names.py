"""`hushd names`: assigns voices to names, and silences names."""

from __future__ import annotations

from collections.abc import Sequence

from hushd.voice_assignments import names
from hushd.voice_assignments.speaker import VoiceAssignments
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

_NAME = "a name listed by `hushd names`; an agent's session has its project folder's"


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    assignments = VoiceAssignments(paths.find())
    if options.command == "assign":
        from hushd.client import Client

        with Client(holder="cli") as client:
            choice = assignments.assign(names.check(options.name), options.voice, client.describe("tts").tts)
        console.write(f"{options.name} speaks with {choice.voice}.\n")
    elif options.command == "unassign":
        if not assignments.release(options.name):
            raise HushdError("bad_request", f"{options.name!r} has no voice of its own: `hushd names` lists those.")
    elif options.command == "mute":
        from hushd_cli.commands.agents import sessions

        for name in [names.check(name) for name in options.names]:
            assignments.mute(name)
            sessions.hush(paths.find(), name)
    elif options.command == "unmute":
        for name in options.names:
            assignments.mute(name, False)
    else:
        _list(assignments.assignments(), assignments.muted, options.json)
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "List the names under which programs speak, with the voice of each. If there are several voices, an agent's "
        "session without a chosen voice gets one of its own when it first speaks, and keeps it. `say -v '?'` lists all "
        "voices.",
    )
    parser.examples = (
        ("hushd names", "list the names and their voices"),
        ("hushd names assign api af_bella", "a voice for the sessions in the folder api"),
        ("hushd names mute api", "silence those sessions"),
    )
    commands = parser.add_commands()
    listed = commands.add("list", "list the names, which is the default")
    listed.add_argument("--json", action="store_true", help="print JSON, for programs")
    assigned = commands.add("assign", "give a name a voice of its own")
    assigned.add_argument("name", metavar="NAME", help=_NAME)
    assigned.add_argument("voice", metavar="VOICE", help="a voice listed by say -v '?'")
    released = commands.add("unassign", "take a name's voice away; it gets the next free one")
    released.add_argument("name", metavar="NAME", help=_NAME)
    for name, does in (
        ("mute", "silence agents of a name, in hooks and MCP, until `unmute`"),
        ("unmute", "let a silenced name speak again"),
    ):
        commands.add(name, does).add_argument("names", nargs="+", metavar="NAME", help=_NAME)
    return parser


def _list(voices: dict[str, str], muted: Sequence[str], as_json: bool) -> None:
    if as_json:
        console.write_json({"voices": voices, "muted": list(muted)})
    elif listed := sorted({*voices, *muted}):
        from hushd.reports.display import Column, laid_out

        columns: tuple[Column[str], ...] = (
            Column("NAME", str, left=True),
            Column("VOICE", lambda name: voices.get(name, "the usual one"), left=True),
            Column("", lambda name: "muted" if name in muted else "", left=True),
        )
        console.write("".join(f"{line}\n" for line in laid_out(columns, listed, console.width())))
    else:
        console.note("No name has a voice of its own yet.")
