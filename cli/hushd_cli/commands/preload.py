"""`hushd preload`: starts workers before they are needed."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.arguments import Parser, add_compute_device


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", compute_device=options.compute_device) as client:
        client.preload(*options.what, keep_alive=options.keep_alive)
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "Start workers before they are needed.")
    parser.add_argument("what", nargs="+", metavar="WHAT", help="such as stt, tts/hibari or stt/moonshine/tiny-en")
    parser.add_argument("--keep-alive", metavar="TIME", help="how long they stay: 300, 5m, 1h30m, -1 (for ever)")
    add_compute_device(parser)
    return parser
