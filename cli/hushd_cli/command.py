"""A command of `hushd`: what the list of commands says of it, and where its parser and its program lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .arguments import Parser

GROUP = "hushd.commands"  # of entry points, by which other packages add commands: name = "module:COMMAND"


class Command(NamedTuple):
    """A command. Its modules are imported when it runs, or when its help is asked for.

    Attributes:
        summary: what it does, as a phrase.
        home: the module with `main(prog, argv)`, which returns the exit status, and `make_parser(prog)`; or
            `module:NAME`, a value there with these methods.
        parser: another module with `make_parser`, where `home` imports much.
        this_machine_only: whether it is about the machine that it runs on: its files, its devices, its supervisor.
        completes: the kind of names that an option or a word takes (see `completion.values`), by its attribute in the
            parser, behind the subcommand's name where there are several: `pull names`.
        after: the command behind which it is listed; default: at the end.
        topic: the heading of the list under which it stands; the table of commands sets it.
        rare: whether only the whole help lists it.
    """

    name: str
    summary: str
    home: str
    parser: str = ""
    this_machine_only: bool = False
    completes: Mapping[str, str] = MappingProxyType({})
    after: str = ""
    topic: str = ""
    rare: bool = False

    def run(self, prog: str, argv: Sequence[str]) -> int:
        """Runs the command; returns the exit status."""
        return int(_home(self.home).main(prog, argv))

    def make_parser(self, prog: str) -> Parser:
        """Its parser, for help, completion and manual pages."""
        parser: Parser = _home(self.parser or self.home).make_parser(prog)
        return parser


def _home(place: str) -> Any:
    module, _, name = place.partition(":")
    program = import_module(module)
    return getattr(program, name) if name else program
