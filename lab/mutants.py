"""Plants faults and reports which live: of cosmic-ray's as many as are drawn, or the table's (--planted).

Each fault is in a copy of its package, which comes first on the path; the tests are those of the tree, and must pass
without a fault. cosmic-ray has an environment of its own, by uv: it lists the faults that it can make, and makes those
that are drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults import Change, planted
from planted import PLANTED

ROOT = Path(__file__).parents[1]
LIMIT_S = 900  # for all that is played to one fault: less would count one that lives as found
SEEDS = {"HUSHD_FUZZ_SEEDS": "100"}
COSMIC_RAY = [str(ROOT / ".venv/bin/uv"), "tool", "run", "--quiet", "--from", "cosmic-ray>=8.7,<9"]
MAKE = """
import json, sys
from pathlib import Path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
for line in sys.stdin:
    path, operator, occurrence = json.loads(line)
    print(json.dumps(mutate_code(Path(path).read_text(), get_operator(operator)(), occurrence)))
"""
PROCESSOR_S = 60  # for the tests of one fault; by the processor, since a busy machine would find every fault
# What decides, and the tests that hold it.
CORE = {
    "supervisor/hushd_supervisor/core/": "tests/supervisor/core",
    "protocol/hushd_protocol/": "tests/protocol",
    "protocol/hushd_schema/": "tests/schema",
    "models/hushd_models/": "tests/models",
    "client/hushd/transport/call.py": "tests/client/transport",
    "client/hushd/transport/retry.py": "tests/client/transport",
}
RULES = "tests/test_records.py"  # what holds for the modules of several packages
# Its faults would end the processes of others: of group 1, say.
NEVER = {"protocol/hushd_protocol/system/lifeline.py"}
# Annotations are text here, so that `int | None` may be anything.
CONFIG = """[cosmic-ray]
module-path = {modules}
timeout = 60
excluded-modules = []
test-command = ""
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""


@contextmanager
def faulty(module: Path, code: str) -> Iterator[dict[str, str]]:
    """Copies the package of a module, with this code in it; yields an environment where that comes first."""
    component = next(parent for parent in module.parents if not (parent / "__init__.py").exists())
    package, *_ = module.relative_to(component).parts
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        shutil.copytree(component / package, Path(folder, package), ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder, module.relative_to(component)).write_text(code)
        path = os.pathsep.join((folder, str(ROOT / "tests")))
        yield os.environ | SEEDS | {"PYTHONPATH": path}


def command(finder: str, seeds: int = 1) -> list[str]:
    """The command that fails where a fault is found: tests by their place, or `simulate` with options."""
    if finder.startswith("simulate"):
        return [sys.executable, "-m", "simulation", "--first", "--seeds", str(seeds), *shlex.split(finder)[1:]]
    return [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider", *finder.split()]


def lives(row: tuple[str, str, Change, str], seeds: int) -> bool:
    """Returns whether a fault of the table is found by nothing. Raises LookupError where it has no place any more."""
    package, place, change, finder = row
    with faulty(*planted(package, place, change)) as environment:
        try:
            done = subprocess.run(
                command(finder, seeds), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S
            )
        except subprocess.TimeoutExpired:
            return False
    if done.returncode > 1:
        raise LookupError(f"{shlex.join(command(finder))} could not be played:\n{done.stdout}{done.stderr}")
    return done.returncode == 0


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault that cosmic-ray can make: the one with number `occurrence` of those that `operator` makes in `path`."""

    path: str
    operator: str
    occurrence: int
    line: int

    @property
    def tests(self) -> str:
        """The folder that holds its module."""
        return next(tests for place, tests in CORE.items() if self.path.startswith(place))

    def lives(self, source: str) -> bool:
        """Returns whether no test of the module's own folder, or of all, finds it; those of its name are first."""
        name = f"test_{Path(self.path).stem}*.py"
        own = [str(test.relative_to(ROOT)) for test in sorted((ROOT / self.tests).rglob(name))]
        with faulty(ROOT / self.path, source) as environment:
            tests = (" ".join(own), self.tests, RULES)
            return all(passes(which, environment) for which in tests if which)


def passes(tests: str, environment: dict[str, str]) -> bool:
    """Returns whether tests pass within their time."""
    limits = resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S)
    done = subprocess.run(
        command(tests),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=LIMIT_S,
        preexec_fn=lambda: resource.setrlimit(*limits),
    )
    return done.returncode == 0


