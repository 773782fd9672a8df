"""`hushd names said` and `hushd names again`: the recent speech of agents and of `say`, listed and repeated."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.voice_assignments.recent import Utterance

_NOTHING = "There was no recent speech"


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    utterances = _utterances(options.name)
    if options.json:
        console.write_json([{"at": each.at, "name": each.name, "text": each.text} for each in utterances])
        return 0
    if not utterances:
        console.note(f"{_NOTHING}.")
    for each in utterances:
        console.write(f"{time.strftime('%H:%M:%S', time.localtime(each.at))} {each.name}: {_line(each.text)}\n")
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "List the recent speech of agents and of `say`: the last 50 texts, kept only in memory, unless the "
        "configuration has remember = false in [agents].",
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="only the speech of this name, such as a project's folder"
    )
    parser.add_argument("--json", action="store_true", help="print JSON with whole texts, for programs")
    return parser


class Again:
    """`hushd names again`, as `hushd_cli.command.Command` runs it."""

    def main(self, prog: str, argv: Sequence[str]) -> int:
        """Runs the command; returns the exit status."""
        options = self.make_parser(prog).parse_args(argv)
        utterances = _utterances(options.name)
        if not utterances:
            whose = f" by {options.name}" if options.name else ""
            raise HushdError("bad_request", f"{_NOTHING}{whose}: `hushd names said` lists the recent speech.")
        from hushd.audio import devices

        console.silence_libraries()
        devices.load_ahead()
        from hushd.client import Client  # while the device is looked for

        last = utterances[-1]
        engine, model, voice = last.voice
        with Client(holder=last.name) as client:
            client.say(last.text, engine=engine, model=model, voice=voice, markup=last.markup)
        return 0

    def make_parser(self, prog: str) -> Parser:
        """Returns the command's parser."""
        parser = Parser(prog, "Repeat the last speech of agents and of `say`, in its voice.")
        parser.add_argument("name", nargs="?", metavar="NAME", help="the last speech of this name")
        return parser


AGAIN = Again()


def _utterances(name: str | None) -> list[Utterance]:
    from hushd.voice_assignments.recent import Recent

    return Recent(paths.find()).utterances(name)


def _line(text: str) -> str:
    """Returns the text as one line for the terminal."""
    from hushd_protocol.system.terminal import escaped

    line = escaped(" ".join(text.split()))
    room = max(20, console.width() - 30)
    return line if len(line) <= room else f"{line[: room - 1]}…"
