"""`hushd status`: the running workers and their memory, as a table or as JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False) as client:
            status, endpoint = client.status(), client.link.place
    except HushdError as error:
        if error.code == "no_supervisor" and not os.environ.get("HUSHD_ENDPOINT") and paths.find().paused.exists():
            raise HushdError(error.code, f"{error.message} Speaking is paused: `hushd resume` goes on.") from error
        raise
    if options.json:
        console.write_json(status.data())
    else:
        from hushd.reports.status_table import table

        console.write(table(status, console.width(), endpoint, wide=options.wide))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "Show what runs, and its memory.")
    parser.add_argument(
        "--wide", action="store_true", help="more columns: parts of the memory, process, requests, starts, crashes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser
