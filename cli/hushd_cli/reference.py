"""Reads from the parsers the parts that completion and manual pages show."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from hushd_models.installation import document

from .arguments import Parser
from .command import Command

ROOTS = ("hushd", "say", "listen")  # top-level commands


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


def value_of(parser: Parser, action: argparse.Action) -> str:
    """Returns the name of the value that an option or word takes; empty for an option without one."""
    flags = action.option_strings
    alone = (flags and action.nargs == 0) or not parser.switches.isdisjoint(flags)
    return "" if alone else str(action.metavar or action.dest.upper())


def help_of(parser: Parser, action: argparse.Action) -> str:
    """Returns the help of an option or word, in one line."""
    return plain((action.help or "") % {"default": action.default, "prog": parser.prog})


def plain(text: str | None) -> str:
    """Returns help text in one line, with hushd's documents by name instead of their path on this machine."""
    return " ".join((text or "").replace(f"{document('')}/", "docs/").split())
