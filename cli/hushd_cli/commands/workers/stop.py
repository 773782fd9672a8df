"""`hushd workers stop`, and `hushd unload` for short: ends workers, and reports those that continue for other
programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from hushd_protocol.errors import HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    """Raises `server_busy` if some workers continue for now."""
    options = make_parser(prog).parse_args(argv)
    if options.drop and os.environ.get("HUSHD_ENDPOINT"):
        raise HushdError(
            "unsupported",
            "--drop is about this machine's files, and HUSHD_ENDPOINT leads to another machine: run it there.",
        )
    from hushd.client import Client
    from hushd.exchange.unloaded import Unloaded

    from hushd_cli import warm_models

    try:
        with Client(holder="cli", start=False) as client:
            ended = client.unload(*options.what, force=options.force)
    except HushdError as error:
        if not (options.drop and error.code == "no_supervisor"):
            raise
        ended = Unloaded([], {})  # no worker runs, but files may still be in memory
    dropped = warm_models.drop(options.what) if options.drop else []
    if options.json:
        sizes = {"dropped_mb": {model.row.model: round(model.cached / 1e6, 1) for model in dropped}}
        console.write(json.dumps({"unloaded": ended, "busy": ended.busy} | (sizes if options.drop else {})) + "\n")
    elif options.drop:
        total = sum(model.cached for model in dropped)
        console.write(f"{total / 1e6:.0f} MB of models' files are no longer in the system's cache\n")
    if ended.busy:
        raise HushdError("server_busy", _later(ended.busy), detail={"busy": ended.busy})
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "End workers and give their memory back. Jobs of other programs finish first.")
    parser.add_argument("what", nargs="*", metavar="WHAT", help="such as stt or tts/hibari; default: all of them")
    parser.add_argument(
        "--force", action="store_true", help="end other programs' jobs now; hushd repeats them if possible"
    )
    parser.add_argument(
        "--drop",
        action="store_true",
        help="also drop the models' files from the page cache",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _later(busy: Mapping[str, int]) -> str:
    names, jobs = ", ".join(busy), sum(busy.values())
    ends = "ends" if len(busy) == 1 else "end"
    when = "a job of another program has" if jobs == 1 else f"{jobs} jobs of other programs have"
    them = "it" if jobs == 1 else "them"
    return f"{names} {ends} when {when} finished; `hushd unload --force` ends {them} now."
