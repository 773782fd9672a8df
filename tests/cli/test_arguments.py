"""The parsers of commands."""

from __future__ import annotations

import pytest
from hushd_cli.arguments import Parser
from hushd_schema.operations.models import IMPORT, PULL


def _parser() -> Parser:
    parser = Parser("hushd try", "Tries.")
    commands = parser.add_commands()
    pulled = commands.add("pull", "pull")
    pulled.add_argument("names", nargs="*")
    pulled.add_fields(pulled, PULL, ["update"])
    return parser


@pytest.mark.parametrize(
    ("words", "update", "names"),
    [
        ([], False, []),
        (["--update", "a"], True, ["a"]),
        (["a", "--update"], True, ["a"]),
        (["--update", "False", "a"], False, ["a"]),
        (["a", "--", "--update"], False, ["a", "--update"]),
    ],
)
def test_a_switch_of_a_subcommand_may_stand_alone(words: list[str], update: bool, names: list[str]) -> None:
    """Or be followed by True or False, as a command's own."""
    options = _parser().parse_args(["pull", *words])
    assert (options.update, options.names) == (update, names)


def test_a_field_that_an_operation_needs_is_required() -> None:
    """Unless the command has a default for it."""
    parser = Parser("hushd try", "Tries.")
    parser.add_fields(parser, IMPORT, ["name"])
    with pytest.raises(Exception, match="required: --name"):
        parser.parse_args([])
