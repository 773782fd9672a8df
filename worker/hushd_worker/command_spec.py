"""What hushd is told of a program: a small TOML file, read and checked. Which keys it has is the engine's."""

from __future__ import annotations

import math
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hushd_protocol import duration
from hushd_protocol.suggest import nearest

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._+-]{0,63}", re.ASCII)  # a model's
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class CommandSpecError(Exception):
    """What is wrong with a file, to be read after its name."""


def files(folder: Path) -> list[Path]:
    """The files in `folder` whose names a model may have."""
    return sorted(path for path in folder.glob("*.toml") if _NAME.fullmatch(path.stem))


def read(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """What the file at `path` says, which has no other than these keys.

    Raises:
        RecipeError: it is not there, no TOML, or has another key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CommandSpecError("does not exist") from error
    except OSError as error:
        raise CommandSpecError(f"cannot be read ({error.strerror})") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise CommandSpecError(f"is no TOML ({str(error).splitlines()[0]})") from error
    refuse_others(content, keys)
    return content


def refuse_others(content: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raises RecipeError for a key that is none of `keys`."""
    for key in content:
        if key not in keys:
            raise CommandSpecError(f"has a key {key!r}, which is none: {_meant(key, keys)}")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program and its arguments, in which `{name}` stands for something.

    Attributes:
        program: a name to look for, or a path.
        words: the arguments; a tuple is a group that is left out where a placeholder in it stands for nothing.
    """

    program: str
    words: tuple[str | tuple[str, ...], ...]

    @property
    def placeholders(self) -> set[str]:
        return {name for word in self.words for name in _names((word,) if isinstance(word, str) else word)}

    def arguments(self, values: Mapping[str, str]) -> list[str]:
        """The arguments, with what each placeholder stands for; that is not looked into once more."""
        arguments: list[str] = []
        for word in self.words:
            group = (word,) if isinstance(word, str) else word
            if isinstance(word, str) or all(values[name] for name in _names(group)):
                arguments += [_PLACEHOLDER.sub(lambda match: values[match[1]], part) for part in group]
        return arguments

    def find(self, folder: Path) -> str | None:
        """The absolute path of the program, None where there is none; a relative one begins at `folder`."""
        return shutil.which(folder / self.program if "/" in self.program else self.program)


def command_line(content: Mapping[str, Any], placeholders: Sequence[str]) -> CommandLine:
    """The key `run`. Raises RecipeError, also for another placeholder than these."""
    run = content.get("run")
    if not (isinstance(run, list) and run and isinstance(run[0], str) and run[0]):
        raise CommandSpecError('needs run = ["program", "argument", …]')
    return CommandLine(
        program=os.path.expanduser(run[0]),
        words=tuple(
            _group(word, placeholders) if isinstance(word, list) else words("run", [word], placeholders)[0]
            for word in run[1:]
        ),
    )


def words(key: str, value: object, placeholders: Sequence[str] = ()) -> tuple[str, ...]:
    """A list of texts. Raises RecipeError."""
    if not (isinstance(value, list) and all(isinstance(word, str) for word in value)):
        raise CommandSpecError(f"says {key} = {value!r}, which is a list of texts")
    for name in _names(tuple(value)):
        if name not in placeholders:
            raise CommandSpecError(f"has {{{name}}} in {key}, which stands for nothing: {_meant(name, placeholders)}")
    return tuple(map(os.path.expanduser, value))  # there is no shell to do it


def text(content: Mapping[str, Any], key: str, default: str = "") -> str:
    """Raises RecipeError for what is no text."""
    value = content.get(key, default)
    if not isinstance(value, str):
        raise CommandSpecError(f"says {key} = {value!r}, which is a text")
    return value


def one_of(content: Mapping[str, Any], key: str, *known: str) -> str:
    """One of some words, the first where there is none. Raises RecipeError."""
    value = content.get(key, known[0])
    if value not in known:
        raise CommandSpecError(f"says {key} = {value!r}, which is {' or '.join(map(repr, known))}")
    return str(value)


def number(content: Mapping[str, Any], key: str, default: float, least: float = 0.0) -> float:
    """Raises RecipeError for what is no number, or less than `least`."""
    value = content.get(key, default)
    if not is_number(value) or value < least:
        raise CommandSpecError(f"says {key} = {value!r}, which is a number" + (f" from {least:g} on" if least else ""))
    return float(value)


def seconds(content: Mapping[str, Any], key: str, default: float) -> float:
    """A length of time. Raises RecipeError."""
    value = duration.parse(content.get(key, default))
    if value is None or value <= 0:
        raise CommandSpecError(f"says {key} = {content[key]!r}, which is a length of time such as {default:g} or '2m'")
    return value


def is_number(value: object) -> bool:
    """Whether `value` is a number that counts something: no bool, not endless."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _group(value: list[object], placeholders: Sequence[str]) -> tuple[str, ...]:
    group = words("run", value, placeholders)
    if not any(_names(group)):
        raise CommandSpecError(f"has the group {value!r} without a placeholder, which could never be left out")
    return group


def _names(words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        yield from _PLACEHOLDER.findall(word)


def _meant(name: str, known: Sequence[str]) -> str:
    close = nearest(name, known)
    return f"did you mean {close!r}?" if close else f"there is {', '.join(known)}"
