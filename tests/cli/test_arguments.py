"""The parsers of commands."""

from __future__ import annotations

import pytest
from hushd_cli.arguments import Parser
from hushd_protocol.errors import HushdError
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


def test_a_help_has_no_empty_value() -> None:
    """An option whose value may be left out is shown by its names alone."""
    parser = Parser("hushd try", "Tries.")
    parser.add_optional(parser, "-i", "--interactive", alone="smul", help="try it")
    assert "-i, --interactive  " in parser.format_help()


def test_a_refusal_has_one_full_stop() -> None:
    """Also of a sentence that has its own."""
    with pytest.raises(HushdError, match=r"^Name it \(see `hushd try --help`\)\.$"):
        Parser("hushd try", "Tries.").error("Name it.")
