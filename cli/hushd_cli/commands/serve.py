"""`hushd serve`: becomes the supervisor in the foreground, or a program beside it that serves other protocols."""

from __future__ import annotations

import os
import signal
import sys
from argparse import SUPPRESS, Namespace
from collections.abc import Sequence
from typing import NoReturn

from hushd_protocol.errors import HushdError
from hushd_schema.settings.access import check_packages

from hushd_cli.arguments import Parser

STDIO = "stdio://"  # an address of Wyoming


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if STDIO in options.wyoming:
        _become_wyoming(options)
    if options.auto:
        become_supervisor(["--auto", "run"])
    listen = [("--http", address) for address in options.http]
    listen += [("--wyoming", address) for address in options.wyoming]
    arguments = [*(word for pair in listen for word in pair), "serve"]
    beside: list[str] = []
    if options.zeroconf:
        beside = ["hushd_gateway.announcement", *options.wyoming, "--"]
    become_supervisor(arguments, beside)


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Run the supervisor in the foreground, and serve OpenAI's audio API and Wyoming at the addresses given here "
        "or in the configuration. It prints the URL to open. If a supervisor runs already, it serves there "
        "until this command ends. An address may also be unix:///PATH, and each option may be repeated. "
        f"`--wyoming {STDIO}`, alone, speaks Wyoming on standard input and output.",
    )
    parser.add_argument(
        "--zeroconf", action="store_true", help="announce Wyoming's addresses on the local network, by mDNS"
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


def _become_wyoming(options: Namespace) -> NoReturn:
    """Replaces this process by one that speaks Wyoming on standard input and output."""
    if options.http or options.zeroconf or options.wyoming != [STDIO]:
        raise HushdError("bad_request", f"{STDIO} stands alone: leave out other options and addresses.")
    check_packages("wyoming", STDIO)
    become("hushd_gateway.stdio")


def become_supervisor(arguments: Sequence[str], beside: Sequence[str] = ()) -> NoReturn:
    """Replaces this process by the supervisor, with the same process id, so that a service manager watches it.

    Args:
        beside: a module and its arguments, which starts a process beside the supervisor before it becomes that.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it takes Ctrl-C once it can leave without a traceback
    become(*(beside or ["hushd_supervisor"]), *arguments)


def become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process by `python -m MODULE`.

    With -P, since a file in the current folder must not shadow one of Python's modules.
    """
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
