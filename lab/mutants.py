"""Plants faults in functions of the product, one at a time, and says which live: no test that is near finds them.

`--changed` draws among the functions whose text has changed since BASE, by their texts, so that the same tree has the
same faults everywhere; it fails where fewer of those played are found than tests/budgets.toml wants. Each function has
three faults (`fault_maker.py`). A fault is in a copy of its package, which comes first on the path, and is played to
the tests that import its module, then to its room's. `--planted` plays the table of `planted.py` instead.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from faults import Change, planted
from planted import PLANTED

ROOT = Path(__file__).parents[1]
LIMIT_S = 600  # for all that is played to one fault: less would count one that lives as found
PROCESSOR_S = 60  # for one process of tests; by the processor, since a busy machine would find every fault
SEEDS = {"HUSHD_FUZZ_SEEDS": "300"}
MAKER = [str(ROOT / ".venv/bin/uv"), "tool", "run", "--quiet", "--from", "cosmic-ray>=8.7,<9"]
# Rooms whose tests have another name, and folders of tests that no fault is played to: each takes minutes.
ROOMS = {"protocol/hushd_protocol": "tests/protocol", "protocol/hushd_schema": "tests/schema"}
LONG = (
    "tests/end_to_end",
    "tests/simulation",
    "tests/storm",
    "tests/soak",
    "tests/machines",
    "tests/fuzz/",
    "tests/release",
    "tests/lab",
)
NEVER = {"protocol/hushd_protocol/system/lifeline.py"}  # its faults would end the processes of others: of group 1, say
NOT_PRODUCT = {"tests", "docs", "lab", "packaging", "release", "scripts"}
SAME = ROOT / "lab/changes_nothing.toml"
MOST_SAME = 1 / 20


@contextmanager
def faulty(module: Path, code: str) -> Iterator[dict[str, str]]:
    """Copies the package of a module, with this code in it; yields an environment where that comes first.

    Processes that were started there and still run are ended afterwards.
    """
    component = next(parent for parent in module.parents if not (parent / "__init__.py").exists())
    package, *_ = module.relative_to(component).parts
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        shutil.copytree(component / package, Path(folder, package), ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder, module.relative_to(component)).write_text(code)
        path = os.pathsep.join((folder, str(ROOT / "tests")))
        try:
            yield os.environ | SEEDS | {"PYTHONPATH": path}
        finally:
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if process.environ().get("PYTHONPATH") == path:
                        process.kill()


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
class Function:
    """A function or method of the product as Python reads it: its docstring and comments are not of its text."""

    path: str
    name: str
    first: int
    last: int
    text: str

    @property
    def key(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def module(self) -> str:
        """The dotted name of its module."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(parts[2 if parts[0] == "plugins" else 1 :])

    @property
    def room(self) -> str:
        """The folder of its room's tests."""
        top, below = self.path.split("/")[:2]
        return ROOMS.get(f"{top}/{below}", f"plugins/{below}/tests" if top == "plugins" else f"tests/{top}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a function: the line and operator, and the code of the module that has it."""

    function: Function
    line: int
    operator: str
    code: str

    def __str__(self) -> str:
        text = (ROOT / self.function.path).read_text().splitlines()[self.line - 1].strip()
        return f"{self.function.path} {self.function.name} {self.operator}: {text}"


def functions(path: str, code: str) -> Iterator[Function]:
    """Yields the functions of a module and the methods of its classes; a function inside another belongs to that."""
    for node, name in _defined(ast.parse(code)):
        first = min((node.lineno, *(each.lineno for each in node.decorator_list)))
        last = node.end_lineno or first
        if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
            node.body[0] = ast.Pass()
        yield Function(path, name, first, last, ast.unparse(node))


def _defined(tree: ast.AST, prefix: str = "") -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, prefix + node.name
        elif isinstance(node, ast.ClassDef | ast.If | ast.Try):
            yield from _defined(node, f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix)


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def product(names: str) -> list[str]:
    """Returns the modules of the product among names, a line each."""
    return [
        name
        for name in names.splitlines()
        if name.endswith(".py") and "/" in name and not NOT_PRODUCT & set(Path(name).parts) and name not in NEVER
    ]


def changed(base: str) -> list[Function]:
    """Returns the functions that a commit had not, in any module."""
    was = product(git("diff", "--name-only", "--no-renames", "--diff-filter=MD", base))
    before = {one.text for path in was for one in functions(path, git("show", f"{base}:{path}"))}
    new = git("diff", "--name-only", "--no-renames", "--diff-filter=MA", base)
    return [
        one for path in product(new) for one in functions(path, (ROOT / path).read_text()) if one.text not in before
    ]


def a_day_before() -> str:
    """Returns the newest commit that is a day older than the last: not than now, or each hour would have another."""
    day = int(git("log", "-1", "--format=%ct")) - 86400
    return (
        git("rev-list", "-1", f"--before={day}", "HEAD").strip()
        or git("rev-list", "--max-parents=0", "HEAD").split()[0]
    )


def in_drawn_order(found: list[Function]) -> list[Function]:
    """Orders functions by what all of them say: the same tree has the same order, and the next one another."""
    tree = hashlib.sha256("".join(sorted(one.key for one in found)).encode()).hexdigest()
    return sorted(found, key=lambda one: hashlib.sha256((tree + one.path + one.name + one.key).encode()).digest())


def faults(drawn: list[Function]) -> Iterator[list[Fault]]:
    """Yields the faults of each function."""
    rows = "".join(json.dumps([str(ROOT / one.path), one.first, one.last, one.key]) + "\n" for one in drawn)
    maker = [*MAKER, "python", str(ROOT / "lab/fault_maker.py")]
    done = subprocess.run(maker, input=rows, check=True, capture_output=True, text=True)
    for one, line in zip(drawn, done.stdout.splitlines(), strict=True):
        yield [Fault(one, *each) for each in json.loads(line)]


class Tests:
    """The tests that a fault is played to, without those that fail where there is none."""

    def __init__(self) -> None:
        files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]
        names = {str(file.relative_to(ROOT)): file.read_text() for file in sorted(files)}
        self._texts = {name: text for name, text in names.items() if not name.startswith(LONG)}
        self._red: list[str] = []
        self._sound = set[str]()  # tests that pass without a fault

    def near(self, function: Function) -> list[str]:
        """Returns the files that import a function's module, those that name the function first."""
        package, _, module = function.module.rpartition(".")
        says = re.compile(rf"from {function.module} |import {function.module}\b|from {package} import .*\b{module}\b")
        found = [name for name, text in self._texts.items() if says.search(text)]
        own = function.name.rpartition(".")[2]
        return sorted(found, key=lambda name: own not in self._texts[name])

    def find(self, fault: Fault) -> bool:
        """Returns whether a test finds a fault; one that fails without it, too, finds nothing and is left out."""
        near, room = self.near(fault.function), fault.function.room
        rest = [room, *(f"--ignore={name}" for name in near)] if (ROOT / room).exists() else []
        path, left_out = ROOT / fault.function.path, set[str]()
        for which in (near, rest):
            while which and (failed := self._failure(which, path, fault.code)) and failed not in left_out:
                if failed in self._sound or not self._failure([failed], path, path.read_text()):
                    self._sound.add(failed)
                    return True
                self._red.append(failed)
                left_out.add(failed)
                print(f"left out, since it fails without a fault: {failed}", flush=True)
        return False

    def _failure(self, which: list[str], module: Path, code: str) -> str:
        """Returns the first test that fails with a module's `code`: its id, or only a sign that something does."""
        limit = resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S)
        words = [*command(" ".join(which)), "-rfE", *(f"--deselect={name}" for name in self._red)]
        with faulty(module, code) as environment:
            try:
                done = subprocess.run(
                    words,
                    cwd=ROOT,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=LIMIT_S,
                    preexec_fn=lambda: resource.setrlimit(*limit),
                )
            except subprocess.TimeoutExpired:
                return which[0]
        if done.returncode in (0, 5):  # 5: all are left out here, such as without an engine
            return ""
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        return failed[1] if failed else which[0]


