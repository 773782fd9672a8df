"""Commands to the running supervisor that are little more than one call of a client's method, such as `hushd pause`."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hushd.client import Client
from hushd.reports.status_table import table
from hushd.transport import autostart
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


class Call(NamedTuple):
    """A command with one call, for `hushd_cli.command.Command`.

    Attributes:
        description: its purpose, in a sentence.
        start: whether it starts a supervisor if none runs.
    """

    description: str
    call: Callable[[Client, Namespace], object]
    add: Callable[[Parser], object] = lambda parser: None
    start: bool = False

    def main(self, prog: str, argv: Sequence[str]) -> int:
        """Runs the command; returns the exit status."""
        options = self.make_parser(prog).parse_args(argv)
        with Client(holder="cli", start=self.start) as client:
            self.call(client, options)
        return 0

    def make_parser(self, prog: str) -> Parser:
        parser = Parser(prog, self.description)
        self.add(parser)
        return parser


def _add_workers(parser: Parser) -> None:
    parser.add_argument("what", nargs="+", metavar="WHAT", help="such as stt, tts/hibari or stt/moonshine/tiny-en")
    parser.add_argument("--keep-alive", metavar="TIME", help="how long they stay: 300, 5m, 1h30m, -1 (for ever)")


def _add_who(parser: Parser) -> None:
    parser.add_argument(
        "who", nargs="*", metavar="WHO", help="turns or clients, as in `hushd status`; default: all of them"
    )


def _add_who_and_current(parser: Parser) -> None:
    parser.add_argument("--current", action="store_true", help="stop the playing speech; queued speech continues")
    _add_who(parser)


def _shut_down(client: Client, options: Namespace) -> None:
    if not client.shutdown():
        raise HushdError("shutting_down", "The supervisor will end once the running jobs have finished.")


def _start(client: Client, options: Namespace) -> None:
    for warning in client.preload(*options.what, keep_alive=options.keep_alive):
        console.complain(warning.message)


LOAD = Call("Start workers before they are needed.", _start, _add_workers, start=True)
PAUSE = Call(
    "Interrupt speech, and close microphones that listen in the background, until `hushd resume`. No word is lost.",
    lambda client, options: client.pause(*options.who),
    _add_who,
    start=True,  # it keeps the pause, also for when it has left
)
RESUME = Call(
    "Continue where `hushd pause` interrupted.",
    lambda client, options: client.resume(*options.who),
    _add_who,
    start=True,
)
STOP = Call(
    "Stop all speech, playing or queued.",
    lambda client, options: client.stop_speaking(*options.who, current=options.current),
    _add_who_and_current,
)
SHUTDOWN = Call("Finish the running jobs, then end the supervisor.", _shut_down)


# --- status and restart -----------------------------------------------------------------------------------------------


def _add_status(parser: Parser) -> None:
    parser.add_argument(
        "--wide", action="store_true", help="more columns: parts of the memory, process, requests, starts, crashes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _show(client: Client, options: Namespace) -> None:
    try:
        status = client.status()
    except HushdError as error:
        if error.code == "no_supervisor" and not os.environ.get("HUSHD_ENDPOINT") and paths.find().paused.exists():
            raise HushdError(error.code, f"{error.message} Speaking is paused: `hushd resume` goes on.") from error
        raise
    if options.json:
        console.write_json(status.data())
    else:
        console.write(table(status, console.width(), client.link.place, wide=options.wide))


def _add_restart(parser: Parser) -> None:
    parser.add_argument(
        "--config-only", action="store_true", help="keep the supervisor, and make it read its configuration again"
    )


def _restart(client: Client, options: Namespace) -> None:
    """Checks the configuration, lets the supervisor finish its jobs and leave, and starts the next one.

    With HUSHD_AUTOSTART=0 the next one is left to the service manager or the user. Where the configuration is wrong,
    the old one stays.
    """
    if options.config_only:
        client.reload()
        return
    from .config import checked  # noqa: PLC0415 - a room that `hushd status` does without: 30 ms

    checked(paths.find().config)
    starts = os.environ.get("HUSHD_AUTOSTART") != "0"
    try:
        client.restart()
    except HushdError as error:
        if error.code != "no_supervisor":
            raise
    if starts:
        autostart.ensure(paths.find())
        with Client(holder="cli") as next_one:
            next_one.status()  # answers once it serves


STATUS = Call("Show what runs, and its memory.", _show, _add_status)
RESTART = Call(
    "Finish the running jobs, and start a new supervisor. Requests wait for it meanwhile.", _restart, _add_restart
)
