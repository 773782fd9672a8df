"""`hushd`: finds the command and runs it, or lists the commands."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import plugins

from . import table
from .arguments import ALL, Parser, refuse_undecodable
from .terminal import console

_DESCRIPTION = "Give programs on this machine a voice and ears."
_EXAMPLES = (
    ("hushd status", "what runs, and its memory"),
    ("hushd models list stt de", "models for German, and their cost"),
    ("hushd models pull faster-whisper/base", "get one of them"),
    ("hushd serve --http 127.0.0.1:8000", "OpenAI's audio API, and a page to open there"),
    ("hushd unload", "free the memory, after other programs' jobs"),
    ("hushd doctor", "find faults, and how to fix them"),
)


def main(prog: str, argv: Sequence[str]) -> int:
    refuse_undecodable(argv)
    if argv[:1] == ["help"]:
        argv = ["--help", *argv[1:]] if argv[1:] in ([], [ALL]) else [*argv[1:], "--help"]
    if not argv and _is_new_here():
        argv = ["welcome"]
    if argv[:1] in (["--version"], ["-V"]):
        console.write(_versions())
        return 0
    command, rest = (None, []) if argv[:1] and argv[0].startswith("-") else table.find(argv)
    if command is not None:
        return command.run(f"{prog} {command.name}", rest)
    parser = make_parser(prog)
    parser.parse_args(argv)
    parser.print_help()
    return 0


def _versions() -> str:
    """Returns hushd's version, and its plugins that are installed."""
    listed = (f"{name} {version}" if version != __version__ else name for name, version in sorted(plugins().items()))
    text = f"hushd {__version__}\n"
    return text + f"plugins: {', '.join(listed)}\n" if plugins() else text


def _is_new_here() -> bool:
    """Returns whether a person at a terminal runs hushd for the first time, before it has a state folder."""
    if not os.isatty(1) or os.environ.get("HUSHD_ENDPOINT"):
        return False
    from hushd_protocol.system import paths

    try:
        return not paths.find().state.exists()
    except HushdError:
        return False


def make_parser(prog: str) -> Parser:
    """Returns the parser of `hushd` itself, which knows only the commands' names."""
    parser = Parser(prog, _DESCRIPTION)
    parser.epilog = "`hushd help COMMAND` describes one of them."
    parser.examples = _EXAMPLES
    commands = parser.add_commands()
    for command in table.every():
        if not command.hidden:
            commands.add(command.name, command.summary, topic=command.topic, rare=command.rare)
    return parser
