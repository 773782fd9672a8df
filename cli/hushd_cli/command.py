"""A command of `hushd`: its names and its line in the list of commands, and where its parser and program are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from hushd_protocol import hosts
from hushd_protocol.errors import HushdError

from .terminal import console

if TYPE_CHECKING:
    from .arguments import Parser

GROUP = "hushd.commands"  # group of entry points by which other packages add commands: name = "module:COMMAND"
_OF_ALL = ("-h", "--help", "--version")  # options of a command, not of its default subcommand


class Command(NamedTuple):
    """A command. Its modules are imported when it runs, or when its help is asked for.

    Attributes:
        summary: its purpose, as a phrase.
        home: the module with `main(prog, argv)`, which returns the exit status, and `make_parser(prog)`; or
            `module:NAME`, a value there with these methods. Empty for a family, which has members alone.
        parser: another module with `make_parser`, where `home` imports much.
        this_machine_only: whether it is about the machine that it runs on: its files, its devices, its supervisor.
        members: commands after its name, `hushd NAME MEMBER`; if it has a home, the parser there lists them too.
        usual: the default subcommand, which lists or shows.
        family: the command of which a command from another package is a member too.
        after: the command after which it is listed; default: at the end.
        topic: the heading of the list under which it stands; the table of commands sets it.
        rare: whether only the whole help lists it.
        hidden: whether no help lists it.
    """

    name: str
    summary: str
    home: str = ""
    parser: str = ""
    this_machine_only: bool = False
    members: tuple[Command, ...] = ()
    usual: str = ""
    family: str = ""
    after: str = ""
    topic: str = ""
    rare: bool = False
    hidden: bool = False

    def run(self, prog: str, argv: Sequence[str]) -> int:
        """Runs the command, or the member that the first word names; returns the exit status."""
        if self.usual and (not argv or (argv[0].startswith("-") and argv[0] not in _OF_ALL)):
            argv = [self.usual, *argv]
        member, rest = named(self.members, argv)
        if member is not None:
            return member.run(f"{prog} {member.name}", rest)
        if not self.home:
            parser = self.make_parser(prog)
            parser.parse_args(argv)
            parser.print_help()
            return 0
        if self.this_machine_only and not {"-h", "--help"} & {*argv}:
            refuse_elsewhere(prog)
        console.program = prog
        return int(_home(self.home).main(prog, argv))

    def make_parser(self, prog: str) -> Parser:
        """Returns the command's parser, for help, completion and manual pages."""
        if self.home:
            parser: Parser = _home(self.parser or self.home).make_parser(prog)
            return parser
        from .arguments import Parser  # noqa: PLC0415 - what a shell asks at each TAB does not wait for argparse

        family = Parser(prog, f"{self.summary[:1].upper()}{self.summary[1:]}.")
        commands = family.add_commands()
        for member in self.members:
            commands.add(member.name, member.summary)
        return family


def named(commands: Iterable[Command], argv: Sequence[str]) -> tuple[Command | None, list[str]]:
    """Returns the command named by the first word, or None, and its words."""
    name = argv[0] if argv else ""
    for command in commands:
        if command.name == name:
            return command, [*argv[1:]]
    return None, [*argv]


def refuse_elsewhere(command: str) -> None:
    """Raises `unsupported` for a command about this machine, while HUSHD_ENDPOINT leads to another."""
    if not (address := os.environ.get("HUSHD_ENDPOINT")):
        return

    raise HushdError(
        "unsupported",
        f"`{command}` is about the machine that it runs on, and HUSHD_ENDPOINT leads to "
        f"{hosts.parse(address).host}: run it there, or for this machine with HUSHD_ENDPOINT= before it.",
    )


def _home(place: str) -> Any:
    module, _, name = place.partition(":")
    program = import_module(module)
    return getattr(program, name) if name else program
