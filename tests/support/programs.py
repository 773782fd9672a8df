"""Commands as processes on a device that keeps a diary (quiet_device/sounddevice.py), and what it says."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import command_line
from support.diary import DEVICE, RATE, Sound
from support.peer import BOUND_S, wait_until


class Programs:
    """Starts commands, and reads the diary of their devices."""

    def __init__(self, folder: Path) -> None:
        self.diary = folder / "diary"
        self.diary.touch()
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, command: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = os.environ | {"PYTHONPATH": str(DEVICE), "HUSHD_DIARY": str(self.diary)}
        self.started.append(command_line.start(command, *arguments, env=environment, **options))
        return self.started[-1]

    def say(self, seconds: float, *arguments: str) -> subprocess.Popen[bytes]:
        """Speaks for so long: the echo worker says each byte as one sample, at 16 kHz."""
        text = self.diary.parent / f"{len(self.started)}.txt"  # its own: written again, another may read it empty
        text.write_text("a" * int(seconds * RATE))
        return self.start("say", "--engine", "echo", "-f", str(text), *arguments)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Slows every loudspeaker down from its first sound on, so that a speech lasts as long as the block."""
        hold = Path(f"{self.diary}.hold")
        hold.touch()
        yield
        hold.unlink()

    def hushd(self, *arguments: str) -> str:
        process = self.start("hushd", *arguments)
        output, complaint = process.communicate(timeout=BOUND_S)
        assert process.returncode == 0, complaint
        return output.decode()

    def lines(self, what: str, pid: int | None = None) -> list[list[str]]:
        split = [line.split() for line in self.diary.read_text().splitlines()]
        return [line for line in split if line[1] == what and pid in (None, int(line[0]))]

    def wait_for_sound(self, process: subprocess.Popen[bytes], count: int = 1) -> None:
        wait_until(lambda: len(self.lines("sound", process.pid)) >= count, "a sound")

    def sounds(self) -> list[Sound]:
        """All openings that were closed again, in the order of their beginnings."""
        found = []
        for process in self.started:
            opened = [float(line[2]) for line in self.lines("open", process.pid)]
            closed = [float(line[2]) for line in self.lines("close", process.pid)]
            heard = [int(line[2]) for line in self.lines("heard", process.pid)] or [0] * len(closed)
            found += [Sound(process.pid, *times) for times in zip(opened, closed, heard, strict=False)]
        return sorted(found, key=lambda sound: sound.opened)


def finish(process: subprocess.Popen[bytes], status: int = 0) -> str:
    """Its complaint, once it has ended with `status`."""
    _, complaint = process.communicate(timeout=BOUND_S)
    assert process.returncode == status, complaint
    return complaint.decode()
