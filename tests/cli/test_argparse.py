"""argparse's privates are used in one module, so that one is to be read when a version of Python moves them."""

from __future__ import annotations

import re
from pathlib import Path

from hushd_cli import arguments
from hushd_cli.arguments import Parser, repeated

ROOT = Path(__file__).parents[2]
PRIVATE = re.compile(
    r"argparse\._[A-Z]|\._(actions|optionals|group_actions|choices_actions|get_formatter|option_string_actions)\b"
)


def test_no_other_module_uses_them() -> None:
    """The product has no other; tests may look."""
    files = (
        file
        for folder in ("agents", "cli", "client", "gateway", "plugins")
        for file in (ROOT / folder).rglob("*.py")
        if "tests" not in file.parts and str(file) != arguments.__file__
    )
    assert not [str(file) for file in files if PRIVATE.search(file.read_text(encoding="utf-8"))]


def test_a_parser_tells_of_itself() -> None:
    """Tells the options that its help shows, its subcommands with their summaries, and what may be repeated."""
    parser = Parser("prog", "")
    parser.add_argument("--each", action="append")
    parser.add_argument("--hidden", help="==SUPPRESS==")
    commands = parser.add_commands()
    child = commands.add("go", "walk", "On foot.")
    child.add_argument("names", nargs="+")
    assert [(each.dest, repeated(each)) for each in parser.shown[1:]] == [("each", True)]
    assert [(each.dest, repeated(each)) for each in child.shown[1:]] == [("names", True)]
    assert parser.shown[0].option_strings == child.shown[0].option_strings == ["-h", "--help"]
    assert parser.commands == {"go": ("walk", child)}
