"""`hushd reload`: has the supervisor read its configuration again."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.arguments import Parser


def main(prog: str, argv: Sequence[str]) -> int:
    make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", start=False) as client:
        client.reload()
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    return Parser(prog, "Have the supervisor read its configuration again.")
