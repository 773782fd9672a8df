"""A diary of the devices that programs open in tests, and what makes sounds of a known length."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from support import python_path
from support.peer import CONFIG, wait_until

DEVICE = Path(__file__).parent / "quiet_device"
RATE = 16000
ECHO = f'tts = "echo/a"\nstt = "echo/a"\n{CONFIG}'  # each byte of a text is a sample


class Sound(NamedTuple):
    """One opening of the loudspeaker: from when to when, and how many samples were not silence."""

    pid: int
    opened: float
    closed: float
    heard: int


class Diary:
    """A diary of the devices of all servers. `environment` has programs write into it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()
        self.environment = {"PYTHONPATH": python_path.first(DEVICE), "HUSHD_DIARY": str(file)}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Slows the loudspeaker once it sounds: a speech outlasts whatever a busy machine lets a test see meanwhile."""
        hold = Path(f"{self._file}.hold")
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def lines(self, what: str, pid: int | None = None) -> list[list[str]]:
        split = map(str.split, self._file.read_text().splitlines())
        return [line for line in split if line[1] == what and pid in (None, int(line[0]))]

    def wait_for_sound(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Waits for sound of any program, or of this one."""
        wait_until(lambda: self.lines("sound", process and process.pid), "a sound")

    def sounds(self) -> list[Sound]:
        """All openings that were closed again, in the order of their beginnings."""
        found = []
        for pid in {int(line[0]) for line in self.lines("open")}:
            opened, closed = ([float(line[2]) for line in self.lines(what, pid)] for what in ("open", "close"))
            heard = [int(line[2]) for line in self.lines("heard", pid)]
            found += [Sound(pid, *times) for times in zip(opened, closed, heard, strict=False)]
        return sorted(found, key=lambda sound: sound.opened)


def words(seconds: float) -> str:
    """Returns a text that takes so many seconds to speak."""
    return "a" * int(seconds * RATE)


def check_no_overlap(sounds: list[Sound]) -> None:
    for first, second in itertools.pairwise(sounds):
        assert first.closed <= second.opened, "two had the loudspeaker at once"
