"""What the commands' arguments have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError

_TRUTH = {"true": True, "false": False}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence, and whose options may stand anywhere before `--`."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self.add_argument("--version", action="version", version=f"hushd {__version__}")
        self._switches: set[str] = set()
        self._alone: dict[str, str] = {}  # what an option means without a value

    def error(self, message: str) -> NoReturn:
        raise HushdError("bad_request", f"{message[:1].upper()}{message[1:]} (see `{self.prog} --help`).")

    def parse(self, argv: Sequence[str], words: str, *, files: bool = False) -> argparse.Namespace:
        """Parses `argv`; the attribute `words` gets all that is no option, and everything behind `--`.

        Options may be written with underscores for dashes.

        Args:
            files: whether the words are names of files, which need not be text.
        """
        if not files:
            refuse_undecodable(argv)
        end = argv.index("--") if "--" in argv else len(argv)
        options = self.parse_intermixed_args(self._spelt_out(argv[:end]))
        getattr(options, words).extend(argv[end + 1 :])
        if files:
            refuse_undecodable(set(argv) - set(getattr(options, words)))
        return options

    def add_switch(self, group: argparse._ArgumentGroup, name: str, **options: Any) -> None:
        """An option that may stand alone or be followed by True or False."""
        self._switches.add(name)
        self._alone[name] = "True"
        group.add_argument(name, type=_truth, metavar="", **options)

    def add_optional(self, group: argparse._ActionsContainer, *names: str, alone: str, **options: Any) -> None:
        """An option that may have a value, but only as --NAME=VALUE; without one it is `alone`."""
        self._alone |= dict.fromkeys(names, alone)
        group.add_argument(*names, metavar="", **options)

    def add_worker_options(self) -> None:
        """--engine, --model and --keep-alive."""
        group = self.add_argument_group("worker")
        group.add_argument("--engine", help="the engine that does it; default: the configured one")
        group.add_argument("--model", help="one of the engine's models")
        group.add_argument(
            "--keep-alive",
            metavar="TIME",
            help="how long the worker stays afterwards: seconds, 5m, 1h30m, 0 (not at all), -1 (for ever)",
        )

    def _spelt_out(self, argv: Sequence[str]) -> list[str]:
        """`argv` with dashes in its options, and a value behind every switch: none takes the next FILE for its own."""
        words: list[str] = []
        for word in argv:
            if words and words[-1] in self._switches and word.lower() in _TRUTH:
                words[-1] += f"={word}"
            elif word.startswith("--"):
                name, *value = word.split("=", 1)
                words.append("=".join([name.replace("_", "-"), *value]))
            else:
                words.append(word)
        return [f"{word}={self._alone[word]}" if word in self._alone else word for word in words]


def refuse_undecodable(argv: Iterable[str]) -> None:
    """Raises `bad_request` for arguments that are no text, which Python hands us with half surrogates in them."""
    for argument in argv:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            shown = argument.encode(errors="replace").decode()
            raise HushdError("bad_request", f"The argument {shown!r} is not valid UTF-8.")


def optional_count(text: str) -> int | None:
    """An option's value from 1 on, or None, which may also be written 0."""
    value = 0 if text == "None" else int(text)
    if value < 0:
        raise ValueError
    return value or None


def positive(text: str) -> float:
    """An option's value above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError
    return _TRUTH[text.lower()]
