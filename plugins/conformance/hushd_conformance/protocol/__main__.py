"""`python -m hushd_conformance.protocol -- PROGRAM…`: the suite of clients as a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hushd_conformance.case import chosen, report

from .client import CASES
from .scripted import Trial

CLIENT_TIMEOUT_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays a scripted supervisor to the program, case by case; returns 1 if any has failed."""
    parser = argparse.ArgumentParser("python -m hushd_conformance.protocol", description="Tries a client.")
    parser.add_argument(
        "program", nargs="+", metavar="PROGRAM", help="the command of a program on the client, after `--`"
    )
    parser.add_argument("-k", default="", metavar="WORDS", help="only cases with one of these, separated by commas")
    parser.add_argument(
        "--limit", type=float, default=CLIENT_TIMEOUT_S, metavar="SECONDS", help="of each wait; default: 60"
    )
    options = parser.parse_args(arguments)
    trials = chosen(CASES, options.k)
    return 1 if report(trials, lambda: Trial(options.program, options.limit), Trial.close, 10 * options.limit) else 0


if __name__ == "__main__":
    sys.exit(main())
