"""Commands as processes on a device that keeps a diary (quiet_device/sounddevice.py), and what it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from support import command_line
from support.diary import RATE, Diary
from support.peer import BOUND_S


class Programs(Diary):
    """Starts commands, and reads the diary of their devices."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "diary")
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, command: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        self.started.append(command_line.start(command, *arguments, env=os.environ | self.environment, **options))
        return self.started[-1]

    def say(self, seconds: float, *arguments: str) -> subprocess.Popen[bytes]:
        """Speaks for so long: the echo worker says each byte as one sample, at 16 kHz."""
        text = self.folder / f"{len(self.started)}.txt"  # its own: written again, another may read it empty
        text.write_text("a" * int(seconds * RATE))
        return self.start("say", "--engine", "echo", "-f", str(text), *arguments)

    def hushd(self, *arguments: str) -> str:
        process = self.start("hushd", *arguments)
        output, complaint = process.communicate(timeout=BOUND_S)
        assert process.returncode == 0, complaint
        return output.decode()


def finish(process: subprocess.Popen[bytes], status: int = 0) -> str:
    """Its complaint, once it has ended with `status`."""
    _, complaint = process.communicate(timeout=BOUND_S)
    assert process.returncode == status, complaint
    return complaint.decode()
