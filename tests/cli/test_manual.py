"""The manual pages, made of the parsers: they have every option, and mandoc takes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from command_reference import commands
from manual import pages
from support.outside import needs

ROOT = Path(__file__).parents[2]


def test_every_command_and_option_is_on_a_page() -> None:
    """Each option is explained where its command is; documents are named by their names, wherever they lie."""
    every = commands()
    text = "".join(pages(every).values()).replace("\\-", "-")
    for command in every:
        assert command.path in text or command.words[-1] in ("say", "listen")
        assert all(flag in text for option in command.options for flag in option.flags), command.path
    assert str(ROOT) not in text


@needs("mandoc")
def test_mandoc_takes_the_pages(tmp_path: Path) -> None:
    """No error and no warning but of the date, which would differ with every build."""
    for name, text in pages(commands()).items():
        (tmp_path / name).write_text(text)
    command = ["mandoc", "-T", "lint", "-W", "warning", *map(str, tmp_path.glob("*.1"))]
    said = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    assert [line for line in said if "missing date" not in line] == []


def test_a_line_that_begins_with_a_dot_is_text() -> None:
    """Nothing in a help text is taken for a request or an escape."""
    from manual import _text

    assert _text(".srt and a\\b, 'so'") == "\\&.srt and a\\eb, \\(aqso\\(aq"
