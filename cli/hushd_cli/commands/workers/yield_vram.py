"""`hushd workers yield`: makes workers leave graphics cards to another program for a while."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence

from hushd_protocol.errors import UNANSWERED, HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    yield_vram(make_parser(prog).parse_args(argv))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "Free memory of graphics cards for another program. Idle workers end at once.")
    parser.add_argument(
        "--vram", metavar="SIZE", help="the memory to free, such as 12G or 11GiB; default: all that workers hold"
    )
    parser.add_argument("--card", metavar="NUMBER", help="the card's number, or its bus address; default: every card")
    parser.add_argument(
        "--for",
        dest="keep_away",
        default="60s",
        metavar="TIME",
        help="how long workers keep away: 90s, 10m; 0 ends an earlier yield; default: %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def yield_vram(arguments: Namespace) -> None:
    """Prints the result in one line.

    Raises:
        HushdError: `server_busy` if less than requested is free.
    """
    from hushd.client import Client
    from hushd.yield_options import options
    from hushd_schema.controls import Yielded

    fields = options(arguments.vram, arguments.card, arguments.keep_away)
    try:
        with Client(holder="cli", start=False) as client:
            result = client.yield_vram(arguments.vram, card=arguments.card, keep_away=arguments.keep_away)
    except HushdError as error:
        if error.code not in UNANSWERED:
            raise
        # Without a supervisor there is no worker.
        result = Yielded(cards=(), unloaded=(), busy={}, for_s=fields["for_s"])
    console.write((json.dumps(result.data()) if arguments.json else result.sentence()) + "\n")
    if short := result.short_of(fields["vram"]):
        names = ", ".join(short)
        why = "busy workers leave later" if result.busy else "other programs hold the rest"
        raise HushdError("server_busy", f"Less than {arguments.vram} is free on {names}: {why}.")
