"""The command that authors of engines have, as pyproject.toml names it."""

from __future__ import annotations

from hushd_cli.command import Command

ENGINE = Command(
    "engine",
    "write an engine of your own, and check it",
    "hushd_conformance.engine_command.command",
    after="tune",
    rare=True,
)
