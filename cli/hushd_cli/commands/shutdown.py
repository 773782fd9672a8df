"""`hushd shutdown`: ends the supervisor once its jobs have finished."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_protocol.errors import HushdError

from hushd_cli.arguments import Parser


def main(prog: str, argv: Sequence[str]) -> int:
    make_parser(prog).parse_args(argv)
    from hushd.client import Client

    with Client(holder="cli", start=False) as client:
        if not client.shutdown():
            raise HushdError("shutting_down", "The supervisor is shutting down, once the jobs that run have finished.")
    return 0


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    return Parser(prog, "Finish what is running, then end the supervisor.")
