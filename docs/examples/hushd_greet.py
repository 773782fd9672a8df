"""A plugin: `hushd greet NAME` says hello, by the words of `[greet.NAME]` where there are any.

    pip install 'hushd[default]'
    pip install .  # of a folder with hushd_greet.py and the pyproject.toml of docs/PLUGINS.md
    hushd greet Ada

Nothing else names it: hushd finds it by its entry points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hushd import Client, HushdError
from hushd_cli.arguments import Parser
from hushd_cli.command import Command
from hushd_protocol.system import paths
from hushd_schema.settings import load

GREET = Command("greet", "say hello to somebody", "hushd_greet", after="talk")


def person(name: str, content: Any) -> str:
    if not isinstance(content, dict) or not isinstance(content.get("words"), str):
        raise HushdError("bad_request", f'greet.{name} must be a table such as {{ words = "Good morning" }}.')
    return str(content["words"])


def greet(client: Client, name: str) -> str:
    """Says hello to a person, aloud."""
    words = load(paths.find().config).plugins.get("greet", {}).get(name, "Hello")
    client.say(f"{words}, {name}.")
    return f"{words}, {name}."


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Say hello to somebody.")
    parser.add_argument("name", metavar="NAME", help="who is greeted")
    return parser


def main(prog: str, argv: Sequence[str]) -> int:
    with Client(holder="greet") as client:
        print(greet(client, make_parser(prog).parse_args(argv).name))
    return 0
