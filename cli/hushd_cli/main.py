"""`hushd`: finds the command and runs it, or lists the commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, nearest
from hushd_schema.entry_points import plugins

from . import table
from .arguments import ALL, Parser, ending, refuse_undecodable
from .terminal import console

_DESCRIPTION = "Give programs on this machine a voice and ears."
_ELSEWHERE = {  # commands of ollama and its kind, and other words for hushd's own, by what they are here
    word: here
    for here, words in {
        "`hushd --version`": "version",
        "`hushd config`": "settings",
        "`hushd load`": "start",
        "`hushd models list`": "list ls search",
        "`hushd models pull MODEL`, or `hushd get LANGUAGE`": "pull download install",
        "`hushd models rm MODEL`": "rm remove delete uninstall",
        "`hushd models show MODEL`": "show",
        "`hushd shutdown`": "kill quit",
        "`hushd status`": "ps info",
        "`listen`": "hear stt transcribe",
        "`say -a '?'`, or `listen -a '?'`": "devices",
        "`say -v '?'`": "voices",
        "`say` or `listen`, which start what they need": "run",
        "`say`": "speak speech read tts synthesize",
    }.items()
    for word in words.split()
}
_MORE = "`hushd help COMMAND` describes one of them."
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
    if argv[:1] in (["--version"], ["-V"]):
        console.write(_versions())
        return 0
    command, rest = (None, []) if argv[:1] and argv[0].startswith("-") else table.find(argv)
    if command is not None:
        return command.run(f"{prog} {command.name}", rest)
    if argv and not argv[0].startswith("-"):
        names = [command.name for command in table.every() if not command.hidden]
        close = nearest(argv[0], [*names, *_ELSEWHERE]) or ""
        meant = f" (here it is {_ELSEWHERE[close]})" if close in _ELSEWHERE else did_you_mean(argv[0], names)
        raise HushdError("bad_request", f"There is no command {argv[0]!r}{meant}: `{prog} --help` lists them.")
    parser = make_parser(prog)
    parser.parse_args(argv)
    parser.print_help()
    return 0


def _versions() -> str:
    """Returns hushd's version, and its plugins that are installed."""
    listed = (f"{name} {version}" if version != __version__ else name for name, version in sorted(plugins().items()))
    text = f"hushd {__version__}\n"
    return text + f"plugins: {', '.join(listed)}\n" if plugins() else text


class _Parser(Parser):
    """The parser of `hushd` itself, whose help lists the commands by topic."""

    def format_help(self, whole: bool = False) -> str:
        """Returns the help: the common commands, or the `whole`."""
        usage = f"usage: {self.prog} [-h [all]] [--version] COMMAND ..."
        shown = [command for command in table.every() if not command.hidden and (whole or not command.rare)]
        wide = max(len(command.name) for command in shown)
        parts = [usage, _DESCRIPTION]
        for topic, commands in groupby(shown, lambda command: command.topic):
            parts.append("\n".join([f"{topic}:", *(f"  {each.name:{wide}}  {each.summary}" for each in commands)]))
        if whole:
            options = argparse.ArgumentParser.format_help(self).partition("options:")[2].rstrip()
            text = "\n\n".join([*parts, f"options:{options}"])
            return f"{text}\n{ending(self.prog, _EXAMPLES, whole=True, more=False)}"
        parts.append(_MORE)
        parts.append(f"`{self.prog} --help all` lists all commands, exit codes and environment variables.\n")
        return "\n\n".join(parts)


def make_parser(prog: str) -> Parser:
    """Returns the parser of `hushd` itself, which knows options alone."""
    parser = _Parser(prog, _DESCRIPTION)
    parser.epilog = _MORE
    parser.examples = _EXAMPLES
    return parser
