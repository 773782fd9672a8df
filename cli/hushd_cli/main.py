"""`hushd`: finds the command and runs it, or lists the commands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from hushd_protocol.errors import HushdError

from . import table
from .arguments import Parser, refuse_undecodable
from .terminal import console

_DESCRIPTION = "Give programs on this machine a voice and ears."
_EXAMPLES = (
    ("hushd status", "what runs, and the memory it has"),
    ("hushd models list stt de", "which models hear German, and what they cost"),
    ("hushd models pull faster-whisper/base", "one of them"),
    ("hushd serve --http 127.0.0.1:8000", "OpenAI's audio API, and a page to open there"),
    ("hushd unload", "the memory, once other programs' jobs are done"),
    ("hushd doctor", "what is wrong, and what to do about it"),
)


def main(prog: str, argv: Sequence[str]) -> int:
    refuse_undecodable(argv)
    if argv[:1] == ["help"]:
        argv = [*argv[1:], "--help"]
    if not argv and _is_new_here():
        argv = ["welcome"]
    argv = [*table.SYNONYMS.get("".join(argv[:1]), argv[:1]), *argv[1:]]
    command = table.find(argv[0]) if argv and not argv[0].startswith("-") else None
    if command is None:
        parser = make_parser(prog)
        parser.parse_args(argv)
        parser.print_help()
        return 0
    rest = argv[1:]
    if command.this_machine_only and os.environ.get("HUSHD_ENDPOINT") and not {"-h", "--help"} & {*rest}:
        _refuse_elsewhere(command.name)
    console.program = f"{prog} {command.name}"
    return command.run(console.program, rest)


def _is_new_here() -> bool:
    """Returns whether a person at a terminal runs hushd where it has no state yet."""
    if not os.isatty(1) or os.environ.get("HUSHD_ENDPOINT"):
        return False
    from hushd_protocol.system import paths

    try:
        return not paths.find().state.exists()
    except HushdError:
        return False


def _refuse_elsewhere(command: str) -> NoReturn:
    """Raises `unsupported` for a command about this machine, while HUSHD_ENDPOINT leads to another."""
    from hushd_protocol import endpoint

    place = endpoint.parse(os.environ["HUSHD_ENDPOINT"]).host
    raise HushdError(
        "unsupported",
        f"`hushd {command}` is about the machine that it runs on, and HUSHD_ENDPOINT leads to {place}: run it there, "
        "or for this machine with HUSHD_ENDPOINT= before it.",
    )


def make_parser(prog: str) -> Parser:
    """The parser of `hushd` itself, which knows the commands by their names only."""
    parser = Parser(prog, _DESCRIPTION)
    parser.epilog = "`hushd help COMMAND` describes one of them."
    parser.examples = _EXAMPLES
    commands = parser.add_commands()
    for command in table.every():
        commands.add(command.name, command.summary, topic=command.topic, rare=command.rare)
    return parser
