"""The command that neighbours add to `hushd`, which pyproject.toml names."""

from hushd_cli.command import Command

NEIGHBOURS = Command(
    "neighbours",
    "list other AI servers here, and the memory they could give",
    "hushd_neighbours.command",
    this_machine_only=True,
    usual="list",
    after="tune",
    rare=True,
)