def sources(drawn: list[Mutant]) -> list[str]:
    """Returns the module of each with its fault."""
    asked = "".join(json.dumps([str(ROOT / one.path), one.operator, one.occurrence]) + "\n" for one in drawn)
    done = subprocess.run([*COSMIC_RAY, "python", "-c", MAKE], input=asked, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def mutants(paths: list[str]) -> list[Mutant]:
    """Returns each fault that cosmic-ray can make in these modules."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        Path(folder, "config.toml").write_text(CONFIG.format(modules=json.dumps([str(ROOT / path) for path in paths])))

        def ray(*words: str) -> str:
            return subprocess.run([*COSMIC_RAY, *words], cwd=folder, check=True, capture_output=True, text=True).stdout

        ray("cosmic-ray", "init", "config.toml", "session")
        ray("cr-filter-operators", "session", "config.toml")
        lines = ray("cosmic-ray", "dump", "session").splitlines()
    made = [item["mutations"][0] for item, result in map(json.loads, lines) if not result]
    return sorted(
        (
            Mutant(
                str(Path(one["module_path"]).relative_to(ROOT)),
                one["operator_name"],
                one["occurrence"],
                one["start_pos"][0],
            )
            for one in made
        ),
        key=lambda one: (one.path, one.operator, one.occurrence),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="FILE", help="modules that decide; default: all")
    parser.add_argument("--draw", type=int, metavar="N", help="as many faults of cosmic-ray's; default: all")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn; default: 1")
    parser.add_argument("--planted", action="store_true", help="the faults of lab/planted.py instead")
    parser.add_argument("--only", default="", help="of these, in packages whose names begin so")
    parser.add_argument("--seeds", type=int, default=60, help="of storms for each; default: 60")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side; default: the cores")
    options = parser.parse_args()
    found = lived = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        if options.planted:
            rows = [row for row in PLANTED if row[0].startswith(options.only)]
            for row, alive in zip(rows, pool.map(lives, rows, [options.seeds] * len(rows)), strict=True):
                print(f"{'LIVES' if alive else 'found'}  {row[0]} {row[1]}: {row[2].__name__}", flush=True)
                found, lived = found + (not alive), lived + alive
        else:
            every = mutants(options.modules or [path for place in CORE for path in _files(place) if path not in NEVER])
            drawn = random.Random(options.seed).sample(every, min(options.draw or len(every), len(every)))
            folders = sorted({one.tests for one in drawn})
            whole = pool.map(passes, folders, [os.environ | SEEDS] * len(folders))
            if red := [folder for folder, passed in zip(folders, whole, strict=True) if not passed]:
                parser.exit(2, f"Without a fault there are tests that fail in {', '.join(red)}: mend them first.\n")
            for one, alive in zip(drawn, pool.map(Mutant.lives, drawn, sources(drawn)), strict=True):
                if alive:
                    text = (ROOT / one.path).read_text().splitlines()[one.line - 1].strip()
                    print(f"LIVES  {one.path}:{one.line} {one.operator} {one.occurrence}: {text}", flush=True)
                found, lived = found + (not alive), lived + alive
    print(f"{found + lived} faults, {found} found")
    return 1 if lived else 0


def _files(place: str) -> list[str]:
    path = ROOT / place
    return sorted(str(file.relative_to(ROOT)) for file in path.rglob("*.py")) if path.is_dir() else [place]


if __name__ == "__main__":
    sys.exit(main())
