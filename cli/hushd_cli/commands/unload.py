"""`hushd unload`: ends workers; those that continue for other programs are reported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hushd.client import Client
from hushd_protocol.errors import HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    """Raises `server_busy` if some workers continue for now."""
    options = make_parser(prog).parse_args(argv)
    with Client(holder="cli", start=False) as client:
        ended = client.unload(*options.what, force=options.force)
    if options.json:
        console.write(json.dumps({"unloaded": ended, "busy": ended.busy}) + "\n")
    if ended.busy:
        raise HushdError("server_busy", _later(ended.busy), detail={"busy": ended.busy})
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "End workers and give their memory back. Jobs of other programs finish first.")
    parser.add_argument("what", nargs="*", metavar="WHAT", help="such as stt or tts/hibari; default: all of them")
    parser.add_argument(
        "--force", action="store_true", help="end other programs' jobs now; hushd repeats them if possible"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _later(busy: Mapping[str, int]) -> str:
    """Says which workers end later, and after what."""
    names, jobs = ", ".join(busy), sum(busy.values())
    ends = "ends" if len(busy) == 1 else "end"
    when = "a job of another program has" if jobs == 1 else f"{jobs} jobs of other programs have"
    them = "it" if jobs == 1 else "them"
    return f"{names} {ends} when {when} finished; `hushd unload --force` ends {them} now."
