"""Runs hushd's checks and tests on a copy of the last commit that lacks guests: `scripts/test --without GUEST`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import guests

TREE = Path(__file__).parents[2]
# By day the tests of whatever could name a guest: a whole run is for a change of one.
BY_DAY = ("tests/golden", "tests/documents", "tests/schema", "tests/protocol", "tests/test_imports.py", "tests/cli")


def main(words: list[str]) -> int:
    known = guests.read(TREE)
    parser = argparse.ArgumentParser(
        prog="scripts/test", description=__doc__, epilog="All other arguments are scripts/test's, there."
    )
    parser.add_argument(
        "--without", required=True, metavar="GUEST", help=f"{', '.join(known)}, several with commas, all, or drawn"
    )
    options, rest = parser.parse_known_args(words)
    if options.without == "drawn":
        commit = _git(TREE, "rev-parse", "HEAD")
        names = {sorted(known)[int(commit[:8], 16) % len(known)]}
        rest = ["-n", str(2 * (os.cpu_count() or 1)), *BY_DAY, *rest]
    else:
        names = {*known} if options.without == "all" else {*options.without.split(",")}
    if unknown := names - {*known}:
        parser.error(f"there is no guest {', '.join(sorted(unknown))}: {', '.join(known)}.")
    if _git(TREE, "status", "--porcelain"):
        print("What is not committed is not tested: the copy is of the last commit.", file=sys.stderr)
    names = guests.with_dependants(TREE, names)
    with tempfile.TemporaryDirectory(prefix="hushd-without-") as folder:
        copy = Path(folder, "hushd")
        _git(TREE, "clone", "--quiet", "--no-hardlinks", str(TREE), str(copy))
        guests.remove(copy, [known[name] for name in sorted(names)])
        _git(copy, "add", "--all")
        author = ("-c", "user.name=hushd", "-c", "user.email=hushd@localhost")
        _git(copy, *author, "commit", "--quiet", "--message", f"Without {', '.join(sorted(names))}")
        print(f"Without {', '.join(sorted(names))}: scripts/test {' '.join(rest)}", flush=True)
        # uv, of the tools of the tests, installs in seconds what this environment has.
        path = f"{os.environ['PATH']}:{TREE / '.venv/bin'}"
        return subprocess.run(["scripts/test", *rest], cwd=copy, env=os.environ | {"PATH": path}).returncode


def _git(tree: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", tree, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
