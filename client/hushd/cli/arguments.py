"""Parsing that all commands share: options anywhere among the words, errors of one sentence, checked numbers."""

from __future__ import annotations

import argparse
import math
import re
from argparse import ArgumentError, ArgumentTypeError
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.names import COMPUTE_DEVICES, is_compute_device

T = TypeVar("T")
N = TypeVar("N", int, float)

_TRUTH = {"true": True, "false": False}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence, and whose options may stand anywhere before `--`."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self.add_argument("--version", action="version", version=f"hushd {__version__}")
        self._switches: set[str] = set()
        self.stands_alone: dict[str, str] = {}  # the value of an option that is given without one

    def error(self, message: str) -> NoReturn:
        message = re.sub("^argument (.+?): (?=must )", r"\1 ", message)
        raise HushdError("bad_request", f"{message[:1].upper()}{message[1:]} (see `{self.prog} --help`).")

    def parse(self, argv: Sequence[str], words: str, *, files: bool = False) -> argparse.Namespace:
        """Parses `argv`; the attribute `words` gets every argument that is no option, and everything after `--`.

        Options may be written with underscores for dashes.

        Args:
            files: whether the words are names of files, which need not be valid text.
        """
        if not files:
            refuse_undecodable(argv)
        end = argv.index("--") if "--" in argv else len(argv)
        options = self.parse_intermixed_args(self._spelt_out(argv[:end]))
        getattr(options, words).extend(argv[end + 1 :])
        if files:
            refuse_undecodable(set(argv) - set(getattr(options, words)))
        return options

    def add_commands(self) -> Commands:
        """Adds room for subcommands; the attribute `command` gets the name of the one that was given."""
        return Commands(self.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Command))

    def add_switch(self, group: argparse._ActionsContainer, name: str, **options: Any) -> None:
        """Adds an option that may stand alone or be followed by True or False."""
        self._switches.add(name)
        self.stands_alone[name] = "True"
        group.add_argument(name, type=_truth, metavar="", **options)

    def add_optional(self, group: argparse._ActionsContainer, *names: str, alone: str, **options: Any) -> None:
        """Adds an option whose value may be left out, and is given as --NAME=VALUE only; without one it is `alone`."""
        self.stands_alone |= dict.fromkeys(names, alone)
        group.add_argument(*names, metavar="", **options)

    def add_worker_options(self) -> None:
        """Adds --engine, --model, --keep-alive and --compute-device."""
        group = self.add_argument_group("worker")
        group.add_argument("--engine", help="the engine to use; default: the configured one")
        group.add_argument("--model", help="one of the engine's models")
        group.add_argument(
            "--keep-alive",
            metavar="TIME",
            help="how long the worker stays afterwards: seconds, 5m, 1h30m, 0 (not at all), -1 (for ever)",
        )
        add_compute_device(group)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        from hushd_protocol.suggest import did_you_mean  # for mistakes only

        known = [str(choice) for choice in action.choices]
        meant = did_you_mean(value, known)
        if action.dest == "command":
            raise HushdError("bad_request", f"There is no command {value!r}{meant}: `{self.prog} --help` lists them.")
        raise ArgumentError(action, f"must be one of {', '.join(known)}, not {value!r}{meant}")

    def _spelt_out(self, argv: Sequence[str]) -> list[str]:
        """`argv` with dashes in its options, and a value for every switch, so that none takes the next FILE for it."""
        words: list[str] = []
        for word in argv:
            if words and words[-1] in self._switches and word.lower() in _TRUTH:
                words[-1] += f"={word}"
            elif word.startswith("--"):
                name, *value = word.split("=", 1)
                words.append("=".join([name.replace("_", "-"), *value]))
            else:
                words.append(word)
        return [f"{word}={self.stands_alone[word]}" if word in self.stands_alone else word for word in words]


class _Command(Parser):
    """The parser of a subcommand, as argparse makes it."""

    def __init__(self, prog: str, description: str, **_: object) -> None:
        super().__init__(prog, description)


def add_compute_device(group: argparse._ActionsContainer) -> None:
    """Adds --compute-device."""
    group.add_argument(
        "--compute-device",
        type=_device,
        metavar="DEVICE",
        help="cpu, cuda, cuda:1 or mps; a worker on another device is moved there first; default: the configured one",
    )


def _device(text: str) -> str:
    if not is_compute_device(text):
        raise ArgumentTypeError(f"must be {COMPUTE_DEVICES}, not {text!r}")
    return text


class Commands:
    """The subcommands of a parser; the help of each begins with what it does."""

    def __init__(self, parsers: argparse._SubParsersAction[_Command]) -> None:
        self._parsers = parsers

    def add(self, name: str, does: str, more: str = "") -> Parser:
        """Adds the command `name`; `does` is a phrase for the list of commands, `more` follows it in its own help."""
        description = f"{does[:1].upper()}{does[1:]}.{more and f' {more}'}"
        return self._parsers.add_parser(name, help=does, description=description)

    def __contains__(self, name: object) -> bool:
        return name in self._parsers.choices


def refuse_undecodable(argv: Iterable[str]) -> None:
    """Raises `bad_request` for arguments that are not valid text, which Python decodes with half surrogates."""
    for argument in argv:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            shown = argument.encode(errors="replace").decode()
            raise HushdError("bad_request", f"The argument {shown!r} is not valid UTF-8.")


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """A reader of an option's value, a number from `low` to `high`."""
    return _reader(float, "a number", low, high)


def whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    """A reader of an option's value, a whole number from `low` to `high`."""
    return _reader(int, "a whole number", low, high)


def or_none(read: Callable[[str], T]) -> Callable[[str], T | None]:
    """A reader that takes `None` besides what `read` takes, as openai-whisper's command does."""
    return lambda text: None if text == "None" else read(text)


def positive(text: str) -> float:
    """Reads an option's value, a number above 0."""
    value = _read(float, text)
    if value is None or not 0 < value < math.inf:
        raise ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def _reader(kind: type[N], what: str, low: float, high: float) -> Callable[[str], N]:
    limits = f"from {low:g} to {high:g}" if high < math.inf else f"from {low:g} on"

    def read(text: str) -> N:
        value = _read(kind, text)
        if value is None or not low <= value <= high or value == math.inf:
            raise ArgumentTypeError(f"must be {what} {limits}, not {text!r}")
        return value

    return read


def _read(kind: type[N], text: str) -> N | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ArgumentTypeError(f"must be True or False, not {text!r}")
    return _TRUTH[text.lower()]
