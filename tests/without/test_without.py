"""`scripts/test --without GUEST`: a tree from which guests have gone, with every trace of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from without import guests

PROJECT = """
[project.optional-dependencies]
ray = ["hushd[http]", "ray"]
default = ["hushd[stt,ray]"]
all = ["hushd[ray]", "x"]

[project.entry-points."hushd.commands"]
many = "hushd_many.commands:MANY"

[tool.hushd.guests]
many = { extras = ["ray"], files = ["docs/MANY.md", "docs/SHARED.md#many-machines", "beside/hushd_beside/many"] }
upper = {}
beside = {}

[tool.hatch.build]
dev-mode-dirs = ["cli", "many"]

[[tool.importlinter.contracts]]
name = "hushd_many and the rest"
layers = ["hushd_many | hushd_upper", "hushd"]

[[tool.importlinter.contracts]]
name = "of many alone"
source_modules = ["hushd_many"]
ignore_imports = ["hushd_many.a -> hushd.b"]
"""
PAGE = """\
# Title

A paragraph that goes on
to name `hushd many`, and goes.

Another stays: `hushd many-others`.

- an item
- one of `hushd_many`,
  over two lines

| a | b |
|---|---|
| [many](MANY.md) | c |
| d | `a`, `hushd_many` |

```
hushd many transcribe \\
  --all
say
```
"""
SHARED = """\
# Machines

One, or [many](#start).

## One machine

See [the others](A.md#start).

## Many machines

```
# not a heading
```

### Start

## The end
"""
LEFT = """\
# Title


Another stays: `hushd many-others`.

- an item

| a | b |
|---|---|
| d | `a` |

```
say
```
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree: `upper` imports `many`, which the core does not."""
    texts = {
        "pyproject.toml": PROJECT, "packaging/wheel.toml": "hushd = 1\nhushd_many = 2\n", "docs/A.md": PAGE,
        "docs/MANY.md": "", "docs/SHARED.md": SHARED,
        "many/hushd_many/py.typed": "", "tests/many/test_a.py": "",
        "upper/hushd_upper/py.typed": "", "upper/hushd_upper/a.py": "def a():\n    from hushd_many import b\n",
        "beside/hushd_beside/py.typed": "", "beside/hushd_beside/many/a.py": "import hushd_many\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_nothing_of_a_guest_is_left(tree: Path) -> None:
    """Folder, tests, documents, its sections of shared ones, and mentions on other pages; its lines of the project."""
    guests.remove(tree, [guests.read(tree)["many"]])
    assert not [name for name in ("many", "tests/many", "docs/MANY.md") if (tree / name).exists()]
    assert (tree / "docs/A.md").read_text() == LEFT
    one = "## One machine\n\nSee [the others](A.md#start).\n"
    assert (tree / "docs/SHARED.md").read_text() == f"# Machines\n\n\n{one}\n## The end\n"
    assert (tree / "packaging/wheel.toml").read_text() == "hushd = 1\n"
    project = tomllib.loads((tree / "pyproject.toml").read_text())
    assert project["project"]["optional-dependencies"] == {"default": ["hushd[stt]"], "all": ["x"]}
    assert project["project"]["entry-points"] == {"hushd.commands": {}}
    assert {*guests.read(tree)} == {"upper", "beside"}
    assert project["tool"]["hatch"]["build"]["dev-mode-dirs"] == ["cli"]
    assert project["tool"]["importlinter"]["contracts"] == [
        {"name": "hushd_many and the rest", "layers": ["hushd_upper", "hushd"]}
    ]


def test_who_imports_a_guest_goes_with_it(tree: Path) -> None:
    """And with no other: a part of another guest that needs it is its own."""
    assert guests.with_dependants(tree, {"many"}) == {"many", "upper"}
    assert guests.with_dependants(tree, {"upper", "beside"}) == {"upper", "beside"}


def test_the_commands_of_a_guest_are_those_of_its_packages(tree: Path) -> None:
    """By the entry points."""
    found = guests.read(tree)
    assert {name: {*guest.commands} for name, guest in found.items()} == {
        "many": {"many"},
        "upper": set(),
        "beside": set(),
    }
    assert found["upper"].files == ("upper", "tests/upper")
