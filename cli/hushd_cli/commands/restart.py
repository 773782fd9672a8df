"""`hushd restart`: replaces the running supervisor, or makes it read its configuration again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing

from hushd.client import Client
from hushd.transport import autostart
from hushd.transport.link import refuse_borrowed
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.commands.config import checked


def main(prog: str, argv: Sequence[str]) -> int:
    if make_parser(prog).parse_args(argv).config_only:
        with Client(holder="cli", start=False) as client:
            client.reload()
    else:
        restart()
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "Finish the running jobs, and start a new supervisor. Requests wait for it meanwhile.")
    parser.add_argument(
        "--config-only", action="store_true", help="keep the supervisor, and make it read its configuration again"
    )
    return parser


def restart() -> None:
    """Checks the configuration, lets the supervisor finish its jobs and leave, and starts the next one.

    With HUSHD_AUTOSTART=0 the next one is left to the service manager or the user.

    Raises:
        HushdError: `bad_request` if the configuration is wrong; then the old supervisor stays.
    """
    check_configuration()
    starts = os.environ.get("HUSHD_AUTOSTART") != "0"
    try:
        with Client(holder="cli", start=False) as client:
            _hand_over(client) if starts else client.restart()
    except HushdError as error:
        if error.code != "no_supervisor":
            raise
    if starts:
        autostart.ensure(paths.find())
        with Client(holder="cli") as client:
            client.status()  # answers once it serves


def _hand_over(client: Client) -> None:
    """Ends the supervisor once the next one is ready to take over."""
    with closing(client.link.find()) as connection:
        refuse_borrowed(connection)
        assert connection.supervisor is not None
        running = connection.supervisor.pid
    autostart.succeed(client.link.paths, running, client.restart)


def check_configuration() -> None:
    """Raises `bad_request` with the mistake in the configuration, if there is one."""
    checked(paths.find().config)
