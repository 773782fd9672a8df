"""`hushd run`: becomes the supervisor, in the foreground."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from hushd_cli.arguments import Parser


def main(prog: str, argv: Sequence[str]) -> int:
    if {"-h", "--help"} & {*argv}:
        make_parser(prog).parse_args(argv)
    become_supervisor(argv)


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    return Parser(prog, "Be the supervisor, in the foreground. Service managers use it; programs start one themselves.")


def become_supervisor(arguments: Sequence[str]) -> NoReturn:
    """Replaces this process by the supervisor, with the same process id, so that a service manager watches it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it takes Ctrl-C once it can leave without a traceback
    become("hushd_supervisor", *arguments)


def become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process by a module's.

    -P: a file in the current folder must not be taken for one of Python's modules.
    """
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
