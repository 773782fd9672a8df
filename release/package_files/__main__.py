"""Writes each generated file; one that begins with `#!` may be executed."""

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
        path = ROOT / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    return 0


def check() -> int:
    """Prints the files' faults; returns 1 if there are any."""
    faults = [f"{place} is not as its sources make it" for place, text in files().items() if _read(place) != text]
    if shutil.which("npm"):
        faults += validators.refused()
    else:
        print("scripts/packages: npm is not installed, so no validator was asked.", file=sys.stderr)
    for fault in faults:
        print(f"scripts/packages: {fault}", file=sys.stderr)
    return int(bool(faults))


def _read(place: str) -> str:
    path = ROOT / place
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
