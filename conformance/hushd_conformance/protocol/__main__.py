"""`python -m hushd_conformance.protocol`: the suite as a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hushd_protocol.system import paths

from . import client, supervisor
from .case import play
from .scripted import Trial
from .supervisor import Peer

LIMIT_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the cases; returns 1 if any has failed, 2 if there is no other side."""
    options = _parser().parse_args(arguments)
    if options.list:
        cases = client.CASES if options.side == "client" else supervisor.CASES
        print("\n".join(f"{case.name:18} {case.claim}" for case in cases if options.k in case.name))
        return 0
    if options.side == "client":
        trials = [case for case in client.CASES if options.k in case.name]
        return 1 if play(trials, lambda: Trial(options.program, options.limit), Trial.close) else 0
    socket = options.socket or paths.find().client_socket
    if not socket.exists():
        print(f"No supervisor listens at {socket}: `hushd serve` starts one.", file=sys.stderr)
        return 2
    meetings = [case for case in supervisor.CASES if options.k in case.name]
    return 1 if play(meetings, lambda: Peer(socket, options.limit), Peer.close) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m hushd_conformance.protocol", description="Test a client, or a hushd.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-k", default="", metavar="WORD", help="only cases whose names contain this")
    common.add_argument("--list", action="store_true", help="list the cases without playing them")
    common.add_argument(
        "--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="limit of each wait; default: 60"
    )
    sides = parser.add_subparsers(dest="side", required=True)
    tried = sides.add_parser("client", parents=[common], help="play a scripted supervisor to a program")
    tried.add_argument("program", nargs="*", metavar="PROGRAM", help="the program's command, after `--`")
    serving = sides.add_parser("supervisor", parents=[common], help="play a client to the running hushd")
    serving.add_argument(
        "--socket", type=Path, metavar="PATH", help="path of its client.sock; default: this environment's"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
