"""The list of commands, refusals and tools stay to the letter, unless a change is on purpose."""

from __future__ import annotations

import sys

import pytest

from . import golden

TEXTS = golden.texts()


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse lays its help out in another way from Python 3.13 on")
def test_the_first_help_is_the_one_that_was_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hushd --help` is that of `help.txt`, byte for byte."""
    monkeypatch.setenv("COLUMNS", golden.WIDTH)
    golden.check("help.txt", (golden.FOLDER / "help.txt").read_text(), TEXTS["help.txt"]())


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "help.txt"])
def test_what_is_read_is_what_was_agreed(name: str) -> None:
    """Refusals of bad values, the answer to `status`, and the tools of MCP are those of the files, byte for byte."""
    golden.check(name, (golden.FOLDER / name).read_text(), TEXTS[name]())


def test_a_text_that_differs_names_its_line_and_the_command() -> None:
    """The first of 2,000 lines that differs is shown, or their number, with the one command that writes the files."""
    golden.check("a.txt", "x\ny", "x\ny")
    with pytest.raises(AssertionError, match=r"(?s)^a.txt, line 2: `python tests/golden/golden.py` .*\n- y\n\+ z"):
        golden.check("a.txt", "x\ny\nw", "x\nz\nw")
    with pytest.raises(AssertionError, match=r"2 lines, and 1 now: `python tests/golden/golden\.py`"):
        golden.check("a.txt", "x\ny\n", "x\ny")


def test_an_environment_that_lacks_commands_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A help without the commands of an entry point is not written: the error says to run scripts/setup."""
    golden.check_setup()
    monkeypatch.setattr(golden, "entry_points", lambda group: {})
    with pytest.raises(RuntimeError, match=r"lacks mcp .*run scripts/setup"):
        golden.help_of_hushd()
