"""The faults of scripts/mutants --changed: which functions have them, in which order, and which tests find them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import drawn
import finders
import pytest

MODULE = '''
def first(a):
    """Says something."""
    if a < 3:  # a comment
        raise ValueError(a)
    log.info("read")
    return a + 1


class Holder:
    def give(self, b: int = 4):
        self.take(b)
        return b
'''


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one module of the product, where the last commit has it."""
    monkeypatch.setattr(drawn, "ROOT", tmp_path)
    (tmp_path / "client/hushd").mkdir(parents=True)
    (tmp_path / "client/hushd/__init__.py").touch()
    (tmp_path / "client/hushd/module.py").write_text(MODULE)
    commit(tmp_path)
    return tmp_path


def commit(root: Path, date: str = "2026-11-01T12:00:00Z") -> None:
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "so it is"]):
        me = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "PATH": "/usr/bin:/bin"}
        subprocess.run(["git", *me, *words], cwd=root, check=True, env=dates)


@pytest.mark.parametrize(("old", "new", "names"), [
    ("# a comment", "# another comment", []),
    ('"""Says something."""', '"""Says more."""', []),
    ("a + 1", "a + 2", ["first"]),
    ("self.take(b)", "self.take(b + 1)", ["Holder.give"]),
    ("class Holder", "def second():\n    return 2\n\n\nclass Holder", ["second"]),
])  # fmt: skip
def test_a_function_has_changed_where_python_reads_another(
    repository: Path, old: str, new: str, names: list[str]
) -> None:
    """Comments and docstrings change nothing that a fault could be planted in."""
    (repository / "client/hushd/module.py").write_text(MODULE.replace(old, new))
    assert [one.name for one in drawn.changed("HEAD")] == names


def test_a_function_that_only_moved_has_not_changed(repository: Path) -> None:
    """It had its faults where it stood; a new function beside it has its own."""
    (repository / "client/hushd/module.py").unlink()
    (repository / "client/hushd/other.py").write_text(MODULE + "\n\ndef new():\n    return 1\n")
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    assert [(one.path, one.name) for one in drawn.changed("HEAD")] == [("client/hushd/other.py", "new")]


def test_tests_and_documents_have_no_faults(repository: Path) -> None:
    """Only what a user runs is the product: a plugin's code is, its tests are not."""
    names = [
        "tests/test_a.py",
        "plugins/wake/tests/test_b.py",
        "lab/bench.py",
        "plugins/wake/hushd_wake/c.py",
        "conftest.py",
    ]
    assert drawn.product("\n".join(names)) == ["plugins/wake/hushd_wake/c.py"]


def test_the_base_is_a_day_older_than_the_last_commit(repository: Path) -> None:
    """An hour later the same tree has the same base; one without such a commit begins with the first."""
    first = drawn.git("rev-parse", "HEAD").strip()
    assert drawn.a_day_before() == first
    (repository / "a.txt").touch()
    commit(repository, "2026-11-02T11:00:00Z")
    (repository / "b.txt").touch()
    commit(repository, "2026-11-03T10:00:00Z")
    assert drawn.a_day_before() == first
    (repository / "c.txt").touch()
    commit(repository, "2026-11-03T11:00:00Z")
    assert drawn.a_day_before() == drawn.git("rev-parse", "HEAD~2").strip()


def test_the_order_is_drawn_by_the_functions() -> None:
    """The same functions come in the same order, however they were listed; with one changed they come in another."""
    code = "\n".join(f"def f{n}():\n    return {n}" for n in range(9))
    found = list(drawn.functions("client/hushd/a.py", code))
    assert drawn.in_drawn_order(found) == drawn.in_drawn_order(found[::-1]) != found
    other = list(drawn.functions("client/hushd/a.py", code.replace("return 8", "return 80")))
    assert [one.name for one in drawn.in_drawn_order(other)] != [one.name for one in drawn.in_drawn_order(found)]


@pytest.mark.parametrize(("path", "module", "room"), [
    ("client/hushd/transport/retry.py", "hushd.transport.retry", "tests/client"),
    ("protocol/hushd_schema/kinds.py", "hushd_schema.kinds", "tests/schema"),
    ("protocol/hushd_protocol/codec.py", "hushd_protocol.codec", "tests/protocol"),
    ("plugins/watch/hushd_watch/folder.py", "hushd_watch.folder", "plugins/watch/tests"),
])  # fmt: skip
def test_a_fault_is_played_to_its_room(path: str, module: str, room: str) -> None:
    """A module's tests are those that import it, then those of its folder, a plugin's in the plugin."""
    (one,) = drawn.functions(path, "def f():\n    return 1\n")
    assert (one.module, one.room) == (module, room)


def walk() -> drawn.Function:
    (one,) = drawn.functions("client/hushd/transport/waiting.py", "def walk():\n    return 1\n")
    return one


def some_tests() -> finders.Tests:
    tests = finders.Tests()
    tests._texts = {
        "tests/a.py": "from hushd.transport import retry",
        "tests/b.py": "from hushd.transport.waiting import g",
        "tests/c.py": "from hushd.transport import call, waiting\n\nwaiting.walk()",
    }
    tests._seconds = {"tests/a.py": 5}
    return tests


