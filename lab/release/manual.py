"""Manual pages in man(7) from the parsers; `release/manual.py FOLDER` writes them, as each build of a wheel does."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from command_reference import Argument, CommandReference, commands
from hushd_cli.arguments import ENVIRONMENT, EXIT_CODES
from hushd_cli.reference import ROOTS
from hushd_protocol import __version__

_SEE = "Documents that help and errors name lie beside the program, in Markdown; its sources have all of them."
_FILES = (
    ("~/.config/hushd/config.toml", "the configuration, see docs/CONFIGURATION.md"),
    ("~/.local/state/hushd", "logs, the record of memory, and what hushd has measured"),
    ("~/.local/share/hushd/models", "models"),
    ("$XDG_RUNTIME_DIR/hushd", "the sockets of the supervisor"),
)


def pages(commands: Sequence[CommandReference]) -> dict[str, str]:
    """The pages by their file names: one for each command with options of its own, hushd(1) for all others."""
    own = grouped(commands)
    names = [_name(command) for command, _ in own]
    phrases = {f"{command.path} {name}": does for command in commands for name, does in command.commands.items()}
    return {
        f"{_name(command)}.1": _page(command, phrases.get(command.path, ""), inside, names) for command, inside in own
    }


def grouped(commands: Sequence[CommandReference]) -> list[tuple[CommandReference, list[CommandReference]]]:
    """The commands that have a page of their own, each with those that are explained on it."""
    own = [command for command in commands if len(command.words) == 1]
    own += [command for command in commands if len(command.words) == 2 and _has_page(command)]
    return [(command, _inside(command, commands)) for command in own]


def _has_page(command: CommandReference) -> bool:
    """Returns whether a command has a page of its own: large commands under hushd; `hushd say` is in say(1)."""
    return command.words[-1] not in ROOTS and (len(command.options) > 3 or bool(command.commands))


def _inside(command: CommandReference, commands: Sequence[CommandReference]) -> list[CommandReference]:
    """The commands under one that have no page of their own."""
    depth = len(command.words)
    below = [other for other in commands if other.words[:depth] == command.words and other is not command]
    if depth > 1:
        return below
    return [other for other in below if len(other.words) == 2 and not (_has_page(other) or other.words[-1] in ROOTS)]


def _name(command: CommandReference) -> str:
    return "-".join(command.words)


def _page(command: CommandReference, does: str, inside: Sequence[CommandReference], names: Iterable[str]) -> str:
    """A page; `does` is the phrase for the list of commands, if it is in one."""
    name = _name(command)
    lines = [f'.TH {name.upper()} 1 "" "hushd {__version__}" "User Commands"']
    does = does or command.description.partition(". ")[0].rstrip(".")
    lines += [".SH NAME", f"{_text(name)} \\- {_text(does[:1].lower() + does[1:])}"]
    lines += [".SH SYNOPSIS", *_synopsis(command)]
    lines += [".SH DESCRIPTION", _text(command.description)]
    lines += [".PP", _text(command.epilog)] if command.epilog else []
    lines += [".SH OPTIONS", *(line for argument in command.arguments for line in _argument(argument))]
    if command.commands:
        lines += [".SH COMMANDS", *_listed(command, {below.words[-1] for below in inside})]
    for below in inside:
        lines += _section(below)
    if command.examples:
        lines += [".SH EXAMPLES", *(line for example in command.examples for line in _example(*example))]
    if command.path in ROOTS:
        lines += [".SH EXIT STATUS", *(line for code, meaning in EXIT_CODES for line in _row(str(code), meaning))]
        lines += [".SH ENVIRONMENT", *(line for row in ENVIRONMENT for line in _row(*row))]
    if command.words == ROOTS[:1]:
        lines.append(".SH FILES")
        for path, what in _FILES:
            lines += [".TP", f".I {_text(path)}", _text(what)]
    related = names if command.words == ROOTS[:1] else ROOTS  # the first page names all others
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{_text(other)}\\fR(1)" for other in related if other != name), ".PP"]
    return "\n".join([*lines, _SEE, ""])


def _synopsis(command: CommandReference) -> list[str]:
    words = [f"\\fB{_text(command.path)}\\fR", "[\\fIOPTION\\fR...]" if command.options else ""]
    words += ["\\fICOMMAND\\fR"] if command.commands else []
    words += [f"[\\fI{_text(operand.metavar)}\\fR{'...' if operand.many else ''}]" for operand in command.operands]
    return [" ".join(filter(None, words))]


def _listed(command: CommandReference, inside: set[str]) -> list[str]:
    lines = []
    for name, does in command.commands.items():
        if name not in inside:
            lines += [".TP", f".B {_text(name)}", _text(f"{does}.")]
    return lines


def _section(command: CommandReference) -> list[str]:
    lines = [f'.SS "{_text(command.path)}"', *_synopsis(command), ".PP", _text(command.description)]
    shown = [argument for argument in command.arguments if "--help" not in argument.flags]
    return [*lines, *(line for argument in shown for line in _argument(argument))]


def _example(line: str, does: str) -> list[str]:
    return [".TP", f"\\fB{_text(line)}\\fR", _text(f"{does[:1].upper()}{does[1:]}.")]


def _row(term: str, meaning: str) -> list[str]:
    return [".TP", f".B {_text(term)}", _text(f"{meaning[:1].upper()}{meaning[1:]}.")]


def _argument(argument: Argument) -> list[str]:
    value = f" \\fI{_text(argument.metavar)}\\fR" if argument.metavar else ""
    flags = ", ".join(f"\\fB{_text(flag)}\\fR{value if flag == argument.flags[-1] else ''}" for flag in argument.flags)
    return [".TP", flags or f"\\fI{_text(argument.metavar)}\\fR", _text(argument.sentence)]


def _text(text: str) -> str:
    """Escapes text: no request at the start of a line, literal dashes and backslashes."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return f"\\&{safe}" if safe.startswith(".") else safe


if __name__ == "__main__":
    for name, text in pages(commands()).items():
        Path(sys.argv[1], name).write_text(text)
