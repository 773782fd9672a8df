"""`hushd pause`: interrupts speaking and listening."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.arguments import Parser


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", start=False) as client:
        client.pause(*options.who)
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "Interrupt speaking and listening until `hushd resume`. Nothing is lost.")
    add_who(parser)
    return parser


def add_who(parser: Parser) -> None:
    """Adds the words that say whose turns are meant."""
    parser.add_argument(
        "who", nargs="*", metavar="WHO", help="turns or clients, as in `hushd status`; default: all of them"
    )
