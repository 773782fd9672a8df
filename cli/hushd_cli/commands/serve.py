"""`hushd serve`: becomes the supervisor in the foreground, which serves other protocols at the named addresses.

Where another supervisor serves already, that program becomes `hushd serve --beside KIND=ADDRESS…`: it hands the running
one the addresses, and stays while that serves them.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import SUPPRESS
from collections.abc import Sequence
from typing import NoReturn

from hushd.client import Client
from hushd_protocol.errors import UNANSWERED, HushdError
from hushd_protocol.hosts import invitation
from hushd_schema.settings import HTTP_TOKEN
from hushd_schema.status import Listeners

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

NEXT_SUPERVISOR_TIMEOUT_S = 10.0  # seconds for the next supervisor, such as `hushd restart`'s
RECONNECT_DELAY_S = 0.2


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if options.beside:
        return _serve_beside(options.beside)
    if options.auto:
        become_supervisor(["--auto", "run"])
    listen = [("--http", address) for address in options.http]
    listen += [("--wyoming", address) for address in options.wyoming]
    become_supervisor([*(word for pair in listen for word in pair), "serve"])


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Run the supervisor in the foreground, and serve OpenAI's audio API and Wyoming at the addresses given here "
        "or in the configuration. It prints the URL to open. If a supervisor runs already, it serves there "
        "until this command ends. An address may also be unix:///PATH, and each option may be repeated.",
    )
    add_addresses(parser)
    parser.add_argument("--auto", action="store_true", help=SUPPRESS)  # used by programs, see docs/PROTOCOL.md
    parser.add_argument("--beside", nargs="+", help=SUPPRESS)  # used by the supervisor's own program
    return parser


def add_addresses(parser: Parser, suffix: str = "") -> None:
    """Adds the addresses for programs of other protocols; `suffix` ends the help of each."""
    parser.add_argument("--http", action="append", default=[], metavar="HOST:PORT", help=f"OpenAI's audio API{suffix}")
    parser.add_argument(
        "--wyoming", action="append", default=[], metavar="tcp://HOST:PORT", help=f"Wyoming, for Home Assistant{suffix}"
    )


def become_supervisor(arguments: Sequence[str]) -> NoReturn:
    """Replaces this process by the supervisor, with the same process id, so that a service manager watches it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it takes Ctrl-C once it can leave without a traceback
    become("hushd_supervisor", *arguments)


def become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process by `python -m MODULE`.
    With -P, since a file in the current folder must not shadow one of Python's modules."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])


# --- beside a running supervisor --------------------------------------------------------------------------------------


def _serve_beside(addresses: Sequence[str]) -> int:
    """Serves until the supervisor has ended without a successor; Ctrl-C ends the addresses."""
    if os.environ.get(HTTP_TOKEN):
        raise HushdError(
            "bad_request",
            f"A supervisor runs already and takes no {HTTP_TOKEN} from here: run `hushd shutdown` first, or write the "
            "token into a file that [http] token_file names.",
        )
    try:
        with Client(holder="serve", start=False, endpoint="") as client:
            lines: Sequence[str] | None = _serve(client, addresses, printed=())
            while lines is not None:
                client.link.wait_lost()
                lines = _serve_again(client, addresses, lines)
        console.complain("The supervisor has left: these addresses are served no longer.")
    except (KeyboardInterrupt, SystemExit):
        pass  # Ctrl-C or a signal, which end a supervisor with 0 too
    return 0


def _serve(client: Client, addresses: Sequence[str], printed: Sequence[str]) -> Sequence[str]:
    """Makes the supervisor listen, and prints the addresses unless `printed` already; returns the printed lines."""
    listeners = Listeners.from_data(client.control("listen", *addresses)).listeners
    lines = [line for listener in listeners if (line := invitation(listener.kind, listener.address))]
    if lines != list(printed):
        console.write("".join(f"{line}\n" for line in lines))
    return lines


def _serve_again(client: Client, addresses: Sequence[str], printed: Sequence[str]) -> Sequence[str] | None:
    """Serves with the next supervisor, once it runs; returns None if none starts."""
    until = time.monotonic() + NEXT_SUPERVISOR_TIMEOUT_S
    while time.monotonic() < until:
        try:
            return _serve(client, addresses, printed)
        except HushdError as error:
            if error.code not in UNANSWERED:
                raise
        time.sleep(RECONNECT_DELAY_S)
    return None
