"""`hushd unload`: ends workers, and has them keep away for a while.

Workers that continue for other programs are reported. A PROGRAM is run, and workers keep away until it has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

if TYPE_CHECKING:
    pass

_WITHOUT_WORKERS = "--for, --all and PROGRAM are about all workers: leave WHAT out."


def main(prog: str, argv: Sequence[str]) -> int:
    """Raises `server_busy` if some workers continue for now."""
    end = list(argv).index("--") if "--" in argv else len(argv)
    options, program = make_parser(prog).parse_args(argv[:end]), argv[end + 1 :]
    away = options.keep_away is not None or bool(program)
    if options.what and (away or options.everywhere):
        raise HushdError("bad_request", _WITHOUT_WORKERS)
    if options.everywhere and not away:
        raise HushdError("bad_request", "--all says from what workers keep away: add --for TIME, or -- PROGRAM.")
    if program and os.environ.get("HUSHD_ENDPOINT"):
        raise HushdError(
            "unsupported",
            "PROGRAM is run on this machine, and HUSHD_ENDPOINT leads to another one: run it there.",
        )
    if program:
        from .keep_away import become

        if options.json or options.keep_away:
            raise HushdError("bad_request", "--for and --json are without PROGRAM: leave out one of them.")
        return become(list(program), _later, everywhere=options.everywhere, force=options.force)
    from hushd.client import Client

    with Client(holder="cli", start=away) as client:  # somebody must know that workers keep away
        ended = client.unload(
            *options.what, force=options.force, keep_away=options.keep_away, everywhere=options.everywhere
        )
    if options.json:
        console.write(json.dumps({"unloaded": ended, "busy": ended.busy}) + "\n")
    if ended.busy:
        raise HushdError("server_busy", _later(ended.busy), detail={"busy": ended.busy})
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "End workers and give their memory back. Jobs of other programs finish first. With a PROGRAM after -- that is "
        "run, and no worker starts on a graphics card until it has ended: the exit status is its own.",
    )
    parser.add_argument("what", nargs="*", metavar="WHAT", help="such as stt or tts/hibari; default: all of them")
    parser.add_argument(
        "--for",
        dest="keep_away",
        metavar="TIME",
        help="end workers on graphics cards, and start none there for so long, such as 90s or 1h; 0 ends that",
    )
    parser.add_argument(
        "--all",
        dest="everywhere",
        action="store_true",
        help="with --for or PROGRAM: end all workers, and start none at all",
    )
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
