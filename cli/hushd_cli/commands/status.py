"""`hushd status`: what runs, as a table or as JSON."""

from __future__ import annotations

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
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "Show what runs, and how much memory it has.")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser
