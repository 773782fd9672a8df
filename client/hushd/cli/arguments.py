"""What the commands' arguments have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence, and whose options may stand anywhere before `--`."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self.add_argument("--version", action="version", version=f"hushd {__version__}")

    def error(self, message: str) -> NoReturn:
        raise HushdError("bad_request", f"{message[:1].upper()}{message[1:]} (see `{self.prog} --help`).")

    def parse(self, argv: Sequence[str], words: str) -> argparse.Namespace:
        """Parses `argv`; the attribute `words` gets all that is no option, and everything behind `--`."""
        refuse_undecodable(argv)
        end = argv.index("--") if "--" in argv else len(argv)
        options = self.parse_intermixed_args(argv[:end])
        getattr(options, words).extend(argv[end + 1 :])
        return options

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


def refuse_undecodable(argv: Sequence[str]) -> None:
    """Raises `bad_request` for arguments that are no text, which Python hands us with half surrogates in them."""
    for argument in argv:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            shown = argument.encode(errors="replace").decode()
            raise HushdError("bad_request", f"The argument {shown!r} is not valid UTF-8.")


def positive(text: str) -> float:
    """An option's value above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value
