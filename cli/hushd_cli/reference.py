"""Lists every command with its options, read from the parsers, for completion and manual pages."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hushd_models.installation import document

from . import main, table
from .arguments import Parser, repeated
from .command import Command

ROOTS = ("hushd", "say", "listen")  # top-level commands
_FILES = ("FILE", "PATH", "DIR", "PROGRAM")


@dataclass(frozen=True, slots=True)
class Argument:
    """An option, or a word if `flags` is empty; `metavar` names its value, empty if it takes none."""

    flags: tuple[str, ...]
    metavar: str
    help: str
    choices: tuple[str, ...] = ()
    is_file: bool = False
    many: bool = False

    @property
    def sentence(self) -> str:
        """Returns the help as a sentence, with the choices unless it lists them."""
        text = f"{self.help[:1].upper()}{self.help[1:]}".rstrip(".") + "." if self.help else ""
        listed = ", ".join(self.choices)
        return text if listed in self.help else f"{text} One of {listed}.".strip()


@dataclass(frozen=True, slots=True)
class CommandReference:
    """A command: its `words`, such as `hushd models pull`, its options and words, and its subcommands by name."""

    words: tuple[str, ...]
    description: str
    epilog: str
    examples: tuple[tuple[str, str], ...]
    arguments: tuple[Argument, ...]
    commands: dict[str, str]

    @property
    def path(self) -> str:
        """The words joined by blanks."""
        return " ".join(self.words)

    @property
    def options(self) -> list[Argument]:
        return [argument for argument in self.arguments if argument.flags]

    @property
    def operands(self) -> list[Argument]:
        """Returns the command's words other than options."""
        return [argument for argument in self.arguments if not argument.flags]


def commands() -> list[CommandReference]:
    """Returns all commands, each before its subcommands; `say` and `listen` also as commands of their own."""
    listed = {command.name: command for command in table.every() if not command.hidden}
    summaries = {name: command.summary for name, command in listed.items()}
    every = [replace(reference(ROOTS[:1], main.make_parser(ROOTS[0])), commands=summaries)]
    for name, command in listed.items():
        every += references((ROOTS[0], name), command)
    for name in ROOTS[1:]:
        every += references((name,), listed[name])
    return every


def references(words: tuple[str, ...], command: Command) -> Iterator[CommandReference]:
    return (reference(*each) for each in parsers(words, command))


def parsers(words: tuple[str, ...], command: Command) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Yields the parsers of a command, its subcommands and its members, with their words."""
    members = {(*words, member.name): member for member in command.members}
    for path, parser in _walk(words, command.make_parser(" ".join(words))):
        if path not in members:
            yield path, parser
    for path, member in members.items():
        yield from parsers(path, member)


def _walk(words: tuple[str, ...], parser: Parser) -> Iterator[tuple[tuple[str, ...], Parser]]:
    yield words, parser
    for name, (_, child) in parser.commands.items():
        yield from _walk((*words, name), child)


def reference(words: tuple[str, ...], parser: Parser) -> CommandReference:
    """Returns what a parser tells of its command."""
    listed = {name: does for name, (does, _) in parser.commands.items()}
    arguments = tuple(_argument(parser, action) for action in parser.shown)
    examples = tuple(parser.examples)
    return CommandReference(words, _plain(parser.description), _plain(parser.epilog), examples, arguments, listed)


def _argument(parser: Parser, action: argparse.Action) -> Argument:
    choices = tuple(map(str, action.choices or ()))
    flags = tuple(action.option_strings)
    alone = any(flag in parser.switches for flag in flags)
    metavar = "" if alone or (flags and action.nargs == 0) else str(action.metavar or action.dest.upper())
    text = _plain((action.help or "") % {"default": action.default, "prog": parser.prog})
    return Argument(flags, metavar, text, choices, metavar in _FILES and not choices, repeated(action))


def _plain(text: str | None) -> str:
    """Returns help text in one line, with hushd's documents by name instead of their path on this machine."""
    return " ".join((text or "").replace(f"{document('')}/", "docs/").split())
