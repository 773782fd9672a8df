"""Checks the history in some files: `python -m tests.history FILE…`. Ends with 1 where a promise was broken."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .checker import SLACK_S, check
from .events import MalformedHistoryError, read


def main() -> int:
    """The program; returns its exit status, 2 where the history cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.history", description=(__doc__ or "").partition(":")[0] + "."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="the files of one history")
    parser.add_argument(
        "--slack", type=float, default=SLACK_S, metavar="S", help="a message may take so long (%(default)s)"
    )
    options = parser.parse_args()
    try:
        events = read(options.files)
    except (MalformedHistoryError, OSError) as error:
        print(f"tests.history: {error}", file=sys.stderr)
        return 2
    verdict = check(events, options.slack)
    judged = ", ".join(f"{rule} {count}" for rule, count in sorted(verdict.judged.items()))
    print(f"{len(events)} events; judged: {judged or 'nothing'}; {len(verdict.violations)} violations")
    for violation in verdict.violations:
        print(violation.sentence)
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