def play(found: list[Function], most: int | None, minutes: float | None, jobs: int) -> float:
    """Prints which faults of functions live; returns how many of 100 are found."""
    until = time.monotonic() + 60 * minutes if minutes else float("inf")
    drawn = in_drawn_order(found)[:most]
    made = [fault for each in faults(drawn) for fault in each]
    same = tomllib.loads(SAME.read_text()) if SAME.exists() else {}
    played = [fault for fault in made if str(fault) not in same]
    tests = Tests()

    def one(fault: Fault) -> bool | None:
        return tests.find(fault) if time.monotonic() < until else None

    with ThreadPoolExecutor(jobs) as pool:
        results = []
        for fault, is_found in zip(played, pool.map(one, played), strict=True):
            if is_found is False:
                print(f"LIVES  {fault}   (line {fault.line})", flush=True)
            results += [is_found] if is_found is not None else []
    excused = len(made) - len(played)
    if excused > MOST_SAME * len(made):
        raise SystemExit(f"{SAME.name} names {excused} of {len(made)} faults: one in twenty at most.")
    share = 100 * sum(results) / max(len(results), 1)
    print(f"{sum(results)} of {len(results)} faults found, {share:.0f} of 100; {len(found)} functions to draw from")
    return share


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="FILE", help="modules of the product; default: all")
    parser.add_argument("--changed", nargs="?", const="", metavar="BASE", help="what changed since; default: for a day")
    parser.add_argument("--most", type=int, metavar="N", help="draw as many functions; default: all")
    parser.add_argument("--minutes", type=float, help="begin no fault later")
    parser.add_argument("--planted", action="store_true", help="the faults of lab/planted.py instead")
    parser.add_argument("--only", default="", help="of these, in packages whose names begin so")
    parser.add_argument("--seeds", type=int, default=60, help="of storms for each; default: 60")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side; default: the cores")
    options = parser.parse_args()
    if options.planted:
        rows = [row for row in PLANTED if row[0].startswith(options.only)]
        lived = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for row, is_alive in zip(rows, pool.map(lives, rows, [options.seeds] * len(rows)), strict=True):
                print(f"{'LIVES' if is_alive else 'found'}  {row[0]} {row[1]}: {row[2].__name__}", flush=True)
                lived += is_alive
        return min(lived, 1)
    if options.changed is not None:
        found = changed(options.changed or a_day_before())
        found = [one for one in found if not options.modules or one.path in options.modules]
    else:
        paths = options.modules or product(git("ls-files"))
        found = [one for path in paths for one in functions(path, (ROOT / path).read_text())]
    share = play(found, options.most, options.minutes, options.jobs)
    wanted = tomllib.loads((ROOT / "tests/budgets.toml").read_text())["faults found of 100"]
    if options.changed is not None and share < wanted:
        print(f"Fewer than {wanted} of 100 faults in what has changed are found: write the tests that miss.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