def test_who_imports_a_module_comes_first() -> None:
    """Of these a file that names the function is before the others; where no test was seen in it, its room follows."""
    tests = some_tests()
    assert tests.near(walk()) == ["tests/c.py", "tests/b.py"]
    assert tests.far(walk(), ["tests/b.py"]) == ["tests/client", "--ignore=tests/b.py"]


def test_who_executes_a_function_follows() -> None:
    """Wherever it stands: each test once whatever its row, the quick files first; a file where a fixture calls."""
    tests = some_tests()
    tests.note(
        [walk()],
        "0 tests/a.py::test_one[1 2] (call)\n0 tests/a.py::test_one[3] (call)\n0 tests/c.py::test_two (call)\n"
        "0 tests/d.py::test_three (call)\n0 tests/d.py::test_three (setup)\n0 tests/d.py::test_four (call)\n",
    )
    near = tests.near(walk())
    assert near == ["tests/c.py"]  # b.py imports the module, and neither names the function nor executes it
    assert tests.far(walk(), near) == ["tests/d.py", "tests/a.py::test_one"]


def test_a_probe_tells_the_test_that_executes_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each test, and in those functions alone whose number it was given; docstrings stay in their place."""
    seen = tmp_path / "seen"
    seen.touch()
    (tmp_path / "hushd_probe.py").write_text(finders.PROBE % str(seen))
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {"log": Mock()}
    exec(finders.probed(MODULE, {"first": 7}), names)
    for _ in range(2):
        assert names["first"](4) == 5
        names["Holder"].give(Mock())
    assert names["first"].__doc__ == "Says something."
    assert seen.read_text() == f"7 {os.environ['PYTEST_CURRENT_TEST']}\n"


@pytest.mark.parametrize("row", ["1", "a b"])
def test_a_fault_is_found_by_a_row_of_a_test(row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a row's name: the test that fails is asked without the fault, and one that fails then finds nothing."""
    (package := tmp_path / "part/some_part").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "one.py").write_text("def walk():\n    return 1\n")
    imports = "import pytest\nfrom some_part.one import walk\n\n"
    test = imports + "@pytest.mark.parametrize('row', [%r])\ndef test(row):\n    %s\n"
    (tmp_path / "test_red.py").write_text(test % (row, "assert walk() > 2"))
    monkeypatch.setattr(finders, "ROOT", tmp_path)
    tests = finders.Tests.__new__(finders.Tests)
    tests._texts, tests._seconds, tests._executing = (
        {"test_red.py": "from some_part.one import walk"},
        {},
        defaultdict(set),
    )
    tests._red, tests._sound = [], set()
    (one,) = drawn.functions("part/some_part/one.py", (package / "one.py").read_text())
    fault = drawn.Fault(one, 2, "NumberReplacer", "def walk():\n    return 0\n")
    assert not tests.find(fault)
    (tmp_path / "test_green.py").write_text(test % (row, "assert walk() == 1"))
    tests._texts["test_green.py"] = "from some_part.one import walk"
    assert tests.find(fault)


def made(rows: str) -> list[list[tuple[int, str, str]]]:
    done = subprocess.run(
        [*drawn.MAKER, "python", str(Path(drawn.__file__).with_name("fault_maker.py"))],
        input=rows,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert "fault_maker.py" not in done.stderr, done.stderr
        pytest.skip("cosmic-ray cannot be fetched here: an index of packages is needed")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_star_that_computes_nothing_is_not_changed(tmp_path: Path) -> None:
    """Between parameters a fault would change nothing, before a list it could not be compiled; a product has one."""
    (path := tmp_path / "module.py").write_text(
        "def first(a, *, b):\n    return [*a, b]\n\ndef second(a, b):\n    return a * b\n"
    )
    rows = "".join(json.dumps([str(path), *lines, f"{n}"]) + "\n" for n in range(9) for lines in ((1, 2), (4, 5)))
    assert {name for faults in made(rows) for _, name, _ in faults} == {"ReplaceBinaryOperator_Mul_Div"}
    assert not any(made(rows)[::2])


def test_an_exception_with_a_dot_is_passed_over(tmp_path: Path) -> None:
    """cosmic-ray cannot replace it: the function has its other faults."""
    (path := tmp_path / "module.py").write_text(
        "def first(a):\n    try:\n        return a + 1\n    except (struct.error, zmq.ZMQError):\n        return 0\n"
    )
    for faults in made("".join(json.dumps([str(path), 1, 5, f"{n}"]) + "\n" for n in range(9))):
        assert len(faults) == 3
        assert "ExceptionReplacer" not in {name for _, name, _ in faults}


def test_a_function_has_three_faults_which_its_text_draws(tmp_path: Path) -> None:
    """Each changes one place of it as Python reads it, never a log's line, an annotation or another function."""
    (path := tmp_path / "module.py").write_text(MODULE)
    row = json.dumps([str(path), 2, 7, "seed"]) + "\n"
    same, again, other = made(row * 2 + json.dumps([str(path), 2, 7, "another"]) + "\n")
    assert same == again
    assert len(same) == len(other) == 3
    was = ast.parse(MODULE)
    for line, _, code in same:
        now = ast.parse(code)
        assert line in (4, 5, 7)
        assert ast.dump(now.body[0]) != ast.dump(was.body[0])
        assert ast.dump(now.body[1]) == ast.dump(was.body[1])
        assert 'log.info("read")' in code
