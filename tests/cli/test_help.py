"""`--help` and `--help all`: the most used options, and all of them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from hushd_cli import arguments, main, table
from hushd_cli.arguments import Parser
from hushd_cli.commands.listen import options as listen
from hushd_cli.commands.say import options as say
from hushd_protocol.errors import CODES

ROOT = Path(__file__).parents[2]
PARSERS = {"say": say.make_parser("say"), "listen": listen.make_parser("listen"), "hushd": main.make_parser("hushd")}


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<=[ ,])--[a-z0-9-]+", text.partition("Examples:")[0]))


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_the_whole_help_has_every_option(parser: Parser) -> None:
    """Whatever the parser takes is in `--help all`, and what few need is only there."""
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    everything = {flag for action in shown for flag in action.option_strings if flag.startswith("--")}
    assert everything <= options(parser.format_help(whole=True))
    rare = {flag for group in parser._rare for action in group._group_actions for flag in action.option_strings}
    assert not rare & options(parser.format_help())


def test_commands_that_few_need_are_listed_in_the_whole_help() -> None:
    """The whole help of `hushd` lists every command that people type, the usual one those that are used most."""
    short, whole = (PARSERS["hushd"].format_help(whole=whole) for whole in (False, True))
    assert sum(not (command.rare or command.hidden) for command in table.every()) <= 20
    for command in table.every():
        assert (f"\n  {command.name} " in whole) is not command.hidden
        assert (f"\n  {command.name} " in short) is not (command.rare or command.hidden)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    """One table: each error's exit code is explained, and none that does not occur, but 0, 11 of a text in doubt, 70
    of a bug and 143."""
    explained = [code for code, _ in arguments.EXIT_CODES]
    assert explained == sorted({code.exit for code in CODES.values()} | {0, 11, 70, 143})


def test_the_document_has_the_variables() -> None:
    """docs/CONFIGURATION.md, which is in the wheel, has every variable that help names."""
    text = (ROOT / "docs/CONFIGURATION.md").read_text()
    for name, _ in arguments.ENVIRONMENT:
        assert f"`{name}`" in text


def test_examples_are_command_lines_that_parse() -> None:
    """Each example of `say` and `listen` names options that there are."""
    for name, parse in (("say", say.parse), ("listen", listen.parse)):
        for line, _ in PARSERS[name].examples:
            words = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line.rpartition("| ")[2])
            assert words[0] == name
            parse(name, [word.strip("'\"") for word in words[1:]])


def test_a_device_computes_or_is_a_microphone() -> None:
    """`--device` of `listen` names a microphone; what computes, as whisper's does, has no effect."""
    assert listen.parse("listen", ["--device", "USB"]).device == "USB"
    assert listen.parse("listen", ["-a", "USB"]).device == "USB"
    assert listen.parse("listen", ["--audio-device", "cuda"]).device == "cuda"
    options = listen.parse("listen", ["a.wav", "--device", "cuda"])
    assert (options.device, options.note) == (None, "--device has no effect here.")
