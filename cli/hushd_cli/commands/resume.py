"""`hushd resume`: goes on where `hushd pause` interrupted."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.arguments import Parser

from .pause import add_who


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", start=False) as client:
        client.resume(*options.who)
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "Go on where `hushd pause` interrupted.")
    add_who(parser)
    return parser
