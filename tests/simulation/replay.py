"""Plays a script in a process of its own: the product must not be loaded yet where a world is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .script import Script


def violations(script: Script) -> list[str]:
    """Returns what has failed in a script, as sentences."""
    folders = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "simulation", "--script", "-"]
    done = subprocess.run(command, env=environment, input=str(script), capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
