"""The reference, made of the code: commands, settings, errors, messages."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from hushd_cli.reference import Argument, CommandReference, commands
from hushd_protocol import errors, messages
from hushd_schema.settings import HttpSettings, Settings, WorkerSettings, WyomingSettings
from hushd_schema.settings.declaration import settings_of
from hushd_schema.settings.neighbours import NeighbourSettings
from hushd_schema.settings.own_models import ModelSettings
from hushd_schema.settings.reference import default
from manual import grouped

from . import python_reference
from .markdown import prose

TABLES = {
    "": Settings,
    "http": HttpSettings,
    "wyoming": WyomingSettings,
    "worker": WorkerSettings,
    'models."ENGINE/NAME"': ModelSettings,
    "neighbours.NAME": NeighbourSettings,
}
_ROW = re.compile(r"^(\w+) +\w+ +(?:yes|no) +\d+ +\d+ +\w+ +(.+)$", re.MULTILINE)
_DIRECTIONS = {
    "client to supervisor": messages.FROM_CLIENT,
    "supervisor to client": messages.TO_CLIENT,
    "worker to supervisor": messages.FROM_WORKER,
    "supervisor to worker": messages.TO_WORKER,
}
_ERRORS = """# Errors and exit codes

An error is one sentence on standard error that says what happened and what to do. Programs get its code, too; the exit
status of a command follows from the code, and is the highest one where there were several files. `0` is success; Ctrl-C
is `130`.
"""
_CODES = """
## Codes

*Who* can do something about it; *again*: whether the same request may succeed later, unchanged; *HTTP*: the status that
[OpenAI's audio API](../docs/SERVING.md#openais-audio-api) answers. [The protocol](../docs/PROTOCOL.md#9-errors) says
more about some of them.
"""
_SETTINGS = """# All settings

Every key of the configuration file. [Configuration](../docs/CONFIGURATION.md) says where the file is, how to change it,
and what settings do together. Lengths of time are seconds, or text such as `"5m"`; sizes are MB of 10^6 bytes.
"""
_MESSAGES = """# Messages of the protocol

Each message of `hushd/1`, as the code defines it. [The protocol](../docs/PROTOCOL.md) says what the fields mean, in
which order messages come, and what each side promises.
"""


@cache
def pages() -> dict[str, str]:
    """The generated pages in Markdown, by their names on the site."""
    own = grouped(commands())
    named = {
        "-".join(command.words): _command(command, inside, [one.words for one, _ in own]) for command, inside in own
    }
    tables = {"settings": _settings(), "errors": _errors(), "messages": _messages()}
    named = {**tables, "python": python_reference.page(), **named}
    return {f"reference/{name}": text for name, text in named.items()}


def _command(command: CommandReference, inside: Sequence[CommandReference], own: Sequence[tuple[str, ...]]) -> str:
    """The page of a command and those inside it; `own` have pages of their own."""
    lines = [f"# {command.path}", *_described(command)]
    if command.commands:
        lines += ["## Commands", ""]
    for name, does in command.commands.items():
        words = (name,) if (name,) in own else (*command.words, name)
        target = f"{'-'.join(words)}.md" if words in own else f"#{'-'.join(words)}"
        lines += [f"[`{' '.join(words)}`]({target})", f": {prose(does)}", ""]
    for one in inside:
        lines += [f"({'-'.join(one.words)})=", f"## {one.path}", *_described(one)]
    return "\n".join(lines)


def _described(command: CommandReference) -> Iterator[str]:
    """The lines of a command below its heading."""
    yield from ("", "```text", _synopsis(command), "```", "", prose(command.description), "")
    if command.epilog:
        yield from (prose(command.epilog), "")
    for argument in command.arguments:
        if "--help" not in argument.flags:
            yield from (_usage(argument), f": {prose(argument.sentence) or '.'}", "")


def _synopsis(command: CommandReference) -> str:
    words = [command.path, "[OPTION…]" if command.options else "", "COMMAND" if command.commands else ""]
    words += [f"[{one.metavar}{'…' if one.many else ''}]" for one in command.operands]
    return " ".join(filter(None, words))


def _usage(argument: Argument) -> str:
    value = f" {argument.metavar}" if argument.metavar else ""
    return ", ".join(f"`{flag}{value}`" for flag in argument.flags) or f"`{argument.metavar}`"


def _errors() -> str:
    meanings = dict(_ROW.findall(errors.__doc__ or ""))
    exits = defaultdict(list)
    for code in errors.CODES.values():
        exits[code.exit].append(f"`{code.name}`")
    lines = [_ERRORS, "| exit | codes |", "|---|---|"]
    lines += [f"| {number} | {', '.join(names)} |" for number, names in sorted(exits.items())]
    lines += [_CODES, "| code | when | who | again | HTTP | exit |", "|---|---|---|---|---|---|"]
    for code in errors.CODES.values():
        again = "yes" if code.retryable else "no"
        when = prose(meanings[code.name])
        lines.append(f"| `{code.name}` | {when} | {code.culprit} | {again} | {code.http} | {code.exit} |")
    return "\n".join([*lines, ""])


def _settings() -> str:
    lines = [_SETTINGS]
    for table, kind in TABLES.items():
        lines += [f"## [{table}]" if table else "## At the top of the file", "", _summary(kind), ""]
        lines += ["| key | must be | default | meaning | a reload takes it |", "|---|---|---|---|---|"]
        for name, setting in settings_of(kind).items():
            usual = default(setting, getattr(kind(), name))
            meaning = prose(f"{setting.help}{f' ({setting.document})' if setting.document else ''}")
            lines.append(f"| `{name}` | {prose(setting.kind.must_be)} | `{usual}` | {meaning} | {setting.reload} |")
        lines.append("")
    return "\n".join(lines)


def _summary(kind: type) -> str:
    return prose(" ".join((kind.__doc__ or "").split()))


def _messages() -> str:
    lines = [_MESSAGES]
    for kind in dict.fromkeys(kind for table in _DIRECTIONS.values() for kind in table):
        ways = "; ".join(way for way, table in _DIRECTIONS.items() if kind in table)
        lines += [f"## {kind.TYPE}", "", f"*{ways.capitalize()}*", "", _summary(kind), "", *_fields(kind)]
    return "\n".join(lines)


def _fields(kind: type[messages.Message]) -> Iterator[str]:
    fields = [field for field in dataclasses.fields(kind) if field.name != "payload"]
    if fields:
        hints = typing.get_type_hints(kind)
        yield from ("| field | type | default |", "|---|---|---|")
        yield from (f"| `{one.name}` | {type_name(hints[one.name])} | {default_name(one)} |" for one in fields)
        yield ""


def type_name(hint: Any) -> str:
    """A type of the protocol, in the words of docs/PROTOCOL.md."""
    if isinstance(hint, types.UnionType):
        return " or ".join(type_name(arm) for arm in typing.get_args(hint))
    if typing.get_origin(hint) is list:
        return "list of " + type_name(*typing.get_args(hint))
    return "map" if typing.get_origin(hint) is dict else "nil" if hint is types.NoneType else str(hint.__name__)


def default_name(field: dataclasses.Field[Any]) -> str:
    """A field's default, in the words of docs/PROTOCOL.md."""
    if field.default_factory is not dataclasses.MISSING:
        return "empty"
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default is None:
        return "nil"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if isinstance(field.default, str):
        return f"`{field.default}`" if field.default else "empty"
    return str(field.default)
