"""Every command with its options, read from the parsers: for completion and manual pages."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from hushd_models.installation import document

from . import main
from .arguments import Parser

ROOTS = ("hushd", "say", "listen")  # commands of their own
# The names that an option or a word takes, by its attribute in the parser and, where it matters, by the command.
_NAMES = {
    "engine": "engines",
    "model": "models",
    "voice": "voices",
    "language": "languages",
    "languages": "languages",
    "audio_device": "loudspeakers",
    "sink": "loudspeakers",
    "device": "microphones",
    "say device": "loudspeakers",
    "pull names": "known-models",
    "show name": "known-models",
    "path name": "models-here",
    "rm names": "models-here",
    "verify names": "models-here",
    "quantize names": "models-here",
    "preload what": "workers",
    "unload what": "workers",
    "logs what": "workers",
    "tune what": "workers",
}
FILES = "files"
_FILES = ("FILE", "PATH", "DIR", "PROGRAM")


@dataclass(frozen=True, slots=True)
class Argument:
    """An option, or a word where `flags` is empty.

    Attributes:
        metavar: the name of its value; empty where it takes none.
        choices: its possible values, if they are few.
        names: the kind of names that it takes, see `completion.values`; `files`, or empty for anything else.
        many: whether it may be repeated.
    """

    flags: tuple[str, ...]
    metavar: str
    help: str
    choices: tuple[str, ...] = ()
    names: str = ""
    many: bool = False

    @property
    def sentence(self) -> str:
        """Its help as a sentence, with the choices unless it lists them."""
        text = f"{self.help[:1].upper()}{self.help[1:]}".rstrip(".") + "." if self.help else ""
        listed = ", ".join(self.choices)
        return text if listed in self.help else f"{text} One of {listed}.".strip()


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its `words`, such as `hushd models pull`, its options and words, and its subcommands by name."""

    words: tuple[str, ...]
    description: str
    epilog: str
    arguments: tuple[Argument, ...]
    commands: dict[str, str]

    @property
    def path(self) -> str:
        """Its words with blanks between."""
        return " ".join(self.words)

    @property
    def options(self) -> list[Argument]:
        return [argument for argument in self.arguments if argument.flags]

    @property
    def operands(self) -> list[Argument]:
        """The words that are no options."""
        return [argument for argument in self.arguments if not argument.flags]


def commands() -> list[Command]:
    """All commands, each before its subcommands; `say` and `listen` also as commands of their own."""
    parsers = {"hushd": main.make_parser("hushd")[0]}
    parsers |= {name: _parser(main.OWN_OPTIONS[name], name) for name in ROOTS[1:]}
    return [command for name, parser in parsers.items() for command in _walk((name,), parser)]


def _parser(module: str, prog: str) -> Parser:
    """The parser of a module beside this one, or of `options` in the same folder."""
    options = f"hushd.cli.{module.rpartition('.')[0]}.options"
    name = options if "." in module and find_spec(options) else f"hushd.cli.{module}"
    parser: Parser = import_module(name).make_parser(prog)
    return parser


def _walk(words: tuple[str, ...], parser: argparse.ArgumentParser) -> Iterator[Command]:
    children = next((a for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)
    listed = {choice.dest: choice.help or "" for choice in children._choices_actions} if children else {}
    arguments = tuple(_argument(words, parser, action) for action in parser._actions if _is_shown(action))
    yield Command(words, _plain(parser.description), _plain(parser.epilog), arguments, listed)
    for name, child in (children.choices if children else {}).items():
        if words == ROOTS[:1] and name in main.OWN_OPTIONS:
            child = _parser(main.OWN_OPTIONS[name], f"{words[0]} {name}")
        yield from _walk((*words, name), child)


def _is_shown(action: argparse.Action) -> bool:
    hidden = isinstance(action, argparse._SubParsersAction | argparse._VersionAction)
    return not hidden and action.help is not argparse.SUPPRESS


def _argument(words: tuple[str, ...], parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    choices = tuple(map(str, action.choices or ()))
    flags = tuple(action.option_strings)
    alone = isinstance(parser, Parser) and any(flag in parser.stands_alone for flag in flags)
    metavar = "" if alone or (flags and action.nargs == 0) else str(action.metavar or action.dest.upper())
    many = action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction)
    text = _plain((action.help or "") % {"default": action.default, "prog": parser.prog})
    return Argument(flags, metavar, text, choices, _names(words, action, metavar) if metavar else "", many)


def _names(words: tuple[str, ...], action: argparse.Action, metavar: str) -> str:
    found = _NAMES.get(f"{words[-1]} {action.dest}") or _NAMES.get(action.dest, "")
    return "" if action.choices else found or (FILES if metavar in _FILES else "")


def _plain(text: str | None) -> str:
    """Help text in one line; hushd's documents by their names, wherever they lie on this machine."""
    return " ".join((text or "").replace(f"{document('')}/", "docs/").split())
