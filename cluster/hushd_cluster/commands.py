"""The command that many machines add to `hushd`, as pyproject.toml names it: loaded for a list, without Ray."""

from __future__ import annotations

from hushd_cli.command import Command

CLUSTER = Command("cluster", "serve and transcribe on many machines, with Ray", "hushd_cluster.command", rare=True)
