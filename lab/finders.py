"""The tests that execute a function, seen in a run of all that are quick; and whether they find a fault in it.

A fault is in a copy of its package, which comes first on the path. It is played to the tests of the files that import
its module, then to those that execute its function anywhere else; where nobody looked, or no test was seen to, such as
in a process that may write no file, to its room's. Most of end_to_end, the storms and the simulation take minutes, and
play no part.
"""

from __future__ import annotations

import ast
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from drawn import Fault, Function, defined

ROOT = Path(__file__).parents[1]
LIMIT_S = 600  # for all that is played to one fault: less would count one that lives as found
PROCESSOR_S = 60  # for one process of tests; by the processor, since a busy machine would find every fault
SEEDS = {"HUSHD_FUZZ_SEEDS": "300"}
# Folders of tests that no fault is played to: each takes minutes.
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
PROBE = """
import os

_seen = set()


def seen(number):
    test = os.environ.get("PYTEST_CURRENT_TEST")
    if test and (number, test) not in _seen:
        _seen.add((number, test))
        try:
            file = os.open(%r, os.O_WRONLY | os.O_APPEND)
            os.write(file, f"{number} {test}\\n".encode())
            os.close(file)
        except OSError:  # a worker may write no file
            pass
"""


@contextmanager
def faulty(codes: dict[Path, str], *beside: str) -> Iterator[dict[str, str]]:
    """Copies the packages of modules, with this code in them; yields an environment where they come first.

    `beside`: further folders of modules.

    Processes that were started there and still run are ended afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        for module, code in codes.items():
            component = next(parent for parent in module.parents if not (parent / "__init__.py").exists())
            package, *_ = module.relative_to(component).parts
            if not (copy := Path(folder, package)).exists():
                shutil.copytree(component / package, copy, ignore=shutil.ignore_patterns("__pycache__"))
            Path(folder, module.relative_to(component)).write_text(code)
        path = os.pathsep.join((folder, str(ROOT / "tests"), *beside))
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
    return [*PYTEST, "-x", *finder.split()]


PYTEST = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]


class Tests:
    """The tests that a fault is played to, without those that fail where there is none."""

    def __init__(self) -> None:
        files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]
        names = {str(file.relative_to(ROOT)): file.read_text() for file in sorted(files)}
        self._texts = {name: text for name, text in names.items() if not name.startswith(LONG)}
        self._seconds: dict[str, int] = json.loads((ROOT / "tests/seconds.json").read_text())
        self._executing = defaultdict[tuple[str, str], set[str]](set)  # of a function by its module and name
        self._red: list[str] = []
        self._sound = set[str]()  # tests that pass without a fault

    def measure(self, drawn: Sequence[Function], jobs: int) -> None:
        """Runs all of them once, with a probe in each function that is drawn."""
        with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
            (seen := Path(folder, "seen")).touch()
            Path(folder, "hushd_probe.py").write_text(PROBE % str(seen))
            numbers = defaultdict[str, dict[str, int]](dict)
            for number, one in enumerate(drawn):
                numbers[one.path][one.name] = number
            modules = {ROOT / path: probed((ROOT / path).read_text(), of) for path, of in numbers.items()}
            words = [*PYTEST, "-n", str(jobs), *self._texts]
            with faulty(modules, folder) as environment:
                subprocess.run(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
            self.note(drawn, seen.read_text())

    def note(self, drawn: Sequence[Function], seen: str) -> None:
        """Keeps what probes saw. A fixture's call counts for the whole file, whose tests may share what it made."""
        for line in seen.splitlines():
            number, _, test = line.partition(" ")
            name, _, phase = test.rpartition(" ")
            file, _, _ = name.partition("::")
            executing = self._executing[drawn[int(number)].path, drawn[int(number)].name]
            executing.add(name.partition("[")[0] if phase == "(call)" else file)

    def near(self, function: Function) -> list[str]:
        """Returns the files that import a function's module and name it or execute it, those that name it first."""
        package, _, module = function.module.rpartition(".")
        says = re.compile(rf"from {function.module} |import {function.module}\b|from {package} import .*\b{module}\b")
        found = [name for name, text in self._texts.items() if says.search(text)]
        own = function.name.rpartition(".")[2]
        executing = {test.partition("::")[0] for test in self._executing[function.path, function.name]}
        if executing:
            found = [name for name in found if name in executing or own in self._texts[name]]
        return sorted(found, key=lambda name: own not in self._texts[name])

    def far(self, function: Function, near: list[str]) -> list[str]:
        """Returns the other tests that execute a function, the quickest files first; its room's where none does."""
        executing = self._executing[function.path, function.name]
        if not executing:
            return [function.room, *(f"--ignore={name}" for name in near)] if (ROOT / function.room).exists() else []
        by_file = {test: test.partition("::")[0] for test in executing}
        found = [test for test, file in by_file.items() if file not in near and (test == file or file not in executing)]
        return sorted(found, key=lambda test: (self._seconds.get(by_file[test], 0), test))

    def find(self, fault: Fault) -> bool:
        """Returns whether a test finds a fault; one that fails without it, too, finds nothing and is left out."""
        near = self.near(fault.function)
        path, left_out = ROOT / fault.function.path, set[str]()
        for which in (near, self.far(fault.function, near)):
            while which and (failed := self._failure(which, path, fault.code)) and failed[0] not in left_out:
                if failed[0] in self._sound or not self._failure(failed, path, path.read_text()):
                    self._sound.add(failed[0])
                    return True
                self._red.append(failed[0])
                left_out.add(failed[0])
                print(f"left out, since it fails without a fault: {failed[0]}", flush=True)
        return False

    def _failure(self, which: list[str], module: Path, code: str) -> list[str]:
        """Returns the first test that fails with a module's `code`, or all of them where none says that it did."""
        limit = resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S)
        words = [*PYTEST, "-x", *which, "-rfE", *(f"--deselect={name}" for name in self._red)]
        with faulty({module: code}) as environment:
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
                return which
        if done.returncode in (0, 5):  # 5: all are left out here, such as without an engine
            return []
        failed = re.search(r"^(?:FAILED|ERROR) ([^\s\[]+)", done.stdout, re.MULTILINE)  # whatever its row
        return [failed[1]] if failed else which


def probed(code: str, numbers: dict[str, int]) -> str:
    """Returns a module's code in which each of these functions, with its number, first tells the probe."""
    tree = ast.parse(code)
    for node, name in [each for each in defined(tree) if each[1] in numbers]:
        said = ast.get_docstring(node) is not None
        node.body[said:said] = ast.parse(f"__import__('hushd_probe').seen({numbers[name]})").body
    return ast.unparse(ast.fix_missing_locations(tree))
