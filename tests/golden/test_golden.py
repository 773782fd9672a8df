"""The list of commands, refusals and tools stay to the letter, unless a change is on purpose."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from . import golden

TEXTS = golden.texts()
REWRITE = "`python tests/golden/golden.py` rewrites the files, where the change is on purpose"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse lays its help out in another way from Python 3.13 on")
def test_the_first_help_is_the_one_that_was_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hushd --help` is that of `help.txt`, byte for byte."""
    monkeypatch.setenv("COLUMNS", golden.WIDTH)
    assert_same("help.txt", TEXTS["help.txt"])


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "help.txt"])
def test_what_is_read_is_what_was_agreed(name: str) -> None:
    """Refusals of bad values, and the tools of MCP are those of the files, byte for byte."""
    assert_same(name, TEXTS[name])


def assert_same(name: str, make: Callable[[], str]) -> None:
    """Names the first line that differs, since pytest's own account of 2,000 lines takes minutes."""
    agreed, found = (golden.FOLDER / name).read_text().split("\n"), make().split("\n")
    pairs = zip(agreed, found, strict=False)
    differing = [(number, *pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1]]
    assert not differing, f"{name}, line {differing[0][0]}: {REWRITE}:\n- {differing[0][1]}\n+ {differing[0][2]}"
    assert len(agreed) == len(found), f"{name} has {len(agreed)} lines, and {len(found)} now: {REWRITE}"


def test_an_environment_that_lacks_commands_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A help without the commands of an entry point is not written: the error says to run scripts/setup."""
    golden.check_setup()
    monkeypatch.setattr(golden, "entry_points", lambda group: {})
    with pytest.raises(RuntimeError, match=r"lacks mcp .*run scripts/setup"):
        golden.help_of_hushd()
