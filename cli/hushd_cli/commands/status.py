"""`hushd status`: what runs, as a table or as JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", start=False) as client:
        status = client.status()
    if options.json:
        console.write_json(status.data())
    else:
        from hushd.reports.status_table import table

        console.write(table(status, console.width()))
        if not os.environ.get("HUSHD_ENDPOINT"):  # the models of another machine are not here
            from hushd_cli import warm_models

            console.write("".join(f"{line}\n" for line in warm_models.lines(warm_models.warm_models())))
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "Show what runs, how much memory it has, and which models the system keeps in memory.")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser
