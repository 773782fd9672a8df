"""`hushd stop-speaking`: ends speech, and all that waits."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.arguments import Parser

from .pause import add_who


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", start=False) as client:
        client.stop_speaking(*options.who, current=options.current)
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "End what is spoken, and what waits to be.")
    parser.add_argument("--current", action="store_true", help="only what is spoken now; the next goes on")
    add_who(parser)
    return parser
