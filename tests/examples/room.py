"""A room for the programs in docs/examples/, with a device that keeps a diary and a person who answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import python_path
from support.diary import DEVICE
from support.peer import BOUND_S, wait_until

WARNINGS = ("-W", "error", "-W", "ignore:'audioop' is deprecated:DeprecationWarning")  # wyoming imports it
LIMIT_S = 5 * BOUND_S  # of a program: each imports and has engines start
EXAMPLES = Path(__file__).parents[2] / "docs/examples"


class Room:
    """Starts programs of examples/, each as its docstring says.

    Attributes:
        folder: the programs' current one, with `beckett.wav` in it.
        environment: the programs' own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.diary = folder / "diary"
        self.diary.touch()
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": python_path.first(DEVICE, EXAMPLES),
            "HUSHD_DIARY": str(self.diary),
            "HUSHD_PERSON": str(folder / "person"),
        }
        self.started: list[subprocess.Popen[str]] = []

    def start(self, name: str, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Starts an example, whose warnings are errors."""
        return self.spawn([sys.executable, *WARNINGS, str(EXAMPLES / name), *map(str, arguments)], **options)

    def spawn(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Starts another program in the room; nothing of it outlives the test."""
        pipe = subprocess.PIPE
        environment = self.environment | options.pop("environment", {})
        options = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe} | options
        self.started.append(subprocess.Popen(command, cwd=self.folder, env=environment, text=True, **options))
        return self.started[-1]

    def run(self, name: str, *arguments: str | Path, **options: Any) -> str:
        """Runs an example to its good end; returns what it prints."""
        return ended(self.start(name, *arguments, **options))

    def sounds(self) -> int:
        """The number of times that a loudspeaker has begun to sound."""
        return self.diary.read_text().count(" sound ")

    def wait_for_sounds(self, count: int) -> None:
        """Waits until a loudspeaker has begun to sound so often."""
        wait_until(lambda: self.sounds() >= count, f"{count} sounds", LIMIT_S)


def ended(process: subprocess.Popen[str], text: str | None = None) -> str:
    """Waits for a program's good end, without a complaint; returns what it prints."""
    output, complaint = process.communicate(text, timeout=LIMIT_S)
    assert (process.returncode, complaint) == (0, ""), complaint
    return output
