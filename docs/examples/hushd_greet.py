"""A plugin: `hushd greet NAME` says hello.

    pip install 'hushd[default]'
    pip install .  # of a folder with hushd_greet.py and the pyproject.toml of docs/PLUGINS.md
    hushd greet Ada

Nothing else names it: hushd finds it by its entry points.
"""

from __future__ import annotations

from collections.abc import Sequence

from hushd import Client
from hushd_cli.arguments import Parser
from hushd_cli.command import Command

GREET = Command("greet", "say hello to somebody", "hushd_greet", after="talk")


def greet(client: Client, name: str) -> str:
    """Says hello to a person, aloud."""
    client.say(f"Hello, {name}.")
    return f"Hello, {name}."


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Say hello to somebody.")
    parser.add_argument("name", metavar="NAME", help="who is greeted")
    return parser


def main(prog: str, argv: Sequence[str]) -> int:
    with Client(holder="greet") as client:
        print(greet(client, make_parser(prog).parse_args(argv).name))
    return 0
