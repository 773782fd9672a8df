"""Writes versions and names into each file that has them."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from package_files import ROOT, files, validators


def main() -> int:
    parser = ArgumentParser(prog="scripts/packages", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing: ask the validators that npm has, if npm is here"
    )
    if parser.parse_args().check:
        return check()
    for place, text in files().items():
        (ROOT / place).write_text(text)
    return 0


def check() -> int:
    """Prints the files' faults; returns 1 if there are any."""
    faults = [
        f"{place} is not as its sources make it"
        for place, text in files().items()
        if (ROOT / place).read_text() != text
    ]
    if shutil.which("npm"):
        faults += validators.refused()
    else:
        print("scripts/packages: npm is not installed, so no validator was asked.", file=sys.stderr)
    for fault in faults:
        print(f"scripts/packages: {fault}", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
