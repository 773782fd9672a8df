"""Every command with its options, as its parser has them: for manual pages, and for tests of documents."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hushd_cli import main, table
from hushd_cli.arguments import Parser, repeated
from hushd_cli.command import Command
from hushd_cli.reference import ROOTS, help_of, parsers, plain, value_of


@dataclass(frozen=True, slots=True)
class Argument:
    """An option, or a word if `flags` is empty; `metavar` names its value, empty if it takes none."""

    flags: tuple[str, ...]
    metavar: str
    help: str
    choices: tuple[str, ...] = ()
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
    every = [replace(_reference(ROOTS[:1], main.make_parser(ROOTS[0])), commands=summaries)]
    for name, command in listed.items():
        every += references((ROOTS[0], name), command)
    for name in ROOTS[1:]:
        every += references((name,), listed[name])
    return every


def references(words: tuple[str, ...], command: Command) -> Iterator[CommandReference]:
    return (_reference(*each) for each in parsers(words, command))


def _reference(words: tuple[str, ...], parser: Parser) -> CommandReference:
    """Returns what a parser tells of its command."""
    listed = {name: does for name, (does, _) in parser.commands.items()}
    arguments = tuple(_argument(parser, action) for action in parser.shown)
    examples = tuple(parser.examples)
    return CommandReference(words, plain(parser.description), plain(parser.epilog), examples, arguments, listed)


def _argument(parser: Parser, action: argparse.Action) -> Argument:
    choices = tuple(map(str, action.choices or ()))
    flags, many = tuple(action.option_strings), repeated(action)
    return Argument(flags, value_of(parser, action), help_of(parser, action), choices, many)
