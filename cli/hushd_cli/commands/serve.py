"""`hushd serve`: becomes the supervisor in the foreground, which serves other protocols at the named addresses."""

from __future__ import annotations

import os
import signal
import sys
from argparse import SUPPRESS
from collections.abc import Sequence
from typing import NoReturn

from hushd_cli.arguments import Parser


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if options.auto:
        become_supervisor(["--auto", "run"])
    listen = [("--http", address) for address in options.http]
    listen += [("--wyoming", address) for address in options.wyoming]
    become_supervisor([*(word for pair in listen for word in pair), "serve"])


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Run the supervisor in the foreground, and serve OpenAI's audio API and Wyoming at the addresses given here "
        "or in the configuration. It prints the URL to open. If a supervisor runs already, it serves there "
        "until this command ends. An address may also be unix:///PATH, and each option may be repeated.",
    )
    add_addresses(parser)
    parser.add_argument("--auto", action="store_true", help=SUPPRESS)  # used by programs, see docs/PROTOCOL.md
    return parser


def add_addresses(parser: Parser, suffix: str = "") -> None:
    """Adds the addresses for programs of other protocols; `suffix` ends the help of each."""
    parser.add_argument("--http", action="append", default=[], metavar="HOST:PORT", help=f"OpenAI's audio API{suffix}")
    parser.add_argument(
        "--wyoming",
        action="append",
        default=[],
        metavar="tcp://HOST:PORT",
        help=f"Wyoming, for Home Assistant{suffix}",
    )


def become_supervisor(arguments: Sequence[str]) -> NoReturn:
    """Replaces this process by the supervisor, with the same process id, so that a service manager watches it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it takes Ctrl-C once it can leave without a traceback
    become("hushd_supervisor", *arguments)


def become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process by `python -m MODULE`.

    With -P, since a file in the current folder must not shadow one of Python's modules.
    """
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
