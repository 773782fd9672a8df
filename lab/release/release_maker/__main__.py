"""Makes a release, step by step, and stops at the first that fails with one sentence."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from release_maker import archives, checks, environments
from release_maker.checks import ROOT, Refusal

_LEFT = """Left for a person, in this order:
  1. scripts/test --engines all --night
  2. git tag -s v{version} && git push origin v{version}: .github/workflows/release.yml publishes to PyPI by
     trusted publishing, once the project's page there names that workflow as its publisher (never run so far)
  3. gh release create v{version} dist/*: the archives, their sums, the Debian package
  4. packaging/agents/server.json to MCP's registry; packaging/names.toml has the names to claim first (nobody has
     installed by any of these so far)"""


def main() -> int:
    """Runs the steps; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/release", description="Makes a release into dist/.")
    parser.add_argument("version", nargs="?", metavar="VERSION", help="such as 0.2.0; the sources must have it already")
    parser.add_argument("--try", action="store_true", dest="rehearsal", help="rehearse it with the sources' version")
    parser.add_argument("--python", action="append", metavar="X.Y", help="try this Python only; may be given again")
    options = parser.parse_args()
    if (options.version is None) != options.rehearsal:
        parser.error("name a VERSION, or say --try")
    try:
        _release(options.version, options.python or environments.PYTHONS)
    except Refusal as refusal:
        print(f"scripts/release: {refusal}", file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired as late:
        print(f"scripts/release: `{late.cmd[0]}` did not end within {late.timeout:.0f} seconds.", file=sys.stderr)
        return 1
    return 0


def _release(version: str | None, pythons: Sequence[str]) -> None:
    rehearsal = version is None
    version = version or checks.versions()["pyproject.toml"]
    checks.check_version(version)
    notes = []
    for check in (checks.check_tree, checks.check_date, checks.check_documents):
        try:
            check()
        except Refusal as refusal:
            if not rehearsal:
                raise
            notes.append(str(refusal))
    target = ROOT / "dist"
    for old in target.glob("*"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="hushd-release-") as scratch:
        notes += _make(target, Path(scratch), pythons)
    for note in notes:
        print(f"Note: {note}")
    print(_LEFT.format(version=version))


def _make(target: Path, scratch: Path, pythons: Sequence[str]) -> list[str]:
    """Builds, tries and describes the archives; returns the steps that could not be taken, a sentence each."""
    made = archives.build(target, scratch)
    wheel, *plugins = sorted(made, key=lambda path: (path.suffix != ".whl", not path.name.startswith("hushd-")))
    plugins = [path for path in plugins if path.suffix == ".whl"]
    for each in (wheel, *plugins):
        archives.check_weight(each)
    names = ", ".join(path.name for path in made)
    print(f"{names}: twice the same bytes; the wheel has {wheel.stat().st_size:,} bytes.")
    notes = _try(wheel, plugins, scratch, pythons)
    if shutil.which("dh") is None:
        notes.append("debhelper is not installed here, so there is no Debian package: scripts/deb makes it.")
    elif subprocess.run([ROOT / "scripts/deb"], timeout=300).returncode:
        raise Refusal("The Debian package could not be made: scripts/deb says why.")
    archives.write_sums(sorted(target.iterdir()))
    return notes


def _try(wheel: Path, plugins: Sequence[Path], scratch: Path, pythons: Sequence[str]) -> list[str]:
    """Tries the wheels with each Python; returns a sentence for each that was not to be had."""
    notes = []
    for python in pythons:
        environment = scratch / f"python{python}"
        if note := environments.make(python, wheel, environment):
            notes.append(note)
            continue
        for line in environments.smoke(environment, scratch / f"work{python}"):
            print(f"Python {python}: {line}", flush=True)
        print(f"Python {python}: {environments.add(plugins, environment)}", flush=True)
    return notes


if __name__ == "__main__":
    raise SystemExit(main())
