"""`hushd names`: assigns voices to names, silences names, and lists and repeats recent speech."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd.voice_assignments import names
from hushd.voice_assignments.speaker import VoiceAssignments
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.voice_assignments.recent import Utterance

_NAME = "a name listed by `hushd names` or `hushd names said`; an agent's session has its project folder's"


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    assignments = VoiceAssignments(paths.find())
    if options.command == "said":
        _list_speech(_utterances(options.name), options.json)
    elif options.command == "again":
        _repeat(options.name)
    elif options.command == "assign":
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
    speech = commands.add(
        "said",
        "list recent speech",
        "The last 50 texts of agents and of `say`, kept only in memory, unless the configuration has remember = false "
        "in [agents].",
    )
    speech.add_argument(
        "name", nargs="?", metavar="NAME", help="only the speech of this name, such as a project's folder"
    )
    speech.add_argument("--json", action="store_true", help="print JSON with whole texts, for programs")
    again = commands.add("again", "repeat the last speech", "It is in the same voice.")
    again.add_argument("name", nargs="?", metavar="NAME", help="the last speech of this name")
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


def _utterances(name: str | None) -> list[Utterance]:
    from hushd.voice_assignments.recent import Recent

    return Recent(paths.find()).utterances(name)


def _list_speech(utterances: Sequence[Utterance], as_json: bool) -> None:
    if as_json:
        console.write_json([{"at": each.at, "name": each.name, "text": each.text} for each in utterances])
    elif not utterances:
        console.note("There was no recent speech.")
    else:
        for each in utterances:
            console.write(f"{time.strftime('%H:%M:%S', time.localtime(each.at))} {each.name}: {_line(each.text)}\n")


def _line(text: str) -> str:
    """Returns the text as one line for the terminal."""
    from hushd_protocol.suggest import escaped

    line = escaped(" ".join(text.split()))
    room = max(20, console.width() - 30)
    return line if len(line) <= room else f"{line[: room - 1]}…"


def _repeat(name: str | None) -> None:
    utterances = _utterances(name)
    if not utterances:
        whose = f" by {name}" if name else ""
        raise HushdError(
            "bad_request", f"There was no recent speech{whose}: `hushd names said` lists the recent speech."
        )
    from hushd.audio import devices

    console.silence_libraries()
    devices.load_ahead()
    from hushd.client import Client  # while the device is looked for

    last = utterances[-1]
    engine, model, voice = last.voice
    with Client(holder=last.name) as client:
        client.say(last.text, engine=engine, model=model, voice=voice, markup=last.markup)
