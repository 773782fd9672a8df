"""`hushd update`: says how this installation is updated, since a program cannot replace itself by every installer."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    make_parser(prog).parse_args(argv)
    from hushd_models.installation import upgrade_command

    console.write(f"To update hushd, run: {upgrade_command()} && hushd restart\n")
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    return Parser(prog, "Print the command that updates this installation of hushd.")
