"""Plants faults and reports which survive: cosmic-ray's in modules of the pure core, or the table's (--planted).

Each fault is in a copy of its package, which comes first on the path; the tests are those of the tree. cosmic-ray has
an environment of its own, by uv.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from planted import PLANTED

ROOT = Path(__file__).parents[1]
LIMIT_S = 900  # for all that is played to one fault: less would count one that lives as found
SEEDS = {"HUSHD_FUZZ_SEEDS": "100"}
UV = [str(ROOT / ".venv/bin/uv"), "tool", "run", "--quiet", "--from", "cosmic-ray>=8.7,<9"]
# What is pure, and the tests that hold it.
CORE = {
    "supervisor/hushd_supervisor/core/": "tests/supervisor/core",
    "protocol/hushd_protocol/codec.py": "tests/protocol",
    "protocol/hushd_schema/kinds.py": "tests/schema",
    "protocol/hushd_schema/operations.py": "tests/schema",
}
# Annotations are text here, so that `int | None` may be anything.
CONFIG = """[cosmic-ray]
module-path = {module}
timeout = {timeout}
excluded-modules = []
test-command = {command}
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""


@contextmanager
def copied(module: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Copies the package of a module, such as `hushd.transport.link`; yields its file there, and an environment."""
    package, *_ = module.split(".")
    (source,) = ROOT.glob(f"*/{package}/__init__.py")
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        shutil.copytree(source.parent, Path(folder, package), ignore=shutil.ignore_patterns("__pycache__"))
        path = os.pathsep.join((folder, str(ROOT / "tests")))
        yield Path(folder, f"{module.replace('.', '/')}.py"), os.environ | SEEDS | {"PYTHONPATH": path}


def command(finder: str, seeds: int = 1) -> list[str]:
    """The command that fails where a fault is found: tests by their place, or `simulate` with options."""
    if finder.startswith("simulate"):
        return [sys.executable, "-m", "simulation", "--seeds", str(seeds), *shlex.split(finder)[1:]]
    return [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider", *finder.split()]


def lives(row: tuple[str, str, str, str], seeds: int) -> bool:
    """Returns whether a fault of the table is found by nothing. Raises LookupError where it has no place any more."""
    module, right, wrong, finder = row
    with copied(module) as (file, environment):
        source = file.read_text()
        if right not in source:
            raise LookupError(f"{module} has no {right!r} any more")
        file.write_text(source.replace(right, wrong, 1))
        try:
            done = subprocess.run(
                command(finder, seeds), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S
            )
        except subprocess.TimeoutExpired:
            return False
    if done.returncode > 1:
        raise LookupError(f"{shlex.join(command(finder))} could not be played:\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def mutated(path: str) -> tuple[int, list[str]]:
    """Plays a module's tests to each fault that cosmic-ray makes in it; returns their number and those that live."""
    tests = next(tests for place, tests in CORE.items() if path.startswith(place))
    own = [str(test.relative_to(ROOT)) for test in sorted((ROOT / tests).rglob(f"test_{Path(path).stem}*.py"))]
    with copied(path.partition("/")[2].removesuffix(".py").replace("/", ".")) as (file, environment):
        work, played = file.parents[len(Path(path).parts) - 2], shlex.join(command(" ".join([*own, tests])))
        (work / "config.toml").write_text(
            CONFIG.format(
                module=json.dumps(str(file)),
                timeout=LIMIT_S,
                command=json.dumps(f"sh -c {shlex.quote(f'cd {ROOT} && {played}')}"),
            )
        )

        def ray(*words: str) -> str:
            return subprocess.run(
                [*UV, *words], cwd=work, env=environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout

        ray("cosmic-ray", "init", "config.toml", "session")
        ray("cr-filter-operators", "session", "config.toml")
        ray("cosmic-ray", "exec", "config.toml", "session")
        results = [json.loads(line) for line in ray("cosmic-ray", "dump", "session").splitlines()]
    tried = [(item["mutations"][0], result) for item, result in results if result["worker_outcome"] == "normal"]
    return len(tried), [
        f"{path}:{made['start_pos'][0]} {made['operator_name']}"
        for made, result in tried
        if result["test_outcome"] == "survived"
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="FILE", help="modules of the pure core; default: all")
    parser.add_argument("--planted", action="store_true", help="the faults of lab/planted.py instead")
    parser.add_argument("--only", default="", help="of these, in modules whose names begin so")
    parser.add_argument("--seeds", type=int, default=60, help="of storms for each; default: 60")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side; default: the cores")
    options = parser.parse_args()
    found = lived = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        if options.planted:
            rows = [row for row in PLANTED if row[0].startswith(options.only)]
            for row, alive in zip(rows, pool.map(lives, rows, [options.seeds] * len(rows)), strict=True):
                print(f"{'LIVES' if alive else 'found'}  {row[0]}: {row[1]!r} -> {row[2]!r}", flush=True)
                found, lived = found + (not alive), lived + alive
        else:
            every = [str(path.relative_to(ROOT)) for place in CORE for path in _files(ROOT / place)]
            for number, alive in pool.map(mutated, options.modules or every):
                print("\n".join(f"LIVES  {one}" for one in alive), flush=True)
                found, lived = found + number - len(alive), lived + len(alive)
    print(f"{found + lived} faults, {found} found")
    return 1 if lived else 0


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*.py")) if place.is_dir() else [place]


if __name__ == "__main__":
    sys.exit(main())
