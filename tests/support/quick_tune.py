"""`hushd tune` with one short run a trial, in place of five of a second each: for all but how long it takes."""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAM = """
from hushd_cli import entry
from hushd_cli.commands.tune import command, trial_supervisor

trial_supervisor.RUN_S, trial_supervisor.RUNS = 0.001, 1
entry.hushd()
"""


def command(*arguments: str | Path) -> list[str | Path]:
    """Returns the command line of `hushd tune ARGUMENTS`."""
    return [sys.executable, "-P", "-c", _PROGRAM, "tune", *arguments]
