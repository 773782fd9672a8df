"""The command for authors of engines, which pyproject.toml names."""

from __future__ import annotations

from hushd_cli.command import Command

ENGINE = Command(
    "engine",
    "write an engine of your own, and check it",
    "hushd_conformance.engine_command.command",
    after="tune",
    rare=True,
)
