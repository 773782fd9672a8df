"""The parsers of commands."""

from __future__ import annotations

import re

import pytest
from hushd_cli.arguments import Parser
from hushd_protocol.errors import HushdError
from hushd_schema.operations import Field, Operation, Option

SWITCHED = Operation("pull", {"update": Field("true: newer ones", False, option=Option(help="newer ones"), kind=bool)})


def _parser() -> Parser:
    parser = Parser("hushd try", "Tries.")
    commands = parser.add_commands()
    pulled = commands.add("pull", "pull")
    pulled.add_argument("names", nargs="*")
    pulled.add_fields(pulled, SWITCHED, ["update"])
    return parser


@pytest.mark.parametrize(("words", "update", "names"), [
    ([], False, []),
    (["--update", "a"], True, ["a"]),
    (["a", "--update"], True, ["a"]),
    (["--update", "False", "a"], False, ["a"]),
    (["a", "--", "--update"], False, ["a", "--update"]),
])  # fmt: skip
def test_a_switch_of_a_subcommand_may_stand_alone(words: list[str], update: bool, names: list[str]) -> None:
    """The switch may also be followed by True or False, as a command's own."""
    options = _parser().parse_args(["pull", *words])
    assert (options.update, options.names) == (update, names)


def test_a_field_that_an_operation_needs_is_required() -> None:
    """Unless the command has a default for it."""
    parser = Parser("hushd try", "Tries.")
    needs = Operation("try", {"name": Field("a name", option=Option(metavar="NAME"), kind=str)}, needed=("name",))
    parser.add_fields(parser, needs, ["name"])
    with pytest.raises(Exception, match="required: --name"):
        parser.parse_args([])


@pytest.mark.parametrize(("words", "sentence"), [
    (["pull", "--updat"], "Unrecognized arguments: --updat (did you mean --update?) (see `hushd try pull --help`)"),
    (["--hlep"], "Unrecognized arguments: --hlep (did you mean --help?) (see `hushd try --help`)"),
    (["pull", "a", "--zzz", "1", "b c", "-y"], "Unrecognized arguments: --zzz -y (see `hushd try pull --help`)"),
    (["pull", "--zzz=1"], "Unrecognized arguments: --zzz=1 (see `hushd try pull --help`)"),
])  # fmt: skip
def test_a_mistyped_option_is_suggested(words: list[str], sentence: str) -> None:
    """It is one of the subcommand's, whose help is named."""
    with pytest.raises(HushdError, match=f"^{re.escape(sentence)}"):
        _parser().parse_args(words)
