"""`hushd mcp`: serves the hosts of agents."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from importlib.util import find_spec

from hushd_cli.arguments import Parser, value
from hushd_cli.command import Command
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError
from hushd_schema.kinds import above_zero

from . import greeting

COMMAND = Command(
    "mcp",
    "serve agents by the Model Context Protocol",
    "hushd_mcp.command",
    after="agent-hook",
)


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    return host(options.http, options.holder, options.patience)


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, "Give agents a voice and ears, as a server of the Model Context Protocol.")
    parser.add_argument("--http", metavar="HOST:PORT", help="serve at this address; default: standard input and output")
    parser.add_argument("--holder", metavar="NAME", help="the name in `hushd status`; default: the host's own")
    parser.add_argument(
        "--patience",
        type=value(above_zero()),
        metavar="SECONDS",
        help="how long a call may take before it is answered with a ticket; default: 25, or until its end for a host "
        "that starts a process for each call",
    )
    return parser


def host(address: str | None, holder: str | None, patience: float | None) -> int:
    """Serves until the host closes standard input, or at `address` until a signal ends it."""
    opening = greeting.receive() if address is None and find_spec("mcp") else greeting.UNREAD
    gc.disable()  # the SDK makes 100,000 objects that live for ever: walking them cost a sixth of the start
    try:
        from hushd_mcp import server
    except ImportError as error:
        from hushd_models.installation import extra_command

        raise HushdError(
            "engine_missing", f"`hushd mcp` needs the MCP SDK ({error}): {extra_command('mcp')}."
        ) from error
    if address is not None:
        from hushd_mcp import web

        gc.freeze()
        gc.enable()
        return web.serve(address, patience, holder, console.complain)
    gc.freeze()
    gc.enable()
    return server.serve(patience, holder, opening)
